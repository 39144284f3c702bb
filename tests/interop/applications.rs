//! rsplib's applications around each registrar: state sharing by cookies (PingPong) and adaptive load (CalcApp).

use crate::guest::{Cell, Program, until};
use crate::programs::{ASAP, Of, registrar, resolve, rsplib, until_elements};
use Of::{Rsplib, Us};
use rserpool::wire::Policy;

fn server(options: &[&str]) -> Program {
    let to_registrar = format!("-registrar={ASAP}");
    let mut all = vec![to_registrar.as_str(), "-asapannounce=off", "-rereginterval=1000"];
    all.extend_from_slice(options);
    rsplib("rspserver", &all)
}

/// The count of the session goes on at the other server, from the cookie that the client kept.
fn ping_pong(registrar_of: Of) {
    let mut cell = Cell::new();
    cell.expect_cause(9);
    cell.expect_refusals(3);
    let mut registrar = registrar(registrar_of, &[]);
    let first = server(&["-pingpong"]);
    let first_id = until_elements("PingPongPool", 1)[0];
    let second = server(&["-pingpong"]);
    let ids = until_elements("PingPongPool", 2);
    let second_id = *ids.iter().find(|id| **id != first_id).expect("two different ones");
    let mut user = rsplib("pingpongclient", &[&format!("-registrar={ASAP}"), "-asapannounce=off", "-interval=100"]);
    let acknowledged = |user: &Program, id: u32| user.count(&format!("from PE ${id:08x}"));
    until("some pings are answered", || acknowledged(&user, first_id) > 5 || acknowledged(&user, second_id) > 5);
    let mut servers = [(first, first_id), (second, second_id)];
    if acknowledged(&user, first_id) == 0 {
        servers.swap(0, 1);
    }
    let [(mut used, _), (mut other, other_id)] = servers;
    used.end_by(libc::SIGKILL);
    until("pings are answered by the other server", || acknowledged(&user, other_id) > 5);
    let numbers = reply_numbers(&user.output(), other_id);
    assert!(numbers.iter().all(|number| *number > 5), "the other server began anew: {numbers:?}");
    user.end_by(libc::SIGINT);
    other.end_by(libc::SIGINT);
    until_elements("PingPongPool", 0);
    registrar.end_by(libc::SIGINT);
    cell.end();
}

/// "Ack #7 from PE $0000002a (reply #9)": the count that the server keeps.
fn reply_numbers(output: &str, id: u32) -> Vec<u64> {
    let number = |line: &str| {
        let (_, after) = line.split_once(&format!("from PE ${id:08x} (reply #"))?;
        after.split_once(')')?.0.parse().ok()
    };
    output.lines().filter_map(number).collect()
}

/// Servers that change their load with each job, under Least Used.
fn calculations(registrar_of: Of) {
    let mut cell = Cell::new();
    cell.expect_cause(9);
    cell.expect_refusals(3);
    let mut registrar = registrar(registrar_of, &[]);
    let options = ["-calcapp", "-policy=LeastUsed", "-capcapacity=1000000", "-capmaxjobs=4"];
    let mut servers = [server(&options), server(&options)];
    until_elements("CalcAppPool", 2);
    let options = ["-asapannounce=off", "-jobinterval=0.5", "-jobsize=1000000", "-runtime=14"];
    let scalars = std::env::temp_dir().join(format!("interop-calcapp-{registrar_of:?}"));
    let scalar = format!("-scalar={}.sca", scalars.display());
    let vector = format!("-vector={}.vec", scalars.display());
    let to_registrar = format!("-registrar={ASAP}");
    let mut all = vec![to_registrar.as_str(), &scalar, &vector];
    all.extend_from_slice(&options);
    let mut user = rsplib("calcappclient", &all);
    // A loaded server registers again with its load.
    until("the registrar knows of a load", || {
        resolve("CalcAppPool").iter().any(|element| element.policy != Policy::LeastUsed { load: 0 })
    });
    until("jobs are done", || user.ended());
    for server in &mut servers {
        server.end_by(libc::SIGINT);
    }
    until_elements("CalcAppPool", 0);
    registrar.end_by(libc::SIGINT);
    let result = std::fs::read_to_string(format!("{}.sca", scalars.display())).expect("the client's figures");
    let completed = result.lines().find(|line| line.contains("Total Jobs Completed")).unwrap_or_default();
    let completed: u32 = completed.split_whitespace().last().unwrap_or("").parse().unwrap_or(0);
    assert!(completed > 0, "no job was completed:\n{result}");
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
    our_registrar_pingpong_fails_over_with_cookie: ping_pong(Us);
    our_registrar_calcapp_with_least_used: calculations(Us);
    rsplib_registrar_calcapp_with_least_used: calculations(Rsplib);
}
