//! The least IAM policy that lets this configuration work. Pure.

use serde::Serialize;

use crate::config::{Config, Creation};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
}

/// The policy as JSON. The account is a wildcard: nobody is asked which one it is.
pub(super) fn minimal(config: &Config, region: Option<&str>) -> String {
    let (action, resource) = (actions(config), resources(config, region));
    let policy = Policy { version: "2012-10-17", statement: [Statement { effect: "Allow", action, resource }] };
    // Of strings and arrays alone, so it can be written.
    serde_json::to_string_pretty(&policy).unwrap_or_default()
}

fn actions(config: &Config) -> Vec<&'static str> {
    let create = &config.destinations.create;
    let group = create.group == Creation::OnDemand;
    let wanted = [
        ("logs:PutLogEvents", true),
        ("logs:CreateLogStream", create.stream == Creation::OnDemand),
        ("logs:CreateLogGroup", group),
        ("logs:PutRetentionPolicy", group && create.retention.is_some()),
        ("logs:TagResource", group && create.tags.iter().len() > 0),
        ("logs:AssociateKmsKey", group && create.kms_key.is_some()),
    ];
    wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(action, _)| action).collect()
}

/// Both forms of a group's ARN: actions on the group want the first, those on its streams the second.
fn resources(config: &Config, region: Option<&str>) -> Vec<String> {
    let own = config.destinations.group.iter().map(ToString::to_string);
    let allowed = config.destinations.allow.iter().filter_map(|pattern| {
        let pattern = pattern.to_string();
        pattern.split_once(':').map(|(group, _)| group.to_owned())
    });
    let mut groups: Vec<String> = own.chain(allowed).collect();
    groups.sort();
    groups.dedup();
    let (partition, region) = (partition(region), region.unwrap_or("*"));
    let arns = groups.iter().flat_map(|group| {
        let arn = format!("arn:{partition}:logs:{region}:*:log-group:{group}");
        [arn.clone(), format!("{arn}:*")]
    });
    arns.collect()
}

fn partition(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, Value};

    use super::*;
    use crate::config::{load_text, Surroundings};

    fn policy(text: &str, region: Option<&str>) -> Value {
        let config = load_text("test.toml", text, &Surroundings::default()).unwrap().config;
        serde_json::from_str(&minimal(&config, region)).unwrap()
    }

    #[test]
    fn asks_for_nothing_that_is_not_configured() {
        let policy = policy("group = \"app\"\ncreate_group = false\n", Some("eu-west-1"));
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Action"], json!(["logs:PutLogEvents", "logs:CreateLogStream"]));
        let arn = "arn:aws:logs:eu-west-1:*:log-group:app";
        assert_eq!(statement["Resource"], json!([arn, format!("{arn}:*")]));
    }

    #[test]
    fn the_documentation_shows_the_same() {
        let text = "group = \"/my/app\"\nretention_days = 7\ntags = { team = \"a\" }\n";
        let docs = include_str!("../../../../docs/operations.md");
        let blocks = docs.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
        let shown = blocks.filter(|block| block.contains("logs:PutLogEvents")).map(|block| {
            let block = block.replace("123456789012", "*");
            serde_json::from_str::<Value>(&block).unwrap()
        });
        assert_eq!(shown.collect::<Vec<_>>(), [policy(text, Some("eu-central-1"))]);
    }

    #[test]
    fn asks_for_all_that_is() {
        let text = "group = \"app\"\nretention_days = 7\ntags = { team = \"a\" }\nallow = [\"audit-*:*\", \"app:x\"]\n";
        let policy = policy(text, Some("cn-north-1"));
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Action"].as_array().unwrap().len(), 5);
        assert_eq!(statement["Resource"].as_array().unwrap().len(), 4);
        assert_eq!(statement["Resource"][2], "arn:aws-cn:logs:cn-north-1:*:log-group:audit-*");
    }
}
