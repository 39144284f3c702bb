//! The same story for each combination of registrar, elements and user: register, resolve, use, kill, fail over, stop.

use crate::guest::{Cell, Program, until};
use crate::programs::{Of, echo_client, echo_server, registrar, session_begins, until_elements};
use Of::{Rsplib, Us};

const POOL: &str = "EchoPool";

fn story(registrar_of: Of, elements_of: Of, user_of: Of) {
    let mut cell = Cell::new();
    cell.expect("ASAP Registration Response");
    cell.expect("ASAP Handle Resolution Response");
    cell.expect_goodbye(elements_of);
    // "Unknown pool handle" is the answer to us before the first and after the last element is there.
    cell.expect_cause(9);
    // The registrar may give the user the dead element before it has seen the death.
    cell.expect_refusals(3);

    cell.expect("ASAP Endpoint Keep-Alive Acknowledgement");
    let often = match registrar_of {
        Us => ["--keep-alive-interval", "500ms"].as_slice(),
        Rsplib => &["-endpointkeepalivetransmissioninterval=500"],
    };
    let mut registrar = registrar(registrar_of, often);
    let first = echo_server(elements_of);
    let first_id = until_elements(POOL, 1)[0];
    let second = echo_server(elements_of);
    let both = until_elements(POOL, 2);
    let second_id = *both.iter().find(|id| **id != first_id).expect("two different ones");

    let mut user = echo_client(user_of);
    user.say("before");
    user.until("before");
    let begins = session_begins(elements_of);
    let mut elements = [(first, first_id), (second, second_id)];
    until("a session begins at an element", || elements.iter().any(|(element, _)| element.count(begins) > 0));
    if elements[0].0.count(begins) == 0 {
        elements.swap(0, 1);
    }
    let [(mut used, used_id), (mut other, other_id)] = elements;

    used.end_by(libc::SIGKILL);
    say_until_answered(user_of, &mut user);
    other.until(begins);
    assert_eq!(until_elements(POOL, 1), [other_id], "0x{used_id:08x} is dead");

    user.end_by(libc::SIGINT);
    other.end_by(libc::SIGINT);
    until_elements(POOL, 0);
    registrar.end_by(libc::SIGINT);
    cell.end();
}

/// Our client sends again what has no answer. rsplib's does not: what it sends while the server dies is lost, so it
/// gets line after line until one is answered.
fn say_until_answered(user_of: Of, user: &mut Program) {
    if user_of == Us {
        user.say("after");
        user.until("after");
        return;
    }
    let mut said = 0;
    until("the user has an answer after the failover", || {
        if said < 100 {
            said += 1;
            user.say(&format!("after {said} "));
        }
        (1..=said).any(|line| user.count(&format!("> after {line} ")) > 0)
    });
}

macro_rules! cells {
    ($($name:ident: $registrar:ident, $elements:ident, $user:ident;)*) => {$(
        #[test]
        #[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
        fn $name() {
            story($registrar, $elements, $user);
        }
    )*};
}

cells! {
    our_registrar_our_elements_our_user: Us, Us, Us;
    our_registrar_our_elements_rsplib_user: Us, Us, Rsplib;
    our_registrar_rsplib_elements_our_user: Us, Rsplib, Us;
    our_registrar_rsplib_elements_rsplib_user: Us, Rsplib, Rsplib;
    rsplib_registrar_our_elements_our_user: Rsplib, Us, Us;
    rsplib_registrar_our_elements_rsplib_user: Rsplib, Us, Rsplib;
    rsplib_registrar_rsplib_elements_our_user: Rsplib, Rsplib, Us;
    rsplib_registrar_rsplib_elements_rsplib_user: Rsplib, Rsplib, Rsplib;
}
