//! What can be found out without changing anything: credentials, one signed call, the log group.
//!
//! AWS has no dry run. The signed call is DescribeLogGroups: its answer, even AccessDenied, shows that AWS knows our
//! credentials. Whether PutLogEvents is allowed shows at the first record; we say so instead of guessing.

use std::fmt;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::config::{Credentials, ProvideCredentials};
use aws_sdk_cloudwatchlogs::types::LogGroup;
use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::config::{masked, Config, Creation};
use crate::delivery::{CloudWatch, Setup, SetupError};
use crate::engine::budget::Budget;

/// Longest wait for all answers together; the instance's metadata service is the slow one.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one question showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    Unknown,
}

/// The answers, in the order of the questions.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) region: Option<String>,
    lines: Vec<(Verdict, &'static str, String)>,
}

impl Findings {
    pub(super) fn are_good(&self) -> bool {
        self.lines.iter().all(|(verdict, _, _)| *verdict != Verdict::Bad)
    }

    fn add(&mut self, verdict: Verdict, subject: &'static str, text: impl Into<String>) {
        self.lines.push((verdict, subject, text.into()));
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# What CloudWatch says")?;
        self.lines.iter().try_for_each(|(verdict, subject, text)| {
            let verdict = match verdict {
                Verdict::Good => "ok",
                Verdict::Bad => "BAD",
                Verdict::Unknown => "?",
            };
            writeln!(f, "{verdict:<4}{subject:<13}{text}")
        })
    }
}

/// Asks. Changes nothing.
pub(super) async fn ask(config: &Config) -> Result<Findings, SetupError> {
    let setup = Setup::new(config.delivery.clone(), config.destinations.create.clone());
    let remote = CloudWatch::new(&setup, Budget::new(0))?;
    let mut findings = Findings::default();
    if tokio::time::timeout(PATIENCE, questions(config, &remote, &mut findings)).await.is_err() {
        findings.add(Verdict::Bad, "time", format!("no more answers within {} s", PATIENCE.as_secs()));
    }
    Ok(findings)
}

async fn questions(config: &Config, remote: &CloudWatch, findings: &mut Findings) {
    for way in remote.proxied() {
        findings.add(Verdict::Good, "network", way);
    }
    let aws = remote.aws().await;
    findings.region = aws.region().map(ToString::to_string);
    match (&findings.region, aws.endpoint_url()) {
        (None, _) => return findings.add(Verdict::Bad, "region", "none found: set --region or AWS_REGION"),
        (Some(region), None) => findings.add(Verdict::Good, "region", region.clone()),
        (Some(region), Some(url)) => findings.add(Verdict::Good, "region", format!("{region}, at {url}")),
    }
    if credentials(&aws, findings).await {
        group(config, &Client::new(&aws), findings).await;
    }
}

async fn credentials(aws: &SdkConfig, findings: &mut Findings) -> bool {
    let found = match aws.credentials_provider() {
        Some(provider) => provider.provide_credentials().await.map_err(|error| chain(&error)),
        None => Err("no provider".to_owned()),
    };
    match found {
        Ok(credentials) => {
            findings.add(Verdict::Good, "credentials", describe(&credentials));
            true
        }
        Err(error) => {
            let advice = "give the pod a role (EKS Pod Identity, IRSA, ECS task role) or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            findings.add(Verdict::Bad, "credentials", format!("none: {error}; {advice}"));
            false
        }
    }
}

/// Where they come from and how long they last; of the key its end, of the secret nothing.
fn describe(credentials: &Credentials) -> String {
    let expiry = match credentials.expiry() {
        None => String::new(),
        Some(at) => match at.duration_since(std::time::SystemTime::now()) {
            Ok(left) => format!(", good for {}", crate::command::human::duration(left.as_secs_f64())),
            Err(_) => ", EXPIRED".to_owned(),
        },
    };
    format!("from {}, access key {}{expiry}", provider(credentials), masked(credentials.access_key_id()))
}

/// The provider's name stands nowhere but in the debug text, which leaves secrets out.
fn provider(credentials: &Credentials) -> String {
    let text = format!("{credentials:?}");
    let name = text.split_once("provider_name: \"").and_then(|(_, rest)| rest.split_once('"'));
    name.map_or_else(|| "a provider without a name".to_owned(), |(name, _)| name.to_owned())
}

async fn group(config: &Config, client: &Client, findings: &mut Findings) {
    // A configuration without a group is refused unless the service is disabled, and then we are not here.
    let name = config.destinations.group.as_ref().map_or("", |group| group.as_str());
    let begun = Instant::now();
    let answer = client.describe_log_groups().log_group_name_prefix(name).send().await;
    let took = begun.elapsed().as_millis();
    match answer {
        Ok(answer) => {
            findings.add(Verdict::Good, "signed call", format!("DescribeLogGroups answered within {took} ms"));
            let found = answer.log_groups().iter().find(|group| group.log_group_name() == Some(name));
            let (verdict, text) = of_group(config, name, found);
            findings.add(verdict, "log group", text);
        }
        Err(error) if is_denied(error.code()) => {
            let said = error.message().unwrap_or("access denied");
            let text = format!(
                "AWS knows the credentials, but not for DescribeLogGroups, which splashdam does not need: {said}"
            );
            findings.add(Verdict::Good, "signed call", text);
            findings.add(Verdict::Unknown, "log group", format!("{name}: whether it exists cannot be seen"));
        }
        Err(error) => {
            let text = match (error.code(), error.message()) {
                (Some(code), message) => format!("{code}: {}", message.unwrap_or("no message")),
                (None, _) => chain(&error),
            };
            return findings.add(Verdict::Bad, "signed call", format!("DescribeLogGroups: {text}"));
        }
    }
    let text = "PutLogEvents and the creating calls: AWS has no dry run, so their permission shows at the first record";
    findings.add(Verdict::Unknown, "not checked", text);
}

/// An error with its causes, and without the debug text that the SDK would add.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn is_denied(code: Option<&str>) -> bool {
    matches!(code, Some("AccessDeniedException" | "AccessDenied"))
}

fn of_group(config: &Config, name: &str, found: Option<&LogGroup>) -> (Verdict, String) {
    match (found, config.destinations.create.group) {
        (Some(group), _) => {
            let kept = group.retention_in_days().map_or("for ever".to_owned(), |days| format!("for {days} days"));
            (Verdict::Good, format!("{name} exists; records are kept {kept}"))
        }
        (None, Creation::OnDemand) => {
            (Verdict::Good, format!("{name} does not exist; it is created at the first record"))
        }
        (None, _) => {
            (Verdict::Bad, format!("{name} does not exist, and create_group is off: create it, or turn that on"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_the_end_is_shown() {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", None, None, "Somewhere");
        let text = describe(&credentials);
        assert_eq!(text, "from Somewhere, access key …MPLE");
    }

    #[test]
    fn one_bad_answer_is_enough() {
        let mut findings = Findings::default();
        findings.add(Verdict::Good, "region", "x");
        findings.add(Verdict::Unknown, "log group", "y");
        assert!(findings.are_good());
        findings.add(Verdict::Bad, "credentials", "z");
        assert!(!findings.are_good() && findings.to_string().contains("BAD credentials  z\n"), "{findings}");
    }
}
