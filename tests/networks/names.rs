//! Names of registrars that lead to several addresses, elsewhere, or nowhere yet.

use crate::host::{Running, at, echo_server, echo_server_program, network, registrar, rserpool, until_listed};
use crate::support::c_pool::scratch;
use crate::support::scope::dns;
use std::ffi::{CStr, CString};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// What programs take for /etc/hosts, or for another file there.
struct Hosts {
    file: PathBuf,
    taken_for: &'static CStr,
}

impl Hosts {
    fn new(test: &str, lines: &str) -> Hosts {
        Hosts::taken_for(c"/etc/hosts", test, lines)
    }

    fn taken_for(taken_for: &'static CStr, test: &str, lines: &str) -> Hosts {
        let hosts = Hosts { file: scratch(test).join("hosts"), taken_for };
        hosts.become_these(lines);
        hosts
    }

    /// From now on, also for those that run already.
    fn become_these(&self, lines: &str) {
        std::fs::write(&self.file, format!("{lines}\n")).expect("the file can be written");
    }

    /// A program that takes it for the other one.
    fn known_to(&self, mut command: Command) -> Command {
        let file = CString::new(self.file.as_os_str().as_bytes()).expect("no zero in it");
        let taken_for = self.taken_for;
        let mount = |from: *const libc::c_char, to: &CStr, flags| {
            // SAFETY: both names end in zero, or the first is null; nothing else is read.
            let result = unsafe { libc::mount(from, to.as_ptr(), std::ptr::null(), flags, std::ptr::null()) };
            if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
        };
        let enter = move || {
            // SAFETY: no pointers are involved.
            if unsafe { libc::unshare(libc::CLONE_NEWNS) } < 0 {
                return Err(std::io::Error::last_os_error());
            }
            mount(std::ptr::null(), c"/", libc::MS_REC | libc::MS_PRIVATE)?;
            mount(file.as_ptr(), taken_for, libc::MS_BIND)
        };
        // SAFETY: unshare and mount are plain system calls, which may be made between fork and exec.
        unsafe { command.pre_exec(enter) };
        command
    }
}

const LOCALHOST: &str = "::1 localhost\n127.0.0.1 localhost";

#[test]
fn all_addresses_of_a_name_are_tried() {
    let Some(_network) = network() else { return };
    let hosts = Hosts::new("networks-localhost", LOCALHOST);
    let _registrar = registrar(None, &["--asap", "127.0.0.1:3863", "--enrp", "127.0.0.1:9901", "--announce", "off"]);
    let element = at(None, echo_server_program(), &["-registrar=localhost:3863"]);
    let _element = Running::start(hosts.known_to(element));
    until_listed(None, "127.0.0.1:3863", &["127.0.0.1"]);
    for arguments in [["resolve", "EchoPool", "--registrar", "localhost"], ["list", "--enrp", "localhost", "--json"]] {
        let output = hosts.known_to(at(None, rserpool(), &arguments)).output().expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_name_is_looked_up_again_when_its_registrar_is_gone() {
    let Some(network) = network() else { return };
    let hosts = Hosts::new("networks-moving", "10.9.0.1 registrar.test");
    let first = registrar(Some(network.host(0)), &["--announce", "off"]);
    let element = at(Some(network.host(1)), echo_server_program(), &["-registrar=registrar.test:3863"]);
    let _element = Running::start(hosts.known_to(element));
    until_listed(None, "10.9.0.1:3863", &["10.9.0.2"]);
    drop(first);
    let _second = registrar(Some(network.host(2)), &["--announce", "off"]);
    hosts.become_these("10.9.0.3 registrar.test");
    until_listed(None, "10.9.0.3:3863", &["10.9.0.2"]);
}

#[test]
fn a_name_that_leads_nowhere_yet_is_looked_up_until_it_does() {
    let Some(network) = network() else { return };
    let hosts = Hosts::new("networks-later", "");
    let mut command = at(Some(network.host(1)), echo_server_program(), &["-asapannounce=off"]);
    command.env("RSERPOOL_REGISTRARS", "registrar.test:3863");
    let element = Running::start(hosts.known_to(command));
    let options = ["registrar", "--announce", "off", "--peer", "other.test"];
    let waiting = Running::start(hosts.known_to(at(Some(network.host(0)), rserpool(), &options)));
    waiting.until(" transport ");
    let other = registrar(Some(network.host(2)), &["--announce", "off"]);
    element.until("registrar registrar.test:3863 cannot be looked up now, and is looked up again later");
    hosts.become_these("10.9.0.1 registrar.test\n10.9.0.3 other.test");
    until_listed(None, "10.9.0.1:3863", &["10.9.0.2"]);
    for registrar in [&waiting, &other] {
        registrar.until("is a peer; 1 are known");
    }
}

#[test]
fn an_element_that_knows_a_dead_address_and_a_name_finds_the_registrar_of_the_name() {
    let Some(network) = network() else { return };
    let hosts = Hosts::new("networks-both", "10.9.0.1 registrar.test");
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let known = ["-registrar=10.9.0.99:3863", "-registrar=registrar.test:3863"];
    let _element = Running::start(hosts.known_to(at(Some(network.host(1)), echo_server_program(), &known)));
    let _other = echo_server(Some(network.host(2)), &["-registrar=10.9.0.1:3863"]);
    until_listed(None, "10.9.0.1:3863", &["10.9.0.2", "10.9.0.3"]);
}

#[test]
fn a_name_with_twenty_addresses_leads_to_the_one_that_answers() {
    let Some(network) = network() else { return };
    let dead = (101..120).map(|last| format!("10.9.0.{last} registrar.test\n"));
    let lines: String = dead.chain(["10.9.0.1 registrar.test".to_owned()]).collect();
    let hosts = Hosts::new("networks-twenty", &lines);
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let known = ["-registrar=registrar.test:3863", "-asapannounce=off"];
    let _element = Running::start(hosts.known_to(at(Some(network.host(1)), echo_server_program(), &known)));
    until_listed(None, "10.9.0.1:3863", &["10.9.0.2"]);
}

#[test]
fn the_srv_records_of_a_name_lead_to_registrars() {
    let Some(network) = network() else { return };
    let [dead, living] = ["10.9.0.99:3863", "10.9.0.1:3863"].map(|place| place.parse().expect("an address"));
    let server = SocketAddr::from(([10, 9, 0, 254], 53));
    dns::serve_at(server, "_asap._sctp.example.net", vec![dead, living]);
    let system = Hosts::taken_for(c"/etc/resolv.conf", "networks-srv", "nameserver 10.9.0.254");
    let _registrar = registrar(Some(network.host(0)), &["--announce", "off"]);
    let mut command = at(Some(network.host(1)), echo_server_program(), &["-asapannounce=off"]);
    command.env("RSERPOOL_REGISTRARS", "_asap._sctp.example.net");
    let _one = Running::start(system.known_to(command));
    let known = ["-registrar=_asap._sctp.example.net", "-asapannounce=off"];
    let _other = Running::start(system.known_to(at(Some(network.host(2)), echo_server_program(), &known)));
    until_listed(None, "10.9.0.1:3863", &["10.9.0.2", "10.9.0.3"]);
    let asked = at(None, rserpool(), &["resolve", "EchoPool", "--registrar", "_asap._sctp.example.net"]);
    let output = system.known_to(asked).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
