//! A framed feeder for benchmarks: numbered records through the client, as fast as its window allows, none lost.
//!
//! `feed [--socket P] [--count N] [--size 200] [--offset K] [--await admitted|durable|ended] [--timeout S]`.
//! Record n has the text `n=%010d ` (n from K) and is filled up with `x`. Prints one line of JSON.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use splashdam::{Client, Level, Logged, Overflow, DEFAULT_SOCKET};

struct Options {
    socket: String,
    count: u64,
    size: usize,
    offset: u64,
    level: Level,
    timeout: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = parse()?;
    // With a wait without end nothing is dropped for want of room.
    let client = Client::builder(&options.socket).overflow(Overflow::Block { max_wait: Duration::MAX }).build();
    let start = Instant::now();
    let mut text = vec![b'x'; options.size];
    for n in options.offset..options.offset + options.count {
        let mut number = &mut text[..];
        write!(number, "n={n:010} ")?;
        let text = std::str::from_utf8(&text)?;
        while client.log(text) == Logged::Dropped {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    let report = client.flush(options.level, options.timeout);
    let seconds = start.elapsed().as_secs_f64();
    let stats = client.stats();
    client.close(Duration::from_secs(10));
    println!(
        "{{\"seconds\":{seconds:.6},\"records\":{},\"reached\":{},\"delivered\":{},\"rejected\":{},\"dropped\":{},\"lost\":{},\"pending\":{},\"at_risk\":{},\"reconnects\":{}}}",
        options.count, report.reached, report.delivered, report.rejected, report.dropped, report.lost_in_client,
        report.pending + report.spooled, stats.at_risk, stats.reconnects,
    );
    Ok(())
}

fn parse() -> Result<Options, Box<dyn Error>> {
    let socket = std::env::var("SPLASHDAM_SOCKET").unwrap_or_else(|_| DEFAULT_SOCKET.into());
    let mut options = Options {
        socket,
        count: 1_000_000,
        size: 200,
        offset: 0,
        level: Level::Ended,
        timeout: Duration::from_secs(600),
    };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--socket" => options.socket = value,
            "--count" => options.count = value.parse()?,
            "--size" => options.size = value.parse::<usize>()?.max(13),
            "--offset" => options.offset = value.parse()?,
            "--timeout" => options.timeout = Duration::from_secs(value.parse()?),
            "--await" => {
                options.level = match value.as_str() {
                    "admitted" => Level::Admitted,
                    "durable" => Level::Durable,
                    "ended" => Level::Ended,
                    other => return Err(format!("--await {other}: admitted, durable or ended").into()),
                }
            }
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(options)
}
