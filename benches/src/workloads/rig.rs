//! One mode's servers and their far side, ready to be loaded. Several rigs stand side by side so that modes are measured in turn,
//! seconds apart; those that are not being measured are idle.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::app::{accounts, END, START};
use super::far::Far;
use super::program::Program;
use super::remote::Remote;
use super::session::Session;
use super::usage::Usage;
use crate::error::{io, wrong, Result};
use crate::load::LoadReport;
use crate::results::{Account, ApiRun, App, Drive, Memory, Mode, Operation, Part, Topology};

mod account;

use account::{kept, known, settle, Whole, Window};

/// Above every number that a rig's records will carry.
const NUMBERS: u64 = 400_000_000;
/// Numbers that belong to a request, in all services together.
const PER_REQUEST: u64 = 16;

/// What stands for the service.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) app: App,
    pub(crate) mode: Mode,
    pub(crate) remote: Remote,
    pub(crate) topology: Topology,
    pub(crate) query_ms: f64,
}

/// What is asked of it, and how.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) part: Part,
    pub(crate) operation: Operation,
    pub(crate) drive: Drive,
    pub(crate) seconds: f64,
    pub(crate) warm_up: f64,
    /// Of each thread; the run ends at its seconds all the same.
    pub(crate) loops: Option<u64>,
}

/// Fields are dropped in this order: who asks first, who is asked last.
#[derive(Debug)]
pub(crate) struct Rig {
    apps: Vec<Program>,
    far: Far,
    url: String,
    setup: Setup,
    next: u64,
    windows: Vec<Window>,
    /// A run was broken off: what was logged in it is in no window.
    cut_short: bool,
}

impl Rig {
    pub(crate) fn start(session: &Session, setup: Setup) -> Result<Self> {
        let far = Far::set(session, setup.mode, &setup.remote, NUMBERS)?;
        let mut rig =
            Self { apps: Vec::new(), far, url: String::new(), setup, next: 0, windows: Vec::new(), cut_short: false };
        match rig.setup.topology {
            Topology::Single => rig.url = rig.serve(session, &[])?,
            Topology::Chain => {
                let last = rig.serve(session, &[])?;
                let middle = rig.serve(session, &[last])?;
                rig.url = rig.serve(session, &[middle])?;
            }
            Topology::Tree => {
                let leaves = (0..3).map(|_| rig.serve(session, &[])).collect::<Result<Vec<_>>>()?;
                rig.url = rig.serve(session, &leaves)?;
            }
        }
        Ok(rig)
    }

    pub(crate) fn mode(&self) -> Mode {
        self.setup.mode
    }

    /// Takes the latest run out of all figures: it is made again.
    pub(crate) fn discard_latest(&mut self) {
        if let Some(window) = self.windows.last_mut() {
            window.run.part = Part::Calibration;
        }
    }

    pub(crate) fn latest(&self) -> Option<&ApiRun> {
        self.windows.last().map(|window| &window.run)
    }

    /// Starts one service and returns its URL.
    fn serve(&mut self, session: &Session, downstream: &[String]) -> Result<String> {
        let mut command = session.apps.command(self.setup.app, "api", self.far.logging());
        command.args(["--listen", "127.0.0.1:0", "--query-ms", &self.setup.query_ms.to_string()]);
        command.arg("--database").arg(database(session, self.setup.app));
        for url in downstream {
            command.args(["--downstream", url]);
        }
        let mut program = Program::start("the app", command.current_dir(self.far.folder()))?;
        let url = program.wait_for("listening on ", START)?;
        self.apps.push(program);
        Ok(url.trim().to_owned())
    }

    /// Loads it once; the run's account follows at the end of the rig.
    pub(crate) fn load(&mut self, load: &Load, round: u32) -> Result<&ApiRun> {
        // Until it is known how far it came.
        self.cut_short = true;
        self.load_to_the_end(load, round)?;
        self.cut_short = false;
        self.latest().ok_or_else(|| wrong("the rig", "has no run"))
    }

