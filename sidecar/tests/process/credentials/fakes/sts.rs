//! STS: AssumeRole and AssumeRoleWithWebIdentity, over TLS.

use std::sync::{Arc, Mutex};

use super::{Answer, Authority, Mint, Request, Web};

/// The token service.
#[derive(Debug)]
pub(crate) struct Sts {
    web: Web,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<String>,
    down: bool,
    /// The one web identity that is let in; any, if none is set.
    identity: Option<String>,
}

impl Sts {
    pub(crate) fn start(authority: &Authority, mint: &Mint) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, mint) = (Arc::clone(&state), mint.clone());
        let web = Web::serve(Some(authority.server()), move |request| Some(answer(request, &shared, &mint)));
        Sts { web, state }
    }

    pub(crate) fn web(&self) -> &Web {
        &self.web
    }

    pub(crate) fn url(&self) -> String {
        self.web.url()
    }

    /// From now on it answers 503, or is well again.
    pub(crate) fn down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    /// Lets only this token in.
    pub(crate) fn expect(&self, identity: &str) {
        self.state.lock().unwrap().identity = Some(identity.to_owned());
    }

    /// The forms of all calls.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }
}

fn answer(request: &Request, state: &Mutex<State>, mint: &Mint) -> Answer {
    let mut state = state.lock().unwrap();
    let form = request.text();
    let field = |name: &str| form.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let field = |name: &str| field(name).map(|(_, value)| value.to_owned()).unwrap_or_default();
    let (action, identity) = (field("Action"), field("WebIdentityToken"));
    state.calls.push(form.clone());
    if state.down {
        return refuse(503, "ServiceUnavailable");
    }
    let allowed = match action.as_str() {
        "AssumeRoleWithWebIdentity" => state.identity.as_ref().is_none_or(|expected| *expected == identity),
        "AssumeRole" => mint.judge(request).is_ok(),
        _ => false,
    };
    if !allowed {
        return refuse(403, "AccessDenied");
    }
    let issued = mint.issue();
    let (id, token, expiration, secret) = (&issued.id, &issued.token, issued.expiration(), super::SECRET);
    Answer::new(
        200,
        "content-type: text/xml\r\n",
        &format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
             <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{expiration}</Expiration></Credentials><AssumedRoleUser>\
             <Arn>arn:aws:sts::123456789012:assumed-role/role/session</Arn><AssumedRoleId>AROA:session</AssumedRoleId>\
             </AssumedRoleUser></{action}Result></{action}Response>"
        ),
    )
}

fn refuse(status: u16, code: &str) -> Answer {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>said the test</Message></Error><RequestId>test</RequestId></ErrorResponse>"
    );
    Answer::new(status, "content-type: text/xml\r\n", &body)
}
