//! A proxy between a client and the local AWS that does what networks and services do: refuses, throttles, answers
//! nonsense, loses answers, delivers late, hangs, delays; for all calls, or for those of an operation or a region. It
//! writes down every call.
//!
//! It listens on the loopback only and needs no async: a thread for each connection.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http::Message;

mod call;
mod rule;
pub use call::{Call, Operation};
pub use rule::{Fault, Late, Rule};

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    /// Where we listen.
    address: SocketAddr,
    stopped: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    calls: Vec<Call>,
    delay: Duration,
    undelivered: usize,
}

impl Proxy {
    /// Starts a proxy in front of `upstream`, without any fault.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            address,
            stopped: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                // A client that goes away is what this is about, and no error.
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// What `AWS_ENDPOINT_URL` gets.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule. Of several that are about a call, the first that was added happens.
    pub fn add(&self, rule: Rule) {
        self.shared.lock().rules.push(rule);
    }

    /// Adds this time to every call, whatever else happens to it.
    pub fn delay_every_call(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// Takes all rules away. What is late stays late.
    pub fn heal(&self) {
        self.shared.lock().rules.clear();
    }

    /// Every call that has come in, in its order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// Gives the calls, and forgets them.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.lock().calls)
    }

    /// Waits until so many calls of an operation have come in.
    pub fn wait_for(&self, operation: &str, count: usize) {
        let too_few = |state: &mut State| {
            state.calls.iter().filter(|call| call.operation.as_str() == operation).count() < count
        };
        drop(self.shared.changed.wait_while(self.shared.lock(), too_few));
    }

    /// Waits until everything that was to be delivered late has been.
    pub fn settle(&self) {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_while(state, |state| state.undelivered > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut writer = client.try_clone()?;
        let mut reader = BufReader::new(client);
        let mut upstream = None;
        while let Some(request) = Message::read_request(&mut reader)? {
            let (index, fault, delay) = self.note(&request);
            std::thread::sleep(delay);
            let answer = match fault {
                None => parts(self.forward(&request, &mut upstream)?, &request),
                Some(Fault::Delay(time)) => {
                    std::thread::sleep(time);
                    self.forward(&request, &mut upstream)?
                }
                Some(Fault::Refuse) => return writer.shutdown(Shutdown::Both),
                Some(Fault::Hang) => {
                    // The client is the one that ends it.
                    let _ = reader.read_to_end(&mut Vec::new());
                    return Ok(());
                }
                Some(Fault::DropAnswer) => {
                    self.forward(&request, &mut upstream)?;
                    return writer.shutdown(Shutdown::Both);
                }
                Some(Fault::BreakOff) => {
                    let answer = self.forward(&request, &mut upstream)?;
                    let bytes = answer.to_bytes();
                    writer.write_all(&bytes[..bytes.len() - answer.body.len() / 2 - 1])?;
                    return writer.shutdown(Shutdown::Both);
                }
                Some(Fault::DeliverLate(late)) => {
                    self.deliver_late(request, late);
                    return writer.shutdown(Shutdown::Both);
                }
                Some(Fault::Mangle) => {
                    let letters = |text: &str| {
                        text.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect()
                    };
                    rewritten(self.forward(&request, &mut upstream)?, letters)
                }
                Some(Fault::Rewrite(from, to)) => {
                    rewritten(self.forward(&request, &mut upstream)?, |text| text.replace(&from, &to))
                }
                Some(Fault::Truncate) => {
                    let mut answer = self.forward(&request, &mut upstream)?;
                    answer.body.truncate(answer.body.len() / 2);
                    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
                    answer
                }
                Some(fault) => answer_of(&fault, &request),
            };
            self.lock().calls.get_mut(index).into_iter().for_each(|call| call.status = answer.status());
            answer.write(&mut writer)?;
        }
        Ok(())
    }

    /// Writes the call down, and finds out what happens to it.
    fn note(&self, request: &Message) -> (usize, Option<Fault>, Duration) {
        let mut call = Call::new(request);
        let mut state = self.lock();
        let rule = state.rules.iter_mut().find_map(|rule| rule.happens(&call).then(|| rule.fault().clone()));
        call.fault.clone_from(&rule);
        state.calls.push(call);
        let noted = (state.calls.len() - 1, rule, state.delay);
        drop(state);
        self.changed.notify_all();
        noted
    }

    /// Over a connection that is kept for the next request of the same client.
    fn forward(&self, request: &Message, kept: &mut Option<BufReader<TcpStream>>) -> io::Result<Message> {
        let method = request.target().0.to_owned();
        if let Some(stream) = kept {
            // It may have been closed since; nothing has reached the other side then.
            if let Ok(answer) =
                request.write(stream.get_mut()).and_then(|()| Message::read_answer(stream, &method))
            {
                return Ok(self.with_our_links(answer));
            }
        }
        let stream = TcpStream::connect(self.upstream)?;
        stream.set_nodelay(true)?;
        let stream = kept.insert(BufReader::new(stream));
        request.write(stream.get_mut())?;
        let answer = Message::read_answer(stream, &method)?;
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            *kept = None;
        }
        Ok(self.with_our_links(answer))
    }

