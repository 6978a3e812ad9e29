//! What the server does with a whole request, apart from the network: signature, faults, quotas, operation.
//!
//! All methods are synchronous and short; none holds two locks at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::http::request::Parts;
use serde_json::{json, Value};
use tokio::sync::watch;

use crate::api::batch::{Rejected, Screened};
use crate::api::calls::Call;
use crate::api::{self, Put};
use crate::config::{Config, Mode};
use crate::counting;
use crate::counting::scan::Scanner;
use crate::cpu;
use crate::faults::{Fault, FaultError, FaultKind, Faults, Names, Verdict};
use crate::operation::Operation;
use crate::quotas::Quotas;
use crate::refusal::Refusal;
use crate::report::{Cpu, Kept, Report};
use crate::server::body::Body;
use crate::sigv4::{self, Credentials, Signed};
use crate::store::{Store, Stored};
use crate::tally::{Accepted, Tally};

/// What is to be done about a call: wait, then answer, or do what a fault says.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) delay: Duration,
    pub(crate) fault: Option<Fault>,
    pub(crate) answer: Result<String, Refusal>,
    /// Events that the call has kept.
    pub(crate) kept: u64,
}

#[derive(Debug)]
struct Epoch {
    at: Instant,
    cpu: Cpu,
}

/// Whose signatures are good at present.
#[derive(Debug, Clone)]
struct Keys {
    /// None: every call passes.
    good: Option<Credentials>,
    /// Any other access key is one that has expired, rather than one that never was.
    others_expired: bool,
}

impl Keys {
    fn of(config: &Config) -> Self {
        Self { good: config.credentials.clone(), others_expired: false }
    }
}

/// The state behind the server.
#[derive(Debug)]
pub(crate) struct Endpoint {
    config: Config,
    scanner: Scanner,
    epoch: Mutex<Epoch>,
    store: Mutex<Store>,
    tally: Mutex<Tally>,
    faults: Mutex<Faults>,
    quotas: Mutex<Quotas>,
    keys: Mutex<Keys>,
    outage: watch::Sender<Option<Instant>>,
}

impl Endpoint {
    pub(crate) fn new(config: Config) -> Result<Self, FaultError> {
        let endpoint = Self {
            scanner: Scanner::new(&config.markers),
            epoch: Mutex::new(Epoch { at: Instant::now(), cpu: cpu::used() }),
            store: Mutex::new(Store::new(config.room)),
            tally: Mutex::new(Tally::new(config.count_max)),
            faults: Mutex::new(Faults::new(config.seed)),
            quotas: Mutex::new(Quotas::new(&config.quotas)),
            keys: Mutex::new(Keys::of(&config)),
            outage: watch::Sender::new(None),
            config,
        };
        endpoint.faults().add(endpoint.config.faults.clone())?;
        Ok(endpoint)
    }

