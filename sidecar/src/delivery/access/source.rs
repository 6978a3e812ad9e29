//! Where credentials come from, asked once; and what came of it, in one line without secrets.

use std::error::Error;
use std::time::SystemTime;

use aws_config::meta::ProviderChainError;
use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatchlogs::config::{Credentials, ProvideCredentials};

use crate::config::{masked, Region};
use crate::delivery::outcome::bounded;

/// Most bytes of what one source says.
const ONE: usize = 160;
/// Most bytes of what all say together.
const ALL: usize = 700;

/// Asks for credentials. A region is wanted as well: no call can be signed without.
pub(super) async fn ask(config: &SdkConfig) -> Result<Credentials, String> {
    let Some(region) = config.region() else {
        return Err(
            "no region: set --region, AWS_REGION or `region` in the profile (the instance's metadata has none)"
                .to_owned(),
        );
    };
    Region::parse(region.as_ref()).map_err(|what| format!("no region: {:?} {what}", region.as_ref()))?;
    let provider = config.credentials_provider().ok_or_else(|| "no credentials: no source".to_owned())?;
    let found = provider.provide_credentials().await;
    found.map_err(|error| format!("no credentials: {}", bounded(said(&error), ALL)))
}

/// The sources, as the SDK names them.
const SOURCES: &str = "Environment, Profile, WebIdentityToken, EcsContainer, Ec2InstanceMetadata";

/// What each source said, or the one that is set up and failed: those after it are not asked.
fn said(error: &CredentialsError) -> String {
    let chain = error.source().and_then(|source| source.downcast_ref::<ProviderChainError<CredentialsError>>());
    let Some(chain) = chain else {
        // The first words say only that something went wrong.
        let why = error.source().map_or_else(|| error.to_string(), causes);
        return format!("of {SOURCES}, asked in this order, one failed: {why}");
    };
    let each = chain.attempts().iter().map(|attempt| {
        let why = attempt.error().source().map_or_else(|| "none there".to_owned(), causes);
        format!("{}: {}", attempt.name(), bounded(why, ONE))
    });
    format!("tried {}", each.collect::<Vec<_>>().join("; "))
}

fn causes(error: &(dyn Error + 'static)) -> String {
    crate::delivery::outcome::causes_of(error)
}

/// Where they come from, the end of the key's id, how long they last.
pub(super) fn describe(credentials: &Credentials) -> String {
    let key = masked(credentials.access_key_id());
    let life = credentials.expiry().map(|expiry| expiry.duration_since(SystemTime::now()));
    let life = match life {
        None => String::new(),
        Some(Ok(life)) => format!(", good for {} s", life.as_secs()),
        Some(Err(_)) => ", EXPIRED by our clock".to_owned(),
    };
    format!("{}, access key {key}{life}", origin(credentials))
}

/// The provider's name stands nowhere but in the debug text, which leaves secrets out.
fn origin(credentials: &Credentials) -> String {
    let text = format!("{credentials:?}");
    let name = text.split_once("provider_name: \"").and_then(|(_, rest)| rest.split_once('"'));
    format!("from {}", name.map_or("a source without a name", |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_the_end_is_shown() {
        let credentials = |id: &str| Credentials::new(id, "wJalrXUtnFEMI", Some("token".to_owned()), None, "Somewhere");
        assert_eq!(describe(&credentials("AKIAIOSFODNN7EXAMPLE")), "from Somewhere, access key …MPLE");
        assert_eq!(describe(&credentials("short")), "from Somewhere, access key …");
    }
}
