use super::*;
use crate::AssociationId;

const HOST: u64 = 1;
fn keep_alives() -> KeepAlives {
    KeepAlives::new(&RegistrarConfig { max_keep_alives_per_second: 100, ..RegistrarConfig::default() })
}

fn second(number: u64) -> Time {
    Time::from_secs(number)
}

fn registered(first: Time) -> Liveness {
    let mut liveness = Liveness::UNWATCHED;
    liveness.registered(Time::MAX, first);
    liveness
}

#[test]
fn many_elements_are_asked_less_often() {
    assert_eq!(keep_alives().interval(10), Duration::from_secs(5));
    assert_eq!(keep_alives().interval(1000), Duration::from_secs(10));
}

#[test]
fn a_registrar_that_was_stopped_blames_nobody() {
    let (keep_alives, mut random) = (keep_alives(), Random::new(1));
    let mut liveness = registered(second(5));
    let mut expire = |now, liveness: &mut Liveness| keep_alives.on_expired(now, HOST, liveness, 1, &mut random);
    assert_eq!(expire(second(5), &mut liveness), Expiry::Ask);
    keep_alives.asked(second(5), HOST, &mut liveness);
    assert_eq!(expire(second(10), &mut liveness), Expiry::NoAnswer);
    assert_eq!(expire(second(20), &mut liveness), Expiry::GoesOn, "it was stopped for ten seconds");
    assert_eq!(liveness.next_timer(), second(25), "the answer may be waiting to be read");
    assert_eq!(expire(second(25), &mut liveness), Expiry::NoAnswer);
}

#[test]
fn a_suspect_has_less_time() {
    let mut keep_alives = keep_alives();
    let mut liveness = registered(second(5));
    assert_eq!(keep_alives.probe(second(1), &mut liveness), Ask::Now);
    keep_alives.asked(second(1), HOST, &mut liveness);
    assert_eq!(liveness.next_timer(), second(6));
    for user in 0..4 {
        keep_alives.reported(ElementIndex::FIRST, Reporter::User(AssociationId::new(0, user)), &mut liveness);
        assert_eq!(keep_alives.probe(second(1), &mut liveness), Ask::NotNow, "it is being asked");
        keep_alives.hurry(second(1), HOST, &mut liveness);
    }
    assert_eq!(liveness.next_timer(), second(1) + Duration::from_millis(500));
}

fn fast() -> KeepAlives {
    KeepAlives::new(&RegistrarConfig::fast())
}

const MS: fn(u64) -> Time = Time::from_millis;

/// Asked at one second, and then only waited for.
fn asked(keep_alives: &KeepAlives) -> Liveness {
    let mut liveness = registered(MS(1000));
    keep_alives.asked(MS(1000), HOST, &mut liveness);
    liveness
}

/// An element that is alone at its host.
fn alone(number: u64) -> Witness {
    Witness { host: number, element: ElementIndex::FIRST.skip(number as usize) }
}

/// What comes of an element that was asked at one second, and has not answered when the time of the profile is over.
fn silent(keep_alives: &KeepAlives, elements: usize) -> (Expiry, Time) {
    let mut silent = asked(keep_alives);
    silent.set_keep_alive(MS(1150));
    let expiry = keep_alives.on_expired(MS(1150), HOST, &mut silent, elements, &mut Random::new(1));
    (expiry, silent.next_timer())
}

#[test]
fn nobody_is_blamed_at_once_when_none_answers() {
    let keep_alives = fast();
    assert_eq!(silent(&keep_alives, 1).0, Expiry::NoAnswer, "the only one");
    assert_eq!(silent(&keep_alives, 2), (Expiry::GoesOn, MS(2000)));
    let mut silent = asked(&keep_alives);
    silent.set_keep_alive(MS(2000));
    let expiry = keep_alives.on_expired(MS(2000), HOST, &mut silent, 2, &mut Random::new(1));
    assert_eq!(expiry, Expiry::NoAnswer, "not for ever");
}

#[test]
fn when_others_answer_late_there_is_more_time() {
    let mut keep_alives = fast();
    for (number, late) in (2..).zip([60, 100, 140]) {
        let mut other = asked(&keep_alives);
        keep_alives.answered(MS(1000 + late), alone(number), &mut other, MS(2000));
    }
    let (expiry, next) = silent(&keep_alives, 4);
    assert_eq!(expiry, Expiry::GoesOn);
    assert!(next > MS(1300), "{next:?}");
}

#[test]
fn who_answers_late_alone_delays_nobody_elses_end() {
    for host in [2, HOST] {
        let mut keep_alives = fast();
        let mut late = asked(&keep_alives);
        for number in 0..100 {
            keep_alives.asked(MS(1000), host, &mut late);
            let who = Witness { host, element: ElementIndex::FIRST.skip(7) };
            keep_alives.answered(MS(if number % 2 == 0 { 1149 } else { 1001 }), who, &mut late, MS(2000));
            let mut other = asked(&keep_alives);
            keep_alives.answered(MS(1001), alone(3 + number % 5), &mut other, MS(2000));
        }
        assert!(late.round_trips().allow(Duration::ZERO) > Duration::from_millis(500), "it has more time itself");
        assert_eq!(silent(&keep_alives, 7), (Expiry::NoAnswer, MS(1150)), "host {host}");
    }
}

#[test]
fn when_nobody_answers_in_his_ordinary_time_it_is_the_network() {
    let mut keep_alives = fast();
    let mut late = asked(&keep_alives);
    keep_alives.answered(MS(1120), alone(2), &mut late, MS(2000));
    assert_eq!(silent(&keep_alives, 2).0, Expiry::NoAnswer, "of two, nobody knows whose fault it is");
    assert_eq!(silent(&keep_alives, 3), (Expiry::GoesOn, MS(2000)));
    let mut other = asked(&keep_alives);
    keep_alives.answered(MS(1001), alone(3), &mut other, MS(2000));
    assert_eq!([2, 3].map(|elements| silent(&keep_alives, elements).0), [Expiry::NoAnswer; 2], "one answers as ever");
}

#[test]
fn who_has_answered_late_before_has_more_time() {
    let mut keep_alives = fast();
    let mut slow = asked(&keep_alives);
    keep_alives.answered(MS(1140), alone(2), &mut slow, MS(1200));
    keep_alives.asked(MS(1200), HOST, &mut slow);
    // What the others show is that the network is well.
    for number in 0..50 {
        let mut other = asked(&keep_alives);
        keep_alives.answered(MS(1001), alone(3 + number), &mut other, MS(2000));
    }
    keep_alives.last_answer = MS(1201);
    let expiry = keep_alives.on_expired(MS(1350), HOST, &mut slow, 2, &mut Random::new(1));
    assert_eq!(expiry, Expiry::GoesOn);
}
