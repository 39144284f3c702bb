use super::answers::{Answer, Status};
use super::request::{Request, is_whole};

fn parse(head: &str) -> Result<Request, Status> {
    Request::parse(head.as_bytes())
}

#[test]
fn a_request_has_a_path_and_a_query_whose_values_may_be_any_bytes() {
    let request =
        parse("GET /api/v1/events?after=7&pool=a%20b%00%FF&limit= HTTP/1.1\r\nHost: x\r\n\r\n").expect("good");
    assert_eq!(request.path, "/api/v1/events");
    assert_eq!((request.number("after", 0), request.number("missing", 9)), (Ok(7), Ok(9)));
    assert_eq!(request.value("pool"), Some(&b"a b\0\xff"[..]));
    assert_eq!(request.number("limit", 1), Err(Status::BadRequest));
    assert!(!request.takes_openmetrics);
}

#[test]
fn what_is_no_get_without_a_body_is_refused() {
    let headers: String = (0..65).map(|number| format!("X-{number}: y\r\n")).collect();
    for (head, status) in [
        ("POST / HTTP/1.1\r\n\r\n", Status::MethodNotAllowed),
        ("HEAD / HTTP/1.1\r\n\r\n", Status::MethodNotAllowed),
        ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", Status::BadRequest),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Status::BadRequest),
        ("GET http://x/ HTTP/1.1\r\n\r\n", Status::BadRequest),
        ("GET * HTTP/1.1\r\n\r\n", Status::BadRequest),
        ("GET /?a=%zz HTTP/1.1\r\n\r\n", Status::BadRequest),
        ("GET / HTTP/9\r\n\r\n", Status::BadRequest),
        ("\u{16}\u{3}\u{1} a TLS client\r\n\r\n", Status::BadRequest),
        (&format!("GET / HTTP/1.1\r\n{headers}\r\n"), Status::TooLong),
    ] {
        assert_eq!(parse(head), Err(status), "{head}");
    }
}

#[test]
fn a_head_is_whole_at_its_empty_line_or_as_soon_as_it_is_wrong() {
    assert!(!is_whole(b"GET / HTTP/1.1\r\nHost: x\r\n"));
    assert!(is_whole(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(is_whole(b"\0\0\0"));
}

#[test]
fn an_answer_says_how_long_it_is_and_that_it_is_the_last() {
    let text = String::from_utf8(Answer::of(Status::MethodNotAllowed).bytes()).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 405 Method Not Allowed\r\n") && head.contains("\r\nAllow: GET\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    assert!(head.ends_with("\r\nConnection: close"), "{head}");
}
