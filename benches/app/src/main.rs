//! The app that the workloads measure.

fn main() {}
