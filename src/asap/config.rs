//! The settings of the ASAP client core, and their check.

use crate::association::{PeerAddress, TransportKind};
use crate::policy::Policies;
use std::fmt;
use std::time::Duration;

/// Settings of the core. Timer names as in RFC 5352 section 5.
#[derive(Clone, Debug)]
pub struct AsapConfig {
    /// Registrars known beforehand, tried together with those that announce themselves.
    pub static_registrars: Vec<PeerAddress>,
    /// How many registrars are known by name; the core asks for their addresses.
    pub named_registrars: usize,
    /// The policies by which elements are selected from the cache.
    pub policies: Policies,
    /// How registrars may be reached when only resolutions are wanted, in order of preference. A registrar connection that
    /// carries registrations is always SCTP: the first SCTP kind in this list.
    pub registrar_transports: Vec<TransportKind>,
    /// Connections tried at a time while hunting for a registrar: 1 to 3 (RFC 5352 section 3.6, SH1).
    pub max_parallel_connects: usize,
    /// How long one connect may take.
    pub connect_timeout: Duration,
    /// Rounds of the hunt without success, one at least, after which a request fails that waits for a registrar; none: only time
    /// limits that.
    /// Elements to be registered are registered all the same when one is found later.
    pub max_connect_trials: Option<u32>,
    /// T1-ENRPrequest: time for a response to a resolution.
    pub t1_enrp_request: Duration,
    /// T2-registration: time for a response to a registration.
    pub t2_registration: Duration,
    /// T3-deregistration: time for a response to a de-registration.
    pub t3_deregistration: Duration,
    /// T5-Serverhunt: first pause between hunts; doubles up to `t5_max`.
    pub t5_server_hunt: Duration,
    /// Longest pause between hunts.
    pub t5_max: Duration,
    /// T7-ENRPoutdate: how long an announced registrar is remembered without a new announcement.
    pub t7_enrp_outdate: Duration,
    /// MAX-REG-ATTEMPT: registrations sent before the request fails.
    pub max_reg_attempt: u32,
    /// MAX-REQUEST-RETRANSMIT: resolutions sent again before the request fails.
    pub max_request_retransmit: u32,
    /// The longest that a request may take, hunting included: then it fails, whatever the other settings say.
    pub max_request_time: Duration,
    /// The longest that de-registrations may hold up a shutdown.
    pub shutdown_timeout: Duration,
    /// Requests waiting or under way at a time; more fail with [`TooManyRequests`](super::RequestError::TooManyRequests).
    pub max_requests: usize,
    /// Elements of our own, registered or being registered; more fail with [`TooManyPoolElements`](super::RequestError::TooManyPoolElements).
    pub max_pool_elements: usize,
    /// Pools kept in the cache.
    pub max_cached_pools: usize,
    /// Elements of one pool kept in the cache.
    pub max_cached_elements_per_pool: usize,
    /// Announced registrars remembered.
    pub max_registrars: usize,
    /// Associations that registrars, or who claims to be one, may have made to us; a new one pushes out the oldest.
    pub max_inbound_associations: usize,
}

impl Default for AsapConfig {
    /// Thresholds are those of RFC 5352 section 7. Its timers (T1 15 s, T2 and T3 30 s, T5 10 s, RETRAN.max 60 s) are too
    /// slow for call control, so these are chosen such that a request fails within five seconds at the latest, and a
    /// registrar that does not answer is left after one.
    fn default() -> AsapConfig {
        AsapConfig {
            static_registrars: Vec::new(),
            named_registrars: 0,
            policies: Policies::standard(),
            registrar_transports: vec![TransportKind::KernelSctp, TransportKind::Tcp, TransportKind::SctpUdp],
            max_parallel_connects: 3,
            connect_timeout: Duration::from_millis(1500),
            max_connect_trials: None,
            t1_enrp_request: Duration::from_secs(1),
            t2_registration: Duration::from_secs(2),
            t3_deregistration: Duration::from_secs(2),
            t5_server_hunt: Duration::from_millis(500),
            t5_max: Duration::from_secs(8),
            t7_enrp_outdate: Duration::from_secs(5),
            max_reg_attempt: 2,
            max_request_retransmit: 2,
            max_request_time: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(1),
            max_requests: 4096,
            max_pool_elements: 65_536,
            max_cached_pools: 256,
            max_cached_elements_per_pool: 128,
            max_registrars: 64,
            max_inbound_associations: 8,
        }
    }
}

impl AsapConfig {
    /// The `fast` profile, for call control: a registrar that does not answer is left after a fifth of a second.
    pub fn fast() -> AsapConfig {
        AsapConfig {
            connect_timeout: Duration::from_millis(300),
            t1_enrp_request: Duration::from_millis(200),
            t2_registration: Duration::from_millis(400),
            t3_deregistration: Duration::from_millis(400),
            t5_server_hunt: Duration::from_millis(100),
            t5_max: Duration::from_secs(1),
            max_request_time: Duration::from_secs(3),
            ..AsapConfig::default()
        }
    }
}

