//! CloudWatch's door: TLS, and a look at the credentials; what is good goes on to the emulator, which checks all the rest.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use super::{Answer, Authority, Mint, Request, Web};

/// Where calls arrive.
#[derive(Debug)]
pub(crate) struct Front {
    web: Web,
    plain: Web,
}

impl Front {
    pub(crate) fn start(authority: &Authority, mint: &Mint, upstream: &str) -> Self {
        let handler = |mint: Mint, upstream: String| {
            move |request: &Request| {
                Some(match mint.judge(request) {
                    Ok(()) => forward(request, &upstream),
                    Err(code) => refuse(code),
                })
            }
        };
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let web = Web::serve(Some(authority.server()), handler(mint.clone(), upstream.clone()));
        let plain = Web::serve(None, handler(mint.clone(), upstream));
        Front { web, plain }
    }

    pub(crate) fn url(&self) -> String {
        self.web.url()
    }

    /// The same without TLS.
    pub(crate) fn plain(&self) -> &Web {
        &self.plain
    }

    pub(crate) fn web(&self) -> &Web {
        &self.web
    }
}

pub(crate) fn refuse(code: &str) -> Answer {
    let headers = "content-type: application/x-amz-json-1.1\r\nx-amzn-requestid: test\r\n";
    Answer::new(400, headers, &format!(r#"{{"__type":"{code}","message":"said the test"}}"#))
}

fn forward(request: &Request, upstream: &str) -> Answer {
    let mut stream = TcpStream::connect(upstream).unwrap();
    stream.write_all(request.head.as_bytes()).unwrap();
    stream.write_all(&request.body).unwrap();
    let mut from = BufReader::new(stream);
    // An answer is framed as a request is.
    let Some(answer) = Request::read(&mut from).unwrap() else { return refuse("InternalFailure") };
    Answer(answer.head.bytes().chain(answer.body).collect())
}
