//! Something between the sidecar and the endpoint that reads along, and answers itself what the endpoint would not.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A call as it passed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) body: String,
}

/// An answer of our own.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Header lines, each with its end, beside the length.
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    /// What CloudWatch Logs says when it does not do what it was asked.
    pub(crate) fn error(status: u16, code: &str) -> Self {
        Answer::new(status, format!(r#"{{"__type":"{code}","message":"said the test"}}"#))
    }

    /// A JSON body with a request id.
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        let headers = "content-type: application/x-amz-json-1.1\r\nx-amzn-requestid: test\r\n".to_owned();
        Answer { status, headers, body: body.into() }
    }

    fn write(&self, mut to: impl Write) -> io::Result<()> {
        let Answer { status, headers, body } = self;
        write!(to, "HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
    }
}

/// What to answer instead of the endpoint; `None` lets the call pass.
type Judge = dyn Fn(&Call) -> Option<Answer> + Send + Sync;

/// A relay on a port of its own. Its threads end with their connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Proxy {
    /// A relay to `upstream` that answers what `judge` says with a 400 of that error code.
    pub(crate) fn start(upstream: &str, judge: impl Fn(&Call) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        Self::answering(upstream, move |call| judge(call).map(|code| Answer::error(400, code)))
    }

    /// A relay to `upstream` that answers what `judge` says.
    pub(crate) fn answering(upstream: &str, judge: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (seen, judge): (_, Arc<Judge>) = (Arc::clone(&calls), Arc::new(judge));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (upstream, seen, judge) = (upstream.clone(), Arc::clone(&seen), Arc::clone(&judge));
                // Whoever hangs up ends the relay between the two.
                std::thread::spawn(move || relay(&client, &upstream, &seen, &*judge).ok());
            }
        });
        Proxy { url, calls }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.operation).collect()
    }
}

fn relay(client: &TcpStream, upstream: &str, seen: &Mutex<Vec<Call>>, judge: &Judge) -> io::Result<()> {
    let mut from_client = BufReader::new(client);
    let server = TcpStream::connect(upstream)?;
    let mut from_server = BufReader::new(&server);
    while let Some((head, body)) = message(&mut from_client)? {
        let target = header(&head, "x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let call = Call { operation, body: String::from_utf8_lossy(&body).into_owned() };
        let verdict = judge(&call);
        seen.lock().unwrap().push(call);
        if let Some(answer) = verdict {
            answer.write(client)?;
            continue;
        }
        (&server).write_all(head.as_bytes())?;
        (&server).write_all(&body)?;
        let Some((head, body)) = message(&mut from_server)? else { break };
        (&mut &*client).write_all(head.as_bytes())?;
        (&mut &*client).write_all(&body)?;
    }
    Ok(())
}

/// One message of HTTP/1.1 with a length: its head, and its body.
fn message(from: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

fn header(head: &str, name: &str) -> Option<String> {
    let (_, value) =
        head.lines().filter_map(|line| line.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case(name))?;
    Some(value.trim().to_owned())
}
