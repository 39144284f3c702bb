//! Metrics, named by the conventions of Prometheus. They are copied on the registrar's thread, and written elsewhere.

use super::element_counts::ElementCounts;
use super::handlespace::state_name;
use super::limits;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rserpool::association::TransportKind;
use rserpool::driver::clock;
use rserpool::driver::registrar::{Histogram, RegistrarMetrics, TransportMetrics};
use rserpool::registrar::{Held, PeerInfo, PeerState, Registrar, Statistics};
use std::fmt;

/// What there is to be seen of a registrar.
#[derive(Clone, Debug)]
pub struct Seen {
    statistics: Statistics,
    driver: RegistrarMetrics,
    held: Vec<Held>,
    own_elements: usize,
    elements: usize,
    is_serving: bool,
    peers: Vec<Peer>,
    pub counts: ElementCounts,
}

/// Another registrar; there are as many as the limit of them allows.
#[derive(Clone, Debug)]
struct Peer {
    info: PeerInfo,
    elements: usize,
}

const PEER_STATES: [PeerState; 4] = [PeerState::Active, PeerState::Suspected, PeerState::Dead, PeerState::NotActive];

impl Seen {
    pub fn of(registrar: &Registrar, metrics: &RegistrarMetrics) -> Seen {
        let handlespace = registrar.handlespace();
        Seen {
            statistics: *registrar.statistics(),
            driver: *metrics,
            held: registrar.held(),
            own_elements: handlespace.count_of_owner(registrar.id()),
            elements: handlespace.element_count(),
            is_serving: registrar.is_serving(),
            peers: registrar.peers().map(|info| Peer { elements: handlespace.count_of_owner(info.id), info }).collect(),
            counts: ElementCounts::default(),
        }
    }

    /// In OpenMetrics.
    pub fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("rserpool");
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }

    /// Name, help and value.
    fn counters(&self) -> [(&'static str, &'static str, u64); 38] {
        let (core, driver) = (&self.statistics, &self.driver);
        [
            ("registrations", "Registrations and re-registrations accepted", core.registrations),
            ("registrations_refused", "Registrations refused", core.registrations_refused),
            ("denied", "Requests that the rules of the operator deny", core.denied),
            ("registrations_late", "New registrations that waited for what goes first", core.registrations_late),
            ("deregistrations", "De-registrations accepted", core.deregistrations),
            ("deregistrations_refused", "De-registrations refused", core.deregistrations_refused),
            ("resolutions", "Handle resolutions answered with elements", core.resolutions),
            ("resolutions_failed", "Handle resolutions answered with an error", core.resolutions_failed),
            ("updates_sent", "Updates sent to subscribers", core.updates_sent),
            ("keep_alives_sent", "Keep-alives sent to elements", core.keep_alives_sent),
            ("reports", "Unreachable reports received and counted", core.reports),
            ("rate_limited", "Messages and associations left out because there were too many", core.rate_limited),
            ("silent_connections_ended", "TCP connections ended because nothing came on them", core.silent_ended),
            ("elements_removed_by_loss", "Elements removed because their association was lost", core.removed_by_loss),
            ("elements_removed_by_timeout", "Elements removed for silence", core.removed_by_timeout),
            ("elements_removed_by_reports", "Elements removed for silence and reports", core.removed_by_reports),
            ("elements_removed_by_expiry", "Elements removed at the end of their life", core.removed_by_expiry),
            ("elements_back", "Elements removed for silence that came back with a late answer", core.elements_back),
            ("second_opinions", "Peers asked about elements that did not answer", core.second_opinions),
            ("faulty_messages", "Messages that could not be used", core.faults),
            ("strangers_refused", "Messages ignored because their sender is no peer", core.strangers_refused),
            ("announcements", "Announcements sent", core.announcements),
            ("handle_updates_sent", "ENRP_HANDLE_UPDATE messages sent", core.handle_updates_sent),
            ("handle_updates_received", "ENRP_HANDLE_UPDATE messages received", core.handle_updates_received),
            ("handle_table_pages", "Pages of the handle table sent", core.handle_table_pages),
            ("audits", "Audits of the elements of peers", core.audits),
            ("peers_found", "Registrars that became peers", core.peers_found),
            ("peers_lost", "Peers that ceased to be peers", core.peers_lost),
            ("takeovers_started", "Arbitrations about dead registrars started", core.takeovers_started),
            ("takeovers_completed", "Dead registrars taken over", core.takeovers_completed),
            (
                "takeovers_refused",
                "Takeovers given up because a peer says that the registrar lives",
                core.takeovers_refused,
            ),
            ("elements_taken_over", "Elements of dead registrars taken over", core.elements_taken_over),
            ("elements_adopted", "Elements that acknowledged this registrar as their new home", core.elements_adopted),
            ("messages_received", "Messages received on associations", driver.messages_received),
            ("messages_sent", "Messages sent on associations", driver.messages_sent),
            ("datagrams_received", "Datagrams received from the ENRP group", driver.datagrams_received),
            ("datagrams_sent", "Datagrams sent to groups", driver.datagrams_sent),
            ("slow_peers_aborted", "Associations aborted because the peer did not read", driver.slow_peers_aborted),
        ]
    }
}

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (name, help, value) in self.counters() {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let version = [(("version", env!("CARGO_PKG_VERSION").to_owned()), 1)];
        family(&mut encoder, "build_info", "This program", version)?;
        gauge(
            &mut encoder,
            "serving",
            "Whether it answers pool users and does not leave",
            usize::from(self.is_serving),
        )?;
        gauge(&mut encoder, "associations", "Associations and TCP connections", self.driver.associations)?;
        gauge(&mut encoder, "backlog_bytes", "Bytes that wait for peers to read", self.driver.backlog_bytes)?;
        let of_others = self.elements.saturating_sub(self.own_elements);
        let homes = [("own", self.own_elements), ("others", of_others)];
        let homes = homes.map(|(home, count)| (("home", home.to_owned()), count));
        family(&mut encoder, "elements", "Pool elements by their home registrar", homes)?;
        let counts: [(_, _, _, Vec<_>); 3] = [
            (
                "elements_by_policy",
                "Pool elements by the policy of their pool",
                "policy",
                self.counts.by_policy().collect(),
            ),
            (
                "elements_by_transport",
                "Pool elements by what they are used over",
                "transport",
                self.counts.by_protocol().collect(),
            ),
            (
                "elements_by_state",
                "Pool elements by how this registrar and they stand",
                "state",
                self.counts.by_state().collect(),
            ),
        ];
        for (name, help, label, values) in counts {
            family(&mut encoder, name, help, values.into_iter().map(|(value, count)| ((label, value), count)))?;
        }
        self.encode_peers(&mut encoder)?;
        self.encode_transports(&mut encoder)?;
        self.encode_limits(&mut encoder)?;
        let times = &self.driver.request_times;
        histogram(
            &mut encoder,
            "request_duration_seconds",
            "From receipt to answer, of a part of the messages",
            times,
        )?;
        histogram(&mut encoder, "loop_lateness_seconds", "How late timers are looked at", &self.driver.lateness)
    }
}

