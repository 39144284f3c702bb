//! A request, as far as it concerns anybody here: GET, a path, and a query.

use super::answers::Status;
use httparse::EMPTY_HEADER;
use rserpool::PoolElementId;

/// Header fields of a request.
const MAX_HEADERS: usize = 64;

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// As it came: no path here has anything in it that would be escaped.
    pub path: String,
    /// Decoded.
    query: Vec<(String, Vec<u8>)>,
    /// Whether the asker reads OpenMetrics.
    pub takes_openmetrics: bool,
}

/// Whether the head of a request has come.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    // What is wrong already need not be waited for.
    !matches!(httparse::Request::new(&mut headers).parse(bytes), Ok(httparse::Status::Partial))
}

impl Request {
    /// One from its head; what follows that is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Request, Status> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        match head.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Status::TooLong),
            _ => return Err(Status::BadRequest),
        }
        if head.method != Some("GET") {
            return Err(Status::MethodNotAllowed);
        }
        let field = |name: &str| head.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        let has_body =
            field("transfer-encoding").is_some() || field("content-length").is_some_and(|field| field.value != b"0");
        if has_body {
            return Err(Status::BadRequest);
        }
        let target = head.path.ok_or(Status::BadRequest)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !path.starts_with('/') {
            return Err(Status::BadRequest);
        }
        let accept = field("accept").and_then(|field| std::str::from_utf8(field.value).ok()).unwrap_or_default();
        Ok(Request {
            path: path.to_owned(),
            query: decoded(query)?,
            takes_openmetrics: accept.contains("application/openmetrics-text"),
        })
    }

    /// The value of this name in the query.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The same as a number, which it has to be.
    pub fn number(&self, name: &str, default: u64) -> Result<u64, Status> {
        let Some(value) = self.value(name) else { return Ok(default) };
        std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()).ok_or(Status::BadRequest)
    }

    /// The element that is asked for: its identifier as everything here writes it, or as a decimal number.
    pub fn element(&self) -> Result<Option<PoolElementId>, Status> {
        let Some(value) = self.value("element") else { return Ok(None) };
        let text = std::str::from_utf8(value).map_err(|_| Status::BadRequest)?;
        let number = match text.strip_prefix("0x") {
            // Rust takes a sign as well.
            Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16),
            _ => text.parse(),
        };
        number.map(|number| Some(PoolElementId(number))).map_err(|_| Status::BadRequest)
    }

    /// What is searched for, in small letters; none: everything is wanted.
    pub fn search(&self) -> Option<String> {
        self.value("search").map(|text| String::from_utf8_lossy(text).to_lowercase()).filter(|text| !text.is_empty())
    }
}

fn decoded(query: &str) -> Result<Vec<(String, Vec<u8>)>, Status> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = crate::pool_name::parse(value.as_bytes()).map_err(|_| Status::BadRequest)?;
        Ok((name.to_owned(), value.as_bytes().to_vec()))
    };
    pairs.map(pair).collect()
}
