//! Through a proxy: tunnels that are reused, a password that is not told, refusals that say whose they are.

use std::sync::{Arc, Mutex};

use super::fakes::{Answer, Aws, Imds, Proxy, Sts, Temper, Web, LOGS_HOST, SECRET, STS_HOST, USER};
use crate::support::{until, Setup, Sidecar};

/// CloudWatch by a name that only the proxy can resolve.
fn beyond(aws: &Aws) -> Setup {
    let port = aws.front.web().address().port();
    let setup = aws.setup_at(&format!("https://{LOGS_HOST}:{port}"));
    setup.variable("AWS_ACCESS_KEY_ID", USER).variable("AWS_SECRET_ACCESS_KEY", SECRET)
}

fn proxy(aws: &Aws) -> Proxy {
    Proxy::start(&[(LOGS_HOST, aws.front.web().address())])
}

#[track_caller]
fn until_trouble(sidecar: &Sidecar, words: &str) {
    let trouble = || sidecar.status()["lanes"][0]["trouble"].to_string();
    until(&format!("trouble is {words:?}"), || trouble().contains(words));
    until("the log says so, too", || sidecar.stderr().contains(words));
}

#[test]
fn calls_share_a_tunnel() {
    let aws = Aws::start().secret("pass%20word").secret("pass word").secret("dXNlcjpwYXNzIHdvcmQ=");
    let proxy = proxy(&aws);
    let url = format!("http://user:pass%20word@{}", proxy.address());
    let sidecar = beyond(&aws).variable("HTTPS_PROXY", &url).flags(&["--in-flight-max", "1"]).start();
    const CALLS: u64 = 30;
    for call in 0..CALLS {
        aws.deliver(&sidecar, &format!("record {call}"));
    }
    aws.finish(sidecar, CALLS);
    assert!(aws.remote.calls("PutLogEvents") >= CALLS);
    let asked = proxy.asked();
    assert!(asked.iter().all(|asked| asked.starts_with("CONNECT logs.aws.internal:")), "{asked:?}");
    assert_eq!((asked.len(), aws.front.web().connections()), (1, 1), "one tunnel for all calls: {asked:?}");
    assert_eq!(proxy.authorizations(), [Some("Basic dXNlcjpwYXNzIHdvcmQ=".to_owned())]);
}

#[test]
fn sts_goes_through_it_too_and_metadata_never() {
    let aws = Aws::start();
    let (sts, imds) = (Sts::start(&aws.authority, &aws.mint), Imds::start(&aws.mint));
    let proxy = Proxy::start(&[(LOGS_HOST, aws.front.web().address()), (STS_HOST, sts.web().address())]);
    let config = "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\ncredential_source = Ec2InstanceMetadata\n";
    let sidecar = beyond(&aws)
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_EC2_METADATA_DISABLED")
        .variable("AWS_CONFIG_FILE", aws.file("config", config).to_str().unwrap())
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &imds.url())
        .variable("AWS_ENDPOINT_URL_STS", &format!("https://{STS_HOST}:{}", sts.web().address().port()))
        .variable("all_proxy", &proxy.address().to_string())
        .start();
    aws.deliver(&sidecar, "hello");
    aws.finish(sidecar, 1);
    let mut asked = proxy.asked();
    asked.sort();
    asked.dedup();
    let [logs, sts] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(logs.contains(LOGS_HOST) && sts.contains(STS_HOST), "{asked:?}");
    assert_eq!(imds.paths().len(), 3, "{:?}", imds.paths());
}

#[test]
fn a_proxy_that_refuses_or_is_down_is_waited_for() {
    let aws = Aws::start().secret("hunter2");
    let proxy = proxy(&aws);
    let name = proxy.address().to_string();
    proxy.temper(Temper::WantsPassword);
    let sidecar = beyond(&aws).variable("https_proxy", &format!("http://user:hunter2@{name}")).start();
    sidecar.feed_lines(["hello"]);
    until_trouble(&sidecar, &format!("proxy {name} refused: 407"));
    proxy.temper(Temper::Forbids);
    until_trouble(&sidecar, &format!("proxy {name} refused to connect us"));
    proxy.temper(Temper::Well);
    aws.arrived("hello");
    let (account, _) = aws.finish(sidecar, 1);
    assert_eq!(account.possible_duplicates(), 0, "nothing was ever sent");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sidecar = beyond(&aws).variable("HTTPS_PROXY", &format!("http://user:hunter2@{free}")).start();
    sidecar.feed_lines(["never"]);
    until_trouble(&sidecar, &format!("proxy {free} cannot be reached"));
    assert_eq!(sidecar.metric("splashdam_in_memory_records", ""), 1);
    aws.no_secret(&(sidecar.stderr() + &sidecar.admin("/status")));
}