    fn load_to_the_end(&mut self, load: &Load, round: u32) -> Result<()> {
        let json = self.far.folder().join("load.json");
        let mut driver = Program::start("the load generator", &mut self.driver(load, &json)?)?;
        let longest = Duration::from_secs_f64(load.seconds + load.warm_up) + START;
        driver.wait_for("measuring", longest)?;
        let before = Usage::now(&mut self.apps, &self.far)?;
        driver.wait_for("measured", longest)?;
        // However it ended: a server that answered nothing is a result.
        driver.wait(longest)?;
        let text = fs::read_to_string(&json).map_err(io("read", json.display()))?;
        let report: LoadReport =
            serde_json::from_str(&text).map_err(|error| wrong("the load generator's report", error))?;

        let numbers = self.next..report.numbers_used.unwrap_or(self.next);
        self.next = numbers.end;
        if self.next > NUMBERS {
            return Err(wrong(
                "the rig",
                format!("has no numbers left for records after {NUMBERS}: make shorter or fewer rounds"),
            ));
        }
        let emitted = report.answered * load.operation.records() * self.setup.topology.services();
        // A queue keeps its records for a minute, so nobody waits for them here; what it uses to send them is not in the run's CPU.
        if matches!(self.setup.mode, Mode::Splashdam | Mode::Sync) {
            self.far.settle(&numbers, emitted)?;
        }
        let after = Usage::now(&mut self.apps, &self.far)?;
        let run = ApiRun {
            part: load.part,
            round,
            app: self.setup.app,
            mode: self.setup.mode,
            remote: self.setup.remote.to_string(),
            operation: load.operation,
            topology: self.setup.topology,
            query_ms: self.setup.query_ms,
            drive: load.drive,
            seconds: report.seconds,
            requests: report.requests,
            per_second: report.per_second,
            errors: report.errors.values().sum(),
            latency: report.latency.clone(),
            account: Account::default(),
            cpu: after.since(&before, Some(report.driver_cpu_seconds)),
            memory: Memory { app_mib: self.peak_mib(), sidecar_mib: self.far.sidecar_peak_mib()? },
            remarks: report.doubts(),
            faults: Vec::new(),
        };
        let clean = report.errors.is_empty() && report.warm_up_errors == 0 && !report.interrupted;
        self.windows.push(Window { run, numbers, emitted, clean });
        Ok(())
    }

    fn driver(&self, load: &Load, json: &std::path::Path) -> Result<Command> {
        let own = std::env::current_exe().map_err(io("find", "this program"))?;
        let path = match load.operation {
            Operation::Noop => "noop",
            Operation::Sysconfig => "sysconfig",
            Operation::ConcurrentKnown => "concurrent?identity=known",
            Operation::ConcurrentUnknown => "concurrent?identity=unknown",
        };
        let mut command = Command::new(own);
        command.args(["http", "--url", &format!("{}/{path}", self.url)]).arg("--json").arg(json);
        command.args(["--numbers", &format!("{},{PER_REQUEST}", self.next)]);
        command.args(["--seconds", &load.seconds.to_string(), "--warm-up", &load.warm_up.to_string()]);
        match load.drive {
            Drive::Serial { requests } => command.args(["--threads", "1", "--loops", &requests.to_string()]),
            Drive::Closed { threads } => command.args(["--threads", &threads.to_string()]),
            Drive::Open { rate, .. } => command.args(["--rate", &rate.to_string()]),
        };
        // A server that cannot keep up would be waited for as long as its queue is; others may take their time.
        let patience = if matches!(load.drive, Drive::Open { .. }) { "5s" } else { "60s" };
        command.args(["--timeout", patience]);
        if let Some(loops) = load.loops {
            command.args(["--loops", &loops.to_string()]);
        }
        Ok(command)
    }

    fn peak_mib(&mut self) -> Option<f64> {
        let each: Vec<f64> = self.apps.iter_mut().filter_map(Program::peak_mib).collect();
        (each.len() == self.apps.len()).then(|| each.iter().sum())
    }

    /// Ends everything in order, and tells what became of each run's records.
    pub(crate) fn finish(mut self) -> Result<Vec<ApiRun>> {
        // From the front to the back, so that nobody loses the one it calls.
        let ends = self.apps.iter_mut().rev().map(|app| app.stop(END)).collect::<Vec<_>>();
        let mut trouble: Vec<String> = ends.into_iter().filter_map(|end| Some(end.err()?.to_string())).collect();
        let last_line = self.far.stop_sidecar().unwrap_or_else(|error| {
            trouble.push(error.to_string());
            None
        });
        let lines: Vec<String> = self.apps.iter().flat_map(|app| app.lines("account: ")).collect();
        let (said, _) = accounts(&lines);
        let mut windows = std::mem::take(&mut self.windows);
        if self.setup.mode.ships() {
            let arrived = self.far.arrived(&(0..NUMBERS))?;
            let all = Whole { emitted: said.emitted, arrived, doubled: self.far.doubled()? };
            for window in &mut windows {
                window.run.account = known(window.emitted, self.far.arrived(&window.numbers)?);
            }
            settle(&mut windows, all, self.cut_short);
        }
        if self.setup.mode == Mode::Splashdam {
            let line = last_line.unwrap_or_default();
            for run in windows.iter_mut().map(|window| &mut window.run).filter(|run| run.account.lost > 0) {
                run.faults.push(format!("{} records lost; the sidecar's last line: {line}", run.account.lost));
            }
        }
        // What did not end in order is counted all the same, and said: a fault of ours, a remark on others.
        let ours = self.setup.mode == Mode::Splashdam;
        for run in windows.iter_mut().map(|window| &mut window.run) {
            let list = if ours { &mut run.faults } else { &mut run.remarks };
            list.extend_from_slice(&trouble);
        }
        Ok(kept(windows.into_iter().map(|window| window.run)))
    }
}

fn database(session: &Session, app: App) -> PathBuf {
    session.folder.path().join(format!("{app}.sqlite"))
}
