//! `rserpool resolve`: which elements does a pool have?

use crate::exchange::{Exchange, Way};
use crate::failure::Failure;
use crate::{exchange, json, pause, pool_name, print, show, values};
use lexopt::prelude::*;
use rserpool::PoolHandle;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::driver::place::Place;
use rserpool::message::AsapMessage;
use rserpool::message::asap::{HandleResolution, HandleResolutionResponse};
use rserpool::wire::{Cause, PORT_ASAP, PPID_ASAP};
use std::net::SocketAddr;
use std::time::Duration;

const HELP: &str = "\
Asks a registrar for the elements of a pool, best first, as a pool user would.

Usage: rserpool resolve HANDLE [OPTIONS]

Options:
  --registrar ADDR:PORT  the registrar; all addresses of a name are tried [127.0.0.1:3863]
  --items N              elements wanted at most [what the registrar gives by itself]
  --transport WAY        tcp, sctp (the kernel's), sctp-udp, or auto: first TCP, then SCTP [auto]
  --timeout DURATION     how long to try, all ways together [5s]
  --json                 one JSON object instead of lines
  -h, --help             this text

In HANDLE, %NN is the byte with this hexadecimal number (%20 a space, %00 NUL, %25 % itself), as `rserpool list` prints it.

Examples:
  rserpool resolve CallControl
  rserpool resolve CallControl --registrar 192.0.2.1:3863 --items 1
  rserpool resolve 'Call%20Control'
  rserpool resolve CallControl --json | jq -r '.pool_elements[0].user_transport.port'

Exit status: 0 the pool has elements, 1 there is no such pool, 2 wrong usage, 3 no answer.
";

/// Between two rounds of asking in all ways.
const PAUSE: Duration = Duration::from_millis(250);

struct Options {
    handle: PoolHandle,
    /// All of its addresses.
    registrar: Vec<SocketAddr>,
    items: Option<u32>,
    ways: Vec<Way>,
    timeout: Duration,
    json: bool,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => resolve(&options),
        None => print(HELP),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let mut handle = None;
    let mut registrar = vec![SocketAddr::from(([127, 0, 0, 1], PORT_ASAP))];
    let mut items = None;
    let tls = values::tls_from_environment()?;
    let mut ways = vec![Way::Tcp, Way::Sctp(values::transport_from_environment()?)];
    if tls.is_under_tls() {
        ways.truncate(1);
    }
    let mut timeout = Duration::from_secs(5);
    let mut json = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => json = true,
            Long("registrar") => {
                registrar = values::option(&mut parser, "registrar", |value| {
                    let addresses = values::addresses(value, PORT_ASAP)?;
                    if let Ok(Place::Name(name)) = values::place(value, PORT_ASAP) {
                        let places: Vec<PeerAddress> = addresses.iter().copied().map(PeerAddress::from).collect();
                        tls.looked_up(|| name.certified(), &places);
                    }
                    Ok(addresses)
                })?;
            }
            Long("items") => items = Some(values::option(&mut parser, "items", values::count_u32)?),
            Long("transport") => {
                ways = values::option(&mut parser, "transport", |value| {
                    let ways = if value == "auto" { ways } else { vec![Way::parse(value)?] };
                    if tls.is_under_tls() && ways != [Way::Tcp] {
                        return Err("RSERPOOL_TLS requires TLS, which is there over tcp only".to_owned());
                    }
                    Ok(ways)
                })?;
            }
            Long("timeout") => timeout = values::option(&mut parser, "timeout", values::duration)?,
            Value(value) if handle.is_none() => {
                use std::os::unix::ffi::OsStrExt;
                handle = Some(pool_name::parse(value.as_bytes()).map_err(Failure::Usage)?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let handle =
        handle.ok_or_else(|| Failure::Usage("the pool handle is missing; see rserpool resolve --help".into()))?;
    exchange::ask_under(tls);
    Ok(Some(Options { handle, registrar, items, ways, timeout, json }))
}

fn resolve(options: &Options) -> Result<(), Failure> {
    let response = ask(options)?;
    if let Some(error) = &response.error {
        let pool = pool_name::show(&options.handle);
        return Err(Failure::Failed(match error.first() {
            Some(Cause::UnknownPoolHandle) => format!("the registrar knows no pool {pool}"),
            Some(cause) => format!("the registrar did not resolve {pool}: {cause}"),
            None => format!("the registrar did not resolve {pool}, without giving a reason"),
        }));
    }
    let elements = &response.pool_elements;
    if options.json {
        let elements = json::array(elements.iter().map(show::element_json));
        let pool = ("pool_handle", json::string(&pool_name::show(&response.pool_handle)));
        return print(&format!("{}\n", json::object([pool, ("pool_elements", elements)])));
    }
    print(&elements.iter().map(|e| show::element(e) + "\n").collect::<String>())
}

/// Asks in each of the ways until one leads to an answer, and again while there is a registrar that only leaves too early, as one
/// does that is just starting. Each way has an equal share of the time that is left.
fn ask(options: &Options) -> Result<HandleResolutionResponse, Failure> {
    let deadline = clock::now() + options.timeout;
    loop {
        let (mut somebody_left, mut failure) = (false, None);
        for (&way, ways_left) in options.ways.iter().zip((1..=options.ways.len() as u32).rev()) {
            let share = deadline.saturating_since(clock::now()) / ways_left;
            match ask_by(way, share, options) {
                Err(Failure::NoAnswer(why)) => failure = Some(Failure::NoAnswer(why)),
                Err(Failure::Left(why)) => {
                    somebody_left = true;
                    failure = Some(Failure::Left(why));
                }
                other => return other,
            }
        }
        if !somebody_left || clock::now() + PAUSE >= deadline {
            return Err(failure.unwrap_or_else(|| Failure::Usage("no transport to ask by".to_owned())));
        }
        pause(PAUSE)?;
    }
}

fn ask_by(way: Way, timeout: Duration, options: &Options) -> Result<HandleResolutionResponse, Failure> {
    let mut exchange = Exchange::connect_to_any(way, &options.registrar, timeout)?;
    let request = HandleResolution { subscribe: false, pool_handle: options.handle.clone(), items: options.items };
    let mut bytes = Vec::new();
    AsapMessage::HandleResolution(request)
        .encode(&mut bytes)
        .map_err(|error| Failure::Usage(format!("the pool handle cannot be sent: {error}")))?;
    exchange.send(PPID_ASAP, &bytes)?;
    loop {
        match AsapMessage::decode(&exchange.receive()?).map(|decoded| decoded.message) {
            Ok(AsapMessage::HandleResolutionResponse(response)) if response.pool_handle == options.handle => {
                return Ok(response);
            }
            Ok(AsapMessage::Error(error)) => {
                let cause = error.error.first().map_or("no reason given".to_owned(), |cause| cause.to_string());
                return Err(Failure::Failed(format!("the registrar refused the question: {cause}")));
            }
            Ok(_) => {} // not for us
            Err(error) => return Err(Failure::Failed(format!("the registrar's answer makes no sense: {error}"))),
        }
    }
}
