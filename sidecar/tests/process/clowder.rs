//! A start without arguments: variables alone, and Clowder's file.

use rustix::process::Signal;
use serde_json::{json, Value};
use splashdam_emulator::{Credentials, Emulator};

use crate::support::{numbered, until, Remote, Setup, GROUP};

const ID: &str = "AKIACLOWDERTESTS7XYZ";
const SECRET: &str = "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";

fn cdappconfig(kind: &str, id: &str, secret: &str, group: &str) -> Value {
    let region = if group.is_empty() { "" } else { "us-east-1" };
    json!({
        "logging": { "type": kind, "cloudwatch": {
            "accessKeyId": id, "secretAccessKey": secret, "region": region, "logGroup": group } },
        "metadata": { "name": "shop-api", "envName": "prod" },
    })
}

/// An endpoint that knows Clowder's keys and no others.
fn remote() -> Remote {
    let credentials = Credentials { access_key: Some(ID.to_owned()), secret_key: SECRET.to_owned() };
    Remote::of(Emulator::builder().credentials(credentials))
}

/// A sidecar in a pod of Clowder's.
fn setup(remote: &Remote, cdappconfig: &Value) -> Setup {
    let setup = Setup::without_arguments(remote);
    let path = setup.file("cdappconfig.json", &cdappconfig.to_string());
    setup.variable("ACG_CONFIG", &path)
}

fn production(remote: &Remote) -> Setup {
    setup(remote, &cdappconfig("cloudwatch", ID, SECRET, GROUP))
}

fn null(remote: &Remote) -> Setup {
    setup(remote, &cdappconfig("null", "", "", ""))
}

/// Nothing that may be seen of the keys but the end of the id.
#[track_caller]
fn keeps_the_keys(what: &str, text: &str) {
    assert!(!text.contains(SECRET) && !text.contains(&ID[..16]), "{what} tells a key: {text}");
}

#[test]
fn variables_alone_are_enough() {
    let remote = Remote::strict();
    let setup = Setup::without_arguments(&remote).variable("AWS_SECRET_ACCESS_KEY", "emulator");
    let setup =
        setup.variable("SPLASHDAM_LOG_GROUP", GROUP).variable("SPLASHDAM_STREAM", "{namespace}/{pod}/{hostname}");
    let setup = setup.variable("POD_NAME", "shop-1").variable("POD_NAMESPACE", "shop").variable("HOSTNAME", "node");
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    assert_eq!(remote.texts_of("shop/shop-1/node"), ["one"]);
    sidecar.stop().all_delivered(1);
}

#[test]
fn without_a_group_it_names_every_way_to_give_one() {
    let ended = Setup::without_arguments(&Remote::strict()).spawn().wait();
    assert_eq!(ended.code, Some(2));
    for way in ["--group", "SPLASHDAM_GROUP", "`group` in the configuration file", "ACG_CONFIG"] {
        assert!(ended.stderr.contains(way), "{way}: {}", ended.stderr);
    }
}

#[test]
fn clowders_file_alone_delivers_with_its_own_keys() {
    let remote = remote();
    let setup = production(&remote).variable("SPLASHDAM_STREAM", "{app}/{pod}").variable("HOSTNAME", "shop-api-7d");
    let sidecar = setup.variable("AWS_REGION", "eu-north-1").start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    assert_eq!(remote.texts_of("shop-api/shop-api-7d"), ["one"]);
    assert_eq!(sidecar.ask("health", "GET", "/").0, 200);
    sidecar.stop().all_delivered(1);
    remote.no_violation();
}

