//! What `rserpool registrar --http` answers, and what it bears.

use crate::support::program::{Element, PATIENCE, RegistrarProcess, rserpool, text};
use rserpool::driver::clock;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

fn start(options: &[&str]) -> (RegistrarProcess, SocketAddr) {
    let registrar = RegistrarProcess::start(&[&["--http", "127.0.0.1:0", "--log", "info"][..], options].concat());
    let http = registrar.http.expect("the greeting says where");
    (registrar, http)
}

/// Sends these bytes and returns everything that comes back; nothing: the connection was closed without an answer.
fn send(http: SocketAddr, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(http).expect("a connection");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let _ = connection.write_all(bytes); // it may be closed already
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    text(&answer)
}

/// The status and the body that a path has.
fn get(http: SocketAddr, path: &str) -> (u16, String) {
    let answer = send(http, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {path}: {answer:?}"));
    (status_of(head), body.to_owned())
}

fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn body(http: SocketAddr, path: &str) -> String {
    let (status, body) = get(http, path);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

#[test]
fn metrics_are_described_and_count_what_has_happened() {
    let (registrar, http) = start(&[]);
    let element = Element::register(registrar.asap, "Pool", 1);
    let asap = registrar.asap.to_string();
    assert_eq!(rserpool(&["resolve", "Pool", "--registrar", &asap]).status.code(), Some(0));
    let metrics = body(http, "/metrics");
    for line in [
        "rserpool_registrations_total 1",
        "rserpool_resolutions_total 1",
        "rserpool_elements{home=\"own\"} 1",
        "rserpool_held{what=\"pools\",when_full=\"refused\"} 1",
        "rserpool_held_limit{what=\"pools\",when_full=\"refused\"} 65536",
        "rserpool_elements_by_policy{policy=\"RoundRobin\"} 1",
        "rserpool_elements_by_transport{transport=\"SCTP\"} 1",
        "rserpool_elements_by_state{state=\"registered\"} 1",
        "rserpool_elements_by_state{state=\"of_others\"} 0",
        "rserpool_transport_messages_received_total{transport=\"tcp\"} 1",
        "rserpool_transport_messages_sent_total{transport=\"tcp\"} 1",
        "rserpool_serving 1",
        "rserpool_peers{state=\"active\"} 0",
    ] {
        assert!(metrics.lines().any(|metric| metric == line), "{line} is missing:\n{metrics}");
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let name = of_histogram.filter(|name| metrics.contains(&format!("# TYPE {name} histogram"))).unwrap_or(name);
        let described = ["HELP", "TYPE"].map(|what| metrics.contains(&format!("# {what} {name} ")));
        assert_eq!(described, [true; 2], "{name}");
    }
    check_by_promtool(&metrics);
    let asked = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n";
    let open = send(http, asked.as_bytes());
    assert!(open.contains("Content-Type: application/openmetrics-text; version=1.0.0") && open.ends_with("# EOF\n"));
    drop(element);
}

/// Where promtool is.
fn check_by_promtool(metrics: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else { return };
    promtool.stdin.take().expect("piped").write_all(metrics.as_bytes()).expect("it reads");
    let checked = promtool.wait_with_output().expect("it ends");
    assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));
}