    /// Links of the local AWS to itself lead through us, so that faults can happen to them too.
    fn with_our_links(&self, mut answer: Message) -> Message {
        let is_json = answer.header("content-type").is_some_and(|value| value.contains("json"));
        let theirs = format!("http://localhost:{}/_ministack/", self.upstream.port());
        let ours = format!("http://{}/_ministack/", self.address);
        if let Some(text) =
            std::str::from_utf8(&answer.body).ok().filter(|text| is_json && text.contains(&theirs))
        {
            answer.body = text.replace(&theirs, &ours).into_bytes();
            answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        }
        answer
    }

    fn deliver_late(self: &Arc<Self>, request: Message, late: Late) {
        let shared = Arc::clone(self);
        let mut state = self.lock();
        state.undelivered += 1;
        let seen = state.calls.len();
        drop(state);
        std::thread::spawn(move || {
            match late {
                Late::After(time) => std::thread::sleep(time),
                Late::AfterCalls(count) => {
                    let waiting = |state: &mut State| {
                        state.calls.len() < seen + count && !shared.stopped.load(Ordering::SeqCst)
                    };
                    let waited = shared.changed.wait_while(shared.lock(), waiting);
                    drop(waited.unwrap_or_else(PoisonError::into_inner));
                }
            }
            let _ = shared.forward(&request, &mut None);
            shared.lock().undelivered -= 1;
            shared.changed.notify_all();
        });
    }
}

/// An answer with another body.
fn rewritten(mut answer: Message, body: impl Fn(&str) -> String) -> Message {
    answer.body = body(&String::from_utf8_lossy(&answer.body)).into_bytes();
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    answer
}

/// The part of an answer that the request asks for, as S3 gives it behind a link. The local AWS always gives all.
fn parts(mut answer: Message, request: &Message) -> Message {
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let range = range.and_then(|(first, last)| Some((first.parse().ok()?, last.parse::<usize>().ok()? + 1)));
    let whole = answer.body.len();
    if let Some((first, end)) = range.filter(|(first, end)| first < end && *end <= whole)
        && answer.status() == Some(200)
        && request.header("authorization").is_none()
    {
        answer.first_line = String::from("HTTP/1.1 206 Partial Content");
        answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        answer.headers.push(("content-range".to_owned(), format!("bytes {first}-{}/{whole}", end - 1)));
        answer.body = answer.body[first..end].to_vec();
    }
    answer
}

fn answer_of(fault: &Fault, request: &Message) -> Message {
    // The older services, STS among them, speak in forms and XML.
    let speaks_xml =
        request.header("content-type").is_some_and(|value| value.starts_with("application/x-www-form"));
    let is_s3 = request.header("authorization").is_some_and(|value| value.contains("/s3/aws4_request"));
    let error = |status, code: &str, message: &str| {
        let id = "5eed0000-0000-0000-0000-000000000000";
        let mut answer = if is_s3 {
            let body = format!(
                "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>"
            );
            let is_head = request.target().0 == "HEAD";
            Message::answer(status, "Error", "application/xml", if is_head { "" } else { &body })
        } else if speaks_xml {
            let error =
                format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            let body = format!("<ErrorResponse>{error}<RequestId>{id}</RequestId></ErrorResponse>");
            Message::answer(status, "Error", "text/xml", &body)
        } else {
            let body = format!("{{\"Type\":\"User\",\"message\":\"{message}\"}}");
            Message::answer(status, "Error", "application/json", &body)
        };
        answer.headers.push(("x-amzn-errortype".to_owned(), code.to_owned()));
        answer.headers.push(("x-amzn-requestid".to_owned(), id.to_owned()));
        answer
    };
    match fault {
        Fault::Throttle if is_s3 => error(503, "SlowDown", "Please reduce your request rate."),
        Fault::Throttle if speaks_xml => error(400, "Throttling", "Rate exceeded"),
        Fault::Throttle => error(429, "TooManyRequestsException", "Rate exceeded"),
        Fault::Error { status, code, message } => error(*status, code, message),
        Fault::Answer(json) => Message::answer(200, "OK", "application/x-amz-json-1.1", json),
        Fault::Xml(xml) => Message::answer(200, "OK", "text/xml", xml),
        Fault::Html(status) => {
            Message::answer(*status, "Page", "text/html", "<html><body>Not today</body></html>")
        }
        _ => Message::answer(
            503,
            "Service Unavailable",
            "application/json",
            "{\"message\":\"Service Unavailable\"}",
        ),
    }
}

#[cfg(test)]
mod tests;
