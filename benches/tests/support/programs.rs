//! The programs that a benchmark starts.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

pub(crate) const BENCH: &str = env!("CARGO_BIN_EXE_splashdam-bench");

/// Has the sidecar and the emulator built beside the benchmark, where no other package's tests did that.
pub(crate) fn programs() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let beside = |name: &str| Path::new(BENCH).with_file_name(name);
        if ["splashdam", "splashdam-emulator"].into_iter().all(|name| beside(name).exists()) {
            return;
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "splashdam-sidecar", "-p", "splashdam-emulator", "--bins"]);
        let folder = beside("").parent().unwrap().file_name().unwrap().to_owned();
        if folder == "release" {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the programs to measure cannot be built");
    });
}
