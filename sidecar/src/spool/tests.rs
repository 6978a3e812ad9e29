//! Tests of the working spool.
