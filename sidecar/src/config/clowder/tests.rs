//! What each kind of file comes to, with and without a word of somebody else's.

use serde_json::{json, Value};

use super::*;
use crate::config::{describe, load_text, load_to_replay, ConfigErrors, Flags, Loaded};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG";

fn production() -> Value {
    json!({
        "logging": { "type": "cloudwatch", "cloudwatch": {
            "accessKeyId": ID, "secretAccessKey": SECRET, "region": "us-east-1", "logGroup": "shop-prod" } },
        "metadata": { "name": "shop-api", "envName": "prod", "deployments": [{ "name": "api", "image": "x" }] },
        "metricsPort": 9000,
    })
}

fn ephemeral() -> Value {
    let empty = json!({ "accessKeyId": "", "secretAccessKey": "", "region": "", "logGroup": "" });
    json!({ "logging": { "type": "null", "cloudwatch": empty } })
}

/// Production's file with one value changed.
fn with(pointer: &str, value: Value) -> String {
    let mut file = production();
    *file.pointer_mut(pointer).unwrap() = value;
    file.to_string()
}

/// What a configuration file and these variables come to where this is Clowder's file; nothing stands for no file.
fn load(clowder: &str, file: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cdappconfig.json");
    if !clowder.is_empty() {
        std::fs::write(&path, clowder).unwrap();
    }
    let shown = path.display().to_string();
    let acg = [(VARIABLE, shown.as_str())];
    let variables = acg.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let around = Surroundings { variables: variables.collect(), ..Surroundings::default() };
    let hidden = |text: String| text.replace(&shown, "PATH");
    match load_text("c.toml", file, &around) {
        Ok(loaded) => Ok(Loaded { warnings: loaded.warnings.into_iter().map(hidden).collect(), ..loaded }),
        Err(errors) => Err(hidden(errors.to_string())),
    }
}

#[test]
fn production_gives_group_region_keys_health_and_the_apps_name() {
    let config = load(&production().to_string(), "", &[]).unwrap().config;
    assert_eq!(config.service, Service::Enabled);
    assert_eq!(config.destinations.group.as_ref().unwrap().as_str(), "shop-prod");
    assert_eq!(config.delivery.region.as_ref().unwrap().as_str(), "us-east-1");
    let keys = config.delivery.credentials.as_ref().unwrap();
    assert_eq!((keys.id(), keys.secret()), (ID, SECRET));
    assert_eq!(config.health, Some("0.0.0.0:13133".parse().unwrap()));
    assert_eq!(config.pod.app.as_deref(), Some("shop-api"));

    let text = describe(&config);
    assert!(text.contains("group = \"shop-prod\"") && text.contains("# from Clowder's file /"), "{text}");
    assert!(
        text.contains("# credentials: static keys from Clowder (access key id ends …MPLE)  # from Clowder"),
        "{text}"
    );
    assert!(text.contains("health = \"0.0.0.0:13133\"") && text.contains("# from ACG_CONFIG\n"), "{text}");
    for shown in [text, format!("{config:?} {config:#?}")] {
        assert!(!shown.contains(SECRET) && !shown.contains(&ID[..16]), "{shown}");
    }
}

#[test]
fn an_older_clowder_gives_no_type() {
    for kind in [json!(""), Value::Null] {
        let config = load(&with("/logging/type", kind), "", &[]).unwrap().config;
        assert_eq!((config.service, config.delivery.credentials.is_some()), (Service::Enabled, true));
    }
}

#[test]
fn everybody_else_comes_before_clowder() {
    let clowder = production().to_string();
    let file = "group = \"of-file\"\nregion = \"eu-west-1\"\nhealth = \"127.0.0.1:1\"\n";
    let config = load(&clowder, file, &[("SPLASHDAM_REGION", "eu-west-2")]).unwrap().config;
    assert_eq!(config.destinations.group.as_ref().unwrap().as_str(), "of-file");
    assert_eq!(config.delivery.region.as_ref().unwrap().as_str(), "eu-west-2");
    assert_eq!(config.health, Some("127.0.0.1:1".parse().unwrap()));
    assert!(config.delivery.credentials.is_some(), "the keys are for CloudWatch, whatever the group");
    let off = load(&clowder, "enabled = false", &[]).unwrap().config;
    assert_eq!((off.service, off.delivery.credentials), (Service::Disabled, None));
}

