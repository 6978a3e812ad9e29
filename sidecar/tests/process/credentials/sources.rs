//! Each source of the chain, by itself: the first record is delivered, signed with what that source gave.

use std::sync::{Arc, Mutex};

use super::fakes::{container, Aws, Imds, Sts, SECRET, USER};
use crate::support::Setup;

/// Delivers a record and returns the keys that calls were signed with.
#[track_caller]
fn keys(aws: &Aws, setup: &Setup) -> Vec<String> {
    let sidecar = setup.start();
    aws.deliver(&sidecar, "hello");
    let (_, said) = aws.finish(sidecar, 1);
    assert_eq!(said.matches("calls are signed with credentials from").count(), 1, "{said}");
    assert!(aws.mint.refused().is_empty(), "{:?}", aws.mint.refused());
    aws.mint.accepted()
}

/// The first that were ever given out.
const FIRST: &str = "ASIATESTTEST00000001";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";

fn profile(aws: &Aws, config: &str, credentials: &str) -> Setup {
    let (config, credentials) = (aws.file("config", config), aws.file("credentials", credentials));
    aws.setup()
        .variable("AWS_CONFIG_FILE", config.to_str().unwrap())
        .variable("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap())
}

fn user_keys() -> String {
    format!("aws_access_key_id = {USER}\naws_secret_access_key = {SECRET}\n")
}

#[test]
fn variables() {
    let aws = Aws::start();
    let setup = aws.setup().variable("AWS_ACCESS_KEY_ID", USER).variable("AWS_SECRET_ACCESS_KEY", SECRET);
    assert_eq!(keys(&aws, &setup), [USER]);
}

#[test]
fn variables_with_a_session_token() {
    let aws = Aws::start();
    let issued = aws.mint.issue();
    let setup = aws.setup().variable("AWS_ACCESS_KEY_ID", &issued.id).variable("AWS_SECRET_ACCESS_KEY", SECRET);
    assert_eq!(keys(&aws, &setup.variable("AWS_SESSION_TOKEN", &issued.token)), [FIRST]);
}

#[test]
fn a_profile_with_keys_and_a_region() {
    let aws = Aws::start();
    let setup = profile(&aws, "[profile app]\nregion = eu-west-3\n", &format!("[app]\n{}", user_keys()));
    assert_eq!(keys(&aws, &setup.without("AWS_REGION").variable("AWS_PROFILE", "app")), [USER]);
}

#[test]
fn a_profile_that_assumes_a_role_from_another_one() {
    let aws = Aws::start();
    let sts = Sts::start(&aws.authority, &aws.mint);
    let config = format!("[default]\nrole_arn = {ROLE}\nsource_profile = user\n");
    let setup = profile(&aws, &config, &format!("[user]\n{}", user_keys()));
    assert_eq!(keys(&aws, &setup.variable("AWS_ENDPOINT_URL_STS", &sts.url())), [USER, FIRST], "one of them for STS");
    assert!(sts.calls().iter().all(|call| call.contains("Action=AssumeRole&")), "{:?}", sts.calls());
}

#[test]
fn a_profile_that_assumes_a_role_with_a_web_identity() {
    let aws = Aws::start().secret("web-identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    sts.expect("web-identity-hush");
    let token = aws.file("token", "web-identity-hush");
    let config = format!("[default]\nrole_arn = {ROLE}\nweb_identity_token_file = {}\n", token.display());
    assert_eq!(keys(&aws, &profile(&aws, &config, "").variable("AWS_ENDPOINT_URL_STS", &sts.url())), [FIRST]);
}

#[test]
fn a_profile_that_assumes_a_role_from_the_environment() {
    let aws = Aws::start();
    let sts = Sts::start(&aws.authority, &aws.mint);
    let (imds, agent) = (Imds::start(&aws.mint), container(&aws.mint, Arc::new(Mutex::new("hush-agent".to_owned()))));
    let sources = ["EcsContainer", "Ec2InstanceMetadata"];
    for source in sources {
        let config = format!("[default]\nrole_arn = {ROLE}\ncredential_source = {source}\n");
        let setup = profile(&aws, &config, "")
            .without("AWS_EC2_METADATA_DISABLED")
            .variable("AWS_ENDPOINT_URL_STS", &sts.url())
            .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &imds.url())
            .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", agent.url()))
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush-agent");
        let sidecar = setup.start();
        aws.deliver(&sidecar, source);
        aws.finish(sidecar, 1);
    }
    // Each time one from the source, for STS, and one from STS.
    let keys: Vec<_> = (1..=4).map(|n| format!("ASIATESTTEST{n:08}")).collect();
    assert_eq!(aws.mint.accepted(), keys);
    assert_eq!((sts.calls().len(), imds.paths().len()), (2, 3), "{:?} {:?}", sts.calls(), imds.paths());
}

#[test]
fn a_service_account_s_token_irsa() {
    let aws = Aws::start().secret("web-identity-hush");
    let sts = Sts::start(&aws.authority, &aws.mint);
    sts.expect("web-identity-hush");
    let token = aws.file("token", "web-identity-hush");
    let setup = aws
        .setup()
        .variable("AWS_ENDPOINT_URL_STS", &sts.url())
        .variable("AWS_ROLE_ARN", ROLE)
        .variable("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    assert_eq!(keys(&aws, &setup), [FIRST]);
    assert!(sts.calls()[0].contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp"), "{:?}", sts.calls());
}

#[test]
fn the_agent_of_eks_pod_identity() {
    let aws = Aws::start().secret("hush-agent-token");
    let agent = container(&aws.mint, Arc::new(Mutex::new("hush-agent-token".to_owned())));
    let token = aws.file("eks-pod-identity-token", "hush-agent-token");
    let setup = aws
        .setup()
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", agent.url()))
        .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap());
    assert_eq!(keys(&aws, &setup), [FIRST]);
}

#[test]
fn the_agent_of_an_ecs_task() {
    let aws = Aws::start().secret("hush-agent-token");
    let agent = container(&aws.mint, Arc::new(Mutex::new("hush-agent-token".to_owned())));
    let setup = aws
        .setup()
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", agent.url()))
        .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush-agent-token");
    assert_eq!(keys(&aws, &setup), [FIRST]);
}

#[test]
fn the_instance_s_metadata_and_its_region() {
    let aws = Aws::start().secret("imds-session-token");
    let imds = Imds::start(&aws.mint);
    let setup = aws
        .setup()
        .without("AWS_REGION")
        .without("AWS_EC2_METADATA_DISABLED")
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &imds.url());
    assert_eq!(keys(&aws, &setup), [FIRST]);
    assert!(imds.paths().contains(&"GET /latest/meta-data/placement/region".to_owned()), "{:?}", imds.paths());
}

#[test]
fn the_metadata_is_not_asked_where_others_have_credentials() {
    let aws = Aws::start();
    let imds = Imds::start(&aws.mint);
    let setup = aws
        .setup()
        .without("AWS_EC2_METADATA_DISABLED")
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", &imds.url())
        .variable("AWS_ACCESS_KEY_ID", USER)
        .variable("AWS_SECRET_ACCESS_KEY", SECRET);
    assert_eq!(keys(&aws, &setup), [USER]);
    assert!(imds.paths().is_empty(), "{:?}", imds.paths());
}
