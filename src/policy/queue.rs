//! A queue in one piece of memory, in which the place of every member is known.
//!
//! A list of members is copied from it; to follow links from one to the next takes several times as long. Places are numbered on
//! and on, and wrap around in a buffer. Who leaves from the middle leaves a gap; when there are more gaps than members, the
//! queue is closed up, so gaps cost nothing on average.

use super::Member;
use smallvec::SmallVec;

/// Gaps that are let be in short queues.
const FEW_GAPS: u32 = 8;

/// What stands in a queue.
pub(super) trait Item: Copy {
    /// Stands where nobody is.
    const GAP: Self;

    fn member(&self) -> Member;

    fn is_gap(&self) -> bool {
        self.member() == Self::GAP.member()
    }
}

impl Item for Member {
    const GAP: Member = Member::MAX;

    fn member(&self) -> Member {
        *self
    }
}

/// Items in their order. Up to `INLINE` of them, a power of two, take no memory of their own.
#[derive(Debug)]
pub(super) struct Queue<T, const INLINE: usize> {
    /// The item at place `p` is at `p` modulo its length, a power of two. Neither the first nor the last place is a gap.
    buffer: SmallVec<[T; INLINE]>,
    /// The place of each member that is there, by member.
    places: SmallVec<[u32; 4]>,
    /// Places from `first` on are in use, so many of them.
    first: u32,
    span: u32,
    len: u32,
}

impl<T, const INLINE: usize> Default for Queue<T, INLINE> {
    fn default() -> Self {
        Queue { buffer: SmallVec::new(), places: SmallVec::new(), first: 0, span: 0, len: 0 }
    }
}

impl<T: Item, const INLINE: usize> Queue<T, INLINE> {
    fn slot(&self, place: u32) -> usize {
        place as usize & self.buffer.len().wrapping_sub(1)
    }

    fn end(&self) -> u32 {
        self.first.wrapping_add(self.span)
    }

    pub fn front(&self) -> Option<T> {
        (self.len > 0).then(|| self.buffer[self.slot(self.first)])
    }

    pub fn back(&self) -> Option<T> {
        (self.len > 0).then(|| self.buffer[self.slot(self.end().wrapping_sub(1))])
    }

    /// The item of a member, if it is there.
    pub fn get(&self, member: Member) -> Option<T> {
        let &place = self.places.get(member as usize)?;
        let item = self.buffer.get(self.slot(place)).filter(|item| item.member() == member)?;
        (place.wrapping_sub(self.first) < self.span).then_some(*item)
    }

    /// Replaces the item of a member that is there.
    pub fn set(&mut self, item: T) {
        let slot = self.slot(self.places[item.member() as usize]);
        self.buffer[slot] = item;
    }

    /// The one in front moves behind everybody else.
    pub fn rotate(&mut self) {
        if self.len < 2 {
            return;
        }
        let (from, place) = (self.slot(self.first), self.end());
        let to = self.slot(place);
        let buffer = self.buffer.as_mut_slice();
        let item = buffer[from];
        // It leaves a place and takes one. In a full buffer, that is the same.
        buffer[to] = item;
        self.places[item.member() as usize] = place;
        let mask = buffer.len() - 1;
        self.first = self.first.wrapping_add(1);
        while buffer[self.first as usize & mask].is_gap() {
            self.first = self.first.wrapping_add(1);
            self.span -= 1;
        }
    }