impl Seen {
    fn encode_peers(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let in_state = |state| self.peers.iter().filter(|peer| peer.info.state == state).count();
        let states = PEER_STATES.map(|state| (("state", state_name(state).to_owned()), in_state(state)));
        family(encoder, "peers", "Other registrars by what is thought of them", states)?;
        let of = |value: fn(&Peer) -> Option<usize>| {
            let labelled = move |peer: &Peer| Some((("registrar", peer.info.id.to_string()), value(peer)?));
            self.peers.iter().filter_map(labelled)
        };
        family(
            encoder,
            "peer_elements",
            "Pool elements that another registrar is home of",
            of(|peer| Some(peer.elements)),
        )?;
        let agrees = |peer: &Peer| peer.info.agrees.map(usize::from);
        family(encoder, "peer_agrees", "Whether its last checksum was that of its elements here", of(agrees))?;
        let mut silence =
            encoder.encode_descriptor("peer_silence_seconds", "Time since it was heard", None, MetricType::Gauge)?;
        for peer in &self.peers {
            let label = [("registrar", peer.info.id.to_string())];
            let silent = clock::now().saturating_since(peer.info.last_heard).as_secs_f64();
            ConstGauge::new(silent).encode(silence.encode_family(&label)?)?;
        }
        Ok(())
    }

    fn encode_transports(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let of = |value: fn(TransportMetrics) -> u64| {
            let each = self.driver.by_transport();
            each.filter_map(move |(kind, part)| Some((("transport", transport_name(kind)?.to_owned()), value(part))))
        };
        let associations = of(|part| part.associations as u64);
        let associations = associations.map(|(label, count)| (label, usize::try_from(count).unwrap_or(usize::MAX)));
        family(
            encoder,
            "associations_by_transport",
            "Associations and TCP connections by their transport",
            associations,
        )?;
        let received = "Messages received by the transport that they came over";
        counters(encoder, "transport_messages_received", received, of(|part| part.messages_received))?;
        counters(encoder, "transport_messages_sent", "Messages sent by their transport", of(|part| part.messages_sent))
    }

    fn encode_limits(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = ["What is kept of others, in numbers", "How much of it there can be"];
        let values: [fn(&Held) -> usize; 2] = [|held| held.count, |held| held.most];
        for ((name, help), value) in ["held", "held_limit"].into_iter().zip(help).zip(values) {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for held in &self.held {
                let what = held.what.replace(' ', "_").to_lowercase();
                let labels = [("what", what.as_str()), ("when_full", limits::name(held.when_full))];
                constant(value(held)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// None: for tests only.
fn transport_name(kind: TransportKind) -> Option<&'static str> {
    match kind {
        TransportKind::KernelSctp => Some("sctp"),
        TransportKind::SctpUdp => Some("sctp-udp"),
        TransportKind::Tcp => Some("tcp"),
        TransportKind::Memory => None,
    }
}

/// A counter with a value for each label.
fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = ((&'static str, String), u64)>,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (label, value) in values {
        ConstCounter::new(value).encode(metric.encode_family(&[label])?)?;
    }
    Ok(())
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    histogram: &Histogram,
) -> Result<(), fmt::Error> {
    let seconds = |longest: Option<std::time::Duration>| longest.map_or(f64::INFINITY, |longest| longest.as_secs_f64());
    let ranges: Vec<(f64, u64)> = histogram.ranges().map(|(longest, count)| (seconds(longest), count)).collect();
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(histogram.sum().as_secs_f64(), histogram.count(), &ranges, None)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: usize) -> Result<(), fmt::Error> {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    constant(value).encode(metric)
}

/// A gauge with a value for each label.
fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = ((&'static str, String), usize)>,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (label, value) in values {
        constant(value).encode(metric.encode_family(&[label])?)?;
    }
    Ok(())
}

fn constant(value: usize) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}