#[test]
fn null_empty_and_missing_are_disabled_and_no_mistake() {
    for file in [
        ephemeral(),
        with("/logging/type", json!("null")).parse().unwrap(),
        with("/logging/type", json!("splunk")).parse().unwrap(),
        with("/logging/cloudwatch/logGroup", json!("")).parse().unwrap(),
        with("/logging/cloudwatch/logGroup", json!(" \n")).parse().unwrap(),
        with("/logging/cloudwatch/logGroup", Value::Null).parse().unwrap(),
        with("/logging/cloudwatch", Value::Null).parse().unwrap(),
        with("/logging", Value::Null).parse().unwrap(),
        json!({ "logging": {} }),
        json!({ "logging": { "type": "null", "cloudwatch": 7 } }),
        json!({}),
    ] {
        let loaded = load(&file.to_string(), "", &[]).unwrap_or_else(|errors| panic!("{file}: {errors}"));
        assert_eq!((loaded.config.service, &loaded.config.destinations.group), (Service::Disabled, &None), "{file}");
        assert!(loaded.warnings.is_empty() && loaded.config.delivery.credentials.is_none(), "{file}: {loaded:?}");
        assert!(loaded.config.disabled_by().contains("cdappconfig.json: logging."), "{file}");
    }
}

#[test]
fn a_group_that_somebody_else_names_wins_over_null() {
    let null = ephemeral().to_string();
    for config in [load(&null, "group = \"mine\"", &[]), load(&null, "", &[("SPLASHDAM_LOG_GROUP", "mine")])] {
        let config = config.unwrap().config;
        assert_eq!((config.service, config.delivery.credentials), (Service::Enabled, None));
        assert_eq!(config.destinations.group.unwrap().as_str(), "mine");
    }
    let off = load(&null, "group = \"mine\"\nenabled = false", &[]).unwrap().config;
    assert_eq!(off.service, Service::Disabled);
    let errors = load(&null, "enabled = true", &[]).unwrap_err();
    assert!(errors.contains("no log group is set") && errors.contains("ACG_CONFIG"), "{errors}");
}

#[test]
fn half_a_pair_is_an_error_that_names_the_field_and_no_value() {
    for (pointer, field) in [("accessKeyId", "secretAccessKey"), ("secretAccessKey", "accessKeyId")] {
        for nothing in [json!(""), Value::Null] {
            let clowder = with(&format!("/logging/cloudwatch/{pointer}"), nothing);
            for file in ["", "group = \"mine\""] {
                let errors = load(&clowder, file, &[]).unwrap_err();
                let start = format!("ACG_CONFIG=PATH: logging.cloudwatch.{pointer} is empty or missing, but {field}");
                assert!(errors.starts_with(&start) && errors.lines().count() == 1, "{errors}");
                assert!(!errors.contains(ID) && !errors.contains(SECRET), "{errors}");
            }
            // Nothing is shipped, so nobody needs keys.
            assert!(load(&clowder, "enabled = false", &[]).is_ok());
        }
    }
    for (pointer, value) in [("accessKeyId", "AKIA BROKEN"), ("secretAccessKey", "bröken")] {
        let errors = load(&with(&format!("/logging/cloudwatch/{pointer}"), json!(value)), "", &[]).unwrap_err();
        assert!(errors.contains(pointer) && errors.contains("no AWS key has") && !errors.contains(value), "{errors}");
    }
}

#[test]
fn keys_may_be_left_to_the_chain_and_blanks_around_them_do_no_harm() {
    let mut file = production();
    for field in ["accessKeyId", "secretAccessKey"] {
        file["logging"]["cloudwatch"][field] = json!("");
    }
    let config = load(&file.to_string(), "", &[]).unwrap().config;
    assert_eq!((config.service, &config.delivery.credentials), (Service::Enabled, &None));
    assert!(!describe(&config).contains("# credentials"));

    let newline = with("/logging/cloudwatch/secretAccessKey", json!(format!("{SECRET}\n")));
    let keys = load(&newline, "", &[]).unwrap().config.delivery.credentials.unwrap();
    assert_eq!(keys.secret(), SECRET);
}

