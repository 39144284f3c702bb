//! Which path has which answer.

use super::request::Request;
use super::{REGISTRAR_TIME, Source, classic, element_counts, events, handlespace, limits, metrics, page, search};
use crate::json;
use crate::settings::SETTINGS;
use rserpool::driver::registrar::RegistrarMetrics;
use rserpool::registrar::Registrar;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Paths, for who does not know them.
const PATHS: &str = "\
/                      a page to look at
/metrics               for Prometheus
/healthz               200: the registrar's thread answers
/readyz                200: it answers pool users, and does not leave
/api/v1/registrar      this registrar
/api/v1/registrars     the others
/api/v1/pools          ?after=N&limit=N&search=TEXT
/api/v1/elements       ?after=N&limit=N&search=TEXT&pool=NAME, or ?pool=NAME&element=ID
/api/v1/limits         what is kept, and how much of it there can be
/api/v1/events         ?after=N&limit=N&pool=NAME&element=ID, or ?last=N&pool=NAME&element=ID
/api/v1/live           server-sent events: what happens, and twice a second how things stand
/api/v1/configuration  the settings that hold
";

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Good,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooLong,
    Unavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Good => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::TooLong => "431 Request Header Fields Too Large",
            Status::Unavailable => "503 Service Unavailable",
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    status: Status,
    content_type: &'static str,
    body: String,
}

impl Answer {
    /// One that says only how it went.
    pub fn of(status: Status) -> Answer {
        Answer { status, content_type: TEXT, body: format!("{}\n", status.line()) }
    }

    fn good(content_type: &'static str, body: String) -> Answer {
        Answer { status: Status::Good, content_type, body }
    }

    /// As it goes over the connection.
    pub fn bytes(&self) -> Vec<u8> {
        let allow = if self.status == Status::MethodNotAllowed { "Allow: GET\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}Cache-Control: no-store\r\n\
             {}Connection: close\r\n\r\n",
            self.status.line(),
            self.content_type,
            self.body.len(),
            caution()
        );
        (head + &self.body).into_bytes()
    }
}

/// What keeps browsers from making anything else of an answer.
fn caution() -> String {
    let policy = page::CONTENT_SECURITY_POLICY;
    format!("X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: {policy}\r\n")
}

/// The head of an answer that goes on until its reader goes.
pub fn stream_head() -> String {
    let caution = caution();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n{caution}Connection: close\r\n\r\n"
    )
}

/// Asks the registrar for what a request wants.
pub fn answer(request: &Request, source: Option<Source>) -> Answer {
    if request.path == "/api" {
        return Answer::good(TEXT, PATHS.to_owned());
    }
    if let Some((_, content_type, text)) = page::FILES.iter().find(|(path, ..)| *path == request.path) {
        return Answer::good(content_type, (*text).to_owned());
    }
    let Some(source) = source else { return Answer::of(Status::Unavailable) };
    result(request, &source).unwrap_or_else(Answer::of)
}

fn result(request: &Request, source: &Source) -> Result<Answer, Status> {
    let json = |body: String| Answer::good(JSON, body + "\n");
    match request.path.as_str() {
        "/metrics" => {
            let mut seen = look(source, metrics::Seen::of)?;
            seen.counts = element_counts::ElementCounts::ask(source).ok_or(Status::Unavailable)?;
            let text = seen.text().map_err(|_| Status::Unavailable)?;
            Ok(match request.takes_openmetrics {
                true => Answer::good(OPENMETRICS, text),
                false => Answer::good(CLASSIC, classic::of_openmetrics(&text)),
            })
        }
        "/healthz" => look(source, |_, _| Answer::good(TEXT, "healthy\n".to_owned())),
        "/readyz" => match look(source, |registrar, _| registrar.is_serving())? {
            true => Ok(Answer::good(TEXT, "ready\n".to_owned())),
            false => Err(Status::Unavailable),
        },
        "/api/v1/registrar" => {
            let (addresses, since) = (source.addresses, source.since);
            let seen = move |registrar: &Registrar, metrics: &RegistrarMetrics| {
                handlespace::registrar(registrar, metrics, addresses, since)
            };
            look(source, seen).map(json)
        }
        "/api/v1/registrars" => look(source, |registrar, _| handlespace::registrars(registrar)).map(json),
        "/api/v1/pools" => {
            let piece = |page| look(source, move |registrar, _| handlespace::pools(registrar, page));
            Ok(json(search::list(request, piece)?.json()))
        }
        "/api/v1/elements" => {
            let wanted = handlespace::Wanted::of(request)?;
            let piece = |page| {
                let wanted = wanted.clone();
                let elements = look(source, move |registrar, _| handlespace::elements(registrar, &wanted, page))?;
                elements.ok_or(Status::NotFound)
            };
            Ok(json(search::list(request, piece)?.json()))
        }
        "/api/v1/limits" => look(source, |registrar, _| registrar.held()).map(|held| json(limits::json(&held))),
        "/api/v1/events" => {
            let (wanted, since) = (events::Wanted::of(request)?, source.since);
            let seen = look(source, move |registrar, _| events::seen(registrar, &wanted))?;
            Ok(json(events::json(&seen, since)))
        }
        "/api/v1/configuration" => Ok(json(configuration(source))),
        _ => Err(Status::NotFound),
    }
}

fn look<T: Send + 'static>(
    source: &Source,
    look: impl FnOnce(&Registrar, &RegistrarMetrics) -> T + Send + 'static,
) -> Result<T, Status> {
    source.window.look(REGISTRAR_TIME, look).ok_or(Status::Unavailable)
}

fn configuration(source: &Source) -> String {
    let options = source.options.lock().clone();
    json::object(SETTINGS.iter().map(|setting| (setting.name, json::string(&setting.show(&options)))))
}
