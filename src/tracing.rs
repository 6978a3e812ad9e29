//! The fronts for the `tracing` facade: a [`Layer`] of our own, and a [`MakeRecords`] for the `fmt` layer.
//!
//! The layer writes message, fields, spans, level and target. Whoever wants another text takes the `fmt` layer of
//! `tracing_subscriber` and gives it `MakeRecords` as writer; switch its time and colours off, since a record has its time.
//!
//! Absent: filtering. `tracing_subscriber`'s filters do it.

mod fields;
mod layer;
mod make_records;

pub use layer::Layer;
pub use make_records::{MakeRecords, RecordWriter};
