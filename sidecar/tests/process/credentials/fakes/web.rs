//! A small HTTP/1.1 server, with TLS or without: a thread for each connection, which ends with it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Request line and headers, with the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` where the client has left.
    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head)? == 0 {
                return Ok(None);
            }
        }
        let mut request = Request { head, body: Vec::new() };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        request.body.resize(length, 0);
        from.read_exact(&mut request.body)?;
        Ok(Some(request))
    }

    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The bytes of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer(pub(crate) Vec<u8>);

impl Answer {
    pub(crate) fn new(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Answer(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes())
    }
}

/// A server; it serves until the process ends.
#[derive(Debug)]
pub(crate) struct Web {
    address: SocketAddr,
    scheme: &'static str,
    connections: Arc<AtomicUsize>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Web {
    /// `handler` answers, or hangs up with `None`.
    pub(crate) fn serve(
        tls: Option<Arc<ServerConfig>>,
        handler: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, scheme) = (listener.local_addr().unwrap(), if tls.is_some() { "https" } else { "http" });
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, handler) = (Arc::clone(&connections), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::Relaxed);
                let (handler, tls) = (Arc::clone(&handler), tls.clone());
                // Whoever hangs up ends it.
                std::thread::spawn(move || converse(stream, tls, &*handler).ok());
            }
        });
        Web { address, scheme, connections }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How many connections have come.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn converse(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    handler: &dyn Fn(&Request) -> Option<Answer>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => Box::new(StreamOwned::new(ServerConnection::new(tls).map_err(io::Error::other)?, stream)),
    };
    let mut stream = BufReader::new(stream);
    while let Some(request) = Request::read(&mut stream)? {
        let Some(Answer(answer)) = handler(&request) else { break };
        stream.get_mut().write_all(&answer)?;
        stream.get_mut().flush()?;
    }
    Ok(())
}
