//! The machine: child processes and their end, what the kernel says about them, a minimum of HTTP.

pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod http;
pub(crate) mod kernel;
pub(crate) mod process;
pub(crate) mod warden;
