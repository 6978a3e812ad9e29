//! Delivery: a batch becomes a call to CloudWatch Logs, and its answer an outcome.
//!
//! Layout: `body` builds the request, `escape` its strings, `cloudwatch` talks through the AWS SDK, `setup` says how it is reached,
//! `outcome` what an answer means, `access` finds and renews credentials, `network` knows proxies, `tls` whom to trust. Nothing here retries a
//! call: the SDK's own retries are off, the engine has the one policy.

mod access;
pub mod body;
mod cloudwatch;
mod escape;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod network;
mod outcome;
mod setup;
mod tls;

pub use cloudwatch::CloudWatch;
pub use setup::{Setup, SetupError};