#[test]
fn the_keys_are_seen_nowhere() {
    let remote = remote();
    let setup = production(&remote).variable("SPLASHDAM_LOG_LEVEL", "trace");
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    // A call that fails may say more than one that does not.
    remote.fault("access_denied,operation=PutLogEvents");
    sidecar.feed("two\n");
    until("it is refused", || sidecar.status()["lanes"][0]["trouble"].is_string());
    keeps_the_keys("/status", &sidecar.status().to_string());
    keeps_the_keys("/metrics", &sidecar.admin("/metrics"));
    keeps_the_keys("health", &sidecar.ask("health", "GET", "/metrics").1);
    remote.clear_faults();
    sidecar.signal(Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    keeps_the_keys("the log", &ended.stderr);

    let (code, out, said) = setup.output_of("check", &[]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    keeps_the_keys("check", &out);
    assert!(out.contains("# credentials: static keys from Clowder (access key id ends …7XYZ)"), "{out}");
    assert!(out.contains("# from Clowder's file "), "{out}");
    let (code, out, said) = setup.output_of("check", &["--remote"]);
    assert_eq!(code, Some(0), "{out}{said}");
    keeps_the_keys("check --remote", &(out.clone() + &said));
    assert!(out.contains("from Clowder, access key …7XYZ") && out.contains("ok  signed call"), "{out}");
}

#[test]
fn null_takes_everything_ships_nothing_and_says_so_once() {
    let remote = Remote::strict();
    let setup = null(&remote).variable("SPLASHDAM_FAIL_ON_LOSS", "true");
    let sidecar = setup.start();
    sidecar.feed_lines(numbered(0..500, 60));
    let dropped = || sidecar.metric("splashdam_records_dropped_total", "reason=\"disabled\"");
    until("all is dropped", || dropped() == 500);
    assert_eq!(sidecar.status()["state"], "disabled");
    for path in ["/", "/readyz"] {
        assert_eq!(sidecar.ask("health", "GET", path).0, 200, "{path}");
    }
    sidecar.signal(Signal::TERM);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.account().dropped(), 500);
    assert_eq!(ended.stderr.matches("nothing is shipped").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("cdappconfig.json: logging.type"), "{}", ended.stderr);
    assert!(remote.report().calls.is_empty(), "nobody is asked for anything");

    let (code, out, _) = setup.output_of("check", &["--remote"]);
    assert!(code == Some(0) && out.contains("enabled = false") && out.contains("disabled: nothing"), "{out}");
}

#[test]
fn a_group_in_a_variable_wins_over_null_with_the_chains_credentials() {
    let remote = Remote::strict();
    let setup = null(&remote).variable("SPLASHDAM_LOG_GROUP", GROUP).variable("SPLASHDAM_STREAM", "s");
    let sidecar = setup.variable("AWS_SECRET_ACCESS_KEY", "emulator").start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}

#[test]
fn half_a_pair_of_keys_is_code_2_and_tells_no_value() {
    let remote = Remote::strict();
    for (id, secret, field) in [(ID, "", "secretAccessKey"), ("", SECRET, "accessKeyId")] {
        let ended = setup(&remote, &cdappconfig("cloudwatch", id, secret, GROUP)).spawn().wait();
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains(&format!("logging.cloudwatch.{field} is empty or missing")), "{}", ended.stderr);
        keeps_the_keys("the error", &ended.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_is_code_2_unless_a_group_is_named() {
    let remote = Remote::strict();
    let missing = || Setup::without_arguments(&remote).variable("ACG_CONFIG", "/nowhere/cdappconfig.json");
    let ended = missing().spawn().wait();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("ACG_CONFIG=/nowhere/cdappconfig.json: cannot read"), "{}", ended.stderr);
    let setup = missing().variable("SPLASHDAM_GROUP", GROUP).variable("AWS_SECRET_ACCESS_KEY", "emulator");
    let sidecar = setup.start();
    assert!(sidecar.stderr().contains("WARN ACG_CONFIG=/nowhere"), "{}", sidecar.stderr());
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}

#[test]
fn the_file_is_read_once() {
    let remote = remote();
    let setup = production(&remote);
    let sidecar = setup.start();
    setup.file("cdappconfig.json", "{ half of it");
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
    assert_eq!(setup.spawn().wait().code, Some(2), "the next start sees it");
}
