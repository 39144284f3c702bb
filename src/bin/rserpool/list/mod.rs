//! `rserpool list`: everything that a registrar knows.
//!
//! ASAP has no message for this, so it asks as a registrar would that joins: ENRP_HANDLE_TABLE_REQUEST. It never sends a
//! PRESENCE, so it does not become a peer.

mod selection;

use crate::exchange::{Exchange, Way};
use crate::failure::Failure;
use crate::terminal::{self, Reader};
use crate::{json, pool_name, print, show, values};
use lexopt::prelude::*;
use rserpool::message::EnrpMessage;
use rserpool::message::enrp::{HandleTableRequest, HandleTableResponse, PoolEntry};
use rserpool::wire::{PORT_ENRP, PPID_ENRP};
use rserpool::{PoolHandle, RegistrarId};
use selection::{Pattern, Selection};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const HELP: &str = "\
Shows all pools and elements that a registrar knows, or some of them, in the order of their names.

Usage: rserpool list [OPTIONS]

Options:
  --enrp ADDR:PORT       the registrar's ENRP endpoint [127.0.0.1:9901]
  --own                  only the elements that it is home registrar of
  --pool PATTERN         only pools of this name, in which * stands for anything
  --policy NAME          only elements of this policy, such as LeastUsed
  --home ID              only elements that this registrar is home of, decimal or 0x...
  --limit N              N pools at most; the last line says how to go on
  --after POOL           only what comes behind this pool
  --transport WAY        sctp (the kernel's), sctp-udp, or auto [auto]
  --timeout DURATION     how long to try [5s]
  --json                 one JSON object instead of lines
  -h, --help             this text

Names of pools are those that `rserpool resolve` takes: %NN is the byte with this hexadecimal number.
It asks over ENRP, as a registrar that joins would, but joins nothing and changes nothing.

Examples:
  rserpool list
  rserpool list --enrp 192.0.2.1:9901 --json | jq '.pools | length'
  rserpool list --pool 'Call*' --limit 20

Exit status: 0 success, 1 the registrar refuses, 2 wrong usage, 3 no answer.
";

/// Pages taken at most: a registrar that never ends its table must not keep us.
const MAX_PAGES: usize = 100_000;
/// Elements kept at most, for the same reason; a registrar has 262 144 by default.
const MAX_ELEMENTS: usize = 4_000_000;
/// Text that is written at once: who has seen enough need not wait for all of it.
const CHUNK: usize = 64 << 10;

struct Options {
    /// All of its addresses.
    enrp: Vec<SocketAddr>,
    own: bool,
    selection: Selection,
    way: Way,
    timeout: Duration,
    json: bool,
}

type Pools = BTreeMap<PoolHandle, PoolEntry>;

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => list(&options),
        None => print(HELP),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    values::refuse_tls("list")?;
    let mut options = Options {
        enrp: vec![SocketAddr::from(([127, 0, 0, 1], PORT_ENRP))],
        own: false,
        selection: Selection::default(),
        way: Way::Sctp(values::transport_from_environment()?),
        timeout: Duration::from_secs(5),
        json: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => options.json = true,
            Long("own") => options.own = true,
            Long("pool") => {
                options.selection.pool = Some(values::option_of_bytes(&mut parser, "pool", Pattern::parse)?);
            }
            Long("policy") => {
                options.selection.policy = Some(values::option(&mut parser, "policy", |name| Ok(name.to_owned()))?);
            }
            Long("home") => {
                options.selection.home = Some(RegistrarId(values::option(&mut parser, "home", values::identifier)?));
            }
            Long("limit") => options.selection.limit = Some(values::option(&mut parser, "limit", values::count)?),
            Long("after") => {
                options.selection.after = Some(values::option_of_bytes(&mut parser, "after", pool_name::parse)?);
            }
            Long("enrp") => {
                options.enrp = values::option(&mut parser, "enrp", |at| values::addresses(at, PORT_ENRP))?;
            }
            Long("transport") => options.way = Way::Sctp(values::option(&mut parser, "transport", str::parse)?),
            Long("timeout") => options.timeout = values::option(&mut parser, "timeout", values::duration)?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(options))
}

