//! No credentials: the sidecar runs, says so once, keeps what comes, and finds them when they are there.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::fakes::{write, Answer, Aws, Sts, Web, SECRET, USER};
use crate::support::{numbered, until, Setup};

#[test]
fn it_runs_says_so_once_and_finds_them_later() {
    let aws = Aws::start();
    let file = aws.authority.pem().with_file_name("later");
    let sidecar = aws.setup().variable("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()).start();
    for lane in 0..20 {
        let mut wire = sidecar.wire();
        wire.hello(lane + 1, 1);
        wire.records(1, [format!("record {lane}")]);
    }
    let failures = || sidecar.metric("splashdam_failures_total", "reason=\"credentials\"");
    until("all have tried many times", || failures() > 60);
    let said = sidecar.stderr();
    let looks = said.matches("cannot sign calls; records are kept").count() + said.matches("still cannot sign").count();
    assert!(looks as u64 * 4 < failures(), "{looks} looks: one for all, with pauses");
    let line = said.lines().find(|line| line.contains("WARN")).expect("it says so").to_owned();
    for source in ["Environment", "Profile", "WebIdentityToken", "EcsContainer", "Ec2InstanceMetadata"] {
        assert!(line.contains(source), "{source}: {line}");
    }
    assert!(line.contains("cannot sign calls") && line.contains("records are kept"), "{line}");
    let seen = sidecar.scrape();
    let all = seen.get("splashdam_failures_total", "");
    assert_eq!(seen.get("splashdam_failures_total", "reason=\"credentials\""), all, "nothing else failed");
    let calls =
        ["splashdam_attempts_total", "splashdam_creates_total", "splashdam_put_log_events_duration_seconds_count"];
    assert_eq!(calls.map(|name| seen.get(name, "")), [0; 3], "a call that was not made is none");
    write(&file, &format!("[default]\naws_access_key_id = {USER}\naws_secret_access_key = {SECRET}\n"));
    (0..20).for_each(|lane| aws.arrived(&format!("record {lane}")));
    let (_, said) = aws.finish(sidecar, 20);
    assert_eq!(said.matches("WARN").count(), 1, "{said}");
}

#[test]
fn a_region_that_is_not_known_at_first_is_found_later() {
    let aws = Aws::start();
    region_later(&aws, aws.setup().without("AWS_REGION"));
}

#[test]
fn an_empty_region_is_none() {
    let aws = Aws::start();
    region_later(&aws, aws.setup().without("AWS_REGION").variable("AWS_REGION", ""));
}

#[test]
fn a_region_in_another_variable_stands_in_for_an_empty_one() {
    let aws = Aws::start();
    let setup =
        aws.setup().without("AWS_REGION").variable("AWS_REGION", " ").variable("AWS_DEFAULT_REGION", "eu-west-3");
    let keys = setup.variable("AWS_ACCESS_KEY_ID", USER).variable("AWS_SECRET_ACCESS_KEY", SECRET);
    let sidecar = keys.start();
    aws.deliver(&sidecar, "hello");
    assert!(aws.finish(sidecar, 1).1.contains("for region eu-west-3"));
}

#[test]
fn a_region_that_is_no_name_is_said() {
    let aws = Aws::start();
    let setup = aws.setup().without("AWS_REGION").variable("AWS_REGION", "Frankfurt am Main");
    let sidecar = setup.start();
    sidecar.feed_lines(["hello"]);
    let said = "no region: \"Frankfurt am Main\" is not the name of a region";
    until("it says so", || sidecar.stderr().contains(said) || sidecar.stderr().contains(&said.replace('"', "\\\"")));
}

/// A sidecar that has no region before its profile has one.
fn region_later(aws: &Aws, setup: Setup) {
    let file = aws.authority.pem().with_file_name("later");
    let sidecar = setup
        .variable("AWS_ACCESS_KEY_ID", USER)
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("AWS_CONFIG_FILE", file.to_str().unwrap())
        .start();
    sidecar.feed_lines(["hello"]);
    until("it misses a region", || sidecar.stderr().contains("no region: set --region"));
    write(&file, "[default]\nregion = eu-west-3\n");
    aws.arrived("hello");
    aws.finish(sidecar, 1);
}

#[test]
fn metadata_that_never_answers_holds_nobody_up_for_long() {
    let aws = Aws::start();
    // Takes connections and is silent, as behind a hop limit that eats the answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let sidecar = aws
        .setup()
        .without("AWS_EC2_METADATA_DISABLED")
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)
        .flags(&["--attempt-timeout", "3s"])
        .start();
    let began = Instant::now();
    sidecar.feed_lines(["hello"]);
    until("it gives up", || sidecar.stderr().contains("cannot sign calls"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(sidecar.metric("splashdam_in_memory_records", ""), 1);
    aws.no_secret(&sidecar.stderr());
}

#[test]
fn an_end_in_mid_search_makes_no_possible_duplicates() {
    let aws = Aws::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/credentials", silent.local_addr().unwrap());
    for spooled in [false, true] {
        let setup = aws.setup().variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
        let setup = setup.flags(&["--shutdown-deadline", "1s"]);
        let sidecar = if spooled { setup.spooled().start() } else { setup.start() };
        sidecar.feed_lines(numbered(0..1_000, 60));
        until("it has them and searches", || {
            let seen = sidecar.scrape();
            seen.came() == 1_000 && seen.get("splashdam_attempts_in_flight", "") > 0
        });
        sidecar.signal(rustix::process::Signal::TERM);
        let account = sidecar.wait().account();
        let left = if spooled { account.spooled() } else { account.dropped() };
        assert_eq!((left, account.possible_duplicates()), (1_000, 0), "nothing was sent: {account:?}");
    }
    assert!(aws.remote.report().calls.is_empty());
}

#[test]
fn a_source_that_is_set_up_and_refuses_is_named() {
    let aws = Aws::start().secret("identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    sts.expect("of another cluster");
    let sidecar = aws
        .setup()
        .variable("AWS_ENDPOINT_URL_STS", &sts.url())
        .variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app")
        .variable("AWS_WEB_IDENTITY_TOKEN_FILE", aws.file("token", "identity-hush").to_str().unwrap())
        .start();
    sidecar.feed_lines(["hello"]);
    until("it says so", || sidecar.stderr().contains("WARN cannot sign calls"));
    for part in ["of Environment, Profile, WebIdentityToken,", "one failed: service error: ", "AccessDenied"] {
        assert!(sidecar.stderr().contains(part), "{part}: {}", sidecar.stderr());
    }
    let trouble = || sidecar.status()["lanes"][0]["trouble"].to_string();
    until("so does the status", || trouble().contains("AccessDenied"));
    aws.no_secret(&(sidecar.stderr() + &sidecar.admin("/status")));
}

#[test]
fn an_answer_that_is_no_credentials_is_not_told() {
    let aws = Aws::start().secret("half-a-secret");
    let agent = Web::serve(None, |_| {
        Some(Answer::new(200, "", r#"{"AccessKeyId":"ASIA","SecretAccessKey":"half-a-secret","Token":7}"#))
    });
    let sidecar =
        aws.setup().variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", agent.url())).start();
    sidecar.feed_lines(["hello"]);
    until("it gives up", || sidecar.stderr().contains("cannot sign calls"));
    aws.no_secret(&(sidecar.stderr() + &sidecar.admin("/status")));
}

#[test]
fn a_source_may_take_longer_than_an_attempt() {
    let aws = Aws::start();
    let mint = aws.mint.clone();
    let agent = Web::serve(None, move |_| {
        // Longer than an attempt may take: what is tested is who has the shorter patience.
        std::thread::sleep(Duration::from_millis(1_500));
        Some(Answer::new(200, "", &mint.issue().json()))
    });
    let url = format!("{}/v1/credentials", agent.url());
    let setup = aws.setup().variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url).flags(&["--attempt-timeout", "1s"]);
    let sidecar = setup.start();
    aws.deliver(&sidecar, "hello");
    aws.finish(sidecar, 1);
}

#[test]
fn an_endpoint_that_is_none_is_an_error_and_its_password_is_not_told() {
    let aws = Aws::start().secret("hunter2");
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] {
        for url in ["http://u:hunter2@127.0.0.1:9", "ht tp://u:hunter2@", "127.0.0.1:9"] {
            let setup = Setup::bare().variable(name, url).flags(&["--group", "g", "--stream", "s"]);
            let ended = setup.spawn().wait();
            assert_eq!(ended.code, Some(2), "{url}: {}", ended.stderr);
            assert!(ended.stderr.contains(&format!("{name}: ")), "{}", ended.stderr);
            let (_, checked, said) = setup.output_of("check", &["--remote", "--group", "g", "--stream", "s"]);
            aws.no_secret(&(ended.stderr + &checked + &said));
        }
    }
    let refused =
        Setup::bare().flags(&["--group", "g", "--endpoint-url", "http://u:hunter2@127.0.0.1:9"]).spawn().wait();
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--endpoint-url …@127.0.0.1:9: has credentials"), "{}", refused.stderr);
    aws.no_secret(&refused.stderr);
}
