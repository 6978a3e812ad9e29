//! A proxy: opens tunnels and forwards requests, to the hosts that it knows.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::Request;

/// What it is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    Well,
    /// Answers 407 whatever it is told.
    WantsPassword,
    /// Answers 403, as with a list of allowed hosts.
    Forbids,
}

#[derive(Debug)]
struct State {
    temper: Temper,
    /// `CONNECT host:port` and `POST http://…`, in their order.
    asked: Vec<String>,
    authorizations: Vec<Option<String>>,
}

/// The proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

type Hosts = BTreeMap<String, SocketAddr>;

impl Proxy {
    /// It finds these hosts there.
    pub(crate) fn start(hosts: &[(&str, SocketAddr)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { temper: Temper::Well, asked: Vec::new(), authorizations: Vec::new() }));
        let hosts: Arc<Hosts> = Arc::new(hosts.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, hosts) = (Arc::clone(&shared), Arc::clone(&hosts));
                std::thread::spawn(move || serve(&stream, &state, &hosts).ok());
            }
        });
        Proxy { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn temper(&self, temper: Temper) {
        self.state.lock().unwrap().temper = temper;
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Every authorization that came, once each.
    pub(crate) fn authorizations(&self) -> Vec<Option<String>> {
        let mut all = self.state.lock().unwrap().authorizations.clone();
        all.sort();
        all.dedup();
        all
    }
}

fn serve(client: &TcpStream, state: &Mutex<State>, hosts: &Hosts) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut from = BufReader::new(client);
    while let Some(request) = Request::read(&mut from)? {
        let temper = {
            let mut state = state.lock().unwrap();
            state.asked.push(format!("{} {}", request.method(), request.target()));
            state.authorizations.push(request.header("proxy-authorization").map(str::to_owned));
            state.temper
        };
        let status = match temper {
            Temper::Well => None,
            Temper::WantsPassword => Some("407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"x\""),
            Temper::Forbids => Some("403 Forbidden"),
        };
        if let Some(status) = status {
            return write!(&mut &*client, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
        if request.method() == "CONNECT" {
            let host = request.target().rsplit_once(':').unwrap().0;
            return tunnel(client, hosts[host]);
        }
        forward(client, &request, hosts)?;
    }
    Ok(())
}

fn tunnel(client: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    server.set_nodelay(true)?;
    write!(&mut &*client, "HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (from, into) = (client.try_clone()?, server.try_clone()?);
    let up = std::thread::spawn(move || copy(&from, &into));
    copy(&server, client);
    up.join().unwrap();
    Ok(())
}

/// Until one side hangs up; then neither hears more.
fn copy(mut from: &TcpStream, mut into: &TcpStream) {
    let _ = io::copy(&mut from, &mut into);
    let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
}

/// One request in absolute form.
fn forward(mut client: &TcpStream, request: &Request, hosts: &Hosts) -> io::Result<()> {
    let target = request.target();
    let rest = target.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.split(':').next().unwrap();
    let mut server = TcpStream::connect(hosts[host])?;
    server.write_all(request.head.replacen(target, path, 1).as_bytes())?;
    server.write_all(&request.body)?;
    let Some(answer) = Request::read(&mut BufReader::new(server))? else { return Ok(()) };
    client.write_all(answer.head.as_bytes())?;
    client.write_all(&answer.body)
}