#[test]
fn what_cannot_be_understood_is_an_error_unless_the_group_is_named() {
    let long = format!("{{{}}}", " ".repeat(1 << 20));
    let group = |value: Value| with("/logging/cloudwatch/logGroup", value);
    for (clowder, part) in [
        ("", "ACG_CONFIG=PATH: cannot read Clowder's file: No such file"),
        ("{\"logging\": hush}", "ACG_CONFIG=PATH: is not JSON: expected value at line 1 column 13"),
        ("[1]", "ACG_CONFIG=PATH: is an array where an object should be"),
        (&long, "is longer than 1048576 bytes"),
        (&with("/logging", json!("hush")), "ACG_CONFIG=PATH: logging is a string where an object should be"),
        (&with("/logging/cloudwatch", json!(["hush"])), "cloudwatch is an array where an object should be"),
        (&with("/logging/type", json!(7)), "logging.type is a number where a string should be"),
        (&group(json!(true)), "logging.cloudwatch.logGroup is a boolean where a string should be"),
        (&group(json!("a b")), "Clowder's file PATH: logging.cloudwatch.logGroup = \"a b\": a log group's name takes"),
        (
            &with("/logging/cloudwatch/region", json!("X")),
            "logging.cloudwatch.region = \"X\": is not the name of a region",
        ),
    ] {
        let errors = load(clowder, "", &[]).unwrap_err();
        assert!(errors.contains(part) && errors.lines().count() == 1, "{part}: {errors}");
        assert!(!errors.contains("hush"), "{errors}");
        let loaded = load(clowder, "", &[("SPLASHDAM_GROUP", "mine")]).unwrap();
        assert_eq!(loaded.config.destinations.group.unwrap().as_str(), "mine");
        let [warning] = &loaded.warnings[..] else { panic!("{:?}", loaded.warnings) };
        assert!(warning.contains(part) && warning.ends_with("; going on without it"), "{warning}");
        assert!(load(clowder, "enabled = false", &[]).is_ok(), "{part}");
    }
}

#[test]
fn another_mistake_is_told_together_with_clowders() {
    let errors = load("", "memory = \"1MiB\"", &[]).unwrap_err();
    let starts = ["ACG_CONFIG=PATH: cannot read", "c.toml:1: memory: 1MiB is too little"];
    assert!(errors.lines().zip(starts).all(|(line, start)| line.starts_with(start)), "{errors}");
    assert_eq!(errors.lines().count(), 2);
    // A group that is named and wrong is no less wrong for what Clowder says.
    let errors = load("[]", "", &[("SPLASHDAM_GROUP", "{namespace}")]).unwrap_err();
    assert!(errors.contains("POD_NAMESPACE"), "{errors}");
}

#[test]
fn a_replay_takes_the_keys_and_needs_no_group() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.json");
    let replay = |file: Value| -> Result<Loaded, ConfigErrors> {
        std::fs::write(&path, file.to_string()).unwrap();
        let variables = [(VARIABLE.to_owned(), path.display().to_string())];
        let around = Surroundings { variables: variables.into(), ..Surroundings::default() };
        load_to_replay(None, &Flags::default(), &around)
    };
    assert!(replay(production()).unwrap().config.delivery.credentials.is_some());
    let config = replay(ephemeral()).unwrap().config;
    assert_eq!((config.service, config.destinations.group), (Service::Enabled, None));
}

proptest::proptest! {
    #[test]
    fn no_file_panics(text in "(?s).{0,100}|\\{\"logging\":(null|[0-9]|\\{\"(type|cloudwatch)\":(\"[a-z]{0,5}\"|\\{\"logGroup\":\"[a-z]{0,3}\"\\}|\\[\\])\\})\\}") {
        let _ = load(&text, "", &[]);
    }
}
