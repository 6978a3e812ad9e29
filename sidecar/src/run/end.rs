//! How it ends: when nobody needs us, when clients are gone, and what is said last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{remainder, Sidecar, LAST_WORDS};
use crate::config::{Config, Lifetime, LogFormat, Remainder};
use crate::diagnostics;
use crate::engine::account::{Account, Dropped};
use crate::intake::Counters;
use crate::shell::{Clock, Shell};

/// How often client counts are looked at while somebody waits for them.
const LOOK: Duration = Duration::from_millis(20);

/// Resolves when the end is to come without a signal: asked for over the admin interface, or because nobody needs us.
pub(super) async fn by_itself(sidecar: &Sidecar) -> &'static str {
    tokio::select! {
        () = sidecar.end.asked() => "asked by POST /drain",
        why = not_needed(sidecar) => why,
    }
}

/// Resolves when the configuration says that we are not needed: no client ever came, or the last one has left.
async fn not_needed(sidecar: &Sidecar) -> &'static str {
    let shutdown = &sidecar.config.shutdown;
    let counters = &sidecar.counters;
    if shutdown.if_no_client.is_none() && shutdown.after_last_client.is_none() {
        return std::future::pending().await;
    }
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let now = sidecar.shell.clock().now();
        let ever = counters.clients.get() > 0;
        if !ever && shutdown.if_no_client.is_some_and(|limit| Clock::uptime(now) >= limit) {
            return "no client has come";
        }
        if ever && shutdown.after_last_client.is_some_and(|grace| is_left_alone(counters, now.at, grace)) {
            return "the last client has left";
        }
    }
}

/// Whether nobody is here, and has not been for `grace`. The intake notes when the last client leaves before it counts it
/// out, and we look in the other order: who comes and goes meanwhile has the grace from then on.
fn is_left_alone(counters: &Counters, now: Duration, grace: Duration) -> bool {
    let here = counters.text.get() + counters.framed.get() > 0;
    let left = counters.left_ms.get();
    !here && left > 0 && now >= Duration::from_millis(left) + grace
}

/// Lets the intake see everybody who has connected and written: two rounds of it do.
pub(super) async fn round_of_intake(sidecar: &Sidecar, until: Instant) {
    for _ in 0..2 {
        // An intake that has died sees nobody any more.
        let _ = tokio::time::timeout_at(until.into(), sidecar.mailbox.ping()).await;
    }
}

/// Resolves when no client is connected, or half the time to `deadline` is over; where every framed client has left, also
/// when text clients have been silent for `--shutdown-quiet`.
pub(super) async fn clients_gone(sidecar: &Sidecar, deadline: Instant) {
    let counters = &sidecar.counters;
    let began = Instant::now();
    let half = began + deadline.saturating_duration_since(began) / 2;
    round_of_intake(sidecar, half).await;
    let mut look = tokio::time::interval(LOOK);
    while Instant::now() < half {
        look.tick().await;
        // Who is connected and has sent nothing may still do so.
        let framed = counters.framed.get();
        let others = counters.connected.get().saturating_sub(framed);
        let silent_since = Duration::from_millis(counters.text_read_ms.get());
        let silent = sidecar.shell.clock().now().at.saturating_sub(silent_since).min(began.elapsed());
        // Who waits for room to write is not silent.
        let waiting = counters.blocked_text.get() > 0;
        let quiet = !waiting && sidecar.config.shutdown.quiet.is_some_and(|quiet| silent >= quiet);
        if framed == 0 && (others == 0 || quiet) {
            return;
        }
    }
}

/// Bytes of records that are surely printed in a second, by whatever keeps our stderr.
const PRINTED_A_SECOND: f64 = 1_048_576.0;

/// How long before the deadline attempts end, so that last words and these bytes can still be printed: at most a quarter of it.
pub(super) fn for_words(bytes: u64, deadline: Duration) -> Duration {
    let most = (deadline / 4).max(LAST_WORDS);
    let printing = Duration::try_from_secs_f64(bytes as f64 / PRINTED_A_SECOND).unwrap_or(most);
    LAST_WORDS.saturating_add(printing).min(most)
}

/// Most time that last words take beyond the deadline, where nobody reads stderr.
const WORDS: Duration = Duration::from_millis(250);

