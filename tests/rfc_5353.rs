//! What RFC 5353 demands of a registrar, clause by clause, in virtual time.

mod enrp_support;

use enrp_support::*;
use std::time::Duration;

#[test]
fn three_registrars_started_together_become_ready_and_agree() {
    let mut net = Net::of(3, config);
    for number in 0..9 {
        net.element("pool", number + 1, number as usize % 3);
    }
    net.run(SECOND);
    net.assert_converged();
}

#[test]
fn enrp_080_081_094_to_100_a_crashed_registrar_is_taken_over_at_once() {
    let mut net = Net::of(3, fast);
    for number in 0..30 {
        net.element("pool", number + 1, number as usize % 3);
    }
    net.assert_converged();
    net.crash(1);
    let took = net.run_until(SECOND, |net| {
        (0..30).all(|n| net.true_home(n).is_some()) && net.view(0).values().all(|&home| home != id_of(1))
    });
    net.run(SECOND);
    net.assert_converged();
    assert!(took < Duration::from_millis(50), "{took:?}");
}
