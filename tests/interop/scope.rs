//! Registrars of both implementations in one operation scope (RFC 5353).

use crate::guest::{Cell, Program, until};
use crate::programs::{Of, echo_client_at, echo_server_at, registrar_at};
use crate::resolve::{ask_at, until_elements_at};
use Of::{Rsplib, Us};

pub const POOL: &str = "EchoPool";
pub const OURS: &str = "10.255.0.1";
pub const RSPLIBS: &str = "10.255.0.2";
const OTHER_OF_OURS: &str = "10.255.0.3";
const OTHER_OF_RSPLIB: &str = "10.255.0.4";

/// Options that let a registrar know others, by their address, and notice deaths soon.
fn knowing(of: Of, others: &[&str]) -> Vec<String> {
    let mut options: Vec<String> = match of {
        Us => OUR_TIMERS.iter().map(|option| (*option).to_owned()).collect(),
        Rsplib => RSPLIB_TIMERS.iter().map(|option| (*option).to_owned()).collect(),
    };
    for other in others {
        match of {
            Us => options.extend(["--peer".to_owned(), format!("{other}:9901")]),
            Rsplib => options.push(format!("-peer={other}:9901")),
        }
    }
    options
}

const OUR_TIMERS: [&str; 12] = [
    "--rsplib-compatibility",
    "on",
    "--peer-heartbeat-cycle",
    "1s",
    "--max-time-last-heard",
    "3s",
    "--max-time-no-response",
    "2s",
    "--takeover-expiry",
    "3s",
    "--mentor-discovery-timeout",
    "2s",
];
/// The smallest values that rsplib takes for some of them.
const RSPLIB_TIMERS: [&str; 5] = [
    "-peerheartbeatcycle=1000",
    "-peermaxtimelastheard=3000",
    "-peermaxtimenoresponse=2000",
    "-takeoverexpiryinterval=3000",
    "-mentordiscoverytimeout=2000",
];

/// A registrar of a scope that knows others.
pub fn start(of: Of, at: &str, others: &[&str]) -> Program {
    let options = knowing(of, others);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    registrar_at(of, at, &options)
}

pub fn asap(address: &str) -> String {
    format!("{address}:3863")
}

/// What all these cells expect of their captures.
pub fn new_cell() -> Cell {
    let mut cell = Cell::new();
    cell.expect("ENRP Presence");
    cell.expect("ENRP Handle Update");
    // "Unknown pool handle" is the answer to us before the first and after the last element is there.
    cell.expect_cause(9);
    cell
}

/// The second registrar learns what the first one knows; later changes go both ways.
fn joining(first: (Of, &str), second: (Of, &str)) {
    let mut cell = new_cell();
    cell.expect("ENRP Handle Table Response");
    cell.expect_refusals(5);
    let (first_at, second_at) = (asap(first.1), asap(second.1));
    let mut first_registrar = start(first.0, first.1, &[]);
    let mut old = echo_server_at(first.0, &[&first_at]);
    let old_id = until_elements_at(&first_at, POOL, 1);
    let mut second_registrar = start(second.0, second.1, &[first.1]);
    assert_eq!(until_elements_at(&second_at, POOL, 1), old_id, "learned at the start");

    let mut new = echo_server_at(second.0, &[&second_at]);
    let both = until_elements_at(&first_at, POOL, 2);
    assert_eq!(until_elements_at(&second_at, POOL, 2), both);

    // A death is known at both.
    old.end_by(libc::SIGKILL);
    let rest = until_elements_at(&second_at, POOL, 1);
    assert_eq!(until_elements_at(&first_at, POOL, 1), rest);
    assert_ne!(rest, old_id);

    // So is an orderly end.
    new.end_by(libc::SIGINT);
    until_elements_at(&first_at, POOL, 0);
    until_elements_at(&second_at, POOL, 0);
    second_registrar.end_by(libc::SIGINT);
    first_registrar.end_by(libc::SIGINT);
    // One table at the start, and downloads where an audit meets an update under way; not one for each heartbeat.
    cell.expect_at_most(8, "ENRP Handle Table Request");
    cell.end();
}

