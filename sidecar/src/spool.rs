//! The spool: chunks on disk, so that what was acknowledged survives this process (or this machine).
//!
//! `docs/spool.md` is the format. The pure part knows bytes and no files:
//!
//! | module | what it is |
//! |---|---|
//! | [`checksum`], [`fields`] | how anything is checked, and read without trust |
//! | [`name`], [`lane_file`] | names of files and folders; `lane.json` |
//! | [`header`], [`entry`] | what a segment consists of |
//! | [`cursor`] | what of a lane has ended |
//! | [`scan`] | walks a segment's entries past any damage |
//!
//! Around it:
//!
//! | module | what it is |
//! |---|---|
//! | [`dead_letter`] | what CloudWatch refused, as lines of JSON |
//! | [`inspect`] | looks into a spool, also one in use, and changes nothing |
//!
//! No length that comes from disk makes anything allocate more than the file really holds, and no bytes make anything panic.

pub mod checksum;
pub mod cursor;
pub mod dead_letter;
pub mod entry;
pub mod fields;
pub mod header;
pub mod inspect;
pub mod lane_file;
pub mod name;
pub mod scan;
