//! Cookies that servers seal with keys that they share: what a stranger shows is not taken for a server's own state.

use crate::support::api::*;
use rserpool::SessionId;
use rserpool::api::{self, ConnectOptions, Notification};
use rserpool::session::encode_cookie_echo;
use std::process::Command;

const KEYS: &str = "RSERPOOL_COOKIE_KEYS";

fn key(number: u8) -> String {
    format!("{number}:{}", format!("{:02x}", number ^ 0xa5).repeat(32))
}

#[test]
fn a_forged_cookie_echo_is_dropped_logged_and_counted_where_servers_have_keys() {
    let registrar = library();
    let environment = [(KEYS, key(1)), ("TEST_LOG", String::new())];
    let mut server = ServerProcess::start_with(registrar, "sealed", &environment);
    let mut stranger = SilentPeer::connect("sealed");
    assert_eq!(stranger.hear(), format!("{}:1:word", server.id.0));
    stranger.say_control(&encode_cookie_echo(b"999999").unwrap());
    stranger.say("hello");
    assert_eq!(stranger.hear(), format!("{}:2:hello", server.id.0), "it goes on with its own state");
    let line = server.logged(&["cookie", "dropped"]);
    assert!(line.contains("pool \"sealed\"") && line.contains("not sealed") && line.contains("1 so far"), "{line}");
    assert!(!line.contains("a peer"), "the line says who that is: {line}");
    stranger.say(COOKIES_REFUSED);
    assert_eq!(stranger.hear(), "1 cookies refused");
}

#[test]
fn without_keys_any_cookie_echo_is_taken_for_state() {
    let registrar = library();
    let server = ServerProcess::start(registrar, "not-sealed");
    let mut stranger = SilentPeer::connect("not-sealed");
    assert_eq!(stranger.hear(), format!("{}:1:word", server.id.0));
    stranger.say_control(&encode_cookie_echo(b"999999").unwrap());
    stranger.say("hello");
    assert_eq!(stranger.hear(), format!("{}:1000000:hello", server.id.0));
    stranger.say(COOKIES_REFUSED);
    assert_eq!(stranger.hear(), "0 cookies refused");
}

#[test]
fn asap_139_a_sealed_cookie_moves_a_session_also_while_keys_are_changed() {
    let registrar = library();
    let server = |keys: String| ServerProcess::start_with(registrar, "rotated", &[(KEYS, keys)]);
    let mut servers = [server(format!("{},{}", key(1), key(2))), server(format!("{},{}", key(2), key(1)))];
    let client = connect("rotated");
    let first = api::getpeername(client).unwrap().pool_element_id;
    send(client, "a");
    assert_eq!(receive(client).0, Got::Data(format!("{}:1:a", first.0)));
    let (victim, other) = if servers[0].id == first { (0, 1) } else { (1, 0) };
    servers[victim].kill();
    fail_over(client);
    send(client, "b");
    assert_eq!(receive(client).0, Got::Data(format!("{}:2:b", servers[other].id.0)));
    api::close(client).unwrap();
}

#[test]
fn a_socket_for_each_session_opens_what_its_listening_socket_seals() {
    let registrar = library();
    let mut server = accepting(registrar, "sealed, accepted");
    let client = seqpacket_socket();
    api::connect(client, b"sealed, accepted", ConnectOptions::default()).unwrap();
    send(client, "a");
    assert_eq!(receive(client).0, Got::Data("a".into()));
    let mut stranger = SilentPeer::connect("sealed, accepted");
    assert_eq!(stranger.hear(), "word");
    stranger.say_control(&encode_cookie_echo(b"cookie of a stranger").unwrap());
    stranger.say("c");
    assert_eq!(stranger.hear(), "c");
    server.kill();
    let mut server = accepting(registrar, "sealed, accepted");
    fail_over(client);
    send(client, "b");
    assert_eq!(receive(client).0, Got::Data("cookie of a, then b".into()));
    api::close(client).unwrap();
    server.kill();
}

/// The client's server is gone: it goes on with another one, which gets the cookie.
fn fail_over(client: api::Descriptor) {
    let necessary = Notification::FailoverNecessary { session: SessionId(1), has_cookie: true };
    assert_eq!(receive(client).0, Got::Notification(necessary));
    api::force_failover(client, api::FailoverFlags { unreachable: true }, std::time::Duration::ZERO).unwrap();
    let complete = Notification::FailoverComplete { session: SessionId(1), has_cookie: true };
    assert_eq!(receive(client).0, Got::Notification(complete));
}

fn accepting(registrar: std::net::SocketAddr, pool: &str) -> ServerProcess {
    ServerProcess::start_with(registrar, pool, &[(KEYS, key(1)), ("TEST_ONE_TO_ONE", String::new())])
}

#[test]
fn keys_that_cannot_be_used_are_an_error_of_initialize_that_does_not_show_them() {
    let good = key(1);
    for (keys, lifetime, why) in [
        ("", "60", "RSERPOOL_COOKIE_KEYS: key 1"),
        ("1:c0ffee", "60", "RSERPOOL_COOKIE_KEYS: key 1: it has 3 bytes"),
        (&good, "0", "RSERPOOL_COOKIE_LIFETIME: \"0\" is no number of seconds from 1 to"),
        (&good, "soon", "RSERPOOL_COOKIE_LIFETIME: \"soon\""),
        (&good, "60", "started"),
    ] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "sealed_cookies::starting_process", "--nocapture"])
            .envs([(KEYS, keys), ("RSERPOOL_COOKIE_LIFETIME", lifetime)])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(why), "{text}");
        assert!(!text.contains("c0ffee") && !text.contains(&good[2..]), "{text}");
    }
}

#[test]
#[ignore = "the process that another test starts"]
fn starting_process() {
    match api::initialize(&config("127.0.0.1:9".parse().unwrap())) {
        Ok(()) => println!("started"),
        Err(error) => println!("{}, errno {}", error, error.errno),
    }
}
