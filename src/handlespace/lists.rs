//! Lists through the elements themselves: an element is in the list of its association and in that of its owner.

use super::Element;
use super::slab::Slab;

pub(super) const NIL: u32 = u32::MAX;

/// An element's neighbours in a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub previous: u32,
    pub next: u32,
}

impl Default for Links {
    fn default() -> Links {
        Links { previous: NIL, next: NIL }
    }
}

/// A list: its first element and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub first: u32,
    pub len: usize,
}

impl Default for List {
    fn default() -> List {
        List { first: NIL, len: 0 }
    }
}

/// Which links of an element belong to the list.
pub(super) type LinksOf = fn(&mut Element) -> &mut Links;

impl List {
    pub fn push(&mut self, elements: &mut Slab<Element>, index: u32, links_of: LinksOf) {
        if let Some(element) = elements.get_mut(index) {
            *links_of(element) = Links { previous: NIL, next: self.first };
        }
        if let Some(first) = elements.get_mut(self.first) {
            links_of(first).previous = index;
        }
        self.first = index;
        self.len += 1;
    }

    pub fn remove(&mut self, elements: &mut Slab<Element>, index: u32, links_of: LinksOf) {
        let Some(element) = elements.get_mut(index) else { return };
        let Links { previous, next } = std::mem::take(links_of(element));
        match elements.get_mut(previous) {
            Some(element) => links_of(element).next = next,
            None => self.first = next,
        }
        if let Some(element) = elements.get_mut(next) {
            links_of(element).previous = previous;
        }
        self.len -= 1;
    }
}
