//! Where results come from: the machine, the versions, the command.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use time::format_description::well_known::Rfc3339;
use time::OffsetDateTime;

use crate::error::{io, Result};
use crate::host::kernel;
use crate::results::{Machine, Results, FORMAT};

/// Results to be filled; `seconds` and `complete` are set by [`close`].
pub(crate) fn begin(seed: u64) -> Results {
    Results {
        format: FORMAT,
        began: now(),
        command: command(std::env::args()),
        seed,
        machine: machine(),
        versions: BTreeMap::from([("splashdam-bench".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        ..Results::default()
    }
}

/// Notes how long it took and whether it went to its end.
pub(crate) fn close(results: &mut Results, since: Instant, complete: bool) {
    results.seconds = since.elapsed().as_secs_f64();
    results.complete = complete;
}

/// Says before a long run that what it comes to could not be kept; makes files that are not there.
pub(crate) fn can_write<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    for path in paths {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map_err(io("write to", path.display()))?;
    }
    Ok(())
}

/// Now, RFC 3339 in UTC, to the second.
pub(crate) fn now() -> String {
    let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    now.format(&Rfc3339).unwrap_or_default()
}

/// As one may type it again: the program by its name alone, words quoted where a shell needs it.
fn command(words: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+%@".contains(c);
    let mut words = words.enumerate().map(|(index, word)| match index {
        0 => Path::new(&word).file_name().map_or(word.clone(), |name| name.to_string_lossy().into_owned()),
        _ if !word.is_empty() && word.chars().all(plain) => word,
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    });
    let first = words.next().unwrap_or_default();
    words.fold(first, |line, word| format!("{line} {word}"))
}

fn machine() -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let kib = field(&read("/proc/meminfo"), "MemTotal").and_then(|kib| kib.split(' ').next()?.parse::<u64>().ok());
    Machine {
        cpus: kernel::machine().map_or(0, |machine| machine.cpus),
        model: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
        memory_mib: kib.unwrap_or_default() / 1_024,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
    }
}

/// What a program says of its version; nothing where it cannot be asked.
pub(crate) fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split_ascii_whitespace().last()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        let words = ["/a b/splashdam-bench", "http", "--header", "K: it's", "--rate=5"];
        assert_eq!(
            command(words.map(str::to_owned).into_iter()),
            r"splashdam-bench http --header 'K: it'\''s' --rate=5"
        );
    }

    #[test]
    fn this_machine_has_a_name_and_memory() {
        let results = begin(7);
        assert!(results.machine.cpus > 0 && results.machine.memory_mib > 0 && !results.machine.kernel.is_empty());
        assert!(OffsetDateTime::parse(&results.began, &Rfc3339).is_ok(), "{}", results.began);
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad) = (folder.path().join("a.json"), folder.path().join("none/b.json"));
        std::fs::write(&good, "kept").unwrap();
        can_write([good.as_path()]).unwrap();
        assert_eq!(std::fs::read_to_string(&good).unwrap(), "kept");
        let error = can_write([good.as_path(), bad.as_path()]).unwrap_err().to_string();
        assert!(error.contains("none/b.json"), "{error}");
    }
}