#[test]
fn what_fails_beyond_the_proxy_is_not_said_to_be_its_fault() {
    let aws = Aws::start();
    let proxy = proxy(&aws);
    let stranger = Aws::start();
    let sidecar = beyond(&aws)
        .without("AWS_CA_BUNDLE")
        .variable("AWS_CA_BUNDLE", stranger.authority.pem().to_str().unwrap())
        .variable("HTTPS_PROXY", &proxy.address().to_string())
        .start();
    sidecar.feed_lines(["hello"]);
    until_trouble(&sidecar, &format!("through proxy {}", proxy.address()));
    until_trouble(&sidecar, "invalid peer certificate");
}

#[test]
fn whoever_is_exempt_is_reached_without_it() {
    let aws = Aws::start();
    let proxy = proxy(&aws);
    let sidecar = beyond(&aws)
        .variable("HTTPS_PROXY", &proxy.address().to_string())
        .variable("NO_PROXY", ".svc,.aws.internal")
        .start();
    sidecar.feed_lines(["hello"]);
    until_trouble(&sidecar, "dns error");
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    drop(sidecar);
    // And loopback always.
    let sidecar = aws
        .setup()
        .variable("AWS_ACCESS_KEY_ID", USER)
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("ALL_PROXY", &proxy.address().to_string())
        .start();
    aws.deliver(&sidecar, "hello");
    aws.finish(sidecar, 1);
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

#[test]
fn without_tls_requests_are_forwarded() {
    let aws = Aws::start().secret("hunter2");
    let proxy = Proxy::start(&[(LOGS_HOST, aws.front.plain().address())]);
    proxy.temper(Temper::WantsPassword);
    let sidecar = aws
        .setup_at(&format!("http://{LOGS_HOST}:{}", aws.front.plain().address().port()))
        .variable("AWS_ACCESS_KEY_ID", USER)
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("HTTP_PROXY", &format!("http://user:hunter2@{}", proxy.address()))
        .start();
    sidecar.feed_lines(["hello"]);
    until_trouble(&sidecar, &format!("proxy {} refused: 407", proxy.address()));
    proxy.temper(Temper::Well);
    aws.arrived("hello");
    let (account, _) = aws.finish(sidecar, 1);
    assert_eq!(account.possible_duplicates(), 0);
    assert!(
        proxy.asked().iter().all(|asked| asked.starts_with("POST http://logs.aws.internal:")),
        "{:?}",
        proxy.asked()
    );
    assert_eq!(proxy.authorizations(), [Some("Basic dXNlcjpodW50ZXIy".to_owned())]);
}

#[test]
fn the_way_to_the_proxy_itself_may_be_tls() {
    let aws = Aws::start().secret("hunter2");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let proxy = Web::serve(Some(aws.authority.server()), move |request| {
        let authorization = request.header("proxy-authorization").unwrap_or_default().to_owned();
        seen.lock().unwrap().push((request.method().to_owned(), authorization));
        Some(Answer::new(407, "", ""))
    });
    let sidecar = beyond(&aws).variable("HTTPS_PROXY", &proxy.url().replace("//", "//user:hunter2@")).start();
    sidecar.feed_lines(["hello"]);
    until_trouble(&sidecar, &format!("proxy {} refused: 407", proxy.address()));
    assert_eq!(asked.lock().unwrap()[0], ("CONNECT".to_owned(), "Basic dXNlcjpodW50ZXIy".to_owned()));
    aws.no_secret(&(sidecar.stderr() + &sidecar.admin("/status")));
}

#[test]
fn a_proxy_that_cannot_be_used_is_a_configuration_error() {
    let aws = Aws::start();
    let ended = beyond(&aws).variable("HTTPS_PROXY", "socks5://user:hunter2@p:1080").spawn().wait();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("HTTPS_PROXY: is no proxy for HTTP"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}
