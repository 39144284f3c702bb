//! Timers of somebody who is behind with receiving: what waits unseen may be just what a timer waits for.
//!
//! An endpoint that is late and lets timers go first repeats what has been acknowledged long ago, and then gives up peers that have
//! answered, which costs it more and makes it fall further behind.

/// Rounds of receiving before timers run all the same, so that a flood cannot keep them from it: about what full sockets hold.
const MOST_ROUNDS: u32 = 160;

/// How long somebody has been behind.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    rounds: u32,
}

impl Behind {
    /// Whether timers may run after a round of receiving, which has left `more` to be received.
    pub fn lets_timers_run(&mut self, more: bool) -> bool {
        self.rounds = if more && self.rounds < MOST_ROUNDS { self.rounds + 1 } else { 0 };
        self.rounds == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_wait_until_everything_is_received_but_not_for_ever() {
        let mut behind = Behind::default();
        assert!(behind.lets_timers_run(false));
        assert!(!behind.lets_timers_run(true));
        assert!(behind.lets_timers_run(false));
        let waited = (0..).take_while(|_| !behind.lets_timers_run(true)).count();
        assert_eq!(waited, MOST_ROUNDS as usize);
        assert!(!behind.lets_timers_run(true), "they wait anew");
    }
}