    /// Back to the state at the start, with the faults of the start.
    pub(crate) fn reset(&self) -> Result<(), FaultError> {
        *lock(&self.epoch) = Epoch { at: Instant::now(), cpu: cpu::used() };
        *lock(&self.store) = Store::new(self.config.room);
        self.tally().restart(self.config.count_max);
        *lock(&self.quotas) = Quotas::new(&self.config.quotas);
        *lock(&self.keys) = Keys::of(&self.config);
        let mut faults = self.faults();
        *faults = Faults::new(self.config.seed);
        faults.add(self.config.faults.clone())
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        lock(&self.tally)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    /// From now on this is the only access key; all others have expired. Nothing where signatures are not checked.
    pub(crate) fn renew(&self, access_key: String) {
        let mut keys = lock(&self.keys);
        keys.others_expired = true;
        if let Some(credentials) = &mut keys.good {
            credentials.access_key = Some(access_key);
        }
    }

    /// Begins an outage, or makes the present one end later or sooner.
    pub(crate) fn begin_outage(&self, length: Duration) {
        self.outage.send_replace(Some(Instant::now() + length));
    }

    pub(crate) fn outage(&self) -> watch::Receiver<Option<Instant>> {
        self.outage.subscribe()
    }

    /// The kept events of a stream, as `GetLogEvents` would order them.
    pub(crate) fn events(&self, group: &str, stream: &str) -> Vec<Stored> {
        let store = lock(&self.store);
        let stream = store.stream(group, stream);
        stream.map(|stream| stream.sorted().into_iter().cloned().collect()).unwrap_or_default()
    }

    /// Carries out a call whose body is all there.
    pub(crate) fn call(&self, operation: Operation, head: &Parts, body: &Body) -> Outcome {
        let outcome = if self.config.mode == Mode::Counting && operation == Operation::PutLogEvents {
            self.count(head, body)
        } else {
            self.serve(operation, head, body)
        };
        let outcome = outcome.unwrap_or_else(|refusal| Outcome {
            delay: Duration::ZERO,
            fault: None,
            answer: Err(refusal),
            kept: 0,
        });
        if let Err(refusal) = &outcome.answer {
            self.tally().refuse(Some(operation), refusal);
        }
        outcome
    }

    fn count(&self, head: &Parts, body: &Body) -> Result<Outcome, Refusal> {
        let json = body.meant(&head.headers)?;
        let asked = self.faults().asks_for_names() || self.tally().asks_for_stream();
        let names = if asked { counting::names(&json) } else { Names::default() };
        Ok(self.decide(Operation::PutLogEvents, names, || {
            let (found, bytes) = counting::count(&self.scanner, &json)?;
            let screened = Screened { accepted: 0..found.records, ..Screened::default() };
            self.accept(&Accepted {
                bytes,
                events: found.records,
                screened,
                numbers: &found.numbers,
                unmarked: found.unmarked,
                emitted: &found.emitted,
                now_micros: now_micros(),
                stream: names.stream,
            });
            Ok(("{}".to_owned(), found.records as u64))
        }))
    }

    fn serve(&self, operation: Operation, head: &Parts, body: &Body) -> Result<Outcome, Refusal> {
        let keys = lock(&self.keys).clone();
        if let Some(credentials) = keys.good.as_ref().filter(|_| self.config.mode == Mode::Strict) {
            let signed = Signed {
                method: head.method.as_str(),
                path: head.uri.path(),
                query: head.uri.query().unwrap_or_default(),
                headers: &head.headers,
                body: body.sent(),
            };
            let verified = sigv4::verify(signed, credentials, "logs", now_ms() / 1_000);
            verified.map_err(|refusal| self.date(refusal, &keys))?;
        }
        let json = body.meant(&head.headers)?;
        match Call::parse(operation, &json)? {
            Some(call) => Ok(self.decide(operation, call.names(), || {
                api::run(&call, &mut lock(&self.store), now_ms()).map(|answer| (answer.to_string(), 0))
            })),
            None => {
                let call = Put::parse(&json)?;
                Ok(self.decide(operation, call.names(), || self.put(&call)))
            }
        }
    }

    /// An unknown key is one that has expired, where keys have.
    fn date(&self, refusal: Refusal, keys: &Keys) -> Refusal {
        if !keys.others_expired || refusal != Refusal::unknown_key() {
            return refusal;
        }
        *self.faults().hits.entry(FaultKind::ExpiredCredentials).or_default() += 1;
        Refusal::expired_token()
    }

    /// Carries out a call unless a fault or a quota says otherwise.
    fn decide(
        &self,
        operation: Operation,
        names: Names<'_>,
        execute: impl FnOnce() -> Result<(String, u64), Refusal>,
    ) -> Outcome {
        let Verdict { delay, fault } = self.faults().decide(operation, names);
        let answer = match &fault {
            Some(fault) if !fault.commits() => match scripted(fault, operation, names) {
                Some(refusal) => Err(refusal),
                None => Ok(("{}".to_owned(), 0)),
            },
            _ => self.admit(operation).and_then(|()| execute()),
        };
        let kept = answer.as_ref().map_or(0, |(_, kept)| *kept);
        Outcome { delay, fault, answer: answer.map(|(text, _)| text), kept }
    }

    fn admit(&self, operation: Operation) -> Result<(), Refusal> {
        let now = lock(&self.epoch).at.elapsed();
        if lock(&self.quotas).take(operation, now) {
            return Ok(());
        }
        self.tally().quota_throttles += 1;
        Err(Refusal::throttled(None))
    }

    fn put(&self, call: &Put<'_>) -> Result<(String, u64), Refusal> {
        let (bytes, screened) = api::put(call, &mut lock(&self.store), self.config.auto_create, now_ms())?;
        let accepted = &call.log_events[screened.accepted.clone()];
        let read = |text: &str| self.config.markers.read(text.as_bytes());
        let found: Vec<_> = accepted.iter().filter_map(|event| read(&event.message)).collect();
        let numbers: Vec<_> = found.iter().map(|(number, _)| *number).collect();
        let emitted: Vec<_> = found.iter().filter_map(|(_, emitted)| *emitted).collect();
        let (rejected, kept) = (screened.rejected, screened.accepted.len() as u64);
        self.accept(&Accepted {
            bytes,
            events: call.log_events.len(),
            unmarked: (accepted.len() - numbers.len()) as u64,
            screened,
            numbers: &numbers,
            emitted: &emitted,
            now_micros: now_micros(),
            stream: Some(&call.log_stream_name),
        });
        Ok((put_answer(rejected).to_string(), kept))
    }

    fn accept(&self, batch: &Accepted<'_>) {
        let at = lock(&self.epoch).at.elapsed();
        self.tally().accept(batch, at);
    }

    /// What happened so far; `expect` stands in for the number set at the start.
    pub(crate) fn report(&self, expect: Option<u64>) -> Report {
        let (seconds, used) = {
            let epoch = lock(&self.epoch);
            (epoch.at.elapsed().as_secs_f64(), since(epoch.cpu))
        };
        let store = {
            let store = lock(&self.store);
            Kept { events: store.events, bytes: store.bytes, pushed_out: store.pushed_out }
        };
        let faults = self.faults().hits.clone();
        let tally = self.tally();
        Report {
            mode: self.config.mode.name().to_owned(),
            seconds,
            calls: tally.calls(),
            in_flight_max: tally.in_flight_max,
            events: tally.events(),
            batches: tally.batches(),
            body_bytes: tally.body_bytes,
            accepts: tally.accepts(),
            freshness_micros: tally.freshness(),
            marks: tally.mark_counts(expect.or(self.config.expect)),
            cpu: used,
            store,
            faults,
            quota_throttles: tally.quota_throttles,
            violations: tally.violations(),
        }
    }
}

/// The error a fault answers with, if it is one of those.
fn scripted(fault: &Fault, operation: Operation, names: Names<'_>) -> Option<Refusal> {
    Some(match fault.kind {
        FaultKind::Throttle => Refusal::throttled(fault.retry_after_seconds),
        FaultKind::ServerError => Refusal::internal(),
        FaultKind::Unavailable => Refusal::unavailable(fault.retry_after_seconds),
        FaultKind::ExpiredCredentials => Refusal::expired_token(),
        FaultKind::AccessDenied => Refusal::access_denied(operation.name(), names.group),
        _ => return None,
    })
}

fn put_answer(rejected: Rejected) -> Value {
    // AWS still sends a token, and says to ignore it.
    let mut answer = json!({ "nextSequenceToken": "0" });
    if !rejected.is_none() {
        answer["rejectedLogEventsInfo"] = json!(rejected);
    }
    answer
}

fn since(begin: Cpu) -> Cpu {
    let now = cpu::used();
    Cpu {
        user_seconds: now.user_seconds - begin.user_seconds,
        system_seconds: now.system_seconds - begin.system_seconds,
    }
}

/// A panic elsewhere must not hide what was counted, so a poisoned lock is taken all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

fn now_ms() -> i64 {
    i64::try_from(now_micros() / 1_000).unwrap_or(i64::MAX)
}
