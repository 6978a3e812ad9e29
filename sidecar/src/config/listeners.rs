//! Where a running sidecar can be asked: what `probe` needs of the configuration, and no more.
//!
//! A probe is a process of its own beside the sidecar. It sees the same variables and the same file, but not the flags that
//! `run` was given, and nothing that does not concern it may make it fail: a failed probe restarts a container. So only
//! `health` and `admin` are looked at, and no mistake in another setting is told.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::file::{self, Contents};
use super::model::Config;
use super::pod::PodFacts;
use super::problem::{ConfigErrors, Problem};
use super::surroundings::Surroundings;
use super::{apply, cgroup, clowder, read_file, table, variables};

const OF_INTEREST: [&str; 2] = ["health", "admin"];

/// The address that a probe asks, if any is configured: that of the health interface, else that of the admin interface.
/// An interface that listens on every address is asked on loopback.
///
/// # Errors
/// A file that cannot be read, and what is wrong with these two settings.
pub fn load_probed(file: Option<&Path>, surroundings: &Surroundings) -> Result<Option<SocketAddr>, ConfigErrors> {
    let file = read_file(file, surroundings)?;
    let contents = file.as_ref().map(|(path, text)| (path, file::read(path, text)));
    let mut problems = Vec::new();
    let mut sources = vec![clowder::given_by_variable(surroundings).into_iter().collect()];
    if let Some((path, Contents { given, spoilt, .. })) = contents {
        let spoilt = spoilt.iter().filter(|key| OF_INTEREST.contains(key));
        let unreadable =
            |key| Problem::new(path.display(), format!("{key} cannot be read: `splashdam check` says why"));
        problems.extend(spoilt.map(unreadable));
        sources.push(given);
    }
    sources.push(variables::given(&surroundings.variables));
    let mut config = Config::defaults(PodFacts::default(), cgroup::default_memory(None));
    for mut source in sources {
        source.retain(|given| table::find(&given.key).is_some_and(|setting| OF_INTEREST.contains(&setting.key)));
        problems.extend(apply(&mut config, &source, &mut BTreeSet::new()));
    }
    if problems.is_empty() {
        Ok(config.health.or(config.admin).map(reachable))
    } else {
        Err(ConfigErrors(problems))
    }
}

/// An address that listens everywhere, as one that can be asked.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(variables: &[(&str, &str)], file: Option<&str>) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        if let Some(text) = file {
            std::fs::write(&path, text).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let around = Surroundings { variables: variables.collect(), ..Surroundings::default() };
        match load_probed(file.map(|_| path.as_path()), &around) {
            Ok(address) => Ok(address.map_or("none".to_owned(), |address| address.to_string())),
            Err(errors) => Err(errors.to_string()),
        }
    }

    #[test]
    fn health_before_admin_and_every_source_in_its_turn() {
        let asked = |variables: &[(&str, &str)], file| asked(variables, file).unwrap();
        assert_eq!(asked(&[], None), "127.0.0.1:9787");
        assert_eq!(asked(&[("SPLASHDAM_ADMIN", "off")], None), "none");
        assert_eq!(asked(&[("SPLASHDAM_HEALTH", "[::]:1")], None), "[::1]:1");
        assert_eq!(asked(&[("SPLASHDAM_HEALTH", "10.0.0.1:1")], None), "10.0.0.1:1");
        let clowder = ("ACG_CONFIG", "/nowhere/cdappconfig.json");
        assert_eq!(asked(&[clowder], None), "127.0.0.1:13133");
        assert_eq!(asked(&[clowder], Some("health = \"0.0.0.0:2\"")), "127.0.0.1:2");
        assert_eq!(asked(&[clowder, ("SPLASHDAM_HEALTH", "off")], Some("health = \"0.0.0.0:2\"")), "127.0.0.1:9787");
    }

    #[test]
    fn nothing_else_makes_a_probe_fail() {
        let memory = ("SPLASHDAM_MEMORY", "much");
        assert_eq!(asked(&[memory], Some("lingr = 1\nmemory = \"1B\"\ngroup =\n")).unwrap(), "127.0.0.1:9787");
        let wrong = asked(&[("SPLASHDAM_HEALTH", "13133")], None).unwrap_err();
        assert!(wrong.starts_with("SPLASHDAM_HEALTH=13133: is not an address"), "{wrong}");
        let spoilt = asked(&[], Some("health = 1.5")).unwrap_err();
        assert!(spoilt.contains("health cannot be read"), "{spoilt}");
    }
}
