//! Finding what has a text in it, among all that the registrar knows: piece by piece, so that it serves others between.

use super::answers::Status;
use super::handlespace::{Line, List, Page};
use super::request::Request;
use rserpool::driver::clock;
use std::time::Duration;

/// What is looked through at a time.
const PIECE: usize = 500;
/// How long a search takes at most; the answer says where to go on.
const SEARCH_TIME: Duration = Duration::from_secs(1);

/// What a request wants of a list, whose `piece`s the registrar gives: a page, or those lines that have a text in them.
pub fn list<T: Line>(
    request: &Request,
    mut piece: impl FnMut(Page) -> Result<List<T>, Status>,
) -> Result<List<T>, Status> {
    let page = Page::of(request)?;
    match request.search() {
        Some(text) => search(&text, page, piece),
        None => piece(page),
    }
}

fn search<T: Line>(
    text: &str,
    page: Page,
    mut piece: impl FnMut(Page) -> Result<List<T>, Status>,
) -> Result<List<T>, Status> {
    let end = clock::now() + SEARCH_TIME;
    let mut found = Vec::new();
    let mut after = page.after;
    loop {
        let mut list = piece(Page { after, limit: PIECE })?;
        for line in std::mem::take(&mut list.items) {
            if !line.words().to_lowercase().contains(text) {
                continue;
            }
            let next = line.next();
            found.push(line);
            if found.len() >= page.limit {
                return Ok(List { items: found, next: Some(next), ..list });
            }
        }
        match list.next {
            Some(next) if clock::now() < end => after = next,
            next => return Ok(List { items: found, next, ..list }),
        }
    }
}
