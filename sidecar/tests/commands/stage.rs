//! The binary with an emulator of its own to talk to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};

/// Only something broken takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is an answer.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The binary, with nothing in its environment that could lead it elsewhere.
pub(crate) fn splashdam(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_splashdam"));
    command.args(args).env_clear().stdin(Stdio::null());
    let aws = [("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST1234"), ("AWS_SECRET_ACCESS_KEY", "emulator")];
    command.envs(aws).env("AWS_REGION", "eu-west-1").env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs it to its end with this stdin.
pub(crate) fn run(command: &mut Command, stdin: &[u8]) -> (i32, String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_owned();
    // It may end before it has read everything.
    let writer = std::thread::spawn(move || input.write_all(&stdin));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A process that is killed in the end.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn terminate(&self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `splashdam emulator`, and where it listens.
pub(crate) fn emulator(args: &[&str]) -> (Process, String) {
    let mut command = splashdam(&["emulator", "--listen", "127.0.0.1:0"]);
    let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").expect("it says where it listens").to_owned();
    (Process(child), url)
}

/// An emulator and a sidecar that ships to it.
pub(crate) struct Stage {
    pub(crate) sidecar: Process,
    pub(crate) socket: PathBuf,
    pub(crate) admin: SocketAddr,
    _emulator: Process,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn start(emulator_args: &[&str], sidecar_args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let (emulator, url) = emulator(emulator_args);
        let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = splashdam(&["run", "--group", "app", "--stream", "test", "--endpoint-url", &url]);
        command.arg("--socket").arg(&socket).args(sidecar_args);
        if !sidecar_args.contains(&"--admin") {
            command.args(["--admin", &admin.to_string()]);
        }
        let sidecar = Process(command.stderr(Stdio::null()).spawn().unwrap());
        let mut stage = Stage { sidecar, socket, admin, _emulator: emulator, _folder: folder };
        if !sidecar_args.contains(&"--admin") {
            until("the sidecar is ready", || {
                assert_eq!(stage.sidecar.0.try_wait().unwrap(), None, "it has ended");
                (stage.get("/readyz")?.0 == 200).then_some(())
            });
        }
        stage
    }

    pub(crate) fn send(&self, args: &[&str], text: &[u8]) -> (i32, String) {
        let mut command = splashdam(&["send", "--socket", self.socket.to_str().unwrap()]);
        let (code, out, said) = run(command.args(args), text);
        assert_eq!(out, "", "send is silent on stdout");
        (code, said)
    }

    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }

    /// Status and body of the answer to these bytes; `None` where there is none.
    pub(crate) fn ask(&self, request: &[u8]) -> Option<(u16, String)> {
        ask(self.admin, request)
    }
}

pub(crate) fn ask(admin: SocketAddr, request: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(admin).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may refuse before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
