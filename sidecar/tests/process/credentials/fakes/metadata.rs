//! Metadata services: the instance's (IMDSv2), and a container's agent (ECS, EKS Pod Identity).

use std::sync::{Arc, Mutex};

use super::{Answer, Mint, Web};

const TOKEN: &str = "imds-session-token";

/// IMDSv2: nothing without a token.
#[derive(Debug)]
pub(crate) struct Imds {
    web: Web,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Imds {
    pub(crate) fn start(mint: &Mint) -> Self {
        let paths: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, mint) = (Arc::clone(&paths), mint.clone());
        let web = Web::serve(None, move |request| {
            seen.lock().unwrap().push(format!("{} {}", request.method(), request.target()));
            let known = request.header("x-aws-ec2-metadata-token") == Some(TOKEN);
            Some(match (request.method(), request.target(), known) {
                ("PUT", "/latest/api/token", _) => {
                    let ttl = request.header("x-aws-ec2-metadata-token-ttl-seconds").unwrap();
                    Answer::new(200, &format!("x-aws-ec2-metadata-token-ttl-seconds: {ttl}\r\n"), TOKEN)
                }
                (_, _, false) => Answer::new(401, "", ""),
                (_, "/latest/meta-data/iam/security-credentials/", _) => Answer::new(200, "", "node-role"),
                (_, "/latest/meta-data/iam/security-credentials/node-role", _) => {
                    Answer::new(200, "", &mint.issue().json())
                }
                (_, "/latest/meta-data/placement/region", _) => Answer::new(200, "", "eu-north-1"),
                _ => Answer::new(404, "", ""),
            })
        });
        Imds { web, paths }
    }

    pub(crate) fn url(&self) -> String {
        self.web.url()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

/// An agent that gives credentials to whoever has this authorization. (A relative URI, as ECS sets it, always means
/// 169.254.170.2, which is nowhere here: it is the same provider with another address.)
pub(crate) fn container(mint: &Mint, authorization: Arc<Mutex<String>>) -> Web {
    let mint = mint.clone();
    Web::serve(None, move |request| {
        let good = request.header("authorization") == Some(authorization.lock().unwrap().as_str());
        let good = good && request.target() == "/v1/credentials";
        Some(if good { Answer::new(200, "", &mint.issue().json()) } else { Answer::new(403, "", "") })
    })
}
