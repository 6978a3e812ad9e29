//! The sidecar of the demo: this very executable, as a process of its own, with an environment of its own.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};

use super::{system, DemoError};
use crate::admin::status::Status;
use crate::command::{http, status};

/// Longest wait for the socket, and for the end; the sidecar's own shutdown deadline is 25 s.
const UP: Duration = Duration::from_secs(10);
const DOWN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

/// How the sidecar's last line begins.
const ACCOUNT: &str = "splashdam: final account: ";

/// The running sidecar. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Child {
    process: std::process::Child,
    socket: PathBuf,
    admin: SocketAddr,
    said: Option<JoinHandle<Said>>,
}

/// What it wrote to stderr, as far as it matters.
#[derive(Debug, Default)]
struct Said {
    account: Option<String>,
    last: String,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) account: Option<String>,
}

impl Child {
    /// Starts it and waits until its socket accepts.
    pub(super) async fn start(socket: &Path, endpoint: &str) -> Result<Self, DemoError> {
        let admin = free_address().map_err(system("find a free port"))?;
        let program = std::env::current_exe().map_err(system("find this program"))?;
        let mut process = command(&program, socket, endpoint, admin).spawn().map_err(system("start the sidecar"))?;
        let said = process.stderr.take().map(|stderr| std::thread::spawn(move || listen(stderr)));
        let mut child = Child { process, socket: socket.to_owned(), admin, said };
        let deadline = Instant::now() + UP;
        while !child.is_ready().await {
            let ended = child.process.try_wait().map_err(system("wait for the sidecar"))?;
            if ended.is_some() || Instant::now() >= deadline {
                return Err(DemoError::Sidecar(child.last_words()));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(child)
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    async fn is_ready(&self) -> bool {
        let admin = self.admin;
        let asked = tokio::task::spawn_blocking(move || http::get(admin, "/readyz", Duration::from_secs(1)));
        matches!(asked.await, Ok(Ok(answer)) if answer.status == 200)
    }

    /// What it shows of itself; `None` where it does not answer.
    pub(super) async fn status(&self) -> Option<Status> {
        let admin = self.admin;
        tokio::task::spawn_blocking(move || status::fetch(admin).ok()).await.ok()?
    }

    /// Tells it to end and waits until it has.
    pub(super) async fn end(mut self) -> Result<Ended, DemoError> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + DOWN;
        let code = loop {
            match self.process.try_wait().map_err(system("wait for the sidecar"))? {
                Some(status) => break status.code(),
                None if Instant::now() >= deadline => break None,
                None => tokio::time::sleep(LOOK).await,
            }
        };
        if code.is_none() {
            self.kill();
        }
        Ok(Ended { code, account: self.said().account })
    }

    fn last_words(&mut self) -> String {
        self.kill();
        match self.said().last {
            last if last.is_empty() => "it said nothing".to_owned(),
            last => last,
        }
    }

    /// Ends where stderr ends, which is with the process.
    fn said(&mut self) -> Said {
        self.said.take().and_then(|said| said.join().ok()).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(program: &Path, socket: &Path, endpoint: &str, admin: SocketAddr) -> Command {
    let mut command = Command::new(program);
    // Nothing of the user's AWS or splashdam settings may lead the demo anywhere else.
    command.env_clear().env("AWS_ACCESS_KEY_ID", "demo").env("AWS_SECRET_ACCESS_KEY", "emulator");
    command.args(["run", "--group", "demo", "--stream", "app", "--region", "us-east-1", "--linger", "250ms"]);
    command.arg("--socket").arg(socket).args(["--endpoint-url", endpoint, "--admin", &admin.to_string()]);
    // Should the demo be killed, the sidecar does not stay.
    command.args(["--exit-if-no-client", "1m", "--exit-after-last-client=1m"]);
    // A group of its own: an interrupt is for the demo, which then ends the sidecar in order.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A port that was free a moment ago.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn listen(stderr: ChildStderr) -> Said {
    let mut said = Said::default();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        match line.strip_prefix(ACCOUNT) {
            Some(account) => said.account = Some(account.to_owned()),
            None => said.last = line,
        }
    }
    said
}
