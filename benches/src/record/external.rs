//! Somebody else's shipper in our sidecar's place: its command line, where it listens, and its life.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::words::{fill_in, split};
use crate::endpoint::{Endpoint, SECRET};
use crate::error::{io, wrong, Error, Result};
use crate::host::cgroup::Cgroup;
use crate::host::process::Process;

mod args;

pub(crate) use args::ShipperArgs;

const START: Duration = Duration::from_secs(30);
/// Longer than the time that anything but a hung one takes to flush.
const END: Duration = Duration::from_secs(40);
/// Bytes.
const LAST_WORDS: u64 = 4_096;
const LOOK: Duration = Duration::from_millis(20);

/// What a user says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct External {
    words: Vec<String>,
    socket: String,
    pub(crate) name: String,
    pub(crate) version: String,
}

impl External {
    /// From `--shipper`, `--to`, `--name` and `--shipper-version`.
    pub(crate) fn parse(command: &str, to: &str, name: Option<&str>, version: Option<&str>) -> Result<Self> {
        let words = split(command)?;
        let program = words.first().ok_or_else(|| wrong("--shipper", "names no program"))?;
        known_places(&words, &PLACES)?;
        let socket = to.strip_prefix("unix:").filter(|path| !path.is_empty());
        let socket =
            socket.ok_or_else(|| wrong(format!("--to {to}"), "expected `unix:` and a socket's path"))?.to_owned();
        known_places(std::slice::from_ref(&socket), &["dir"])?;
        let own_name = Path::new(program).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.map(str::to_owned).or(own_name).unwrap_or_else(|| program.clone());
        Ok(Self { words, socket, name, version: version.unwrap_or("not told").to_owned() })
    }
}

/// What is filled in.
const PLACES: [&str; 5] = ["endpoint", "host", "port", "socket", "dir"];

/// Refuses what looks like a place to be filled in and is none. Braces behind a `$` or another brace, and those around anything but
/// a lower-case word, are the shipper's own.
fn known_places(words: &[String], places: &[&str]) -> Result<()> {
    for word in words {
        for (at, _) in word.match_indices('{').filter(|(at, _)| !word[..*at].ends_with(['$', '{'])) {
            let name = word[at + 1..].split_once('}').map_or("", |(name, _)| name);
            let looks_like_one = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
            if looks_like_one && !places.contains(&name) {
                let known: Vec<_> = places.iter().map(|place| format!("{{{place}}}")).collect();
                return Err(wrong(format!("{{{name}}}"), format!("is not filled in here, only {}", known.join(", "))));
            }
        }
    }
    Ok(())
}

/// It at work.
#[derive(Debug)]
pub(crate) struct Started {
    process: Process,
    pub(crate) socket: PathBuf,
    log: PathBuf,
}

