//! Fakes of AWS's parts, each a server on loopback, and a stage with CloudWatch behind TLS.

mod front;
mod metadata;
mod mint;
mod pki;
mod proxy;
mod sts;
mod web;

pub(crate) use front::Front;
pub(crate) use metadata::{container, Imds};
pub(crate) use mint::{Mint, SECRET};
pub(crate) use pki::Authority;
pub(crate) use proxy::{Proxy, Temper};
pub(crate) use sts::Sts;
pub(crate) use web::{Answer, Request, Web};

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{until, Account, Remote, Setup, Sidecar, GROUP, STREAM};

/// Key of a user; the mint knows it from the start.
pub(crate) const USER: &str = "AKIAUSERUSERUSER1234";
/// The name under which proxies know CloudWatch, and that nobody else can resolve.
pub(crate) const LOGS_HOST: &str = "logs.aws.internal";
/// The same of STS.
pub(crate) const STS_HOST: &str = "sts.aws.internal";
/// Nobody's clock is so slow.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// CloudWatch behind TLS, with whoever gives out credentials for it.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) authority: Authority,
    pub(crate) mint: Mint,
    pub(crate) remote: Remote,
    pub(crate) front: Front,
    folder: tempfile::TempDir,
    secrets: Vec<String>,
}

impl Aws {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let credentials = splashdam_emulator::Credentials { access_key: None, secret_key: SECRET.to_owned() };
        let remote = Remote::of(splashdam_emulator::Emulator::builder().credentials(credentials));
        let mint = Mint::default();
        mint.know(USER);
        let front = Front::start(&authority, &mint, remote.url());
        Aws { authority, mint, remote, front, folder, secrets: vec![SECRET.to_owned()] }
    }

    /// This must not be said, either.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    /// A sidecar that has no credentials yet, trusts the private CA and tries again soon.
    pub(crate) fn setup(&self) -> Setup {
        self.setup_at(&self.front.url())
    }

    /// The same with another way to CloudWatch.
    pub(crate) fn setup_at(&self, url: &str) -> Setup {
        Setup::bare()
            .without("AWS_ACCESS_KEY_ID")
            .without("AWS_SECRET_ACCESS_KEY")
            .variable("AWS_CA_BUNDLE", self.authority.pem().to_str().unwrap())
            .flags(&["--endpoint-url", url, "--group", GROUP, "--stream", STREAM])
            .flags(&["--log-level", "trace", "--backoff-max", "200ms", "--linger", "20ms"])
    }

    /// A file beside the CA's.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        write(&path, content);
        path
    }

    /// Feeds a line and waits until CloudWatch has it.
    #[track_caller]
    pub(crate) fn deliver(&self, sidecar: &Sidecar, line: &str) {
        sidecar.feed_lines([line]);
        self.arrived(line);
    }

    #[track_caller]
    pub(crate) fn arrived(&self, line: &str) {
        until(&format!("{line:?} has arrived"), || self.remote.texts().iter().any(|text| text == line));
    }

    /// Ends it: nothing was lost, and no secret was told.
    #[track_caller]
    pub(crate) fn finish(&self, sidecar: Sidecar, records: u64) -> (Account, String) {
        let seen = sidecar.admin("/status") + &sidecar.admin("/metrics");
        sidecar.signal(rustix::process::Signal::TERM);
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let account = ended.account();
        account.all_delivered(records);
        self.remote.no_violation();
        self.no_secret(&(seen + &ended.stderr));
        (account, ended.stderr)
    }

    #[track_caller]
    pub(crate) fn no_secret(&self, text: &str) {
        for secret in self.secrets.iter().cloned().chain(self.mint.tokens()) {
            assert!(!text.contains(&secret), "{secret} was told: {text}");
        }
    }
}

/// Replaces a file at once, as the kubelet does.
pub(crate) fn write(path: &Path, content: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, path).unwrap();
}
