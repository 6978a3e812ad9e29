//! The process's variables: `SPLASHDAM_` and the key in capitals.

use std::collections::BTreeMap;

use super::nearest::suggestion;
use super::raw::{Given, Origin, Raw};
use super::table::{keys, variable_of};

/// Names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "SPLASHDAM_CONFIG";
const PREFIX: &str = "SPLASHDAM_";
/// For clients and other programs; not ours to judge.
const NOT_OURS: [&str; 3] = [CONFIG_VARIABLE, "SPLASHDAM_DISABLED", "SPLASHDAM_BIN"];

/// What the variables give. An empty variable is one that is not set.
pub(crate) fn given(variables: &BTreeMap<String, String>) -> Vec<Given> {
    keys()
        .filter_map(|key| {
            let name = variable_of(key);
            let value = variables.get(&name).filter(|value| !value.is_empty())?;
            Some(Given { key: key.to_owned(), raw: Raw::Text(value.clone()), origin: Origin::Variable(name) })
        })
        .collect()
}

/// A warning for each variable that looks like ours and is not. Never fatal: Kubernetes makes such variables for
/// each Service whose name begins like ours.
pub(crate) fn unknown(variables: &BTreeMap<String, String>) -> Vec<String> {
    let known: Vec<_> = keys().map(variable_of).collect();
    variables
        .keys()
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .filter(|name| !NOT_OURS.contains(&name.as_str()) && !is_service_link(name))
        .map(|name| {
            let near = suggestion(name, known.iter().map(String::as_str));
            format!("variable {name} is not a setting and has no effect{near}")
        })
        .collect()
}

/// `SPLASHDAM_SERVICE_HOST`, `SPLASHDAM_X_PORT_80_TCP_ADDR` and their like.
fn is_service_link(name: &str) -> bool {
    let rest = &name[PREFIX.len() - 1..];
    rest.contains("_SERVICE_HOST")
        || rest.contains("_SERVICE_PORT")
        || rest.ends_with("_PORT")
        || rest.contains("_PORT_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keys_in_capitals() {
        let given = given(&variables(&[
            ("SPLASHDAM_SOCKET_MODE", "0666"),
            ("SPLASHDAM_LOG_GROUP", "g"),
            ("SPLASHDAM_LINGER", ""),
            ("MEMORY", "1"),
        ]));
        let shown: Vec<_> = given.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["SPLASHDAM_LOG_GROUP=g", "SPLASHDAM_SOCKET_MODE=0666"]);
    }

    #[test]
    fn unknown_ones_are_warned_about() {
        let warnings = unknown(&variables(&[
            ("SPLASHDAM_MEMROY", "1"),
            ("SPLASHDAM_SOCKET", "/s"),
            ("SPLASHDAM_CONFIG", "c"),
            ("SPLASHDAM_DISABLED", "1"),
            ("SPLASHDAM_BIN", "target/debug/splashdam"),
            ("SPLASHDAM_SERVICE_HOST", "10.0.0.1"),
            ("SPLASHDAM_PORT", "tcp://10.0.0.1:80"),
            ("SPLASHDAM_ADMIN_PORT_9787_TCP_ADDR", "10.0.0.1"),
            ("OTHER", "x"),
        ]));
        assert_eq!(
            warnings,
            ["variable SPLASHDAM_MEMROY is not a setting and has no effect; did you mean SPLASHDAM_MEMORY?"]
        );
    }
}