/// Two of each; one of them dies. Its elements, which know another registrar of either kind, stay in the pool everywhere.
/// Who looks for a registrar takes the first that answers: the one that dies is alone until it has its element.
fn death(dies: Of) {
    let mut cell = new_cell();
    cell.expect_refusals(2000);
    let dead = (dies, if dies == Us { OTHER_OF_OURS } else { OTHER_OF_RSPLIB });
    let last = if dies == Us { (Rsplib, OTHER_OF_RSPLIB) } else { (Us, OTHER_OF_OURS) };
    let all = [dead, (Us, OURS), (Rsplib, RSPLIBS), last];
    let (mut registrars, mut elements) = (Vec::new(), Vec::new());
    let mut known: Vec<&str> = Vec::new();
    for (number, (of, at)) in all.into_iter().enumerate() {
        registrars.push(start(of, at, &known));
        known.push(at);
        let other = all[(number + 1) % all.len()].1;
        elements.push(echo_server_at(of, &[&asap(at), &asap(other)]));
        until_elements_at(&asap(at), POOL, elements.len());
    }
    let ids = until_elements_at(&asap(dead.1), POOL, 4);
    for (_, at) in &all[1..] {
        assert_eq!(until_elements_at(&asap(at), POOL, 4), ids, "at {at}");
    }

    let mut alive = registrars.split_off(1);
    registrars[0].end_by(libc::SIGKILL);
    // Whoever takes its elements over, or whomever they turn to.
    for (_, at) in &all[1..] {
        assert_eq!(until_elements_at(&asap(at), POOL, 4), ids, "at {at}, after the death of {}", dead.1);
    }
    // They are being watched: the death of each is noticed by all.
    for (gone, element) in elements.iter_mut().enumerate() {
        element.end_by(if gone % 2 == 0 { libc::SIGKILL } else { libc::SIGINT });
        for (_, at) in &all[1..] {
            until_elements_at(&asap(at), POOL, 3 - gone);
        }
    }
    for registrar in &mut alive {
        registrar.end_by(libc::SIGINT);
    }
    cell.end();
}

