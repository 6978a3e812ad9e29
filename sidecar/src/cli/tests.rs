use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::config::{Surroundings, DEFAULT_ADMIN, DEFAULT_SOCKET};

fn parse(line: &str) -> Result<Command, clap::Error> {
    let words = std::iter::once("splashdam").chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command)
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn run_takes_every_flag_that_scripts_use() {
    let line = "run --socket /s --socket-mode 0666 --group g --stream {app} --endpoint-url http://localhost:1 \
                --region eu-west-1 --memory 32MiB --linger 2s --admin 127.0.0.1:1 --shutdown-deadline 5s \
                --fail-on-loss --exit-if-no-client 1m";
    let Ok(Command::Run(run)) = parse(line) else {
        panic!("run is a command");
    };
    let config = run.load(&Surroundings::default()).unwrap().config;
    assert_eq!(config.intake.socket, Path::new("/s"));
    assert_eq!(config.intake.socket_mode.bits(), 0o666);
    assert_eq!(config.engine.memory, 32 << 20);
    assert_eq!(config.shutdown.on_loss, crate::config::OnLoss::Fail);
    assert_eq!(config.shutdown.if_no_client, Some(Duration::from_secs(60)));
}

#[test]
fn check_send_and_status() {
    let Ok(Command::Check(check)) = parse("check --config c.toml --remote") else {
        panic!("check is a command");
    };
    assert_eq!(check.remote(), Remote::Ask);
    assert_eq!(check.run.config.as_deref(), Some(Path::new("c.toml")));

    let Ok(Command::Send(send)) = parse("send --socket /s --log-group g --stream s --flush-timeout 250ms") else {
        panic!("send is a command");
    };
    assert_eq!(send.socket(&Surroundings::default()), Path::new("/s"));
    assert_eq!(send.flush_timeout, Duration::from_millis(250));
    assert_eq!(send.group.unwrap().as_str(), "g");

    let Ok(Command::Status(status)) = parse("status --admin localhost:9") else {
        panic!("status is a command");
    };
    let admin = status.admin(&Surroundings::default()).unwrap();
    assert_eq!(admin.to_string(), "127.0.0.1:9");
}

#[test]
fn plan_has_defaults_for_all_but_the_load() {
    use crate::command::plan::model::{Growing, Intake};
    let parse = |line| match parse(line) {
        Ok(Command::Plan(plan)) => plan.input(),
        other => panic!("plan is a command: {other:?}"),
    };
    let input = parse("plan --records-per-second 0.5 --bytes 1KiB");
    assert_eq!((input.records_per_second, input.bytes, input.pods, input.destinations), (0.5, 1_024, 1, 1));
    assert_eq!((input.growth_per_month, input.growing, input.intake), (0.15, Growing::Records, Intake::Text));
    assert_eq!((input.outage, input.linger), (Duration::from_secs(3_600), Duration::from_secs(1)));
    let input =
        parse("plan --records-per-second 1 --bytes 1 --growth-per-month -5% --growth-in pods --outage 0 --framed");
    assert_eq!((input.growth_per_month, input.growing, input.intake), (-0.05, Growing::Pods, Intake::Framed));
    assert!(input.outage.is_zero());
}

#[test]
fn spool_commands() {
    let parse = |line| match parse(line) {
        Ok(Command::Spool(spool)) => spool.command,
        other => panic!("spool is a command: {other:?}"),
    };
    let SpoolCommand::Ls(ls) = parse("spool ls --json /x") else {
        panic!("ls is a command");
    };
    assert!(ls.json && !ls.segments);
    assert_eq!(ls.dir.find(&Surroundings::default()).as_deref(), Some(Path::new("/x")));
    let SpoolCommand::Cat(cat) = parse("spool cat --lane a:b --lane c") else {
        panic!("cat is a command");
    };
    assert_eq!((cat.lanes.len(), cat.format, cat.all), (2, CatFormat::Text, false));
    let around = |dir: &str| {
        let variables = [("SPLASHDAM_SPOOL_DIR".to_owned(), dir.to_owned())];
        Surroundings { variables: variables.into(), ..Surroundings::default() }
    };
    assert_eq!(cat.dir.find(&around("/v")).as_deref(), Some(Path::new("/v")));
    assert_eq!(cat.dir.find(&around("off")), None);
}

#[test]
fn replay_takes_every_setting_and_shows_those_that_matter() {
    #[derive(Debug, clap::Parser)]
    struct Replay {
        #[command(flatten)]
        args: ReplayArgs,
    }
    let help = Replay::command().render_long_help().to_string();
    for (flag, shown) in
        [("--endpoint-url", true), ("--tags", true), ("--memory", true), ("--timeout", true), ("--socket", false)]
    {
        assert_eq!(help.contains(flag), shown, "{flag}: {help}");
    }
    let line = "replay /x --timeout 5m --socket /s --region eu-west-1 --stream {namespace}";
    let replay = Replay::try_parse_from(line.split(' ')).unwrap();
    let config = replay.args.load(&Surroundings::default()).unwrap().config;
    assert_eq!((config.destinations.group, replay.args.timeout), (None, Some(Duration::from_secs(300))));
    assert!(Replay::try_parse_from(["replay", "/x", "--memory", "1"])
        .unwrap()
        .args
        .load(&Surroundings::default())
        .is_err());
}

#[test]
fn clients_read_the_same_variables() {
    let around = |value: &str| {
        let names = ["SPLASHDAM_SOCKET", "SPLASHDAM_ADMIN"];
        let variables = names.map(|name| (name.to_owned(), value.to_owned()));
        Surroundings { variables: variables.into(), ..Surroundings::default() }
    };
    let Ok(Command::Send(send)) = parse("send") else {
        panic!("send is a command");
    };
    assert_eq!(send.socket(&around("/v")), Path::new("/v"));
    assert_eq!(send.socket(&around("")), Path::new(DEFAULT_SOCKET));
    let Ok(Command::Status(status)) = parse("status") else {
        panic!("status is a command");
    };
    let admin = |value| status.admin(&around(value)).map_err(|problem| problem.to_string());
    assert_eq!(admin(""), Ok(DEFAULT_ADMIN));
    assert_eq!(admin("[::1]:1"), Ok("[::1]:1".parse().unwrap()));
    assert!(admin("off").unwrap_err().starts_with("SPLASHDAM_ADMIN=off: is not an address"));
}

#[test]
fn mistakes_exit_with_2_and_the_nearest_name() {
    for (line, part) in [
        ("", "Usage"),
        ("rum", "run"),
        ("run --memroy 1", "--memory"),
        ("send --stream a:b", "neither : nor *"),
        ("send --flush-timeout 5", "needs its unit"),
        ("status --admin off", "address and port"),
        ("plan --bytes 1", "--records-per-second"),
        ("plan --records-per-second 1 --bytes 1 --framed --text", "cannot be used with"),
        ("plan --records-per-second 1 --bytes 1 --growth-per-month 0.15", "write 15%"),
        ("spool", "Usage"),
        ("spool lst", "ls"),
        ("spool cat /x --format xml", "ndjson"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(part), "{line}: {error}");
    }
}

#[test]
fn exit_codes() {
    let codes = [Exit::Success, Exit::Failure, Exit::Configuration, Exit::Loss, Exit::TimedOut];
    assert_eq!(codes.map(Exit::code), [0, 1, 2, 3, 4]);
}