#[test]
fn a_registrar_that_is_starting_is_healthy_and_not_ready() {
    // Nobody listens on port 1: it looks for a mentor for longer than this test takes.
    let ports = ["--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--announce", "off"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.arg("registrar").args(ports).args(["--peer", "127.0.0.1:1", "--mentor-discovery-timeout", "10m"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let log = BufReader::new(child.stderr.take().expect("piped"));
    let (mut http, mut listens) = (None, false);
    let mut lines = log.lines().map_while(Result::ok);
    while !listens {
        let line = lines.next().expect("it says where it is");
        http = http.or(line.split_once(" by HTTP at ").and_then(|(_, address)| address.parse::<SocketAddr>().ok()));
        listens = line.contains(" listens for ASAP at ");
    }
    let http = http.expect("the endpoint is opened first");
    let end = clock::now() + PATIENCE;
    while get(http, "/healthz").0 != 200 {
        assert!(clock::now() < end, "it is not healthy");
    }
    assert_eq!(get(http, "/readyz").0, 503);
    assert!(body(http, "/api/v1/registrar").contains("\"state\":\"starting\""));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn events_say_what_has_happened_to_an_element_and_why() {
    let (registrar, http) = start(&["--keep-alive-interval", "200ms", "--keep-alive-timeout", "200ms"]);
    assert_eq!(body(http, "/readyz"), "ready\n");
    let silent = Element::register(registrar.asap, "<b>\"Pool\"\u{1}", 1);
    let hostile = "pool=%3Cb%3E%22Pool%22%01";
    let end = clock::now() + PATIENCE;
    let events = loop {
        let events = body(http, &format!("/api/v1/events?{hostile}"));
        if events.contains("\"event\":\"removed\"") {
            break events;
        }
        assert!(clock::now() < end, "{events}");
    };
    let order = ["\"event\":\"registered\"", "\"element\":\"0x00000001\"", "\"cause\":\"it is at SCTP {127.0.0.1}:"];
    assert!(order.iter().all(|part| events.contains(part)), "{events}");
    assert!(events.contains("\"cause\":\"it has not answered a keep-alive in time\""), "{events}");
    assert!(events.contains(r#""pool":"<b>\"Pool\"%01""#) && !events.contains('\u{1}'), "{events}");
    let all = body(http, "/api/v1/events?limit=1");
    assert!(all.contains("\"event\":\"ready\"") && all.trim_end().ends_with("\"next\":1}"), "{all}");
    assert!(!body(http, "/api/v1/events?after=1").contains("\"event\":\"ready\""));
    drop(silent);
}

#[test]
fn pools_elements_and_settings_are_told_page_by_page() {
    let (registrar, http) = start(&["--max-pools", "77"]);
    let elements: Vec<_> =
        [("A", 1), ("B", 2), ("B", 3), ("C", 4)].map(|(pool, id)| Element::register(registrar.asap, pool, id)).into();
    let pools = body(http, "/api/v1/pools?limit=2");
    assert_eq!(pools.matches("\"policy\":\"RoundRobin\"").count(), 2, "{pools}");
    let next: u64 = pools.trim_end().trim_end_matches('}').rsplit(':').next().unwrap().parse().expect("a number");
    let rest = body(http, &format!("/api/v1/pools?limit=2&after={next}"));
    assert!(rest.contains("\"pool\":\"C\"") && rest.contains("\"next\":null"), "{rest}");
    let of_pool = body(http, "/api/v1/elements?pool=B&limit=1");
    assert!(of_pool.contains("\"pool\":\"B\"") && of_pool.trim_end().ends_with("\"next\":1}"), "{of_pool}");
    let all = body(http, "/api/v1/elements");
    assert_eq!(all.matches("\"user_transport\":").count(), elements.len(), "{all}");
    assert!(all.contains("\"next\":null"), "{all}");
    assert!(body(http, "/api/v1/configuration").contains("\"max-pools\":\"77\""));
    assert!(body(http, "/api/v1/registrar").contains("\"pools\":3,\"elements\":4,\"own_elements\":4"));
    assert_eq!(body(http, "/api/v1/registrars"), "{\"registrars\":[]}\n");
    assert!(body(http, "/").contains("/api/v1/events"));
}

#[test]
fn elements_are_found_by_what_is_known_of_them_and_say_how_they_stand() {
    let (registrar, http) = start(&[]);
    let _elements: Vec<_> = [("A", 1), ("Beta", 2), ("beta", 3), ("C", 4)]
        .map(|(pool, id)| Element::register(registrar.asap, pool, id))
        .into();
    let found = body(http, "/api/v1/elements?search=BETA&limit=1");
    assert!(found.contains("\"pool\":\"Beta\"") && !found.contains("\"next\":null"), "{found}");
    let next = found.trim_end().trim_end_matches('}').rsplit(':').next().expect("a number");
    let rest = body(http, &format!("/api/v1/elements?search=BETA&after={next}"));
    assert!(rest.contains("\"pool\":\"beta\"") && rest.matches("\"alive\":").count() == 1, "{rest}");
    assert!(rest.contains("\"next\":null"), "{rest}");
    assert_eq!(body(http, "/api/v1/elements?search=nothing"), "{\"elements\":[],\"next\":null}\n");
    assert_eq!(body(http, "/api/v1/pools?search=beta").matches("\"policy\":").count(), 2);
    let one = body(http, "/api/v1/elements?pool=C&element=0x00000004");
    let stands = "\"alive\":{\"state\":\"registered\",\"known_ms\":";
    assert!(one.contains(stands) && one.contains("\"unanswered_ms\":null"), "{one}");
    assert_eq!(one, one.replace("\"known_ms\":null", ""), "it has come at some time");
    for (path, status) in [
        ("/api/v1/elements?pool=C&element=5", 404),
        ("/api/v1/elements?element=4", 400),
        ("/api/v1/elements?pool=C&element=0x+4", 400),
        ("/api/v1/elements?pool=C&element=%FF", 400),
        ("/api/v1/events?last=", 400),
    ] {
        assert_eq!(get(http, path).0, status, "{path}");
    }
    let of_one = body(http, "/api/v1/events?pool=C&element=4&last=9");
    assert!(of_one.contains("\"registered\"") && of_one.matches("\"number\":").count() == 1, "{of_one}");
    let last = body(http, "/api/v1/events?last=2");
    let [second, third] = ["0x00000003", "0x00000004"].map(|id| last.find(&format!("\"element\":\"{id}\"")));
    assert!(second.is_some() && second < third && last.matches("\"number\":").count() == 2, "{last}");
}

/// One that is told what happens.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn begin(http: SocketAddr) -> Listener {
        let mut connection = TcpStream::connect(http).expect("a connection");
        connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        connection.write_all(b"GET /api/v1/live HTTP/1.1\r\n\r\n").expect("it takes that");
        Listener(BufReader::new(connection))
    }

    /// The next line with these words.
    fn line(&mut self, words: &[&str]) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).expect("a line"), 0, "it ends without {words:?}");
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }
}

#[test]
fn who_listens_is_told_what_happens_and_how_things_stand() {
    let (registrar, http) = start(&[]);
    let _first = Element::register(registrar.asap, "Pool", 1);
    let mut listener = Listener::begin(http);
    listener.line(&["HTTP/1.1 200"]);
    listener.line(&["Content-Type: text/event-stream"]);
    listener.line(&["data: {\"first\":true,\"left_out\":0,", "\"element\":\"0x00000001\""]);
    listener.line(&["data: ", "\"registrations\":1", "\"state\":\"ready\"", "\"registrars\":[]"]);
    let _second = Element::register(registrar.asap, "<Pool>", 2);
    let news = listener.line(&["\"first\":false", "\"element\":\"0x00000002\""]);
    assert!(!news.contains("0x00000001") && news.contains("\"pool\":\"<Pool>\""), "only what is new: {news}");
    listener.line(&["data: ", "\"registrations\":2"]);
}

#[test]
fn listeners_are_few_and_leave_a_place_when_they_go() {
    let (_registrar, http) = start(&[]);
    let mut listeners: Vec<Listener> = (0..8).map(|_| Listener::begin(http)).collect();
    for listener in &mut listeners {
        listener.line(&["event: state"]);
    }
    Listener::begin(http).line(&["HTTP/1.1 503"]);
    assert_eq!(body(http, "/healthz"), "healthy\n", "others have an answer");
    drop(listeners);
    let end = clock::now() + PATIENCE;
    loop {
        let mut status = String::new();
        Listener::begin(http).0.read_line(&mut status).expect("an answer");
        if status.starts_with("HTTP/1.1 200") {
            return;
        }
        assert!(clock::now() < end, "nobody can listen any more: {status}");
    }
}

#[test]
fn a_listener_that_does_not_read_or_will_not_stop_sending_is_left() {
    let (registrar, http) = start(&[]);
    let mut rude = TcpStream::connect(http).expect("a connection");
    rude.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    rude.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    rude.write_all(b"GET /api/v1/live HTTP/1.1\r\n\r\n").expect("it takes that");
    // It is closed: else this would go on until the end of all patience.
    while rude.write_all(&[b'x'; 4096]).is_ok() {}
    let _element = Element::register(registrar.asap, "Pool", 1);
    let mut listener = Listener::begin(http);
    listener.line(&["\"element\":\"0x00000001\""]);
}

#[test]
fn browsers_are_told_to_trust_nothing_but_the_page() {
    let (_registrar, http) = start(&[]);
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/page.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
        ("/api/v1/events", "application/json"),
        ("/nowhere", "text/plain; charset=utf-8"),
    ] {
        let answer = send(http, format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(&format!("\r\nContent-Type: {content_type}\r\n")), "{head}");
        assert!(head.contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; "), "{head}");
        assert!(head.contains("\r\nX-Content-Type-Options: nosniff\r\n") && !body.is_empty(), "{head}");
    }
    assert!(body(http, "/api").contains("/api/v1/live"));
}

#[test]
fn bad_requests_have_an_answer_that_says_so() {
    let (registrar, http) = start(&[]);
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(20_000));
    let endless = "GET /".to_owned() + &"x".repeat(20_000);
    for (request, status) in [
        ("rubbish\r\n\r\n", 400),
        ("HEAD /metrics HTTP/1.1\r\n\r\n", 405),
        ("DELETE /api/v1/pools HTTP/1.1\r\n\r\n", 405),
        ("GET /../../etc/passwd HTTP/1.1\r\n\r\n", 404),
        ("GET /%2e%2e/%00 HTTP/1.1\r\n\r\n", 404),
        ("GET /page/../page/page.js HTTP/1.1\r\n\r\n", 404),
        ("GET /page/page.js%00 HTTP/1.1\r\n\r\n", 404),
        ("HEAD / HTTP/1.1\r\n\r\n", 405),
        ("POST /api/v1/live HTTP/1.1\r\n\r\n", 405),
        ("GET /metrics/ HTTP/1.1\r\n\r\n", 404),
        ("GET /api/v1/events?after=-1 HTTP/1.1\r\n\r\n", 400),
        ("GET /api/v1/pools?limit=many HTTP/1.1\r\n\r\n", 400),
        ("GET /api/v1/elements?pool=nobody HTTP/1.1\r\n\r\n", 404),
        (&long, 431),
        (&endless, 431),
    ] {
        let answer = send(http, request.as_bytes());
        assert_eq!(status_of(&answer), status, "{}: {answer}", &request[..request.len().min(60)]);
    }
    let two = "GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n";
    assert_eq!(send(http, two.as_bytes()).matches("HTTP/1.1 200").count(), 1, "one answer a connection");
    assert_eq!(get(http, "/api/v1/pools?after=18446744073709551615&limit=18446744073709551615").0, 200);
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert!(status.success() && !log.contains("panic"), "{log}");
}

#[test]
fn who_holds_connections_keeps_the_registrar_from_nothing() {
    let (registrar, http) = start(&[]);
    let _element = Element::register(registrar.asap, "Pool", 1);
    let begun = |_| {
        let mut connection = TcpStream::connect(http).expect("a connection");
        connection.write_all(b"GET /metr").expect("it takes that");
        connection
    };
    let slow: Vec<TcpStream> = (0..100).map(begun).collect();
    let asap = registrar.asap.to_string();
    assert_eq!(rserpool(&["resolve", "Pool", "--registrar", &asap]).status.code(), Some(0));
    drop(slow);
    let end = clock::now() + PATIENCE;
    while !send(http, b"GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200") {
        assert!(clock::now() < end, "nobody is answered any more");
    }
}

#[test]
fn a_port_that_is_taken_is_named_and_ends_with_1() {
    let (_first, http) = start(&[]);
    let second =
        rserpool(&["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--http", &http.to_string()]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains(&format!("cannot open HTTP endpoint {http}: ")), "{}", text(&second.stderr));
}
