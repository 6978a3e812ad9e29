//! Who used the CPUs between two moments.

use std::time::Instant;

use super::far::{Far, FarCpu};
use super::program::Program;
use crate::error::Result;
use crate::host::clock::own_cpu;
use crate::host::kernel::machine;
use crate::results::Cpu;

/// CPU seconds of all who take part, at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    at: Instant,
    app: f64,
    far: FarCpu,
    own: f64,
    machine: f64,
}

impl Usage {
    pub(crate) fn now(apps: &mut [Program], far: &Far) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            app: apps.iter_mut().map(Program::cpu_seconds).sum(),
            far: far.cpu()?,
            own: own_cpu().as_secs_f64(),
            machine: machine()?.busy_seconds,
        })
    }

    /// From an earlier moment to this one; `driver` is what the load generator used meanwhile.
    pub(crate) fn since(&self, before: &Self, driver: Option<f64>) -> Cpu {
        let differ = |now: Option<f64>, then: Option<f64>| Some((now? - then.unwrap_or(0.0)).max(0.0));
        let app_seconds = (self.app - before.app).max(0.0);
        let sidecar_seconds = differ(self.far.sidecar, before.far.sidecar);
        let endpoint_seconds = differ(self.far.endpoint, before.far.endpoint);
        let ours = app_seconds
            + [sidecar_seconds, endpoint_seconds, driver].iter().flatten().sum::<f64>()
            + (self.own - before.own);
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let others = (self.machine - before.machine - ours).max(0.0) / seconds.max(f64::MIN_POSITIVE);
        Cpu { app_seconds, sidecar_seconds, endpoint_seconds, driver_seconds: driver, others_cpus: others }
    }
}
