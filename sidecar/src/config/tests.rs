//! All sources together: precedence, and every mistake with its place.

use std::time::Duration;

use clap::{Args as _, FromArgMatches as _};

use super::*;

const MIB: u64 = 1 << 20;

fn flags(arguments: &[&str]) -> Flags {
    let command = Flags::augment_args(clap::Command::new("t").no_binary_name(true));
    Flags::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
}

fn around(variables: &[(&str, &str)]) -> Surroundings {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Surroundings { variables: variables.collect(), ..Surroundings::default() }
}

fn all(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Result<Loaded, ConfigErrors> {
    assemble(Some((Path::new("c.toml"), file)), &flags(arguments), &around(variables), &[])
}

fn good(file: &str) -> Config {
    all(file, &[], &["--group", "g"]).unwrap().config
}

fn mistakes(file: &str) -> Vec<String> {
    let errors = all(&format!("group = \"g\"\n{file}"), &[], &[]).unwrap_err();
    errors.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn defaults_hold_where_nobody_speaks() {
    let config = good("");
    assert_eq!(config.intake.socket, Path::new("/run/splashdam/splashdam.sock"));
    assert_eq!(config.intake.socket_mode.bits(), 0o660);
    assert_eq!(config.intake.max_record, 256 << 10);
    assert_eq!(config.engine.memory, 64 * MIB);
    assert_eq!(config.engine.linger, Duration::from_secs(1));
    assert_eq!(config.shutdown.quiet, Some(Duration::from_secs(2)));
    assert_eq!(config.admin, Some(DEFAULT_ADMIN));
    assert_eq!(config.destinations.stream.to_string(), "{pod}");
    assert_eq!(*config.origin("memory"), Origin::Default);
}

#[test]
fn the_default_memory_follows_the_container() {
    let around = Surroundings { memory_limit: Some(64 * MIB), ..Surroundings::default() };
    let config = load_text("c.toml", "group = \"g\"", &around).unwrap().config;
    assert_eq!(config.engine.memory, 24 * MIB);
}

#[test]
fn flag_before_variable_before_file_before_default() {
    let file = "group = \"g\"\nlinger = \"2s\"\nmemory = 33554432\nsocket = \"/file\"\n";
    let variables = [("SPLASHDAM_MEMORY", "16MiB"), ("SPLASHDAM_SOCKET", "/variable")];
    let config = all(file, &variables, &["--socket", "/flag"]).unwrap().config;
    assert_eq!(config.intake.socket, Path::new("/flag"));
    assert_eq!(config.engine.memory, 16 * MIB);
    assert_eq!(config.engine.linger, Duration::from_secs(2));
    assert_eq!(config.engine.linger_quiet, Duration::from_millis(50));
    let from = |key: &str| config.origin(key).to_string();
    assert_eq!(from("socket"), "--socket");
    assert_eq!(from("memory"), "SPLASHDAM_MEMORY");
    assert_eq!(from("linger"), "c.toml:2");
    assert_eq!(from("group"), "c.toml:1");
    assert_eq!(from("linger_quiet"), "default");
}

#[test]
fn every_mistake_of_every_source_is_told_with_its_place() {
    let file = "memory = \"64Mib\"\nlingr = \"1s\"\n\nadmin = \"9787\"\n";
    let variables = [("SPLASHDAM_GROUP", "a b"), ("SPLASHDAM_OVERFLOW", "drop-newst")];
    let errors = all(file, &variables, &["--linger", "5"]).unwrap_err();
    let text = errors.to_string();
    let starts = [
        "c.toml:1: memory = \"64Mib\": `Mib` is not a unit of size",
        "c.toml:2: `lingr` is not a setting; did you mean linger?",
        "c.toml:4: admin = \"9787\": is not an address and port",
        "SPLASHDAM_GROUP=a b: a log group's name takes letters",
        "SPLASHDAM_OVERFLOW=drop-newst: is not one of block, drop-newest, drop-oldest; did you mean drop-newest?",
        "--linger 5: a duration needs its unit: 5ms, 5s",
    ];
    assert_eq!(errors.0.len(), starts.len(), "{text}");
    for (line, start) in text.lines().zip(starts) {
        assert!(line.starts_with(start), "{start}\n{text}");
    }
}

#[test]
fn a_group_is_needed_to_ship() {
    let errors = all("", &[], &[]).unwrap_err().to_string();
    assert!(errors.contains("ACG_CONFIG") && errors.contains("--group, SPLASHDAM_GROUP, `group`"), "{errors}");
    assert!(all("", &[("SPLASHDAM_GROUP", "")], &[]).is_err());
    let config = all("enabled = false", &[], &[]).unwrap().config;
    assert_eq!((config.service, config.destinations.group), (Service::Disabled, None));
}

#[test]
fn aliases_mean_the_same_but_not_twice() {
    let config = all("log_group = \"a\"\nlog_stream = \"b\"", &[], &[]).unwrap().config;
    assert_eq!(config.destinations.group, Some(LogGroup::new("a").unwrap()));
    let twice = mistakes("log_group = \"b\"");
    assert_eq!(twice.len(), 1);
    assert!(twice[0].contains("means the same as"), "{twice:?}");
    let over = all("log_group = \"a\"", &[("SPLASHDAM_GROUP", "b")], &[]).unwrap().config;
    assert_eq!(over.destinations.group, Some(LogGroup::new("b").unwrap()));
}

#[test]
fn values_of_the_wrong_type_or_range() {
    for (line, part) in [
        ("socket_mode = 660", "\"0660\""),
        ("socket_mode = \"0999\"", "octal"),
        ("socket_mode = \"01777\"", "up to 0777"),
        ("socket = \"\"", "may not be empty"),
        ("stream = 5", "write it as a string, \"5\""),
        ("stream = \"{pdo}\"", "did you mean pod?"),
        ("linger = 5", "needs its unit"),
        ("memory = true", "write it as a string"),
        ("memory = []", "takes one value"),
        ("put_rate = 0", "from 1 to"),
        ("workers = -1", "whole number"),
        ("workers = 65", "2 are enough"),
        ("endpoint_url = \"localhost:1\"", "http://HOST:PORT"),
        ("endpoint_url = \"http://u:p@h\"", "credentials"),
        ("region = \"Frankfurt\"", "eu-central-1"),
        ("retention_days = 13", "nearest is 14"),
        ("allow = [\"x\"]", "group:stream"),
        ("allow = [1]", "group:stream"),
        ("allow = [true]", "list of strings"),
        ("allow_uids = [\"app\"]", "is not a user id"),
        ("allow_uids = []", "lets nobody connect"),
        ("allow_uids = \"\"", "is not a user id"),
        ("allow_uids = true", "write it as a string"),
        ("tags = [\"x\"]", "key=value"),
        ("kms_key = \"x\"", "ARN"),
        ("class = \"standard\"", "STANDARD"),
        ("shutdown_quiet = true", "\"off\""),
        ("fail_on_loss = \"maybe\"", "true, false"),
    ] {
        let all = mistakes(line);
        assert_eq!(all.len(), 1, "{line}: {all:?}");
        assert!(all[0].starts_with("c.toml:2: ") && all[0].contains(part), "{line}: {all:?}");
    }
}

#[test]
fn settings_that_do_not_fit_each_other() {
    for (lines, part) in [
        ("memory = \"4MiB\"", "c.toml:2: memory: 4MiB is too little to work with: at least 8MiB"),
        ("max_record = 0", "c.toml:2: max_record: 0 is not within 1 and 1048550"),
        ("max_record = 1048551", "not within"),
        ("batch_max_events = 10001", "c.toml:2: batch_max_events: 10001 is more than 10000"),
        ("memory = \"8MiB\"\nmax_record = 1048550", "c.toml:2: memory: 8MiB is too little for max_record = 1048550"),
        (
            "linger = \"2s\"\nlinger_max = \"1s\"",
            "c.toml:2: linger: 2s is more than linger_max, which is 1s (c.toml:3)",
        ),
        ("backoff_min = \"2s\"\nbackoff_max = \"1s\"", "backoff_min: 2s is more than"),
        ("in_flight_min = 9\nin_flight_max = 8", "in_flight_min: 9 is more than in_flight_max, which is 8"),
        (
            "in_flight_max = 9
in_flight_total = 8",
            "in_flight_max: 9 is more than in_flight_total, which is 8 (c.toml:3)",
        ),
        (
            "connect_timeout = \"2s\"
attempt_timeout = \"1s\"",
            "attempt_timeout, which is 1s (c.toml:3)",
        ),
        ("shutdown_deadline = \"100ms\"", "leaves no time"),
        (
            "health = \"0.0.0.0:9787\"",
            "c.toml:2: health: 0.0.0.0:9787 is also admin's, 127.0.0.1:9787 (default): each needs a port of its own",
        ),
        ("reach = \"1KiB\"", "never fill a batch"),
        ("stream = \"{namespace}\"", "set POD_NAMESPACE"),
    ] {
        let all = mistakes(lines);
        assert_eq!(all.len(), 1, "{lines}: {all:?}");
        assert!(all[0].contains(part), "{lines}: {all:?}");
    }
    let long = mistakes(&format!("socket = \"/{}\"", "s".repeat(107)));
    assert!(long[0].contains("at most 107 bytes, this one has 108"), "{long:?}");
}

#[test]
fn the_largest_record_fits_the_default_memory_and_the_default_record_the_smallest() {
    assert_eq!(good("max_record = 1048550").intake.max_record, 1_048_550);
    assert_eq!(good("batch_max_events = 10000").engine.batch_max_events.get(), 10_000);
    assert_eq!(good("memory = \"8MiB\"").engine.memory, 8 * MIB);
}

#[test]
fn defaults_give_way_to_what_was_asked_for() {
    assert_eq!(good("linger = \"1m\"").engine.linger_max, Duration::from_secs(60));
    assert_eq!(good("backoff_min = \"1m\"").engine.backoff_max, Duration::from_secs(60));
    assert_eq!(good("in_flight_max = 1").engine.in_flight_min.get(), 1);
    assert_eq!(good("attempt_timeout = \"1s\"").delivery.connect_timeout, Duration::from_secs(1));
}

#[test]
fn a_default_never_stands_in_the_way_of_one_other_setting() {
    for line in [
        "in_flight_min = 20",
        "in_flight_min = 100\nin_flight_max = 100",
        "in_flight_max = 65",
        "in_flight_total = 2",
        "connect_timeout = \"1m\"",
        "attempt_timeout = \"1s\"",
        "linger = \"10ms\"",
    ] {
        good(line);
    }
}

#[test]
fn a_spoilt_line_is_told_once() {
    let errors = all("group = \nsocket_mode = 0660\nclass = 1.5\n", &[], &[]).unwrap_err();
    let lines: Vec<_> = errors.0.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(lines, ["c.toml:1", "c.toml:2", "c.toml:3: class"], "{errors}");
}

#[test]
fn no_two_settings_share_a_field() {
    let mut config = good("");
    let field = |setting: &table::Setting| std::ptr::from_mut((setting.field)(&mut config)).cast::<()>();
    let mut fields: Vec<_> = table::settings().map(field).collect();
    fields.sort_unstable();
    fields.dedup();
    assert_eq!(fields.len(), table::settings().count());
}

#[test]
fn off_is_off() {
    let config = good("admin = \"off\"\nshutdown_quiet = \"off\"\nexit_if_no_client = \"1m\"");
    assert_eq!((config.admin, config.shutdown.quiet), (None, None));
    assert_eq!(config.shutdown.if_no_client, Some(Duration::from_secs(60)));
    assert_eq!(good("admin = false").admin, None);
    assert_eq!(config.health, None);
    assert_eq!(good("health = \"[::]:13133\"").health, Some("[::]:13133".parse().unwrap()));
    let any = good("health = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"");
    assert_eq!(any.health, any.admin);
    assert_eq!(good("admin = \"localhost:1\"").admin, Some("127.0.0.1:1".parse().unwrap()));
}

#[test]
fn destinations_of_clients() {
    let config = good("stream = \"{app}\"\nallow = [\"audit:*\"]");
    let peer = Peer { app: "web", pid: 1, uid: 2 };
    let default = config.destinations.default_for(&config.pod, &peer, UtcDate::from_unix_ms(0)).unwrap();
    assert_eq!(default.to_string(), "g:web");
    let permits = |group, stream| config.destinations.permits(&Destination::parse(group, stream).unwrap());
    assert!(permits("g", "anything") && permits("audit", "x") && !permits("other", "x"));
}

#[test]
fn users_in_every_form() {
    let may = |config: Config, uid| config.intake.allow_uids.permits(Some(uid));
    assert!(may(good(""), 0) && may(good("allow_uids = \"any\""), 7));
    for file in [
        "allow_uids = 1000",
        "allow_uids = \"1000\"",
        "allow_uids = [1000, 5]",
        "allow_uids = [\"5\", \"900-1000\"]",
        "allow_uids = \"5, 1000\"",
    ] {
        assert!(may(good(file), 1000) && !may(good(file), 1001), "{file}");
    }
    let flags = all("group = \"g\"", &[("SPLASHDAM_ALLOW_UIDS", "7")], &["--allow-uids", "8,9", "--allow-uids", "11"]);
    let flags = flags.unwrap().config;
    assert!(may(flags.clone(), 11) && may(flags.clone(), 9) && !may(flags, 7));
}

#[test]
fn unknown_variables_only_warn() {
    let loaded = all("group = \"g\"", &[("SPLASHDAM_LINGR", "x"), ("SPLASHDAM_SERVICE_PORT", "1")], &[]).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn a_missing_file_is_named() {
    let errors = load(Some(Path::new("/no/such.toml")), &Flags::default(), &around(&[])).unwrap_err();
    assert!(errors.to_string().starts_with("/no/such.toml: cannot read"), "{errors}");
    let errors = load(None, &Flags::default(), &around(&[("SPLASHDAM_CONFIG", "/no/other.toml")])).unwrap_err();
    assert!(errors.to_string().starts_with("/no/other.toml: "), "{errors}");
}

#[test]
fn what_is_described_reads_back_the_same() {
    let file =
        "group = \"/apps/{pod}\"\nallow = [\"a:*\", \"b:c, d\"]\nallow_uids = [5, \"7-9\"]\ntags = { team = \"x y\" }\nretention_days = 30\n\
                shutdown_quiet = \"off\"\nclass = \"DELIVERY\"\nregion = \"eu-west-1\"\nsocket = \"/a \\\"b\\\"\"\n";
    let first = all(file, &[("SPLASHDAM_MEMORY", "32Mi")], &["--fail-on-loss"]).unwrap().config;
    let text = describe(&first);
    assert!(text.contains("memory = \"32MiB\""), "{text}");
    for (line, origin) in [
        ("memory =", "# from SPLASHDAM_MEMORY"),
        ("fail_on_loss = true", "# from --fail-on-loss"),
        ("linger =", "# default"),
    ] {
        assert!(text.lines().any(|l| l.starts_with(line) && l.ends_with(origin)), "{line}\n{text}");
    }
    assert!(text.contains("group = \"/apps/{pod}\"") && text.contains("here /apps/localhost"), "{text}");
    let second = load_text("again.toml", &text, &around(&[])).unwrap().config;
    assert_eq!(Config { origins: first.origins.clone(), ..second }, first);
}

/// What CloudWatch takes, said once more and in another way.
fn is_group(name: &str) -> bool {
    let taken = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/#";
    (1..=512).contains(&name.chars().count()) && name.chars().all(|c| taken.contains(c)) && !name.starts_with("aws/")
}

fn is_stream(name: &str) -> bool {
    (1..=512).contains(&name.chars().count()) && !name.contains([':', '*', '\0', '\n'])
}

proptest::proptest! {
    /// Whatever names a client gives: what is let through is a name that CloudWatch takes, in the own group or under a pattern,
    /// and no folder of the spool is named by its words.
    #[test]
    fn no_name_of_a_client_leads_elsewhere(
        group in "(g|audit|audit/../g|[./a*:]{0,6}|.{0,8}|a{510,514})",
        stream in "([./a*:\\x00-\\x1f\\u{ff0e}\\u{ff0f}\\u{202e}]{0,9}|(\\.\\./){1,4}x|.{0,8}|ü{510,514})",
        app in "([./:*{}]{0,9}|.{0,600})",
    ) {
        let config = good("stream = \"a/{app}/z\"\nallow = [\"audit:*\", \"audit/*:x\"]");
        if let Ok(named) = Destination::parse(&group, &stream) {
            proptest::prop_assert!(is_group(&group) && is_stream(&stream));
            let allowed = group == "g" || group == "audit" || (group.starts_with("audit/") && stream == "x");
            proptest::prop_assert_eq!(config.destinations.permits(&named), allowed);
            let folder = crate::spool::name::lane_folder(&named, 0);
            proptest::prop_assert!(folder.len() == 32 && folder.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        let peer = Peer { app: &app, pid: 1, uid: 2 };
        let own = config.destinations.default_for(&config.pod, &peer, UtcDate::from_unix_ms(0)).unwrap();
        let own = own.stream().as_str();
        proptest::prop_assert!(is_stream(own) && own.starts_with("a/"));
        proptest::prop_assert!(own.matches('/').count() <= 2, "an app forges no prefix: {}", own);
    }

    #[test]
    fn no_value_panics(at in 0..table::settings().count(), text in "(?s).{0,40}|[0-9a-zA-Z{}:/.,=*-]{0,20}") {
        let setting = table::settings().nth(at).unwrap();
        let _ = all("group = \"g\"", &[(&table::variable_of(setting.key), &text)], &[]);
    }
}
