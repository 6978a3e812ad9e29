//! A sidecar process: started, fed, signalled, read to the end. Killed if the test is done with it first.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};
use splashdam::Client;

use super::{until, Account, Remote, Scrape, Wire, GROUP, PATIENCE, STREAM};

/// What a sidecar is to be started with.
#[derive(Debug)]
pub(crate) struct Setup {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    /// A line of shell that is run before, in the same process.
    before: Option<String>,
    /// What is mounted, in a namespace of its own.
    mount: Option<String>,
    directory: Arc<tempfile::TempDir>,
}

impl Setup {
    /// The default destination, this endpoint, a socket in a directory of its own, credentials that the endpoint knows.
    pub(crate) fn new(remote: &Remote) -> Self {
        Self::at(remote.url())
    }

    /// The same for an endpoint that is not a [`Remote`].
    pub(crate) fn at(url: &str) -> Self {
        Self::bare().flags(&["--endpoint-url", url, "--group", GROUP, "--stream", STREAM])
    }

    /// A socket and nothing else.
    pub(crate) fn bare() -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let setup = Setup { arguments: Vec::new(), variables: Vec::new(), before: None, mount: None, directory };
        let setup = setup
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "emulator")
            .variable("AWS_REGION", "eu-central-1")
            .variable("AWS_EC2_METADATA_DISABLED", "true")
            .variable("HOME", "/nonexistent");
        let socket = setup.socket().display().to_string();
        setup.flags(&["--socket", &socket, "--admin", "127.0.0.1:0"])
    }

    /// No arguments at all, as in an image whose entry point is `splashdam run`: everything is said by variables. The
    /// endpoint and the socket are, and credentials that the endpoint does not know.
    pub(crate) fn without_arguments(remote: &Remote) -> Self {
        let mut setup = Self::bare();
        setup.arguments.clear();
        let socket = setup.socket().display().to_string();
        setup
            .variable("AWS_SECRET_ACCESS_KEY", "not-this-one")
            .variable("SPLASHDAM_SOCKET", &socket)
            .variable("SPLASHDAM_ADMIN", "127.0.0.1:0")
            .variable("SPLASHDAM_HEALTH", "127.0.0.1:0")
            .variable("SPLASHDAM_ENDPOINT_URL", remote.url())
    }

    /// A file beside the socket.
    #[track_caller]
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// The health interface on a free port.
    pub(crate) fn health(self) -> Self {
        self.flags(&["--health", "127.0.0.1:0"])
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// It may open so many files at once, and may not allow itself more.
    pub(crate) fn files(self, files: u64) -> Self {
        self.after(&format!("ulimit -n {files}"))
    }

    /// What a shell does in its process before it becomes the sidecar, such as `umask 0077`.
    pub(crate) fn after(mut self, shell: &str) -> Self {
        self.before = Some(shell.to_owned());
        self
    }

    /// Takes a variable back.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(key, _)| key != name);
        self
    }

    /// Records also stand on disk, in [`Self::spool`].
    pub(crate) fn spooled(self) -> Self {
        let spool = self.spool().display().to_string();
        self.flags(&["--spool-dir", &spool])
    }

    /// With this mounted at [`Self::spool`], `$0` in a shell's words, for the sidecar alone: in a namespace of its own.
    pub(crate) fn mounted(mut self, mount: &str) -> Self {
        std::fs::create_dir_all(self.spool()).unwrap();
        self.mount = Some(mount.to_owned());
        self
    }

    /// Whether we may mount at all, as root may; says so where we may not.
    pub(crate) fn may_mount(test: &str) -> bool {
        let may = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
        let may = may.is_ok_and(|status| status.success());
        if !may {
            eprintln!("skipped: {test} (needs to mount a file system, which takes root)");
        }
        may
    }

    /// Where, if it is asked to.
    pub(crate) fn spool(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("s.sock")
    }

    /// Starts it and waits until the socket accepts.
    #[track_caller]
    pub(crate) fn start(&self) -> Sidecar {
        let mut sidecar = self.spawn();
        until("the socket accepts", || {
            assert!(!sidecar.has_ended(), "it ended at once: {}", sidecar.stderr());
            sidecar.stderr().contains("serving")
        });
        sidecar
    }

    /// What starts it, its stderr in a pipe.
    pub(crate) fn command(&self) -> Command {
        let mut command = match &self.mount {
            None => self.command_of("run"),
            Some(mount) => {
                // The process stays the same one all the way, so that signals reach it.
                let script = format!("{mount} && shift && exec \"$@\"");
                let mut command = self.program("unshare");
                command.args(["--mount", "sh", "-c", &script]).args([self.spool(), self.spool()]);
                command.args([env!("CARGO_BIN_EXE_splashdam"), "run"]);
                command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
                command
            }
        };
        command.args(&self.arguments);
        command
    }

    /// Exit code, stdout and stderr of another command in the same surroundings.
    #[track_caller]
    pub(crate) fn output_of(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command_of(name).args(arguments).stdout(Stdio::piped()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn command_of(&self, name: &str) -> Command {
        let program = env!("CARGO_BIN_EXE_splashdam");
        let mut command = match &self.before {
            Some(shell) => {
                let mut command = self.program("/bin/sh");
                command.args(["-c", &format!("{shell} && exec \"$0\" \"$@\""), program]);
                command
            }
            None => self.program(program),
        };
        command.arg(name);
        command
    }

    fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it; it may end at once.
    #[track_caller]
    pub(crate) fn spawn(&self) -> Sidecar {
        let mut sidecar = self.spawn_with(Stdio::piped());
        let (pipe, text) = (sidecar.child.stderr.take().unwrap(), Arc::clone(&sidecar.stderr));
        sidecar.reader = Some(std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                text.lock().unwrap().push_str(&(line + "\n"));
            }
        }));
        sidecar
    }

    /// Starts it with a stderr that is the test's to read, or not to read.
    #[track_caller]
    pub(crate) fn spawn_with(&self, stderr: Stdio) -> Sidecar {
        let child = self.command().stderr(stderr).spawn().unwrap();
        let (socket, directory) = (self.socket(), Arc::clone(&self.directory));
        Sidecar { child, socket, stderr: Arc::default(), reader: None, _directory: directory }
    }
}

