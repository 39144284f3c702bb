//! What an operator's tools ask by HTTP: metrics, health, and the registrar's knowledge in JSON. It changes nothing.
//!
//! A connection has one request and one answer, a thread, and a bounded time, but for pages that are open (`live.rs`); there are so many connections, and one more is closed at
//! once. The registrar's thread is asked for what an answer needs, a bounded piece of work; what takes long is put into words here.

mod answers;
mod classic;
mod element;
mod element_counts;
mod events;
mod handlespace;
mod limits;
mod live;
mod metrics;
mod page;
mod request;
mod search;

#[cfg(test)]
mod tests;

pub use events::members as members_of_event;

use crate::failure::Failure;
use crate::settings::Options;
use answers::{Answer, Status};
use parking_lot::Mutex;
use request::Request;
use rserpool::Time;
use rserpool::driver::clock;
use rserpool::driver::registrar::{RegistrarAddresses, RegistrarWindow};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Port, where only an address is given.
pub const PORT: u16 = 3880;
/// Connections at a time.
const MAX_CONNECTIONS: usize = 32;
/// Bytes of a request.
const MAX_REQUEST: usize = 8 << 10;
/// How long a request may take to come, and its answer to go.
const REQUEST_TIME: Duration = Duration::from_secs(5);
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long the registrar's thread may take; one that is slower is not healthy.
const REGISTRAR_TIME: Duration = Duration::from_secs(2);
/// After an accept that failed, as it does while there is no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What answers are made of.
#[derive(Clone)]
pub struct Source {
    pub window: RegistrarWindow,
    pub addresses: RegistrarAddresses,
    /// When it began, as time since 1970-01-01.
    pub since: Duration,
    /// The settings that hold.
    pub options: Arc<Mutex<Options>>,
}

/// The registrar of this process, which changes when it begins anew under another identifier.
pub type Current = Arc<Mutex<Option<Source>>>;

/// An open endpoint. Nobody is answered before [`Server::start`].
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Opens the endpoint.
    pub fn open(address: SocketAddr) -> Result<Server, Failure> {
        let cannot = |error: io::Error| Failure::Failed(format!("cannot open HTTP endpoint {address}: {error}"));
        let listener = TcpListener::bind(address).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        log::info!("metrics and more by HTTP at {address}");
        Ok(Server { listener, address })
    }

    /// Where it is, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers from now on, in threads of its own, as long as the process runs.
    pub fn start(self, current: Current) -> Result<(), Failure> {
        let serve = move || accept(&self.listener, &current);
        let started = std::thread::Builder::new().name("http".to_owned()).spawn(serve);
        started.map(drop).map_err(|error| Failure::Failed(format!("cannot start a thread for HTTP: {error}")))
    }
}

fn accept(listener: &TcpListener, current: &Current) {
    let (connections, listeners) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    loop {
        let Ok((connection, _)) = listener.accept() else {
            // Nothing tells when there is a descriptor again.
            std::thread::park_timeout(ACCEPT_PAUSE);
            continue;
        };
        let place = Place::take(&connections, MAX_CONNECTIONS);
        let (current, listeners) = (Arc::clone(current), Arc::clone(&listeners));
        let Some(place) = place else { continue };
        // Where there is no thread, the connection is closed, as where there is no place.
        let _ = std::thread::Builder::new().name("http-connection".to_owned()).spawn(move || {
            let _place = place;
            if let Err(error) = serve(connection, &current, &listeners) {
                log::debug!("an HTTP connection ends without an answer: {error}");
            }
        });
    }
}

/// One of the connections that there may be.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Place> {
        let place = Place(Arc::clone(taken));
        (taken.fetch_add(1, Ordering::AcqRel) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Reads a request and writes its answer.
fn serve(mut connection: TcpStream, current: &Current, listeners: &Arc<AtomicUsize>) -> io::Result<()> {
    let until = clock::now() + REQUEST_TIME;
    let answer = match receive(&mut connection, until)? {
        Received::Request(bytes) => match Request::parse(&bytes) {
            Ok(request) if request.path == live::PATH => match Place::take(listeners, live::MAX_LISTENERS) {
                Some(_place) => return live::tell(&mut connection, current),
                None => Answer::of(Status::Unavailable),
            },
            Ok(request) => answers::answer(&request, current.lock().clone()),
            Err(status) => Answer::of(status),
        },
        Received::TooLong => Answer::of(Status::TooLong),
    };
    send(&mut connection, &answer.bytes(), clock::now() + ANSWER_TIME)?;
    connection.shutdown(std::net::Shutdown::Write)?;
    // What has come and was not read would have the kernel reset the connection, and with it the answer.
    drain(&mut connection, until);
    Ok(())
}

enum Received {
    Request(Vec<u8>),
    TooLong,
}

/// The head of a request.
fn receive(connection: &mut TcpStream, until: Time) -> io::Result<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while bytes.len() <= MAX_REQUEST {
        connection.set_read_timeout(Some(left(until)?))?;
        match uninterrupted(connection.read(&mut chunk))? {
            Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(length) => bytes.extend_from_slice(&chunk[..length]),
            None => continue,
        }
        if request::is_whole(&bytes) {
            return Ok(Received::Request(bytes));
        }
    }
    Ok(Received::TooLong)
}

fn send(connection: &mut TcpStream, mut bytes: &[u8], until: Time) -> io::Result<()> {
    while !bytes.is_empty() {
        connection.set_write_timeout(Some(left(until)?))?;
        let sent = uninterrupted(connection.write(bytes))?.unwrap_or(0);
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

fn drain(connection: &mut TcpStream, until: Time) {
    let mut chunk = [0; 1024];
    for _ in 0..MAX_REQUEST / 64 {
        let Ok(time) = left(until) else { return };
        if connection.set_read_timeout(Some(time)).is_err() || !matches!(connection.read(&mut chunk), Ok(1..)) {
            return;
        }
    }
}

/// None: a stop of this process has interrupted the call, as its socket has a timeout.
fn uninterrupted(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        result => result.map(Some),
    }
}

/// The time until then, of which there is some.
pub fn left(until: Time) -> io::Result<Duration> {
    let left = until.saturating_since(clock::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