impl Started {
    /// Starts it and waits until its socket accepts. `folder` is ours, `dir` for its own files.
    pub(crate) fn start(
        shipper: &External,
        endpoint: &Endpoint,
        cgroup: Option<&Cgroup>,
        folder: &Path,
        dir: &Path,
    ) -> Result<Self> {
        let dir_text = dir.to_string_lossy();
        let socket = PathBuf::from(fill_in(&shipper.socket, &[("dir", &dir_text)]));
        if UnixStream::connect(&socket).is_ok() {
            return Err(wrong(socket.display(), "somebody listens there already; end that first"));
        }
        let log = folder.join("shipper.log");
        let address = endpoint.address();
        let (host, port, socket_text) =
            (address.ip().to_string(), address.port().to_string(), socket.to_string_lossy());
        let values = [
            ("endpoint", &*endpoint.url),
            ("host", &host),
            ("port", &port),
            ("socket", &socket_text),
            ("dir", &dir_text),
        ];
        let words: Vec<_> = shipper.words.iter().map(|word| fill_in(word, &values)).collect();
        let program = words.first().map(Path::new).unwrap_or(Path::new(""));
        let mut command = cgroup.map_or_else(|| Command::new(program), |cgroup| cgroup.command(program));
        command.args(&words[1..]);
        surround(&mut command, &endpoint.url);
        // For what is said in a configuration file.
        command.env("SHIPPER_SOCKET", &socket).env("SHIPPER_DIR", dir);
        command.stderr(File::create(&log).map_err(io("create", log.display()))?);
        let mut process = Process::spawn_piped("the shipper", &mut command)?;
        if let Some(mut stdout) = process.stdout() {
            // Read, so that it never waits for us, and not kept.
            thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        }
        let mut started = Self { process, socket, log };
        started.wait_ready()?;
        Ok(started)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if let Some(how) = self.ended()? {
                return Err(wrong("the shipper", how));
            }
            if UnixStream::connect(&self.socket).is_ok() {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        let said = Some(self.last_words()).filter(|words| !words.is_empty()).unwrap_or_else(|| "nothing".to_owned());
        let what = format!("the shipper's listening at {} (it said: {said})", self.socket.display());
        Err(Error::Late { what, seconds: START.as_secs_f64() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How it ended and its last words, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<String>> {
        Ok(self.process.ended()?.map(|status| format!("ended with {status}: {}", self.last_words())))
    }

    /// The end of what it wrote to standard error, however much that is.
    fn last_words(&self) -> String {
        let mut end = Vec::new();
        if let Ok(mut log) = File::open(&self.log) {
            let length = log.metadata().map_or(0, |data| data.len());
            let _ = log.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)));
            let _ = log.take(LAST_WORDS).read_to_end(&mut end);
        }
        let text = String::from_utf8_lossy(&end).into_owned();
        let lines: Vec<_> = text.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// Asks it to end; what does not within a time is killed. Says what was not in order.
    pub(crate) fn stop(&mut self) -> Result<Option<String>> {
        self.process.terminate();
        match self.process.wait(END) {
            Ok(status) if status.success() => Ok(None),
            Ok(status) => Ok(Some(format!("it ended with {status}"))),
            Err(_) => {
                self.process.kill()?;
                Ok(Some(format!("it did not end within {} s and was killed", END.as_secs())))
            }
        }
    }
}

/// What any program with an AWS SDK needs to find the endpoint, and nothing of the caller's.
fn surround(command: &mut Command, endpoint: &str) {
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("AWS_") || known.starts_with("SPLASHDAM_") {
            command.env_remove(&name);
        }
    }
    command.envs([
        ("AWS_ACCESS_KEY_ID", "AKIDBENCH"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", endpoint),
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_a_socket_and_a_name() {
        let shipper = External::parse("/usr/bin/vector --config '{dir}/v.yaml'", "unix:{dir}/s", None, None).unwrap();
        assert_eq!(shipper.words, ["/usr/bin/vector", "--config", "{dir}/v.yaml"]);
        assert_eq!((shipper.socket.as_str(), shipper.name.as_str()), ("{dir}/s", "vector"));
        let named = External::parse("x", "unix:/s", Some("Fluent Bit"), Some("4.0")).unwrap();
        assert_eq!((named.name.as_str(), named.version.as_str()), ("Fluent Bit", "4.0"));
    }

    #[test]
    fn what_is_missing_is_said() {
        for (command, to, why) in
            [("", "unix:/s", "--shipper"), ("x", "/s", "unix:"), ("x", "tcp:1", "unix:"), ("x", "unix:", "path")]
        {
            let error = External::parse(command, to, None, None).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_place_that_is_not_filled_in_is_refused() {
        let parse = |command: &str, to: &str| External::parse(command, to, None, None);
        parse("sh -c 'exec ${prog} {endpoint} {{ host }} {Upper}'", "unix:{dir}/s").unwrap();
        for (command, to) in [("ship {nope}", "unix:/s"), ("ship", "unix:{socket}")] {
            let error = parse(command, to).unwrap_err().to_string();
            assert!(error.contains("is not filled in"), "{error}");
        }
    }
}
