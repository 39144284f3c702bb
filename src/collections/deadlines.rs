//! When things with numbers want to run.

use crate::Time;
use std::collections::BTreeSet;

/// Deadlines in their order, any number of them. Not generic, so that all transports and drivers share it.
#[derive(Debug, Default)]
pub struct Deadlines(BTreeSet<(Time, u64)>);

impl Deadlines {
    /// Moves the deadline of `number` from `old`; none: it has or gets none.
    pub fn set(&mut self, number: u64, old: Option<Time>, new: Option<Time>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.0.remove(&(old, number));
        }
        if let Some(new) = new {
            self.0.insert((new, number));
        }
    }

    /// The earliest one.
    pub fn first(&self) -> Option<Time> {
        self.0.first().map(|(at, _)| *at)
    }

    /// The number of the earliest one, if it has come. It stays: [`Deadlines::set`] or [`Deadlines::pop`] takes it out.
    pub fn due(&self, now: Time) -> Option<u64> {
        self.0.first().filter(|(at, _)| *at <= now).map(|(_, number)| *number)
    }

    /// Takes out the earliest one.
    pub fn pop(&mut self) {
        self.0.pop_first();
    }

    /// The numbers of all that have come, the earliest first; they stay.
    pub fn all_due(&self, now: Time) -> impl Iterator<Item = u64> {
        self.0.iter().take_while(move |(at, _)| *at <= now).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_due_in_order_and_move() {
        let [one, two, three] = [1, 2, 3].map(|second| Some(Time::from_secs(second)));
        let mut deadlines = Deadlines::default();
        deadlines.set(7, None, three);
        deadlines.set(8, None, two);
        deadlines.set(9, None, two);
        deadlines.set(7, three, one); // moved
        deadlines.set(9, two, None); // stopped
        assert_eq!(deadlines.first(), one);
        assert_eq!(deadlines.due(Time::from_millis(999)), None);
        assert_eq!(deadlines.all_due(Time::from_secs(2)).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(deadlines.due(Time::from_secs(1)), Some(7));
        deadlines.pop();
        assert_eq!(deadlines.due(Time::from_secs(1)), None);
        assert_eq!(deadlines.first(), two);
    }
}