fn list(options: &Options) -> Result<(), Failure> {
    let (registrar, mut pools) = ask(options)?;
    let next = options.selection.end(&mut pools).map(|last| pool_name::show(&last));
    if options.json {
        return show_json(registrar, &pools, next);
    }
    let elements: usize = pools.values().map(|pool| pool.pool_elements.len()).sum();
    let head = format!("registrar {registrar}: {} pools, {elements} pool elements\n", pools.len());
    let end = next.map(|last| format!("there are more: --after '{}'\n", last.replace('\'', "%27")));
    let pools = pools.values().map(|pool| {
        let mut text = format!("{}  {} elements\n", pool_name::show(&pool.pool_handle), pool.pool_elements.len());
        for element in &pool.pool_elements {
            text += &format!("  {}\n", show::element(element));
        }
        text
    });
    write([head].into_iter().chain(pools).chain(end))
}

fn show_json(registrar: RegistrarId, pools: &Pools, next: Option<String>) -> Result<(), Failure> {
    let head = format!("{{\"registrar\":{},\"pools\":[", registrar.0);
    let comma = |at: usize| if at == 0 { "" } else { "," };
    let pools = pools.values().enumerate().map(|(at, pool)| comma(at).to_owned() + &pool_json(pool));
    let next = json::or_null(next.map(|last| json::string(&last)));
    write([head].into_iter().chain(pools).chain([format!("],\"next\":{next}}}\n")]))
}

/// Writes parts of a text until nobody reads any more.
fn write(parts: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut text = String::new();
    for part in parts {
        text += &part;
        if text.len() >= CHUNK {
            if terminal::write(&text)? == Reader::Gone {
                return Ok(());
            }
            text.clear();
        }
    }
    terminal::write(&text).map(drop)
}

fn pool_json(pool: &PoolEntry) -> String {
    let elements = json::array(pool.pool_elements.iter().map(show::element_json));
    json::object([("pool_handle", json::string(&pool_name::show(&pool.pool_handle))), ("pool_elements", elements)])
}

/// The registrar's identifier and its whole table, page by page.
fn ask(options: &Options) -> Result<(RegistrarId, Pools), Failure> {
    let mut exchange = Exchange::connect_to_any(options.way, &options.enrp, options.timeout)?;
    let request =
        HandleTableRequest { sender: observer_id(), receiver: RegistrarId(0), own_children_only: options.own };
    let mut question = Vec::new();
    EnrpMessage::HandleTableRequest(request)
        .encode(&mut question)
        .map_err(|error| Failure::Failed(format!("the question cannot be encoded: {error}")))?;
    let (mut pools, mut elements) = (Pools::new(), 0);
    for _ in 0..MAX_PAGES {
        exchange.send(PPID_ENRP, &question)?;
        let page = receive_page(&mut exchange)?;
        let (sender, more) = (page.sender, page.more);
        for entry in page.entries {
            elements += entry.pool_elements.len();
            options.selection.take(entry, &mut pools);
        }
        if !more {
            return Ok((sender, pools));
        }
        if elements > MAX_ELEMENTS {
            break;
        }
    }
    let registrar = exchange.registrar();
    Err(Failure::Failed(format!("the registrar at {registrar} does not end its table; {elements} elements were taken")))
}

fn receive_page(exchange: &mut Exchange) -> Result<HandleTableResponse, Failure> {
    loop {
        match EnrpMessage::decode(&exchange.receive()?).map(|decoded| decoded.message) {
            Ok(EnrpMessage::HandleTableResponse(page)) if page.reject => {
                return Err(Failure::Failed("the registrar refuses to show its table now".to_owned()));
            }
            Ok(EnrpMessage::HandleTableResponse(page)) => return Ok(page),
            Ok(EnrpMessage::Error(error)) => {
                let cause = error.error.first().map_or("no reason given".to_owned(), |cause| cause.to_string());
                return Err(Failure::Failed(format!("the registrar refused the question: {cause}")));
            }
            Ok(_) => {} // a PRESENCE, which does not matter to us
            Err(error) => return Err(Failure::Failed(format!("the registrar's answer makes no sense: {error}"))),
        }
    }
}

/// An identifier for one question; it must not be zero, and two observers at a time should not share it.
fn observer_id() -> RegistrarId {
    let time = rserpool::driver::clock::now().as_nanos() as u32;
    RegistrarId((std::process::id().wrapping_mul(0x9e37_79b1) ^ time) | 1)
}
