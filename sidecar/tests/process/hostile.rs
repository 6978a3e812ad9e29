//! Clients that do what no client should. Each is bounded, or ended, or told so; and whoever behaves beside it is delivered as if
//! it were not there. (How much of its rate a good client keeps is measured by `splashdam-bench check --only hostile`.)

mod crowd;
mod descriptors;
mod fairness;
mod halves;
mod mix;
mod times;
mod utf8;
