//! Clients that do what no client should, without end, at the lowest priority: what a good one loses by them is then our sharing
//! and not the scheduler's.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::frames::{self, Hello, Level};
use crate::error::{io as failed, Result};

/// What they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Lines, as fast as they are taken: no bad client, but one that is as busy as the volumes are
    Busy,
    /// 1,000 connections that say nothing
    Silent,
    /// 1,000 connections that have each said half a line
    HalfLines,
    /// Half a frame and silence, until sent away, from 16 connections
    HalfFrames,
    /// A byte a second, from 64 connections
    Slow,
    /// A line without end, byte by byte, from 8 connections
    Bytes,
    /// Garbage for frames, and again
    Garbage,
    /// A frame of 4 GiB, and again
    FourGib,
    /// Connections that come and go
    Storm,
    /// A destination it may not use, and again
    Refused,
    /// Flushes without end whose answers nobody reads, from 8 connections
    Deaf,
    /// A line without end, in large writes
    LongLine,
    /// NULs without end
    Nuls,
    /// Lines of which no byte is UTF-8
    Invalid,
}

/// Misbehaves until it is killed.
#[derive(Debug, Args)]
pub(crate) struct BadArgs {
    /// The sidecar's socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// What to do
    #[arg(long, value_enum)]
    kind: Kind,
}

pub(crate) fn run(args: &BadArgs) -> Result<()> {
    rustix::process::nice(19).map_err(|error| failed("lower", "the priority")(error.into()))?;
    let clients = match args.kind {
        Kind::Silent | Kind::HalfLines | Kind::Busy | Kind::LongLine | Kind::Nuls | Kind::Invalid => 1,
        Kind::Garbage | Kind::FourGib | Kind::Storm | Kind::Refused => 2,
        Kind::Bytes | Kind::Deaf => 8,
        Kind::HalfFrames => 16,
        Kind::Slow => 64,
    };
    thread::scope(|scope| {
        for client in 0..clients {
            scope.spawn(move || loop {
                // Whoever is sent away comes back, a little later where that was at once.
                if act(args, client).is_err() {
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    Ok(())
}

fn act(args: &BadArgs, client: u128) -> io::Result<()> {
    let connect = || UnixStream::connect(&args.socket);
    match args.kind {
        Kind::Busy => without_end(
            connect()?,
            &b"a line like many others, of about as many bytes as the good ones have\n".repeat(900),
        ),
        Kind::LongLine => without_end(connect()?, &[b'x'; 65_536]),
        Kind::Nuls => without_end(connect()?, &[0; 65_536]),
        Kind::Invalid => without_end(connect()?, &[&[0xf5; 63][..], b"\n"].concat().repeat(1_000)),
        Kind::Bytes => without_end(connect()?, b"x"),
        Kind::Silent => stay(args, b""),
        Kind::HalfLines => stay(args, b"half a li"),
        Kind::Slow => {
            let mut stream = connect()?;
            loop {
                stream.write_all(b"x")?;
                thread::sleep(Duration::from_secs(1));
            }
        }
        Kind::Storm => connect().map(drop),
        Kind::HalfFrames => until_sent_away(
            greeted(args, client, "", "")?,
            &[&200_000_u32.to_le_bytes()[..], &[2], &[0; 99_995]].concat(),
        ),
        Kind::Garbage => until_sent_away(greeted(args, client, "", "")?, &[0x5a; 1_000]),
        Kind::FourGib => until_sent_away(greeted(args, client, "", "")?, &[0xff, 0xff, 0xff, 0xff, 2]),
        Kind::Refused => greeted(args, client, "somebody-elses", "x").map(drop),
        Kind::Deaf => {
            let mut flush = Vec::new();
            frames::flush(&mut flush, 1, Level::Ended, 10);
            without_end(greeted(args, client, "", "")?, &flush)
        }
    }
}

fn without_end(mut stream: UnixStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}

fn stay(args: &BadArgs, words: &[u8]) -> io::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..1_000 {
        let mut stream = UnixStream::connect(&args.socket)?;
        stream.write_all(words)?;
        streams.push(stream);
    }
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

fn greeted(args: &BadArgs, client: u128, group: &str, stream: &str) -> io::Result<UnixStream> {
    let mut connection = UnixStream::connect(&args.socket)?;
    let mut said = Vec::new();
    frames::hello(&mut said, Hello { client: client + 1_000_000, group, stream });
    connection.write_all(&said)?;
    Ok(connection)
}

fn until_sent_away(mut stream: UnixStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}
