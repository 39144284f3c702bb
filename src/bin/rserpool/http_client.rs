//! Asking a registrar by HTTP, at its `--http`: one request a connection, an answer of bounded length, in bounded time.

use crate::failure::Failure;
use crate::http::{PORT, left};
use crate::terminal::plain;
use crate::values;
use rserpool::Time;
use rserpool::driver::clock;
use serde_json::Value;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Where a registrar is asked that nobody names.
pub const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), PORT);
/// How long an answer may take, where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Items of a list in an answer: the most that a registrar gives.
pub const LONGEST_PAGE: u32 = 1000;
/// Bytes of an answer: 1000 elements have some hundred bytes each.
const MAX_ANSWER: usize = 16 << 20;
/// Header fields of an answer.
const MAX_HEADERS: usize = 64;

/// A registrar, by its `--http`.
#[derive(Clone, Copy, Debug)]
pub struct HttpRegistrar {
    pub address: SocketAddr,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl Default for HttpRegistrar {
    fn default() -> HttpRegistrar {
        HttpRegistrar { address: DEFAULT, timeout: PATIENCE }
    }
}

impl HttpRegistrar {
    /// What a path has, which is to be JSON.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        let read = |body: &[u8]| serde_json::from_slice(body).map_err(|error| plain(&error.to_string()).into_owned());
        self.get_as(path, read)
    }

    /// The list of this name that a path has.
    pub fn list(&self, path: &str, name: &str) -> Result<Vec<Value>, Failure> {
        Ok(self.get(path)?.list(name).to_vec())
    }

    /// What a path has, which is to be text.
    pub fn get_text(&self, path: &str) -> Result<String, Failure> {
        self.get_as(path, |body| String::from_utf8(body.to_vec()).map_err(|error| error.to_string()))
    }

    fn get_as<T>(&self, path: &str, read: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, Failure> {
        let HttpRegistrar { address, timeout } = *self;
        let fetched = fetch(address, path, clock::now() + timeout);
        let answer = fetched.map_err(|error| {
            let why = match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock => format!("no answer within {timeout:?}"),
                _ => error.to_string(),
            };
            Failure::NoAnswer(format!("the registrar cannot be asked by HTTP at {address}: {why}"))
        })?;
        let nonsense =
            |why: &str| Failure::Failed(format!("who answers at {address} is no registrar of this kind: {why}"));
        let (status, body) = split(&answer).map_err(|why| match why {
            // It was ended meanwhile.
            Broken::CutOff => Failure::Left(format!("the registrar at {address} left without an answer")),
            Broken::Nonsense => nonsense("it does not speak HTTP as one does"),
        })?;
        match status {
            200 => read(body).map_err(|why| nonsense(&why)),
            503 => Err(Failure::Left(format!(
                "the registrar at {address} does not answer: it starts, leaves, or has too much to do"
            ))),
            404 => Err(Failure::Failed(format!("the registrar at {address} knows nothing of {}", plain(path)))),
            status => Err(nonsense(&format!("it answers {} with {status}", plain(path)))),
        }
    }
}

/// The address of an option's value, the port of which may be left out.
pub fn address(value: &str) -> Result<SocketAddr, String> {
    values::address(value, PORT)
}

/// The same of a list.
pub fn addresses(value: &str) -> Result<Vec<SocketAddr>, String> {
    value.split(',').map(address).collect()
}

fn fetch(address: SocketAddr, path: &str, until: Time) -> io::Result<Vec<u8>> {
    let mut connection = TcpStream::connect_timeout(&address, left(until)?)?;
    connection.set_write_timeout(Some(left(until)?))?;
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let (mut answer, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        connection.set_read_timeout(Some(left(until)?))?;
        match connection.read(&mut chunk) {
            Ok(0) => return Ok(answer),
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
            // A stop of this process interrupts the call, as its socket has a timeout.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if answer.len() > MAX_ANSWER {
            return Err(io::Error::other(format!("its answer has more than {MAX_ANSWER} bytes")));
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// Its end is missing.
    CutOff,
    /// It is none.
    Nonsense,
}

/// The status of an answer, and its body, which is all there.
fn split(answer: &[u8]) -> Result<(u16, &[u8]), Broken> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(answer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Err(Broken::CutOff),
        Err(_) => return Err(Broken::Nonsense),
    };
    let body = answer.get(length..).unwrap_or_default();
    let promised = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let promised = promised.and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<usize>().ok());
    match promised {
        Some(promised) if promised == body.len() => Ok((head.code.unwrap_or(0), body)),
        Some(promised) if promised > body.len() => Err(Broken::CutOff),
        _ => Err(Broken::Nonsense),
    }
}

/// Members of what it has said, each of the kind that it is to be, else what stands for nothing.
pub trait Said {
    fn text(&self, name: &str) -> &str;
    fn number(&self, name: &str) -> u64;
    fn list(&self, name: &str) -> &[Value];
}

impl Said for Value {
    fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_only_where_all_of_it_is_there() {
        assert_eq!(split(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), Ok((200, &b"{}"[..])));
        for (answer, why) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"[..], Broken::CutOff),
            (b"HTTP/1.1 200 OK\r\nContent-", Broken::CutOff),
            (b"", Broken::CutOff),
            (b"HTTP/1.1 200 OK\r\n\r\n{}", Broken::Nonsense),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", Broken::Nonsense),
            (b"SSH-2.0-OpenSSH\r\n\r\n", Broken::Nonsense),
        ] {
            assert_eq!(split(answer), Err(why), "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn what_is_not_of_its_kind_stands_for_nothing() {
        let said: Value = serde_json::from_str(r#"{"a":1,"b":"x","c":[2]}"#).expect("JSON");
        assert_eq!((said.number("a"), said.text("b"), said.list("c").len()), (1, "x", 1));
        assert_eq!((said.number("b"), said.text("a"), said.list("a").len()), (0, "", 0));
        assert_eq!(Value::Null.number("a"), 0);
    }
}
