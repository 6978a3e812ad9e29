//! Where credentials come from and how calls get out: every source of the AWS chain against a local fake, over real TLS with a
//! private CA where TLS is the point, straight and through proxies.
//!
//! The sidecar logs at its most talkative level here, and every test ends by looking for secrets in all that it said.

mod fakes;

mod none;
mod proxies;
mod renewal;
mod sources;
mod trust;