/// No timer is set to less: zero would have it expire again and again.
const SHORTEST_TIMER: Duration = Duration::from_millis(1);
/// More connects than this are never under way at a time, associations included (RFC 5352 section 3.6, SH1).
const MAX_CONNECTIONS: usize = 3;

/// Settings that have been checked: the only ones that a client takes.
#[derive(Clone, Debug)]
pub struct ValidAsapConfig(AsapConfig);

impl ValidAsapConfig {
    /// The settings, to look at.
    pub fn settings(&self) -> &AsapConfig {
        &self.0
    }

    /// The settings.
    pub fn into_inner(self) -> AsapConfig {
        self.0
    }
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A timer that would expire again and again.
    TimerTooShort {
        /// Which one.
        timer: &'static str,
        /// Its value.
        value: Duration,
    },
    /// The longest pause between hunts is shorter than the first one.
    HuntPauses {
        /// `t5_server_hunt`.
        first: Duration,
        /// `t5_max`.
        longest: Duration,
    },
    /// `max_parallel_connects` is not within 1 to 3.
    ParallelConnects(usize),
    /// `max_connect_trials` is zero.
    NoConnectTrials,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::TimerTooShort { timer, value } => {
                write!(f, "{timer} of {value:?} is shorter than {SHORTEST_TIMER:?}")
            }
            ConfigError::HuntPauses { first, longest } => {
                write!(f, "the longest pause between hunts, {longest:?}, is shorter than the first one, {first:?}")
            }
            ConfigError::ParallelConnects(number) => {
                write!(f, "{number} parallel connects: 1 to {MAX_CONNECTIONS} are possible")
            }
            ConfigError::NoConnectTrials => f.write_str("a hunt has at least one trial, not zero"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl AsapConfig {
    /// How long a request may take that finds a registrar by one connect, which answers the last message in the last moment.
    pub fn longest_exchange(&self) -> Duration {
        let resolution = self.t1_enrp_request.saturating_mul(self.max_request_retransmit.saturating_add(1));
        let registration = self.t2_registration.saturating_mul(self.max_reg_attempt);
        self.connect_timeout + resolution.max(registration).max(self.t3_deregistration)
    }

    /// Checks the settings, once and for all.
    ///
    /// # Errors
    ///
    /// Values that cannot work, alone or together.
    pub fn validated(self) -> Result<ValidAsapConfig, ConfigError> {
        for (timer, value) in [
            ("the connect timeout", self.connect_timeout),
            ("T1-ENRPrequest", self.t1_enrp_request),
            ("T2-registration", self.t2_registration),
            ("T3-deregistration", self.t3_deregistration),
            ("T5-Serverhunt", self.t5_server_hunt),
            ("T7-ENRPoutdate", self.t7_enrp_outdate),
            ("the longest time of a request", self.max_request_time),
            ("the shutdown timeout", self.shutdown_timeout),
        ] {
            if value < SHORTEST_TIMER {
                return Err(ConfigError::TimerTooShort { timer, value });
            }
        }
        if self.t5_max < self.t5_server_hunt {
            return Err(ConfigError::HuntPauses { first: self.t5_server_hunt, longest: self.t5_max });
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.max_parallel_connects) {
            return Err(ConfigError::ParallelConnects(self.max_parallel_connects));
        }
        if self.max_connect_trials == Some(0) {
            return Err(ConfigError::NoConnectTrials);
        }
        Ok(ValidAsapConfig(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_refused_and_those_of_the_profiles_are_not() {
        assert!(AsapConfig::default().validated().is_ok() && AsapConfig::fast().validated().is_ok());
        let refused = |change: fn(&mut AsapConfig)| {
            let mut config = AsapConfig::default();
            change(&mut config);
            config.validated().expect_err("it cannot work")
        };
        let zero = refused(|config| config.t2_registration = Duration::ZERO);
        assert_eq!(zero, ConfigError::TimerTooShort { timer: "T2-registration", value: Duration::ZERO });
        assert_eq!(zero.to_string(), "T2-registration of 0ns is shorter than 1ms");
        assert!(matches!(refused(|config| config.t5_max = SHORTEST_TIMER), ConfigError::HuntPauses { .. }));
        assert_eq!(refused(|config| config.max_parallel_connects = 4), ConfigError::ParallelConnects(4));
        assert_eq!(refused(|config| config.max_parallel_connects = 0), ConfigError::ParallelConnects(0));
        assert_eq!(refused(|config| config.max_connect_trials = Some(0)), ConfigError::NoConnectTrials);
    }
}
