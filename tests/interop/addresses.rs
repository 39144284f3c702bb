//! Other addresses than those of IPv4.

use crate::guest::Cell;
use crate::programs::{Of, echo_client_at, echo_server_at, registrar_at};
use crate::resolve::until_elements_at;
use crate::scope::start;
use Of::{Rsplib, Us};

const POOL: &str = "EchoPool";

fn ipv6(registrar_of: Of, elements_of: Of, user_of: Of) {
    let mut cell = Cell::with_ipv6();
    cell.expect("ASAP Registration Response");
    cell.expect("ASAP Handle Resolution Response");
    cell.expect("ASAP Deregistration Response");
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
}
