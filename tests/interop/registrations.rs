//! What registrars and elements do beside the usual story: policies, refusals, silence, restarts, announcements.

use crate::guest::{Cell, Program};
use crate::programs::{
    ASAP, Of, echo_client, echo_server, ours, registrar, resolve, rsplib, session_begins, until_elements,
};
use Of::{Rsplib, Us};
use rserpool::policy::Policies;
use rserpool::wire::PolicyType;

/// The policies that both implementations know and rsplib's server can be told, as they are shown afterwards.
const POLICIES: [(&str, PolicyType, &str); 14] = [
    ("RoundRobin", PolicyType::ROUND_ROBIN, "RoundRobin"),
    ("WeightedRoundRobin:3", PolicyType::WEIGHTED_ROUND_ROBIN, "WeightedRoundRobin { weight: 3 }"),
    ("Random", PolicyType::RANDOM, "Random"),
    ("WeightedRandom:7", PolicyType::WEIGHTED_RANDOM, "WeightedRandom { weight: 7 }"),
    ("WeightedRandomDPF:5:0.5", PolicyType::WEIGHTED_RANDOM_DPF, "WeightedRandomDpf {"),
    ("Priority:9", PolicyType::PRIORITY, "Priority { priority: 9 }"),
    ("LeastUsed", PolicyType::LEAST_USED, "LeastUsed {"),
    ("LeastUsedDPF:0.5", PolicyType::LEAST_USED_DPF, "LeastUsedDpf {"),
    ("LeastUsedDegradation:0.25", PolicyType::LEAST_USED_DEGRADATION, "LeastUsedDegradation {"),
    ("LeastUsedDegradationDPF:0.25:0.5", PolicyType::LEAST_USED_DEGRADATION_DPF, "LeastUsedDegradationDpf {"),
    ("PriorityLeastUsed:0.25", PolicyType::PRIORITY_LEAST_USED, "PriorityLeastUsed {"),
    (
        "PriorityLeastUsedDegradation:0.25",
        PolicyType::PRIORITY_LEAST_USED_DEGRADATION,
        "PriorityLeastUsedDegradation {",
    ),
    ("RandomizedLeastUsed", PolicyType::RANDOMIZED_LEAST_USED, "RandomizedLeastUsed {"),
    ("RandomizedPriorityLeastUsed", PolicyType::RANDOMIZED_PRIORITY_LEAST_USED, "RandomizedPriorityLeastUsed {"),
];

fn to_registrar() -> String {
    format!("-registrar={ASAP}")
}

fn rsplib_server(options: &[&str]) -> Program {
    let to_registrar = to_registrar();
    let mut all = vec!["-echo", &to_registrar, "-asapannounce=off", "-rereginterval=1000"];
    all.extend_from_slice(options);
    rsplib("rspserver", &all)
}

#[test]
#[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
fn our_registrar_takes_policies_of_rsplib() {
    let mut cell = Cell::new();
    cell.expect("ASAP Registration Response");
    cell.expect_cause(9);
    let mut registrar = registrar(Us, &[]);
    let mut programs = Vec::new();
    for (number, (policy, policy_type, shown)) in POLICIES.iter().enumerate() {
        let pool = format!("Pool{number}");
        let element = rsplib_server(&[&format!("-poolhandle={pool}"), &format!("-policy={policy}")]);
        assert!(Policies::standard().is_supported(*policy_type), "{policy}");
        until_elements(&pool, 1);
        let resolved = &resolve(&pool)[0];
        assert!(format!("{:?}", resolved.policy).starts_with(shown), "{policy}: {:?}", resolved.policy);
        programs.push((echo_user(&pool), element));
    }
    for (user, element) in &mut programs {
        user.until("> policy");
        user.end_by(libc::SIGINT);
        element.end_by(libc::SIGINT);
    }
    registrar.end_by(libc::SIGINT);
    cell.end();
}

/// A user of rsplib that has said something.
fn echo_user(pool: &str) -> Program {
    let pool = format!("-poolhandle={pool}");
    let mut user = rsplib("rspterminal", &[&to_registrar(), "-asapannounce=off", &pool]);
    user.say("policy");
    user
}

#[test]
#[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
fn rsplib_registrar_takes_our_policies() {
    let mut cell = Cell::new();
    cell.expect("ASAP Registration Response");
    cell.expect_cause(9);
    let mut registrar = registrar(Rsplib, &[]);
    let mut programs = Vec::new();
    for (number, (policy, _, shown)) in POLICIES.iter().enumerate() {
        let name = policy.split(':').next().expect("a name");
        let pool = format!("Pool{number}");
        let (pool_option, policy_option) = (format!("--pool={pool}"), format!("--policy={name}"));
        let to_registrar = to_registrar();
        let options = [to_registrar.as_str(), "-asapannounce=off", &pool_option, &policy_option];
        let element = ours("call_control_server", &options);
        element.until("in pool");
        // The example registers weight 0 there, and such an element is never selected.
        if !name.starts_with("Weighted") {
            until_elements(&pool, 1);
            let resolved = &resolve(&pool)[0];
            let shown = shown.split(' ').next().expect("a name");
            assert!(format!("{:?}", resolved.policy).starts_with(shown), "{policy}: {:?}", resolved.policy);
        }
        programs.push(element);
    }
    for program in &mut programs {
        program.end_by(libc::SIGTERM);
        assert_eq!(program.count("is not registered"), 0);
    }
    registrar.end_by(libc::SIGINT);
    cell.end();
}

const INCONSISTENT_POLICY: u16 = 5;

