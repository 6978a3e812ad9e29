//! The effective configuration, as a file that could be used as it is.

use std::fmt::Write as _;

use super::clowder::CREDENTIALS;
use super::date::UtcDate;
use super::keys::masked;
use super::model::{Config, Destinations};
use super::raw::Origin;
use super::table::{Section, Setting, SECTIONS};
use super::template::{Peer, Varies};

/// TOML with every setting and, as a comment, where it comes from. No setting is a secret; of Clowder's keys, which are none,
/// it is said that they are used and how the id ends.
pub fn describe(config: &Config) -> String {
    let mut config = config.clone();
    let sections: Vec<_> = SECTIONS.iter().map(|section| describe_section(&mut config, section)).collect();
    sections.join("\n")
}

fn describe_section(config: &mut Config, section: &Section) -> String {
    let lines: Vec<_> = section.settings.iter().map(|setting| describe_setting(config, setting)).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 50).max().unwrap_or(0);
    let mut text = format!("# {}\n", section.title);
    for (line, origin) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line:width$}  # {origin}");
    }
    if section.title == "CloudWatch" {
        text += &credentials(config).unwrap_or_default();
    }
    text
}

fn credentials(config: &Config) -> Option<String> {
    let end = masked(config.delivery.credentials.as_ref()?.id());
    let origin = config.origin(CREDENTIALS);
    Some(format!("# credentials: static keys from Clowder (access key id ends {end})  # from {origin}\n"))
}

fn describe_setting(config: &mut Config, setting: &Setting) -> (String, String) {
    let origin = match config.origin(setting.key) {
        Origin::Default => "default".to_owned(),
        origin => format!("from {origin}"),
    };
    let comment = match here(config, setting.key) {
        Some(name) => format!("{origin}; here {name}"),
        None => origin,
    };
    match (setting.field)(config).show() {
        Some(value) => (format!("{} = {value}", setting.key), comment),
        None => (format!("# {} is not set", setting.key), comment),
    }
}

/// What a template comes to in this pod, where that does not depend on clients or the day.
fn here(config: &Config, key: &str) -> Option<String> {
    let Destinations { group, group_template, stream, .. } = &config.destinations;
    let (template, name) = match key {
        "group" => (group_template.as_ref()?.to_string(), group.as_ref()?.to_string()),
        "stream" if stream.varies() == Varies::Never => {
            let name = stream.expand(&config.pod, &Peer::default(), UtcDate::from_unix_ms(0));
            (stream.to_string(), name.to_string())
        }
        _ => return None,
    };
    (template != name).then_some(name)
}
