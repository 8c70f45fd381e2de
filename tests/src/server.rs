//! A small HTTP server on loopback, for files and for faults. It ends with its value; nothing outlives a test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a path answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These bytes.
    File(Vec<u8>),
    /// This page of an index.
    Page(String),
    /// These bytes, to whoever shows these credentials (`user:password`); 401 to others.
    Guarded(String, Vec<u8>),
    /// Another answer, to whoever shows these credentials (`user:password`); this status to others.
    Private(String, u16, Box<Answer>),
    /// This status as often as the number says, then the bytes.
    Failing(u16, usize, Vec<u8>),
    /// The connection breaks after half of the bytes, as often as the number says.
    Breaking(usize, Vec<u8>),
    /// Another address.
    Redirect(String),
    /// The head of an answer, and then nothing until the server ends.
    Hanging,
}

#[derive(Debug, Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<String>>,
    authorized: Mutex<usize>,
    ended: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    state: Arc<State>,
    port: u16,
    scheme: &'static str,
    accepting: Option<JoinHandle<()>>,
    certificate: Option<String>,
}

impl Server {
    /// A server without answers.
    pub fn start() -> Self {
        Self::with_tls(None, None)
    }

    /// The same behind TLS, with a certificate that nobody knows yet.
    pub fn start_with_tls() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key =
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key is the certificate's");
        Self::with_tls(Some(Arc::new(config)), Some(made.cert.pem()))
    }

    fn with_tls(tls: Option<Arc<ServerConfig>>, certificate: Option<String>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("the listener is bound").port();
        let state = Arc::new(State::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::clone(&state);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    break;
                }
                let state = Arc::clone(&shared);
                let tls = tls.clone();
                let Ok(handle) = stream.try_clone() else { continue };
                lock(&state.open).extend(stream.try_clone());
                std::thread::spawn(move || {
                    match tls {
                        None => serve(stream, &state),
                        Some(config) => {
                            if let Ok(connection) = ServerConnection::new(config) {
                                serve(StreamOwned::new(connection, stream), &state);
                            }
                        }
                    }
                    let _ = handle.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Self { state, port, scheme, accepting: Some(accepting), certificate }
    }

    /// Answers `path`, which begins with a slash, from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        lock(&self.state.answers).insert(path.to_owned(), answer);
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        let host = if self.certificate.is_some() { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}{path}", self.scheme, self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate in PEM, if there is one.
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap_or_default()
    }

    /// How many of the requests carried credentials.
    pub fn authorized(&self) -> usize {
        *lock(&self.state.authorized)
    }

    /// What was asked for, in order: the second word of each request.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        for stream in lock(&self.state.open).drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one connection until it closes.
fn serve(stream: impl Read + Write, state: &State) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut authorization = None;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                authorization = Some(value.trim().to_owned());
            }
        }
        let target = first.split_whitespace().nth(1).unwrap_or_default().to_owned();
        lock(&state.requests).push(target.clone());
        *lock(&state.authorized) += usize::from(authorization.is_some());
        if first.starts_with("CONNECT ") {
            // A proxy that leads everywhere to itself.
            if stream.get_mut().write_all(b"HTTP/1.1 200 Connected\r\n\r\n").is_err() {
                return;
            }
            continue;
        }
        if respond(stream.get_mut(), state, &target, authorization.as_deref()).is_none() {
            return;
        }
    }
}

/// Answers one request; `None` ends the connection.
fn respond(stream: &mut impl Write, state: &State, path: &str, authorization: Option<&str>) -> Option<()> {
    let shows = |credentials: &str| {
        use base64::Engine;
        let wanted = base64::engine::general_purpose::STANDARD.encode(credentials);
        authorization == Some(format!("Basic {wanted}").as_str())
    };
    let (status, bytes) = {
        let mut answers = lock(&state.answers);
        let mut answer = answers.get_mut(path);
        let mut denied = None;
        while let Some(Answer::Private(credentials, status, inner)) = answer {
            denied = denied.or_else(|| Some(*status).filter(|_| !shows(credentials)));
            answer = Some(inner);
        }
        match answer.filter(|_| denied.is_none()) {
            None => (denied.unwrap_or(404), Vec::new()),
            Some(Answer::Private(..)) => unreachable!("the loop above has taken these off"),
            Some(Answer::Guarded(credentials, bytes)) => {
                if shows(credentials) {
                    (200, bytes.clone())
                } else {
                    (401, Vec::new())
                }
            }
            Some(Answer::File(bytes) | Answer::Failing(_, 0, bytes) | Answer::Breaking(0, bytes)) => {
                (200, bytes.clone())
            }
            Some(Answer::Failing(status, times, _)) => {
                *times -= 1;
                (*status, Vec::new())
            }
            Some(Answer::Breaking(times, bytes)) => {
                *times -= 1;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
                stream.write_all(head.as_bytes()).ok()?;
                stream.write_all(&bytes[..bytes.len() / 2]).ok()?;
                stream.flush().ok()?;
                return None;
            }
            Some(Answer::Page(page)) => {
                let length = page.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).ok()?;
                stream.write_all(page.as_bytes()).ok()?;
                return stream.flush().ok();
            }
            Some(Answer::Redirect(to)) => {
                let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(head.as_bytes()).ok()?;
                return stream.flush().ok();
            }
            Some(Answer::Hanging) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").ok()?;
                return stream.flush().ok();
            }
        }
    };
    let head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n\r\n", bytes.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&bytes).ok()?;
    stream.flush().ok()
}
