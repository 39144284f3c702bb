//! What C programs are linked with.

use crate::support::c_pool::{libraries, root, scratch, succeed};
use std::process::Command;

#[test]
fn the_shared_library_is_linked_with_openssl_and_the_static_one_says_that_it_needs_it() {
    let out = scratch("tls-linking");
    let (made, library) = (libraries().join("librserpool.a"), out.join("librserpool.a"));
    succeed(Command::new(root().join("scripts/link-static")).arg(made).arg(&library));
    succeed(Command::new(root().join("scripts/link-library")).env("OUT", &out));
    let needed = succeed(Command::new("objdump").arg("-p").arg(out.join("librserpool.so")));
    for name in ["NEEDED               libssl.so", "NEEDED               libcrypto.so"] {
        assert!(needed.contains(name), "{needed}");
    }
    let said = succeed(Command::new(root().join("scripts/tls-libraries")).arg(&library));
    assert_eq!(said.trim(), "-lssl -lcrypto");
}
