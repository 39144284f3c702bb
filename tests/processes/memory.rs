//! What a registrar may need: a limit of the system, beyond which it would get no memory and end.

use crate::support::program::{RegistrarProcess, rserpool, text};
use crate::support::scope::hosts::{Elements, EntryArguments, Shape};

const ENTRY: EntryArguments = &["--ignored", "--exact", "host_process", "--nocapture", "--test-threads=1"];
const PROCESSES: usize = 4;
const SHAPE: Shape = Shape { associations: 5, per_association: 1_000 };

#[test]
fn a_registrar_with_20_000_elements_has_enough_with_32_mb() {
    let registrar = RegistrarProcess::start_with_memory(32 << 20, &["--log", "error", "--keep-alive-interval", "1h"]);
    let each = SHAPE.associations * SHAPE.per_association;
    let hosts: Vec<_> =
        (0..PROCESSES).map(|host| Elements::start(ENTRY, &[registrar.asap], 1 + host * each, SHAPE)).collect();
    hosts.iter().for_each(Elements::registered);
    let list = rserpool(&["list", "--enrp", &registrar.enrp.to_string(), "--json"]);
    assert_eq!(list.status.code(), Some(0), "{}", text(&list.stderr));
    let listed = text(&list.stdout).matches("\"asap_transport\":").count();
    assert_eq!(listed, PROCESSES * each, "all of them, and downloaded within that memory, too");
    drop(hosts);
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert_eq!(status.code(), Some(0), "{log}");
}
