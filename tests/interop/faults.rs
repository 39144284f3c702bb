//! Registrars of rsplib that hang or are cut off, beside ours.

use crate::guest::{Cell, Program, run};
use crate::programs::{Of, echo_server_at};
use crate::resolve::{identifiers_at, until_elements_at};
use crate::scope::{OURS, POOL, RSPLIBS, asap, new_cell, start};
use Of::{Rsplib, Us};

/// A registrar of rsplib's with an element of each kind, and then one of ours with another two; all elements know both.
struct Scope {
    cell: Cell,
    ours: Program,
    rsplibs: Program,
    elements: Vec<Program>,
    ids: Vec<u32>,
}

impl Scope {
    /// Who looks for a registrar takes the first that answers: rsplib's is alone until it has the two that it is to be missed by.
    fn new(mut cell: Cell) -> Scope {
        cell.expect_refusals(1000);
        let (at_ours, at_rsplibs) = (asap(OURS), asap(RSPLIBS));
        let rsplibs = start(Rsplib, RSPLIBS, &[]);
        let mut elements = Vec::from([Us, Rsplib].map(|of| echo_server_at(of, &[&at_rsplibs, &at_ours])));
        let first = until_elements_at(&at_rsplibs, POOL, 2);
        let ours = start(Us, OURS, &[RSPLIBS]);
        assert_eq!(until_elements_at(&at_ours, POOL, 2), first);
        elements.extend([Us, Rsplib].map(|of| echo_server_at(of, &[&at_ours, &at_rsplibs])));
        let ids = until_elements_at(&at_ours, POOL, 4);
        assert_eq!(until_elements_at(&at_rsplibs, POOL, 4), ids);
        Scope { cell, ours, rsplibs, elements, ids }
    }

    /// Both have all elements, and notice when they end.
    fn heals(mut self) {
        crate::guest::until("both know all elements", || {
            [OURS, RSPLIBS].iter().all(|at| identifiers_at(&asap(at), POOL) == self.ids)
        });
        for (number, element) in self.elements.iter_mut().enumerate() {
            element.end_by(if number % 2 == 0 { libc::SIGKILL } else { libc::SIGINT });
            for at in [OURS, RSPLIBS] {
                until_elements_at(&asap(at), POOL, 3 - number);
            }
        }
        self.rsplibs.end_by(libc::SIGINT);
        self.ours.end_by(libc::SIGINT);
        self.cell.end();
    }
}

/// Ours takes over what the hanging one had: no element leaves the pool.
#[test]
#[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
fn an_rsplib_registrar_hangs_and_comes_back() {
    let scope = Scope::new(new_cell());
    scope.rsplibs.signal(libc::SIGSTOP);
    scope.ours.until("takes over");
    assert_eq!(until_elements_at(&asap(OURS), POOL, 4), scope.ids);
    scope.rsplibs.signal(libc::SIGCONT);
    scope.heals();
}

/// Registrars that do not reach each other go on with what reaches them.
#[test]
#[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
fn an_rsplib_registrar_is_cut_off_and_comes_back() {
    let mut cell = new_cell();
    cell.expect_aborts(Cell::GIVEN_UP);
    let scope = Scope::new(cell);
    // By default, a rule for all that is local comes before any other.
    run("ip rule add pref 100 table local");
    run("ip rule del pref 0 table local");
    run("ip rule add pref 10 blackhole ipproto sctp sport 9901 dport 9901");
    scope.ours.until("takes over");
    assert_eq!(until_elements_at(&asap(OURS), POOL, 4), scope.ids);
    run("ip rule del pref 10");
    scope.heals();
}
