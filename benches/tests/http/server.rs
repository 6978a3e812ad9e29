//! A small HTTP server on the loopback interface: counts, stalls or refuses as told, with kept connections.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of a request, by its number in the order in which they came.
pub(crate) type Behaviour = fn(u64) -> Answer;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    Status(u16),
    /// 200, and the connection is closed, as servers do that keep none.
    Last,
    /// Nobody is answered for so long, then this one with 200.
    Stall(Duration),
    /// The connection is closed without an answer.
    Close,
    /// Nothing is said until the client goes away.
    Silence,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Behaviour,
    came: AtomicU64,
    connections: AtomicUsize,
    /// Who holds it stalls all others.
    gate: Mutex<()>,
    requests: Mutex<Vec<String>>,
}

impl Server {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            behaviour,
            came: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            gate: Mutex::new(()),
            requests: Mutex::new(Vec::new()),
        });
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Heads and bodies, in the order they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The numbers in the requests' queries, in the order they came.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let number = |request: &String| {
            let query = request.split(' ').nth(1)?.split_once('?')?.1.to_owned();
            query.split('&').find_map(|pair| pair.strip_prefix("n="))?.parse().ok()
        };
        self.requests().iter().filter_map(number).collect()
    }
}

/// Until the client goes away; a client that breaks off is no error.
fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        shared.requests.lock().unwrap().push(request);
        let answer = (shared.behaviour)(shared.came.fetch_add(1, Ordering::SeqCst));
        let gate = shared.gate.lock().unwrap();
        let status = match answer {
            Answer::Status(status) => status,
            Answer::Last => {
                drop(gate);
                let _ = writer.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
                return;
            }
            Answer::Stall(length) => {
                thread::sleep(length);
                200
            }
            Answer::Close => return,
            Answer::Silence => {
                drop(gate);
                let _ = reader.read_line(&mut String::new());
                return;
            }
        };
        drop(gate);
        let text = format!("HTTP/1.1 {status} Word\r\nContent-Length: 5\r\n\r\nhello");
        if writer.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<String> {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request.to_ascii_lowercase();
    let length =
        length.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    std::io::Read::read_exact(reader, &mut body).ok()?;
    request.push_str(&String::from_utf8(body).unwrap());
    Some(request)
}
