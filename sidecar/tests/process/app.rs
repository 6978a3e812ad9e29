//! Apps that end in every way, as processes of their own, with the client crate and the real sidecar: what was flushed arrives, and
//! nothing arrives twice.
//!
//! The app is this test's own program, started anew with one test chosen.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use splashdam::{Client, Level};

use super::spool::{down, spooled};
use crate::support::{numbered, until, Remote, Setup, PATIENCE};

const MODE: &str = "SPLASHDAM_TEST_APP";
const SOCKET: &str = "SPLASHDAM_TEST_APP_SOCKET";
const RECORDS: u64 = 5_000;

#[test]
#[ignore = "the app that other tests start"]
fn program() {
    let Ok(mode) = std::env::var(MODE) else { return };
    let client = Client::builder(std::env::var(SOCKET).unwrap()).app("tests").build();
    match &*mode {
        "flush admitted" => flushes(&client, Level::Admitted),
        "flush durable" => flushes(&client, Level::Durable),
        "flush ended" => flushes(&client, Level::Ended),
        "exit" => {
            log(&client, 0..RECORDS);
            assert!(client.flush(Level::Admitted, PATIENCE).reached);
            log(&client, RECORDS..2 * RECORDS);
            std::process::exit(0);
        }
        "panic" => {
            let _guard = client.guard().timeout(PATIENCE);
            log(&client, 0..RECORDS);
            panic!("as planned");
        }
        "abort" => {
            splashdam::flush_on_panic(&client, PATIENCE);
            log(&client, 0..RECORDS);
            let _ = std::panic::catch_unwind(|| panic!("as planned"));
            std::process::abort();
        }
        "fork" => forks(&client, true),
        "fork unaware" => forks(&client, false),
        other => panic!("no such app: {other}"),
    }
}

fn log(client: &Client, numbers: std::ops::Range<u64>) {
    for text in numbered(numbers, 100) {
        client.log(&text);
    }
}

/// Goes on logging until it is killed, so that it is killed at work.
fn flushes(client: &Client, level: Level) {
    log(client, 0..RECORDS);
    assert!(client.flush(level, PATIENCE).reached);
    println!("\nflushed");
    loop {
        client.log("not flushed");
    }
}

fn forks(client: &Client, aware: bool) {
    log(client, 0..RECORDS);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            if aware {
                client.after_fork();
            }
            log(client, RECORDS..2 * RECORDS);
            let report = client.close(PATIENCE);
            assert!(report.reached, "{report:?}");
            std::process::exit(0);
        }
        fork::Fork::Parent(child) => {
            log(client, 2 * RECORDS..3 * RECORDS);
            fork::waitpid(child).unwrap();
            let report = client.close(PATIENCE);
            assert!(report.all_delivered() && report.delivered == 2 * RECORDS, "{report:?}");
            assert_eq!(client.stats().reconnects, 0, "nobody else wrote on its connection");
        }
    }
}

/// An app under way. Killed if the test is done with it first.
struct App(Child);

impl App {
    fn start(mode: &str, socket: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["app::program", "--exact", "--ignored", "--nocapture"]).env(MODE, mode).env(SOCKET, socket);
        App(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn until_flushed(&mut self) {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "flushed"), "it has ended before it could flush");
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Whether all went as the app itself expects; `None` where a signal ended it.
    fn ended(mut self) -> Option<bool> {
        until("the app has ended", || self.0.try_wait().unwrap().is_some());
        self.0.wait().unwrap().code().map(|code| code == 0)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many numbers have arrived, and how often one came again.
fn marks(remote: &Remote) -> (u64, u64) {
    let marks = remote.report().marks;
    (marks.unique, marks.doubled)
}

#[test]
fn killed_right_after_a_flush_to_admitted_everything_before_it_arrives() {
    let remote = Remote::strict();
    remote.fault("latency,operation=PutLogEvents,latency=100");
    let sidecar = Setup::new(&remote).start();
    let mut app = App::start("flush admitted", sidecar.socket());
    app.until_flushed();
    app.kill();
    sidecar.stop().adds_up();
    assert_eq!(marks(&remote), (RECORDS, 0));
    remote.no_violation();
}

/// The sidecar is killed as well.
#[test]
fn killed_right_after_a_flush_to_durable_everything_before_it_arrives() {
    let remote = Remote::strict();
    down(&remote);
    let setup = spooled(&remote);
    let sidecar = setup.start();
    let mut app = App::start("flush durable", sidecar.socket());
    app.until_flushed();
    sidecar.kill();
    app.kill();
    assert_eq!(marks(&remote), (0, 0));
    remote.clear_faults();
    let sidecar = setup.start();
    until("all has arrived", || marks(&remote).0 == RECORDS);
    sidecar.stop().adds_up();
    assert_eq!(marks(&remote), (RECORDS, 0));
    remote.no_violation();
}

#[test]
fn when_a_flush_to_ended_returns_everything_before_it_has_arrived() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).start();
    let mut app = App::start("flush ended", sidecar.socket());
    app.until_flushed();
    assert_eq!(marks(&remote), (RECORDS, 0));
    sidecar.kill();
    app.kill();
    assert_eq!(marks(&remote), (RECORDS, 0));
    remote.no_violation();
}

#[test]
fn an_app_that_exits_without_a_close_loses_at_most_what_it_had_not_flushed() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).start();
    assert_eq!(App::start("exit", sidecar.socket()).ended(), Some(true));
    let account = sidecar.stop();
    account.all_delivered(account.received());
    let (unique, doubled) = marks(&remote);
    assert!((RECORDS..=2 * RECORDS).contains(&unique), "{unique}");
    assert_eq!((unique, doubled), (account.received(), 0));
    remote.no_violation();
}

#[test]
fn a_panic_ends_the_scope_of_the_guard_and_everything_arrives() {
    everything_arrives("panic", Some(false));
}

#[test]
fn a_panic_that_aborts_waits_in_the_hook_and_everything_arrives() {
    everything_arrives("abort", None);
}

#[track_caller]
fn everything_arrives(mode: &str, ended: Option<bool>) {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).start();
    assert_eq!(App::start(mode, sidecar.socket()).ended(), ended);
    sidecar.stop().all_delivered(RECORDS);
    assert_eq!(marks(&remote), (RECORDS, 0));
    remote.no_violation();
}

#[test]
fn after_a_fork_parent_and_child_deliver_what_each_has_logged_and_nothing_twice() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).start();
    assert_eq!(App::start("fork", sidecar.socket()).ended(), Some(true));
    sidecar.stop().all_delivered(3 * RECORDS);
    assert_eq!(marks(&remote), (3 * RECORDS, 0));
    remote.no_violation();
}

#[test]
fn a_child_that_says_nothing_of_the_fork_finds_out_within_1024_records() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).start();
    assert_eq!(App::start("fork unaware", sidecar.socket()).ended(), Some(true));
    sidecar.stop().adds_up();
    let (unique, doubled) = marks(&remote);
    assert!((3 * RECORDS - 1_024..=3 * RECORDS).contains(&unique), "{unique}");
    assert_eq!(doubled, 0);
    remote.no_violation();
}
