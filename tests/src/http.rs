//! As much of HTTP/1.1 as a proxy on the loopback needs: whole messages, in memory, over blocking streams.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub first_line: String,
    /// The headers in their order, as they were written.
    pub headers: Vec<(String, String)>,
    /// The body, no longer in chunks.
    pub body: Vec<u8>,
}

/// Whether a message without a length ends with its head or with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Answer,
}

impl Message {
    /// Reads a request. `None` if the other side has nothing more to say.
    pub fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        Self::read(stream, Side::Request, false)
    }

    /// Reads the answer to a request of this method.
    pub fn read_answer(stream: &mut BufReader<TcpStream>, method: &str) -> io::Result<Self> {
        Self::read(stream, Side::Answer, method == "HEAD")?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn read(stream: &mut BufReader<TcpStream>, side: Side, bodiless: bool) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        if stream.read_line(&mut message.first_line)? == 0 {
            return Ok(None);
        }
        message.first_line.truncate(message.first_line.trim_end().len());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            message.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if message.header("expect").is_some() {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let status = message.status();
        if bodiless || matches!(status, Some(204 | 304)) {
            return Ok(Some(message));
        }
        if message.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            message.body = read_chunks(stream)?;
            message.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
        } else if let Some(length) = message.header("content-length").and_then(|value| value.parse().ok()) {
            message.body = vec![0; length];
            stream.read_exact(&mut message.body)?;
        } else if side == Side::Answer {
            stream.read_to_end(&mut message.body)?;
        }
        Ok(Some(message))
    }

    /// Writes it, with the length of the body in one piece.
    pub fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.to_bytes())?;
        stream.flush()
    }

    /// As it goes over the line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first_line);
        let mut has_length = false;
        for (name, value) in &self.headers {
            has_length |= name.eq_ignore_ascii_case("content-length");
            text.extend([name, ": ", value, "\r\n"]);
        }
        if !has_length && !matches!(self.status(), Some(100..=199 | 204 | 304)) {
            text.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The status of an answer.
    pub fn status(&self) -> Option<u16> {
        let rest = self.first_line.strip_prefix("HTTP/")?;
        rest.split(' ').nth(1)?.parse().ok()
    }

    /// The method and the path, with its query, of a request.
    pub fn target(&self) -> (&str, &str) {
        let mut words = self.first_line.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// An answer of our own.
    pub fn answer(status: u16, reason: &str, content_type: &str, body: &str) -> Self {
        Self {
            first_line: format!("HTTP/1.1 {status} {reason}"),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }
}

fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let digits = line.trim_end().split(';').next().unwrap_or_default();
        let length =
            usize::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..])?;
        // The end of the chunk; after the last one, of the message.
        line.clear();
        stream.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// One request over a connection of its own; the status of the answer.
pub fn ask(address: SocketAddr, method: &str, path: &str, timeout: Duration) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    let request = Message {
        first_line: format!("{method} {path} HTTP/1.1"),
        headers: vec![("host".into(), address.to_string()), ("connection".into(), "close".into())],
        body: Vec::new(),
    };
    request.write(&mut stream)?;
    let answer = Message::read_answer(&mut BufReader::new(stream), method)?;
    answer.status().ok_or_else(|| io::ErrorKind::InvalidData.into())
}