/// A running sidecar.
#[derive(Debug)]
pub(crate) struct Sidecar {
    child: Child,
    socket: PathBuf,
    stderr: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    _directory: Arc<tempfile::TempDir>,
}

/// How a sidecar ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// From the moment we began to wait.
    pub(crate) took: Duration,
    pub(crate) stderr: String,
}

impl Ended {
    /// The account it told last, which adds up.
    #[track_caller]
    pub(crate) fn account(&self) -> Account {
        let account = Account::find(&self.stderr).unwrap_or_else(|| panic!("no account in: {}", self.stderr));
        account.adds_up();
        account
    }
}

impl Sidecar {
    /// A sidecar of the usual setup.
    #[track_caller]
    pub(crate) fn start(remote: &Remote, flags: &[&str]) -> Self {
        Setup::new(remote).flags(flags).start()
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// A text client.
    #[track_caller]
    pub(crate) fn text(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A text client that writes all of this and leaves.
    #[track_caller]
    pub(crate) fn feed(&self, bytes: impl AsRef<[u8]>) {
        self.text().write_all(bytes.as_ref()).unwrap();
    }

    /// A text client that writes these lines and leaves.
    #[track_caller]
    pub(crate) fn feed_lines<T: AsRef<str>>(&self, lines: impl IntoIterator<Item = T>) {
        let mut text = String::new();
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        self.feed(text);
    }

    /// A framed client that speaks bytes.
    #[track_caller]
    pub(crate) fn wire(&self) -> Wire {
        Wire::connect(&self.socket)
    }

    /// A client of the client crate.
    pub(crate) fn client(&self) -> Client {
        Client::builder(&self.socket).app("tests").build()
    }

    /// What it has said so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Notes what the test itself has read.
    pub(crate) fn heard(&self, text: &str) {
        self.stderr.lock().unwrap().push_str(text);
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Signals until it ends: what follows another signal closely is the same request.
    #[track_caller]
    pub(crate) fn insist(&mut self, signal: Signal) {
        until("it ends by the second signal", || {
            let ended = self.has_ended();
            if !ended {
                self.signal(signal);
            }
            ended
        });
    }

    /// Kills it as the kernel would when memory runs out.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let began = Instant::now();
        until("the sidecar ends", || self.has_ended());
        let took = began.elapsed();
        let code = self.child.wait().unwrap().code();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        Ended { code, took, stderr: self.stderr() }
    }

    /// Ends it by SIGTERM; it ends orderly and says how.
    #[track_caller]
    pub(crate) fn stop(self) -> Account {
        self.signal(Signal::TERM);
        let ended = self.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.account()
    }

    /// The most memory it ever held, by the kernel's word, in bytes.
    pub(crate) fn peak_rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Asks its admin interface.
    #[track_caller]
    pub(crate) fn admin(&self, path: &str) -> String {
        let (code, body) = self.ask("admin", "GET", path);
        assert_eq!(code, 200, "{path}: {body}");
        body
    }

    /// Where its `admin` or `health` interface listens, by its own word.
    #[track_caller]
    pub(crate) fn listens(&self, interface: &str) -> String {
        let stderr = self.stderr();
        let line = stderr.lines().find(|line| line.contains(&format!("{interface} interface")));
        let address = line.expect("it says where it listens").split("address=").nth(1).unwrap();
        address.split_whitespace().next().unwrap().to_owned()
    }

    /// Status and body of an answer of its `admin` or `health` interface.
    #[track_caller]
    pub(crate) fn ask(&self, interface: &str, method: &str, path: &str) -> (u16, String) {
        let address = self.listens(interface);
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The sum of a metric over its groups; `label` narrows it, as in `reason="shutdown"`.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str, label: &str) -> u64 {
        self.scrape().get(name, label)
    }

    /// All metrics of one moment.
    #[track_caller]
    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::new(self.admin("/metrics"))
    }

    /// `/status`.
    #[track_caller]
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.admin("/status")).unwrap()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the sidecar said:\n{}", self.stderr());
        }
    }
}
