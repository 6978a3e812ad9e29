//! Clowder's file, which `ACG_CONFIG` names: what the platform of console.redhat.com gives an app.
//!
//! | in the file | here |
//! |---|---|
//! | `logging.cloudwatch.logGroup`, `.region` | the settings `group`, `region`: below the configuration file, above the defaults |
//! | `logging.cloudwatch.accessKeyId`, `.secretAccessKey` | the credentials of calls to CloudWatch, before the AWS chain's |
//! | `logging.type` is not `cloudwatch`, or no log group | nothing is shipped (`enabled = false`) |
//! | `metadata.name` | `{app}` in a stream's name, where a client says none |
//!
//! `logging.type` may be missing or empty beside a log group: older versions of Clowder wrote it so in production. Where
//! `ACG_CONFIG` is set, `health` is on, since Clowder's slot for a sidecar asks port 13133 of every address.
//!
//! A log group that a flag, a variable or the configuration file names wins: then Clowder's word that nothing is to be
//! shipped does not count, and what is wrong with its file only warns. Otherwise a file that is missing or that we do not
//! understand is a configuration error (exit code 2): a rollout that stops is better than one whose logs are nowhere. Half a
//! pair of keys is an error in any case, unless nothing is shipped: the records would go out under somebody else's name.
//!
//! The file is read once, at the start. Clowder starts the pods anew when it has changed.

mod read;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::choice::Service;
use super::keys::StaticKeys;
use super::model::Config;
use super::problem::Problem;
use super::raw::{Given, Origin, Raw};
use super::surroundings::Surroundings;

/// Names Clowder's file.
pub(crate) const VARIABLE: &str = "ACG_CONFIG";
/// Where Clowder's probes ask; it has no setting for that.
const HEALTH: &str = "0.0.0.0:13133";
/// The key of the credentials' origin. They are no setting.
pub(crate) const CREDENTIALS: &str = "credentials";

/// What Clowder gives.
#[derive(Debug, Default)]
pub(crate) struct Clowder {
    /// The file, if one is named.
    path: Option<Arc<Path>>,
    /// Settings.
    pub(crate) given: Vec<Given>,
    /// The app's name.
    pub(crate) app: Option<String>,
    keys: Keys,
    problems: Vec<Problem>,
}

/// What it says about credentials.
#[derive(Debug, Default)]
enum Keys {
    #[default]
    None,
    Pair(StaticKeys),
    Unusable(Problem),
}

/// What is wrong with Clowder's file: an error, or only worth a warning.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// What follows from the variable alone, whatever the file says.
pub(crate) fn given_by_variable(surroundings: &Surroundings) -> Option<Given> {
    surroundings.variable(VARIABLE)?;
    let origin = Origin::Variable(VARIABLE.to_owned());
    Some(Given { key: "health".to_owned(), raw: Raw::Text(HEALTH.to_owned()), origin })
}

/// What Clowder gives, if it is there.
pub(crate) fn find(surroundings: &Surroundings) -> Clowder {
    let Some(path) = surroundings.variable(VARIABLE).map(PathBuf::from) else { return Clowder::default() };
    let mut clowder = read::read(&path.into());
    clowder.given.extend(given_by_variable(surroundings));
    clowder
}

impl Clowder {
    /// Decides, once every other source has spoken, what of Clowder's word holds. `refused` are mistakes in its settings;
    /// nobody needs a log group where `group_needed` is false.
    pub(crate) fn settle(self, config: &mut Config, refused: Vec<Problem>, group_needed: bool) -> Settled {
        let elsewhere = !group_needed || is_of_another(config.origin("group"));
        if elsewhere && matches!(config.origin("enabled"), Origin::Clowder { .. }) {
            config.service = Service::Enabled;
            config.origins.remove("enabled");
        }
        let mut settled = Settled::default();
        let mistakes: Vec<Problem> = self.problems.into_iter().chain(refused).collect();
        let off = config.service == Service::Disabled && is_of_another(config.origin("enabled"));
        if elsewhere || off {
            settled.warnings = mistakes.iter().map(|problem| format!("{problem}; going on without it")).collect();
        } else {
            settled.problems = mistakes;
        }
        match self.keys {
            Keys::Pair(keys) if config.service == Service::Enabled => {
                config.delivery.credentials = Some(keys);
                config.origins.extend(self.path.map(|path| (CREDENTIALS, Origin::Clowder { path, field: "" })));
            }
            Keys::Unusable(problem) if config.service == Service::Enabled => settled.problems.push(problem),
            _ => {}
        }
        settled
    }
}

/// Whether somebody beside Clowder has set it.
fn is_of_another(origin: &Origin) -> bool {
    !matches!(origin, Origin::Default | Origin::Clowder { .. })
}
