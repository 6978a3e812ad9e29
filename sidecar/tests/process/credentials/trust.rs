//! Whom the sidecar trusts, and what it says where it can trust nobody.

use super::fakes::{Aws, SECRET, USER};
use crate::support::{until, Remote, Setup};

fn with_keys(setup: Setup) -> Setup {
    setup.variable("AWS_ACCESS_KEY_ID", USER).variable("AWS_SECRET_ACCESS_KEY", SECRET)
}

#[test]
fn without_any_roots_it_does_not_start() {
    let aws = Aws::start();
    let setup = with_keys(aws.setup()).without("AWS_CA_BUNDLE").variable("SSL_CERT_FILE", "/nonexistent/ca.pem");
    let ended = setup.spawn().wait();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in ["no trusted root certificates", "SSL_CERT_FILE=/nonexistent/ca.pem", "AWS_CA_BUNDLE"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn without_tls_or_without_shipping_no_roots_are_needed() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).variable("SSL_CERT_FILE", "/nonexistent/ca.pem").start();
    sidecar.feed_lines(["hello"]);
    remote.until_accepted(1);
    assert!(sidecar.stderr().contains("no trusted root certificates"), "it is said all the same");
    sidecar.stop().all_delivered(1);

    let disabled = Setup::bare()
        .variable("SSL_CERT_FILE", "/nonexistent/ca.pem")
        .variable("HTTPS_PROXY", "socks5://nobody")
        .variable("SPLASHDAM_ENABLED", "false");
    let sidecar = disabled.start();
    sidecar.feed_lines(["hello"]);
    until("it is counted", || sidecar.metric("splashdam_records_dropped_total", "reason=\"disabled\"") == 1);
    sidecar.stop().adds_up();
}

#[test]
fn the_system_s_roots_can_be_a_file() {
    let aws = Aws::start();
    let ca = aws.authority.pem().to_str().unwrap();
    let sidecar = with_keys(aws.setup()).without("AWS_CA_BUNDLE").variable("SSL_CERT_FILE", ca).start();
    aws.deliver(&sidecar, "hello");
    aws.finish(sidecar, 1);
}

#[test]
fn a_ca_that_is_not_trusted_is_named_and_records_wait() {
    let (aws, stranger) = (Aws::start(), Aws::start());
    let other = stranger.authority.pem().to_str().unwrap();
    let sidecar = with_keys(aws.setup()).without("AWS_CA_BUNDLE").variable("AWS_CA_BUNDLE", other).start();
    sidecar.feed_lines(["hello"]);
    let trouble = || sidecar.status()["lanes"][0]["trouble"].to_string();
    until("the certificate is named", || trouble().contains("invalid peer certificate"));
    assert_eq!(sidecar.metric("splashdam_in_memory_records", ""), 1);
}