    /// The item of a member that is not there comes in behind everybody else.
    pub fn push_back(&mut self, item: T) {
        if self.span as usize == self.buffer.len() {
            self.make_room();
        }
        let place = self.end();
        let slot = self.slot(place);
        self.buffer[slot] = item;
        let index = item.member() as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, 0);
        }
        self.places[index] = place;
        self.span += 1;
        self.len += 1;
    }

    /// The item that is this far from the front, as long as there are no gaps to count.
    pub fn nth(&self, nth: usize) -> Option<T> {
        (self.span == self.len && nth < self.len as usize)
            .then(|| self.buffer[self.slot(self.first.wrapping_add(nth as u32))])
    }

    /// Moves the first `count` items, in their order, behind everybody else, and appends their members to `out`. `count` are
    /// there, and no gaps.
    pub fn requeue(&mut self, count: usize, change: impl Fn(T) -> T, out: &mut Vec<Member>) {
        if count == self.len as usize {
            // Nobody is left to move behind.
            let (first, span) = (self.slot(self.first), self.span as usize);
            let (wrapped, front) = self.buffer.split_at_mut(first);
            let end = front.len().min(span);
            for part in [&mut front[..end], &mut wrapped[..span - end]] {
                out.extend(part.iter_mut().map(|item| {
                    *item = change(*item);
                    item.member()
                }));
            }
            return;
        }
        let (buffer, places) = (self.buffer.as_mut_slice(), self.places.as_mut_slice());
        let mask = buffer.len().wrapping_sub(1);
        let mut left = count;
        while left > 0 {
            let to = self.first.wrapping_add(self.span);
            let (source, target) = (self.first as usize & mask, to as usize & mask);
            let run = left.min(buffer.len() - source.max(target));
            // Where they are moved to, nobody is, or somebody who moves as well.
            buffer.copy_within(source..source + run, target);
            out.extend(buffer[target..target + run].iter_mut().zip(0..run as u32).map(|(item, offset)| {
                *item = change(*item);
                places[item.member() as usize] = to.wrapping_add(offset);
                item.member()
            }));
            self.first = self.first.wrapping_add(run as u32);
            left -= run;
        }
    }

    /// Takes the item of a member out, if it is there.
    pub fn remove(&mut self, member: Member) -> Option<T> {
        let item = self.get(member)?;
        let slot = self.slot(self.places[member as usize]);
        self.buffer[slot] = T::GAP;
        self.len -= 1;
        self.trim();
        if self.span > 2 * self.len + FEW_GAPS {
            self.close_up();
        }
        Some(item)
    }

    /// Moves up to `items` items from the front to `out`, as long as they are wanted: all that are stand in front.
    pub fn take_while(&mut self, items: usize, wanted: impl Fn(&T) -> bool, out: &mut Vec<T>) {
        let (front, wrapped) = self.slices();
        let before = out.len();
        if self.span == self.len {
            for part in [front, wrapped] {
                let part = &part[..part.len().min(items - (out.len() - before))];
                let all = part.last().is_some_and(&wanted);
                out.extend_from_slice(if all { part } else { &part[..part.partition_point(&wanted)] });
                if !all {
                    break;
                }
            }
        } else {
            let members = front.iter().chain(wrapped).filter(|item| !item.is_gap());
            out.extend(members.take(items).take_while(|item| wanted(item)));
        }
        let Some(last) = out[before..].last() else { return };
        let taken = self.places[last.member() as usize].wrapping_sub(self.first) + 1;
        self.first = self.first.wrapping_add(taken);
        self.span -= taken;
        self.len -= (out.len() - before) as u32;
        self.trim();
    }

    /// The places in use, gaps among them.
    fn slices(&self) -> (&[T], &[T]) {
        let (wrapped, front) = self.buffer.split_at(self.slot(self.first).min(self.buffer.len()));
        let front = &front[..front.len().min(self.span as usize)];
        (front, &wrapped[..self.span as usize - front.len()])
    }

    /// Gives up places at both ends that are gaps.
    fn trim(&mut self) {
        if self.len == 0 {
            self.span = 0;
        }
        while self.span > 0 && self.buffer[self.slot(self.first)].is_gap() {
            self.first = self.first.wrapping_add(1);
            self.span -= 1;
        }
        while self.span > 0 && self.buffer[self.slot(self.end().wrapping_sub(1))].is_gap() {
            self.span -= 1;
        }
    }

    /// By closing up if that gives a quarter of the places, so that it is not needed again soon.
    fn make_room(&mut self) {
        self.close_up();
        let size = self.buffer.len();
        if self.len as usize >= size - size / 4 {
            let size = (2 * size).max(INLINE);
            let mut larger = SmallVec::from_elem(T::GAP, size);
            for offset in 0..self.len {
                let place = self.first.wrapping_add(offset);
                larger[place as usize & (size - 1)] = self.buffer[self.slot(place)];
            }
            self.buffer = larger;
        }
    }

    /// Moves everybody towards the front until there are no gaps.
    fn close_up(&mut self) {
        let mut to = self.first;
        for offset in 0..self.span {
            let item = self.buffer[self.slot(self.first.wrapping_add(offset))];
            if !item.is_gap() {
                let slot = self.slot(to);
                self.buffer[slot] = item;
                self.places[item.member() as usize] = to;
                to = to.wrapping_add(1);
            }
        }
        self.span = self.len;
    }
}

impl<const INLINE: usize> Queue<Member, INLINE> {
    /// Appends up to `items` members, those in front first.
    pub fn list(&self, items: usize, out: &mut Vec<Member>) {
        let (front, wrapped) = self.slices();
        if self.span == self.len {
            let count = items.min(front.len());
            out.extend_from_slice(&front[..count]);
            if count < items {
                out.extend_from_slice(&wrapped[..wrapped.len().min(items - count)]);
            }
        } else {
            out.extend(front.iter().chain(wrapped).filter(|member| !member.is_gap()).take(items));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// With phases of growing and shrinking, and many turns, so that places wrap around and gaps come and go.
    #[test]
    fn it_orders_as_a_naive_model_does() {
        let (mut queue, mut model, mut random) = (Queue::<Member, 4>::default(), Vec::new(), Random::new(11));
        // Numbers of places are about to wrap.
        queue.first = u32::MAX - 500;
        for step in 0..60_000 {
            let (member, growing) = (random.below(300) as Member, step / 3000 % 2 == 0);
            let known = model.iter().position(|&other| other == member);
            assert_eq!(queue.get(member), known.map(|_| member));
            match known {
                None if growing || random.below(8) == 0 => {
                    queue.push_back(member);
                    model.push(member);
                }
                Some(at) if !growing || random.below(8) == 0 => {
                    assert_eq!(queue.remove(member), Some(member));
                    model.remove(at);
                }
                None => assert_eq!(queue.remove(member), None),
                Some(at) if random.below(16) == 0 => {
                    let (mut taken, items) = (vec![3], random.below(20) as usize);
                    let wanted = model[..at].to_vec();
                    queue.take_while(items, |other| wanted.contains(other), &mut taken);
                    assert!(taken[1..].iter().copied().eq(model.drain(..items.min(at))));
                }
                Some(at) if queue.nth(at).is_some() => {
                    let mut moved = vec![3];
                    queue.requeue(at, |member| member, &mut moved);
                    assert_eq!(moved[1..], model[..at]);
                    model.rotate_left(at);
                }
                Some(_) => {
                    queue.rotate();
                    model.rotate_left(1);
                }
            }
            let (items, mut listed) = (random.below(400) as usize, vec![7]);
            queue.list(items, &mut listed);
            assert_eq!(listed[1..], model[..items.min(model.len())], "step {step}");
            assert_eq!((queue.front(), queue.back()), (model.first().copied(), model.last().copied()));
            assert!(queue.span <= 2 * queue.len + FEW_GAPS);
        }
    }
}
