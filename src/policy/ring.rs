//! Circular lists of members with a head. Members of several rings share one table of links.

use super::Member;
use smallvec::SmallVec;

/// The neighbours of every member, by member.
#[derive(Debug, Default)]
pub(super) struct Links(SmallVec<[Link; 2]>);

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    previous: Member,
    next: Member,
}

/// One circular list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ring {
    head: Member,
    len: u32,
}

impl Links {
    pub fn next(&self, member: Member) -> Member {
        self.0[member as usize].next
    }
}

impl Ring {
    pub fn len(&self) -> u32 {
        self.len
    }

    /// The head, if there is anybody.
    pub fn head(&self) -> Option<Member> {
        (self.len > 0).then_some(self.head)
    }

    /// The next one becomes the head, and the head the last one.
    pub fn rotate(&mut self, links: &Links) {
        if self.len > 0 {
            self.head = links.next(self.head);
        }
    }

    /// Puts a member at the end: everybody else comes first.
    pub fn push_back(&mut self, links: &mut Links, member: Member) {
        let index = member as usize;
        if index >= links.0.len() {
            links.0.resize(index + 1, Link::default());
        }
        if self.len == 0 {
            self.head = member;
            links.0[index] = Link { previous: member, next: member };
        } else {
            let last = links.0[self.head as usize].previous;
            links.0[index] = Link { previous: last, next: self.head };
            links.0[last as usize].next = member;
            links.0[self.head as usize].previous = member;
        }
        self.len += 1;
    }

    /// Puts a member in front of the head, and makes it the head.
    pub fn push_front(&mut self, links: &mut Links, member: Member) {
        self.push_back(links, member);
        self.head = member;
    }

    /// Takes a member of this ring out.
    pub fn remove(&mut self, links: &mut Links, member: Member) {
        let Link { previous, next } = links.0[member as usize];
        links.0[previous as usize].next = next;
        links.0[next as usize].previous = previous;
        if self.head == member {
            self.head = next;
        }
        self.len -= 1;
    }
}
