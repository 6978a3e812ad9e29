//! The app's process, its lines, and requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;

/// No read takes this long unless the app hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct App {
    child: Child,
    stderr: BufReader<ChildStderr>,
    stdout: JoinHandle<String>,
    address: String,
}

/// How an app ended, and what it wrote.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    /// Without the last line.
    pub(crate) stderr: String,
    /// The last line's JSON.
    pub(crate) last: Value,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_splashdam-bench-app"));
    command.args(args).envs([("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "emulator")]);
    command.env_remove("AWS_SESSION_TOKEN");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to an end of any kind.
pub(crate) fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn drain(mut stdout: ChildStdout) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    })
}

impl App {
    /// Starts an API and waits until it listens.
    pub(crate) fn api(args: &[&str]) -> Self {
        Self::api_asking("0", args)
    }

    /// The same with a database that is so far away.
    pub(crate) fn api_asking(millis: &str, args: &[&str]) -> Self {
        let mut child = command(&[&["api", "--query-ms", millis], args].concat()).spawn().unwrap();
        let stdout = drain(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).to_owned();
        Self { child, stderr, stdout, address }
    }

    /// Runs tasks to their end.
    pub(crate) fn tasks(args: &[&str]) -> Ended {
        Self::tasks_waiting("0", args)
    }

    /// The same with a wait in each task.
    pub(crate) fn tasks_waiting(millis: &str, args: &[&str]) -> Ended {
        let mut child = command(&[&["tasks", "--task-ms", millis], args].concat()).spawn().unwrap();
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        end(child, stderr, stdout, "result: ")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The status and the body that a path is answered with.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    #[track_caller]
    pub(crate) fn get_well(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Asks for a path and goes away without an answer once a condition holds.
    pub(crate) fn leave(&self, path: &str, when: impl Fn() -> bool) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let began = Instant::now();
        while !when() {
            assert!(began.elapsed() < PATIENCE, "waited in vain");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(self) -> Ended {
        self.terminate();
        end(self.child, self.stderr, self.stdout, "account: ")
    }
}

fn end(mut child: Child, mut stderr: BufReader<ChildStderr>, stdout: JoinHandle<String>, word: &str) -> Ended {
    let mut lines = String::new();
    stderr.read_to_string(&mut lines).unwrap();
    let status = child.wait().unwrap();
    let (before, last) = lines.trim_end().rsplit_once('\n').unwrap_or(("", lines.trim_end()));
    let last = last.strip_prefix(word).unwrap_or_else(|| panic!("ended with {status} and {lines:?}"));
    Ended {
        status,
        stdout: stdout.join().unwrap(),
        stderr: before.to_owned(),
        last: serde_json::from_str(last).unwrap(),
    }
}
