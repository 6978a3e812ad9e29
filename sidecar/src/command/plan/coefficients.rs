//! What was measured, and what Amazon allows: the only numbers of a plan that are not arithmetic.
//!
//! Each coefficient names the row of the benchmark that gave it; `splashdam-bench figures --row ROW` takes it again, and the
//! figures stand in the README, too (a test compares them). To bring them up to date, change both.
//!
//! Absent: the price list (`prices`), and what follows from the program itself, such as limits of a batch or the layout on disk.

use serde::Serialize;

/// One measured number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coefficient {
    /// The number.
    pub value: f64,
    /// Of what, with its unit.
    pub what: &'static str,
    /// The benchmark's row that gave it.
    pub row: &'static str,
}

/// How all of them were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// When.
    pub date: &'static str,
    /// On what.
    pub machine: &'static str,
    /// How to take them again.
    pub command: &'static str,
}

/// The measured numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coefficients {
    /// How.
    pub taken: Taken,
    /// Bytes of the records that all of it was measured with.
    pub record_bytes: Coefficient,
    /// CPU of records that come many to a write.
    pub bulk_cpu: Coefficient,
    /// Of the same over TLS.
    pub tls_cpu: Coefficient,
    /// Of the same with a spool.
    pub spool_cpu: Coefficient,
    /// CPU of records that come one to a write.
    pub single_cpu: Coefficient,
    /// At which rate.
    pub single_rate: Coefficient,
    /// Fastest: one to a write.
    pub single_most: Coefficient,
    /// Fastest: framed clients that await the end of their records.
    pub framed_most: Coefficient,
    /// Rate of records during it and after.
    pub outage_rate: Coefficient,
    /// How long catching up took, of the outage.
    pub catch_up_share: Coefficient,
    /// Memory at rest.
    pub idle_memory: Coefficient,
    /// Memory with a thousand destinations.
    pub lanes_memory: Coefficient,
    /// How many destinations.
    pub lanes: Coefficient,
    /// Peak in the smallest container that was measured, through an outage.
    pub pod_memory: Coefficient,
    /// That container's limit.
    pub pod_limit: Coefficient,
}

impl Coefficients {
    /// CPU seconds that a write costs beside its records. From the difference between one record and many to a write.
    pub(super) fn write_cpu(&self) -> f64 {
        (self.single_cpu.value - self.bulk_cpu.value).max(0.0) / 1e6
    }

    /// CPU seconds of one record of [`Self::record_bytes`] without its write; CloudWatch is always behind TLS.
    pub(super) fn record_cpu(&self, with_spool: bool) -> f64 {
        let beyond = |other: Coefficient| (other.value - self.bulk_cpu.value).max(0.0);
        let spool = if with_spool { beyond(self.spool_cpu) } else { 0.0 };
        (self.bulk_cpu.value + beyond(self.tls_cpu) + spool) / 1e6
    }

    /// Records a second that were delivered while a spool was emptied: at least, for the wait for the first attempt is in it.
    pub(super) fn catch_up_rate(&self) -> f64 {
        self.outage_rate.value * (1.0 + 1.0 / self.catch_up_share.value)
    }

    /// Bytes of memory that one destination more takes.
    pub(super) fn lane_memory(&self) -> f64 {
        (self.lanes_memory.value - self.idle_memory.value) * f64::from(1 << 20) / self.lanes.value
    }
}

const fn measured(value: f64, what: &'static str, row: &'static str) -> Coefficient {
    Coefficient { value, what, row }
}

/// What the README gives.
pub const MEASURED: Coefficients = Coefficients {
    taken: Taken {
        date: "2026-11-21",
        machine: "2 virtual CPUs of one Intel Xeon core, shared by feeder, sidecar and endpoint",
        command: "splashdam-bench figures --row ROW",
    },
    record_bytes: measured(200.0, "bytes of a record", "full"),
    bulk_cpu: measured(0.424, "CPU seconds per million records, 64 KiB a write", "full"),
    tls_cpu: measured(0.465, "CPU seconds per million records, the same over TLS", "tls"),
    spool_cpu: measured(0.508, "CPU seconds per million records, the same with a spool", "spool.full"),
    single_cpu: measured(1.44, "CPU seconds per million records, one write per record", "steady"),
    single_rate: measured(50_000.0, "records a second, one write per record", "steady"),
    single_most: measured(894_000.0, "records a second, one write per record", "single"),
    framed_most: measured(1_948_000.0, "records a second, two framed clients", "client"),
    outage_rate: measured(20_000.0, "records a second during and after it", "spool.outage"),
    catch_up_share: measured(
        0.089,
        "of an outage of 300 s to catch up, the wait for an attempt included",
        "spool.outage",
    ),
    idle_memory: measured(7.9, "MiB at rest", "idle"),
    lanes_memory: measured(16.6, "MiB at most with 1,000 streams", "lanes"),
    lanes: measured(1_000.0, "streams", "lanes"),
    pod_memory: measured(35.4, "MiB at most in a cgroup of 64 MiB, full speed and an outage", "pod"),
    pod_limit: measured(64.0, "MiB, the cgroup's limit", "pod"),
};

/// What CPU is multiplied with: the figures are means of even loads on one kind of machine, and requests should hold
/// through a busy second and on a slower core. A spread of 3 % was measured (`full`), so most of it is for those.
pub const CPU_FACTOR: f64 = 1.5;

/// How much of the account's quota a fleet should take, so that a deployment or another tenant does not throttle it.
pub const QUOTA_SHARE: f64 = 0.8;

/// PutLogEvents calls a second for each account and region, where nobody asked for more.
/// Source: AWS, "CloudWatch Logs quotas" in the user guide; `aws service-quotas list-service-quotas --service-code logs` says
/// what an account really has.
pub const PUT_QUOTA: f64 = 5_000.0;

/// CreateLogStream calls a second for each account and region. Source: AWS, API reference of CreateLogStream.
pub const CREATE_QUOTA: f64 = 50.0;

/// CloudWatch refuses records that are older. Source: AWS, API reference of PutLogEvents.
pub const OLDEST_DAYS: u64 = 14;
