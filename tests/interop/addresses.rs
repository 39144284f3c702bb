//! Other addresses than one of IPv4: IPv6, and several of which one is cut off.

use crate::guest::{Cell, run, until};
use crate::programs::{Of, echo_client_at, echo_server_at, registrar_at, registrar_on, session_begins};
use crate::resolve::until_elements_at;
use crate::scope::start;
use Of::{Rsplib, Us};

const POOL: &str = "EchoPool";

fn ipv6(registrar_of: Of, elements_of: Of, user_of: Of) {
    let mut cell = Cell::with_ipv6();
    cell.expect("ASAP Registration Response");
    cell.expect("ASAP Handle Resolution Response");
    cell.expect_goodbye(elements_of);
    cell.expect_cause(9);
    cell.expect_refusals(3);
    let asap = "[fd00:255::1]:3863";
    let mut registrar = registrar_at(registrar_of, "[fd00:255::1]", &[]);
    let mut elements = [echo_server_at(elements_of, &[asap]), echo_server_at(elements_of, &[asap])];
    until_elements_at(asap, POOL, 2);
    let mut user = echo_client_at(user_of, asap);
    user.say("hello there");
    user.until("hello there");
    elements[0].end_by(libc::SIGKILL);
    until_elements_at(asap, POOL, 1);
    user.end_by(libc::SIGINT);
    elements[1].end_by(libc::SIGINT);
    until_elements_at(asap, POOL, 0);
    registrar.end_by(libc::SIGINT);
    cell.end();
}

/// Registrars of both in one scope, over IPv6.
fn ipv6_scope() {
    let mut cell = Cell::with_ipv6();
    cell.expect("ENRP Presence");
    cell.expect("ENRP Handle Table Response");
    cell.expect("ENRP Handle Update");
    cell.expect_cause(9);
    cell.expect_refusals(50);
    let (ours_at, rsplibs_at) = ("[fd00:255::1]", "[fd00:255::2]");
    let asap = |at: &str| format!("{at}:3863");
    let mut ours = start(Us, ours_at, &[]);
    let mut first = echo_server_at(Us, &[&asap(ours_at)]);
    let ids = until_elements_at(&asap(ours_at), POOL, 1);
    let mut rsplibs = start(Rsplib, rsplibs_at, &[ours_at]);
    assert_eq!(until_elements_at(&asap(rsplibs_at), POOL, 1), ids);
    let mut second = echo_server_at(Rsplib, &[&asap(rsplibs_at)]);
    until_elements_at(&asap(ours_at), POOL, 2);
    first.end_by(libc::SIGKILL);
    until_elements_at(&asap(rsplibs_at), POOL, 1);
    second.end_by(libc::SIGINT);
    until_elements_at(&asap(ours_at), POOL, 0);
    rsplibs.end_by(libc::SIGINT);
    ours.end_by(libc::SIGINT);
    cell.end();
}

/// All are reached by several addresses; the one that all use first is cut off. The session goes on at the same element, which
/// stays in the pool and leaves it in order.
fn a_path_is_cut(registrar_of: Of, elements_of: Of, user_of: Of) {
    let mut cell = Cell::new();
    cell.expect_goodbye(elements_of);
    cell.expect_cause(9);
    cell.expect_refusals(50);
    // The test's own question may just be saying goodbye to a kernel that takes seconds to leave the path.
    cell.expect_aborts(Cell::GIVEN_UP);
    // In networks of their own: else all packets, whatever their way, would come from the first address.
    run("ip address flush dev dummy0");
    for address in ["10.255.0.1", "10.255.16.1", "10.255.32.1"] {
        run(&format!("ip address add {address}/24 dev dummy0"));
    }
    let mut registrar = registrar_on(registrar_of, &["10.255.0.1", "10.255.16.1", "10.255.32.1"]);
    let (first, both) = ("10.255.0.1:3863", "10.255.0.1:3863,10.255.16.1:3863");
    // rsplib may give up its association with the registrar while the kernel still tries the path; it then has to reach it anew.
    let mut elements = [0; 2].map(|_| echo_server_at(elements_of, &[both]));
    let ids = until_elements_at(first, POOL, 2);
    let mut user = echo_client_at(user_of, first);
    user.say("before");
    user.until("before");
    let begun = || elements.iter().map(|element| element.count(session_begins(elements_of))).sum::<usize>();
    until("the session has begun", || begun() == 1);

    run("ip rule add pref 100 table local");
    run("ip rule del pref 0 table local");
    run("ip rule add pref 10 to 10.255.0.1 blackhole");
    run("ip rule add pref 10 from 10.255.0.1 blackhole");
    for line in 0..20 {
        user.say(&format!("line {line}."));
        user.until(&format!("line {line}."));
    }
    assert_eq!(begun(), 1, "the session went to another element");
    assert_eq!(until_elements_at("10.255.16.1:3863", POOL, 2), ids);
    user.end_by(libc::SIGINT);
    for element in &mut elements {
        element.end_by(libc::SIGINT);
    }
    until_elements_at("10.255.16.1:3863", POOL, 0);
    registrar.end_by(libc::SIGINT);
    run("ip rule del pref 10");
    run("ip rule del pref 10");
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
    ipv6_our_registrar_rsplib_elements_rsplib_user: ipv6(Us, Rsplib, Rsplib);
    ipv6_rsplib_registrar_our_elements_our_user: ipv6(Rsplib, Us, Us);
    ipv6_registrars_of_both: ipv6_scope();
    a_path_to_rsplib_elements_and_our_registrar_is_cut: a_path_is_cut(Us, Rsplib, Rsplib);
    a_path_to_our_elements_and_rsplibs_registrar_is_cut: a_path_is_cut(Rsplib, Us, Us);
    a_path_between_our_user_and_rsplib_elements_is_cut: a_path_is_cut(Us, Rsplib, Us);
}
