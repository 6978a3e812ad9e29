//! Tests of the working spool: what is written comes back, whatever fails, ends or rots.

mod crash;
mod damage;
mod faulty;
mod flow;
mod leftover;
mod model;
mod odd;
mod power;
mod recovery;
mod script;
mod threads;
