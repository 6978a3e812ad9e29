//! Credentials end in mid-run: they are renewed in time, or as soon as their source can, and no record is lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fakes::{container, write, Aws, Sts, HOUR, SECRET, USER};
use crate::support::{until, Setup, Sidecar};

/// Short enough to be renewed at once, long enough for a slow machine to do so.
const SHORT: Duration = Duration::from_secs(4);

/// By web identity, its token in a file of that name.
fn irsa(aws: &Aws, sts: &Sts, token: &std::path::Path) -> Setup {
    aws.setup()
        .variable("AWS_ENDPOINT_URL_STS", &sts.url())
        .variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app")
        .variable("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
}

/// A call that is signed in time may arrive too late; nothing else was refused.
#[track_caller]
fn only_expired(aws: &Aws) {
    let refused = aws.mint.refused();
    assert!(refused.iter().all(|(_, code)| *code == "ExpiredTokenException"), "{refused:?}");
}

/// Feeds one record after the other until `done`; returns how many.
#[track_caller]
fn feed_until(aws: &Aws, sidecar: &Sidecar, from: u64, done: impl Fn() -> bool) -> u64 {
    let mut next = from;
    while !done() {
        assert!(next < from + 2_000, "in vain");
        aws.deliver(sidecar, &format!("record {next}"));
        next += 1;
    }
    next
}

#[test]
fn they_are_renewed_before_they_end() {
    let aws = Aws::start().secret("identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    aws.mint.lifetime(SHORT);
    let sidecar = irsa(&aws, &sts, &aws.file("token", "identity-hush")).start();
    // A machine may sleep through the end of some.
    let records = feed_until(&aws, &sidecar, 0, || aws.mint.accepted().len() > 2 && aws.mint.early() > 0);
    aws.mint.lifetime(HOUR);
    let (account, _) = aws.finish(sidecar, records);
    only_expired(&aws);
    assert_eq!(account.possible_duplicates(), 0);
}

#[test]
fn a_token_that_the_kubelet_rewrote_is_read_anew() {
    let aws = Aws::start().secret("identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    aws.mint.lifetime(SHORT);
    sts.expect("first-identity-hush");
    let token = aws.file("token", "first-identity-hush");
    let sidecar = irsa(&aws, &sts, &token).start();
    aws.deliver(&sidecar, "record 0");
    aws.mint.lifetime(HOUR);
    sts.expect("second-identity-hush");
    write(&token, "second-identity-hush");
    let records = feed_until(&aws, &sidecar, 1, || aws.mint.accepted().len() > 1);
    aws.finish(sidecar, records);
    assert!(sts.calls().last().unwrap().contains("WebIdentityToken=second-identity-hush"), "{:?}", sts.calls());
}

#[test]
fn so_is_the_token_for_the_agent_of_eks_pod_identity() {
    let aws = Aws::start().secret("agent-hush");
    let expected = Arc::new(Mutex::new("first-agent-hush".to_owned()));
    let agent = container(&aws.mint, Arc::clone(&expected));
    let token = aws.file("eks-pod-identity-token", "first-agent-hush");
    aws.mint.lifetime(SHORT);
    let sidecar = aws
        .setup()
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", agent.url()))
        .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap())
        .start();
    aws.deliver(&sidecar, "record 0");
    aws.mint.lifetime(HOUR);
    "second-agent-hush".clone_into(&mut expected.lock().unwrap());
    write(&token, "second-agent-hush");
    let records = feed_until(&aws, &sidecar, 1, || aws.mint.accepted().len() > 1);
    aws.finish(sidecar, records);
}

#[test]
fn those_that_come_expired_are_tried_and_others_asked_for() {
    let aws = Aws::start();
    let agent = container(&aws.mint, Arc::new(Mutex::new("agent".to_owned())));
    aws.mint.lifetime(Duration::ZERO);
    let sidecar = aws
        .setup()
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", agent.url()))
        .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "agent")
        .start();
    sidecar.feed_lines(["hello"]);
    until("they are refused", || aws.mint.refused().len() > 2);
    aws.mint.lifetime(HOUR);
    aws.arrived("hello");
    let (account, said) = aws.finish(sidecar, 1);
    only_expired(&aws);
    assert_eq!(account.possible_duplicates(), 0);
    assert!(said.contains("EXPIRED by our clock"), "{said}");
}

#[test]
fn what_comes_while_the_source_is_down_is_kept() {
    let aws = Aws::start().secret("identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    aws.mint.lifetime(SHORT);
    let sidecar = irsa(&aws, &sts, &aws.file("token", "identity-hush")).start();
    aws.deliver(&sidecar, "record 0");
    sts.down(true);
    let before = sts.calls().len();
    let trouble = || sidecar.status()["lanes"][0]["trouble"].as_str().unwrap_or_default().to_owned();
    // The old ones go on for as long as they are good, and are said to.
    let mut next = 1;
    until("the last credentials have ended", || {
        sidecar.feed_lines([format!("record {next}")]);
        next += 1;
        trouble().starts_with("cannot sign calls: no credentials: ")
    });
    assert!(trouble().contains("ServiceUnavailable"), "{}", trouble());
    until("it is tried again", || sts.calls().len() > before + 2);
    sts.down(false);
    aws.mint.lifetime(HOUR);
    aws.arrived(&format!("record {}", next - 1));
    let (account, said) = aws.finish(sidecar, next);
    only_expired(&aws);
    assert_eq!(account.possible_duplicates(), 0);
    for line in
        ["WARN credentials cannot be renewed; the present ones go on", "WARN cannot sign calls; records are kept"]
    {
        assert_eq!(said.matches(line).count(), 1, "{line}: {said}");
    }
    assert_eq!(said.matches("calls are signed with").count(), 2, "{said}");
}

#[test]
fn those_that_cloudwatch_calls_expired_are_renewed_whatever_the_clock_says() {
    let aws = Aws::start().secret("identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    let sidecar = irsa(&aws, &sts, &aws.file("token", "identity-hush")).start();
    aws.deliver(&sidecar, "before");
    aws.mint.expire();
    aws.deliver(&sidecar, "after");
    let (account, _) = aws.finish(sidecar, 2);
    assert_eq!(account.possible_duplicates(), 0, "CloudWatch said that it took nothing");
    let refused = aws.mint.refused();
    assert!(refused.iter().all(|(id, code)| id.ends_with('1') && *code == "ExpiredTokenException"), "{refused:?}");
    assert_eq!((refused.is_empty(), aws.mint.issued()), (false, 2));
}

#[test]
fn keys_that_were_replaced_in_a_mounted_file_are_read_when_the_old_ones_are_refused() {
    let aws = Aws::start();
    let keys = |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}\n");
    let file = aws.file("credentials", &keys(USER));
    let sidecar = aws.setup().variable("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()).start();
    aws.deliver(&sidecar, "before");
    write(&file, &keys("AKIANEWUSERNEWUSER99"));
    aws.mint.know("AKIANEWUSERNEWUSER99");
    aws.mint.forget(USER);
    // An unknown key is taken for a lack of permission first: some seconds until it is tried again.
    aws.deliver(&sidecar, "after");
    aws.finish(sidecar, 2);
    assert_eq!(aws.mint.accepted(), [USER, "AKIANEWUSERNEWUSER99"]);
}

#[test]
fn a_secret_that_was_mended_in_a_mounted_file_is_read_when_the_wrong_one_is_refused() {
    let aws = Aws::start();
    let keys = |secret: &str| format!("[default]\naws_access_key_id = {USER}\naws_secret_access_key = {secret}\n");
    let file = aws.file("credentials", &keys("wrong"));
    let sidecar = aws.setup().variable("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()).start();
    sidecar.feed_lines(["one"]);
    until("it is refused", || sidecar.metric("splashdam_failures_total", "reason=\"forbidden\"") > 0);
    write(&file, &keys(SECRET));
    aws.arrived("one");
    // The endpoint counts the refusal as a violation, which it was.
    aws.no_secret(&(sidecar.stderr() + &sidecar.admin("/status")));
    sidecar.stop().all_delivered(1);
}
