//! Clowder's file, which `ACG_CONFIG` names: what the platform of console.redhat.com gives an app.
//!
//! Where it is named, a sidecar in Clowder's slot must answer its probes on port 13133 of every address.

use super::raw::{Given, Origin, Raw};
use super::surroundings::Surroundings;

/// Names Clowder's file.
pub(crate) const VARIABLE: &str = "ACG_CONFIG";
/// Where Clowder's probes ask, and there is no setting for it.
const HEALTH: &str = "0.0.0.0:13133";

/// What follows from the variable alone, whatever the file says.
pub(crate) fn given_by_variable(surroundings: &Surroundings) -> Option<Given> {
    surroundings.variable(VARIABLE)?;
    let origin = Origin::Variable(VARIABLE.to_owned());
    Some(Given { key: "health".to_owned(), raw: Raw::Text(HEALTH.to_owned()), origin })
}