#[test]
#[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
fn our_registrar_refuses_an_rsplib_element_of_another_policy() {
    let mut cell = Cell::new();
    cell.expect_cause(9);
    cell.expect_cause(INCONSISTENT_POLICY);
    let mut registrar = registrar(Us, &[]);
    let mut first = rsplib_server(&["-policy=RoundRobin"]);
    let ids = until_elements("EchoPool", 1);
    let mut second = rsplib_server(&["-policy=Random"]);
    registrar.until("is refused");
    assert_eq!(until_elements("EchoPool", 1), ids);
    second.end_by(libc::SIGINT);
    first.end_by(libc::SIGINT);
    registrar.end_by(libc::SIGINT);
    cell.end();
}

#[test]
#[ignore = "wants root, a kernel with SCTP and rsplib: everything_works_with_rsplib runs it in a guest"]
fn rsplib_registrar_refuses_our_element_of_another_policy() {
    let mut cell = Cell::new();
    cell.expect_cause(9);
    cell.expect_cause(INCONSISTENT_POLICY);
    cell.expect_malformed("ASAP Registration Response", "rsplib leaves out the policy that belongs to the cause");
    let mut registrar = registrar(Rsplib, &[]);
    let mut first = rsplib_server(&["-policy=Random"]);
    let ids = until_elements("EchoPool", 1);
    let mut second = echo_server(Us);
    second.until("is not registered in pool");
    assert_eq!(until_elements("EchoPool", 1), ids);
    second.end_by(libc::SIGINT);
    first.end_by(libc::SIGINT);
    registrar.end_by(libc::SIGINT);
    cell.end();
}

/// An element that hangs is found out by keep-alives, and registers again when it goes on.
fn silence(registrar_of: Of, elements_of: Of) {
    let mut cell = Cell::new();
    cell.expect("ASAP Endpoint Keep-Alive");
    cell.expect_cause(9);
    cell.expect_aborts("no answer to ASAP_ENDPOINT_KEEP_ALIVE");
    cell.expect_refusals(9);
    let mut registrar = match registrar_of {
        Us => registrar(Us, &["--keep-alive-interval", "700ms", "--keep-alive-timeout", "700ms"]),
        Rsplib => {
            registrar(Rsplib, &["-endpointkeepalivetransmissioninterval=700", "-endpointkeepalivetimeoutinterval=700"])
        }
    };
    let mut element = echo_server(elements_of);
    let ids = until_elements("EchoPool", 1);
    element.signal(libc::SIGSTOP);
    until_elements("EchoPool", 0);
    element.signal(libc::SIGCONT);
    assert_eq!(until_elements("EchoPool", 1), ids, "it is the same one");
    element.end_by(libc::SIGINT);
    until_elements("EchoPool", 0);
    registrar.end_by(libc::SIGINT);
    cell.end();
}

/// A registrar that dies and comes back has its elements back soon, and users go on.
fn restart(registrar_of: Of, elements_of: Of, user_of: Of) {
    let mut cell = Cell::new();
    cell.expect_cause(9);
    cell.expect_refusals(200);
    cell.expect_aborts(Cell::STARTS_SLOWLY);
    let mut first = registrar(registrar_of, &[]);
    let mut element = echo_server(elements_of);
    let ids = until_elements("EchoPool", 1);
    let mut user = echo_client(user_of);
    user.say("before");
    user.until("before");
    first.end_by(libc::SIGKILL);
    user.say("meanwhile");
    user.until("meanwhile");
    let mut second = registrar(registrar_of, &[]);
    assert_eq!(until_elements("EchoPool", 1), ids);
    user.say("after");
    user.until("after");
    user.end_by(libc::SIGINT);
    element.end_by(libc::SIGINT);
    until_elements("EchoPool", 0);
    second.end_by(libc::SIGINT);
    cell.end();
}

/// Elements and users that know no registrar find it by its announcements.
fn announcements(registrar_of: Of, elements_of: Of, user_of: Of) {
    let mut cell = Cell::new();
    cell.expect("ASAP Server Announce");
    cell.expect_cause(9);
    // Without a registrar by configuration, we also ask this host, until the first announcement.
    cell.expect_refusals(100);
    let mut registrar = match registrar_of {
        Us => registrar(Us, &["--announce", "on"]),
        Rsplib => registrar(Rsplib, &["-asapannounce=auto"]),
    };
    let mut element = match elements_of {
        Us => ours("echo_server", &[]),
        Rsplib => rsplib("rspserver", &["-echo", "-rereginterval=1000"]),
    };
    until_elements("EchoPool", 1);
    let mut user = match user_of {
        Us => ours("echo_client", &[]),
        Rsplib => rsplib("rspterminal", &[]),
    };
    user.say("found");
    user.until("found");
    element.until(session_begins(elements_of));
    user.end_by(libc::SIGINT);
    element.end_by(libc::SIGINT);
    until_elements("EchoPool", 0);
    registrar.end_by(libc::SIGINT);
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
    our_registrar_notices_a_silent_rsplib_element: silence(Us, Rsplib);
    rsplib_registrar_notices_our_silent_element: silence(Rsplib, Us);
    our_registrar_restarts_under_rsplib_elements_and_user: restart(Us, Rsplib, Rsplib);
    rsplib_registrar_restarts_under_our_elements_and_user: restart(Rsplib, Us, Us);
    our_announcements_are_heard_by_rsplib: announcements(Us, Rsplib, Rsplib);
    rsplib_announcements_are_heard_by_us: announcements(Rsplib, Us, Us);
}