/// Lets the disk finish, and says what stays on it and how every record ended. Whoever reads stderr may have stopped: then
/// the words stay unsaid, and the end comes all the same.
pub(super) fn finish(shell: &Arc<Shell>, config: &Config, deadline: Instant) -> Account {
    let closed = shell.close_spool(deadline);
    let account = shell.snapshot().total;
    let (said, heard) = std::sync::mpsc::channel();
    let (shell, config, until) = (Arc::clone(shell), config.clone(), deadline + WORDS);
    let speak = move || {
        // What was said before leaves room for what must be.
        let _ = diagnostics::flush(until);
        if shell.spool().is_some() {
            tell_of_spool(&shell, &config, closed, deadline);
        }
        tell_account(&shell, config.diagnostics.format, until);
        let _ = said.send(());
    };
    let speaker = std::thread::Builder::new().name("last-words".to_owned()).spawn(speak);
    if speaker.is_ok() {
        let _ = heard.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
    account
}

fn tell_of_spool(shell: &Shell, config: &Config, closed: bool, deadline: Instant) {
    if !closed {
        tracing::error!("the disk did not finish in time; what it was to remember may be sent again");
    }
    let snapshot = shell.snapshot();
    let dropped = snapshot.total.dropped_for(Dropped::Shutdown);
    if dropped > 0 {
        tracing::error!(dropped, "at the deadline these records were neither delivered nor on disk: they are lost");
    }
    let records = snapshot.spooled;
    let dir = config.spool.dir.as_deref().unwrap_or_else(|| std::path::Path::new("")).display();
    if records > 0 {
        let fate = match config.spool.lifetime {
            Lifetime::Pod => "they are delivered if this container starts again, and go with the pod",
            Lifetime::Persistent => "they are delivered at the next start, or by `splashdam spool replay`",
        };
        tracing::warn!(records, %dir, "records stay in the spool: {fate}");
        if config.spool.remainder == Remainder::Stderr {
            print_remainder(config, records, deadline);
        }
    }
}

fn print_remainder(config: &Config, records: u64, deadline: Instant) {
    let Some(dir) = &config.spool.dir else { return };
    // It goes to stderr by a way of its own: nothing else may come in between.
    let _ = diagnostics::flush(deadline);
    match remainder::print(dir, deadline) {
        Ok(printed) if printed >= records => {}
        Ok(printed) => tracing::warn!(printed, records, "the time was too short to print all that is spooled"),
        Err(error) => tracing::error!(%error, "cannot print what is spooled"),
    }
}

/// Says how every record ended: the last line.
fn tell_account(shell: &Shell, format: LogFormat, until: Instant) {
    let snapshot = shell.snapshot();
    let account = snapshot.total;
    let fields = [
        ("received", account.received),
        ("recovered", account.recovered),
        ("generated", account.generated),
        ("delivered", account.delivered),
        ("rejected", account.rejected()),
        ("dropped", account.dropped()),
        ("spooled", snapshot.spooled),
        ("in_memory", snapshot.in_memory),
        ("lost_by_clients", account.client_lost),
        ("possible_duplicates", account.possible_duplicates),
    ];
    let line = match format {
        LogFormat::Text => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("splashdam: final account: {}", fields.join(" "))
        }
        LogFormat::Json => {
            let fields: serde_json::Map<String, serde_json::Value> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            serde_json::json!({ "message": "final account", "account": fields }).to_string()
        }
    };
    diagnostics::say(&line, until);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_printed_has_its_time_and_no_more() {
        let second = Duration::from_secs(1);
        assert_eq!(for_words(0, 25 * second), LAST_WORDS);
        assert_eq!(for_words(1 << 20, 25 * second), LAST_WORDS + second);
        assert_eq!(for_words(u64::MAX, 24 * second), 6 * second, "at most a quarter");
        assert_eq!(for_words(1 << 20, second / 2), LAST_WORDS, "the least there is");
    }

    #[test]
    fn whoever_has_just_left_has_the_grace() {
        let counters = Counters::default();
        let alone = |now_ms| is_left_alone(&counters, Duration::from_millis(now_ms), Duration::from_secs(2));
        counters.text.add(1);
        assert!(!alone(10_000), "a client is here");
        // The intake is between the two steps of counting it out.
        counters.text.sub(1);
        assert!(!alone(10_000), "when it left is not known yet");
        counters.left_ms.set(10_000);
        assert!(!alone(11_999) && alone(12_000));
        counters.framed.add(1);
        assert!(!alone(20_000), "another has come");
    }
}
