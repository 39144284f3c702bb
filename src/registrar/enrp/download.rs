//! What both ends of a download of a handle table know: what it is about, and when it ends (RFC 5353 section 3.2.3).

use crate::message::enrp::{HandleTableRequest, HandleTableResponse};

/// Pages of one download: a peer that never ends its table must not keep us.
const MAX_PAGES: u32 = 65_536;

/// Which elements a download is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// The whole handlespace.
    All,
    /// The elements that this registrar is home of.
    Own,
}

impl Extent {
    pub const BOTH: [Extent; 2] = [Extent::Own, Extent::All];

    pub fn of(message: &HandleTableRequest) -> Extent {
        if message.own_children_only { Extent::Own } else { Extent::All }
    }
}

/// Where a page stands in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Others follow.
    Inner,
    Last,
}

impl Page {
    /// As its sender says.
    pub fn of(message: &HandleTableResponse) -> Page {
        if message.more { Page::Inner } else { Page::Last }
    }
}

/// How many pages of a table have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pages(u32);

impl Pages {
    /// One more has come. It is the last one, too, when there are too many.
    pub fn count(&mut self, page: Page) -> Page {
        self.0 = self.0.saturating_add(1);
        if self.0 >= MAX_PAGES { Page::Last } else { page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_end_ends() {
        let mut pages = Pages::default();
        let counted = (0..MAX_PAGES).map(|_| pages.count(Page::Inner)).filter(|page| *page == Page::Inner).count();
        assert_eq!((counted as u32, pages.count(Page::Inner)), (MAX_PAGES - 1, Page::Last));
        assert_eq!(Pages::default().count(Page::Last), Page::Last);
    }
}
