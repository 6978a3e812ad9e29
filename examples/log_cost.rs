//! What a call of `log` costs: 100,000 a second on one thread, paced, an empty loop subtracted.
//!
//! `cargo run --release --example log_cost [-- --count N --rate R --size S]`. Prints one line of JSON, in nanoseconds.
//! The consumer is live: a small sidecar in a thread of this process takes the records in and acknowledges them, and
//! what it counted at the far end is in the output.

use std::error::Error;
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use splashdam::wire::{self, Ack, ClientFrame, FlushDone, FlushStatus, SidecarFrame, Welcome};
use splashdam::{Client, Level};

fn main() -> Result<(), Box<dyn Error>> {
    let count = option("--count", 1_000_000)?;
    let rate = option("--rate", 100_000)?.max(1);
    let size = usize::try_from(option("--size", 200)?)?;
    let path = std::env::temp_dir().join(format!("log_cost-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    let sidecar = std::thread::spawn(move || serve(&listener));

    let text = "x".repeat(size);
    let client = Client::builder(&path).build();
    client.log(&text);
    client.flush(Level::Ended, Duration::from_secs(5));

    let empty = measure(count / 2, rate, || {
        black_box(&text);
    });
    let logged = measure(count, rate, || {
        client.log(black_box(&text));
    });
    let report = client.close(Duration::from_secs(10));
    drop(client);
    let _ = std::fs::remove_file(&path);
    let arrived = sidecar.join().map_err(|_| "the sidecar's thread panicked")??;

    let base = percentile(&empty, 50.0);
    let of = |p: f64| percentile(&logged, p).saturating_sub(base);
    println!(
        "{{\"count\":{count},\"rate\":{rate},\"size\":{size},\"empty_ns\":{base},\"empty_p99_9_ns\":{},\"p50_ns\":{},\"p90_ns\":{},\"p99_ns\":{},\"p99_9_ns\":{},\"max_ns\":{},\"arrived\":{},\"delivered\":{},\"lost\":{}}}",
        percentile(&empty, 99.9),
        of(50.0), of(90.0), of(99.0), of(99.9), of(100.0),
        arrived - 1, report.delivered - 1, report.lost_in_client,
    );
    Ok(())
}

/// The times of `count` calls, in order of length. Each begins at its due time or as soon after as it can.
fn measure(count: u64, rate: u64, mut call: impl FnMut()) -> Vec<u64> {
    let mut times = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let start = Instant::now();
    for n in 0..count {
        let due = start + Duration::from_nanos(n * 1_000_000_000 / rate);
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        let before = Instant::now();
        call();
        times.push(u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    times.sort_unstable();
    times
}

fn percentile(sorted: &[u64], percent: f64) -> u64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * percent / 100.0).round() as usize;
    sorted.get(at).copied().unwrap_or(0)
}

fn option(name: &str, default: u64) -> Result<u64, Box<dyn Error>> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    match (args.next(), args.next()) {
        (Some(_), Some(value)) => Ok(value.parse()?),
        _ => Ok(default),
    }
}

/// Takes one client's records in until it says bye; answers with counts only.
fn serve(listener: &UnixListener) -> Result<u64, String> {
    let (mut stream, _) = listener.accept().map_err(|error| error.to_string())?;
    let (mut received, mut magic, mut last) = (Vec::new(), wire::MAGIC.len(), 0);
    let mut bytes = vec![0; 256 * 1024];
    loop {
        let read = stream.read(&mut bytes).map_err(|error| error.to_string())?;
        received.extend_from_slice(&bytes[..read]);
        let mut at = magic.min(received.len());
        while let Some((kind, payload, consumed)) =
            wire::frame(&received[at..], u32::MAX).map_err(|error| error.to_string())?
        {
            match ClientFrame::decode(kind, payload).map_err(|error| error.to_string())? {
                ClientFrame::Bye => return Ok(last),
                ClientFrame::Records { first_sequence, count, .. } => last = first_sequence + u64::from(count) - 1,
                frame => answer(&mut stream, &frame, last),
            }
            at += consumed;
        }
        received.drain(..at);
        magic = 0;
        if read == 0 {
            return Ok(last);
        }
        let ack = Ack { admitted_to: last, durable_to: last, ended_to: last, delivered: last, ..Ack::default() };
        say(&mut stream, &SidecarFrame::Ack(ack));
    }
}

fn answer(stream: &mut UnixStream, frame: &ClientFrame<'_>, last: u64) {
    match *frame {
        ClientFrame::Hello(hello) => say(
            stream,
            &SidecarFrame::Welcome(Welcome {
                version: wire::MAX_VERSION,
                flags: 0,
                instance: [0; 16],
                resume: hello.oldest - 1,
                max_record: wire::DEFAULT_MAX_RECORD,
                max_frame: wire::DEFAULT_MAX_RECORD + wire::FRAME_OVERHEAD,
            }),
        ),
        ClientFrame::Flush { ticket, .. } => say(
            stream,
            &SidecarFrame::FlushDone(FlushDone {
                ticket,
                status: FlushStatus::Reached,
                delivered: last,
                rejected: 0,
                dropped: 0,
                spooled: 0,
                pending: 0,
            }),
        ),
        _ => (),
    }
}

fn say(stream: &mut UnixStream, frame: &SidecarFrame<'_>) {
    let mut bytes = Vec::new();
    frame.encode_into(&mut bytes);
    let _ = stream.write_all(&bytes);
}