/// Registrars that know nobody find each other by rsplib's group. rsplib's has to be first on one host: it does not share
/// the port of the group with programs that have it already. And its datagrams come from the host's first address, whichever it
/// is bound to, which is why the two have changed places.
fn multicast() {
    let mut cell = new_cell();
    cell.expect_refusals(50);
    let start = |of: Of, at: &str, group: &[&str]| {
        let mut options = knowing(of, &[]);
        options.extend(group.iter().map(|option| (*option).to_owned()));
        registrar_at(of, at, &options.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let mut first = start(Rsplib, OURS, &["-enrpannounce=239.0.0.51:9901"]);
    let mut element = echo_server_at(Rsplib, &[&asap(OURS)]);
    let ids = until_elements_at(&asap(OURS), POOL, 1);
    let mut second = start(Us, RSPLIBS, &["--enrp-announce", "239.0.0.51:9901"]);
    assert_eq!(until_elements_at(&asap(RSPLIBS), POOL, 1), ids);
    element.end_by(libc::SIGKILL);
    until_elements_at(&asap(RSPLIBS), POOL, 0);
    second.end_by(libc::SIGINT);
    first.end_by(libc::SIGINT);
    cell.end();
}

/// A user of each kind, at the registrar of the other kind than the element's.
fn resolution_at_the_other_registrar(elements_at: Of) {
    let mut cell = new_cell();
    cell.expect_refusals(50);
    let (home, other) = if elements_at == Us { (OURS, RSPLIBS) } else { (RSPLIBS, OURS) };
    let other_of = if elements_at == Us { Rsplib } else { Us };
    let mut first = start(elements_at, home, &[]);
    let mut second = start(other_of, other, &[home]);
    let mut elements = [echo_server_at(Us, &[&asap(home)]), echo_server_at(Rsplib, &[&asap(home)])];
    until_elements_at(&asap(other), POOL, 2);
    for user_of in [Us, Rsplib] {
        let mut user = echo_client_at(user_of, &asap(other));
        user.say("hello there");
        user.until("hello there");
        user.end_by(libc::SIGINT);
    }
    for element in &mut elements {
        element.end_by(libc::SIGINT);
    }
    until_elements_at(&asap(other), POOL, 0);
    second.end_by(libc::SIGINT);
    first.end_by(libc::SIGINT);
    cell.end();
}

/// Our elements register for 90 seconds, which is 90 000 for rsplib's registrar and 90 for ours, wherever they are at home.
fn lives() {
    let cell = new_cell();
    let (ours_at, rsplibs_at) = (asap(OURS), asap(RSPLIBS));
    let mut registrars = [start(Us, OURS, &[]), start(Rsplib, RSPLIBS, &[OURS])];
    let mut elements = [echo_server_at(Us, &[&ours_at]), echo_server_at(Us, &[&rsplibs_at])];
    for (registrar, expected) in [(&ours_at, 90), (&rsplibs_at, 90_000)] {
        let lives =
            || ask_at(registrar, POOL).unwrap_or_default().iter().map(|element| element.life).collect::<Vec<_>>();
        until(&format!("both live for {expected} at {registrar}"), || lives() == [expected; 2]);
    }
    for element in &mut elements {
        element.end_by(libc::SIGINT);
    }
    until_elements_at(&ours_at, POOL, 0);
    until_elements_at(&rsplibs_at, POOL, 0);
    for registrar in &mut registrars {
        registrar.end_by(libc::SIGINT);
    }
    cell.end();
}

/// A registrar that comes back under its address learns everything again.
fn restart(of: Of) {
    let mut cell = new_cell();
    cell.expect_refusals(500);
    cell.expect_aborts(Cell::STARTS_SLOWLY);
    let (at, other_at, other_of) = if of == Us { (OURS, RSPLIBS, Rsplib) } else { (RSPLIBS, OURS, Us) };
    let mut other = start(other_of, other_at, &[]);
    let mut first = start(of, at, &[other_at]);
    let mut stays = echo_server_at(other_of, &[&asap(other_at)]);
    let mut moves = echo_server_at(of, &[&asap(at)]);
    let ids = until_elements_at(&asap(other_at), POOL, 2);
    first.end_by(libc::SIGKILL);
    let mut second = start(of, at, &[other_at]);
    // The old self is still being missed at the other; nothing may get lost over that.
    assert_eq!(until_elements_at(&asap(at), POOL, 2), ids);
    assert_eq!(until_elements_at(&asap(other_at), POOL, 2), ids);
    moves.end_by(libc::SIGINT);
    stays.end_by(libc::SIGINT);
    until_elements_at(&asap(at), POOL, 0);
    until_elements_at(&asap(other_at), POOL, 0);
    second.end_by(libc::SIGINT);
    other.end_by(libc::SIGINT);
    cell.end();
}

macro_rules! cells {
    ($($name:ident: $story:expr;)*) => {$(
        #[test]
        #[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
        fn $name() {
            $story;
        }
    )*};
}

cells! {
    our_registrar_joins_rsplibs: joining((Rsplib, RSPLIBS), (Us, OURS));
    rsplib_registrar_joins_ours: joining((Us, OURS), (Rsplib, RSPLIBS));
    registrars_find_each_other_by_multicast: multicast();
    users_at_rsplibs_registrar_find_elements_of_ours: resolution_at_the_other_registrar(Us);
    users_at_our_registrar_find_elements_of_rsplibs: resolution_at_the_other_registrar(Rsplib);
    lives_of_our_elements_are_as_long_at_either_registrar: lives();
    our_registrar_restarts_in_a_scope_with_rsplib: restart(Us);
    rsplib_registrar_restarts_in_a_scope_with_ours: restart(Rsplib);
    two_and_two_registrars_one_of_ours_dies: death(Us);
    two_and_two_registrars_one_of_rsplib_dies: death(Rsplib);
}
