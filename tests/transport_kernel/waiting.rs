//! Associations that wait for their paths to be confirmed, and are not told to be up meanwhile: the second of two links is cut.

use crate::hosts::{Hosts, IPV4, TwoHosts};
use crate::open_kernel;
use crate::support::transport::{Net, PPID, Seen};
use rserpool::AssociationId;
use rserpool::association::{LossReason, PeerAddress};
use rserpool::transport::{PeerAddresses, SctpParameters};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// An association waits twice as long: longer than these tests take, shorter than the patience of [`Net::until`].
const RTO_INITIAL: Duration = Duration::from_secs(8);

/// Who waits, at the far end, and has connected to a peer at the near one, which is up at once.
struct Waiting {
    net: Net,
    hosts: Rc<Hosts>,
    far: usize,
    near: usize,
    association: AssociationId,
}

fn parameters() -> SctpParameters {
    SctpParameters {
        rto_initial: RTO_INITIAL,
        association_max_retransmissions: 4,
        path_max_retransmissions: 3,
        // The other end would abort what it has forgotten.
        heartbeat_interval: Duration::from_secs(60),
        ..SctpParameters::default()
    }
}

fn near_addresses() -> Vec<IpAddr> {
    IPV4.iter().map(|link| link.near.parse().unwrap()).collect()
}

impl Waiting {
    fn new() -> Waiting {
        let hosts = Hosts::new(&IPV4);
        let mut net = Net::new(Box::new(TwoHosts::new(Rc::clone(&hosts), open_kernel, open_kernel)));
        hosts.cut(1);
        let far = net.open(|config| {
            config.bind = IPV4.iter().map(|link| SocketAddr::new(link.far.parse().unwrap(), 0)).collect();
            config.listen = true;
            config.parameters = parameters();
            config.peer_addresses = PeerAddresses::Confirmed;
        });
        let near = net.open(|config| {
            config.bind = near_addresses().iter().map(|address| SocketAddr::new(*address, 0)).collect();
            config.listen = true;
        });
        let peer = PeerAddress::new(near_addresses()[0], net.port(near));
        let now = net.now();
        let association = net.at(far).transport.connect(now, &peer, CONNECT_TIMEOUT).unwrap();
        net.send(far, association, b"before it was up").unwrap();
        net.until("up at the other end", |net| !net.at(near).ups().is_empty());
        let limit = |net: &mut Net| net.at(far).transport.parameters_of(association).expect("kernel SCTP has them");
        net.until("up, and not told", |net| limit(net).association_max_retransmissions == 6);
        assert_eq!(net.at(far).seen, [], "its second path has not answered");
        Waiting { net, hosts, far, near, association }
    }
}

/// Whether the kernel of this host still has something that a peer has not acknowledged.
fn all_is_acknowledged() -> bool {
    let table =
        std::fs::read_to_string("/proc/thread-self/net/sctp/assocs").expect("the kernel's table of associations");
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let column = rows.next().and_then(|head| head.iter().position(|word| *word == "TX_QUEUE")).expect("its head");
    rows.all(|row| row.get(column) == Some(&"0"))
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_peer_that_restarts_while_its_paths_are_waited_for_was_there_and_is_lost() {
    let Waiting { mut net, hosts, far, near, association } = Waiting::new();
    let at_near = net.at(near).ups()[0];
    net.send(near, at_near, b"early").unwrap();
    net.until("the early message is there", |_| all_is_acknowledged());
    hosts.cut(0); // so that its end is not heard of
    net.abort(near, at_near, "unheard");
    hosts.mend(0);
    let peer = PeerAddress::new(IPV4[0].far.parse().unwrap(), net.port(far));
    let now = net.now();
    net.at(near).transport.connect(now, &peer, CONNECT_TIMEOUT).unwrap();
    net.until("up again at the other end", |net| net.at(near).ups().len() == 2);
    net.until("the loss", |net| !net.at(far).losses().is_empty());

    let [Seen::Up(up, told), early, Seen::Lost(lost, LossReason::Restarted, undelivered)] = &net.at(far).seen[..]
    else {
        panic!("up, a message, lost: {:?}", net.at(far).seen)
    };
    assert_eq!((*up, *lost), (association, association));
    assert_eq!(told.address.addresses.to_vec(), [near_addresses()[0]]);
    assert_eq!(*early, Seen::Message(association, 0, PPID, b"early".to_vec()));
    assert_eq!(undelivered.iter().map(|left| left.payload.as_slice()).collect::<Vec<_>>(), [b"before it was up"]);

    hosts.mend(1);
    net.until("up anew", |net| net.at(far).ups().len() == 2);
    assert!(net.at(near).messages().is_empty(), "what was lost with the old one does not come over the new one");
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn new_parameters_leave_the_limit_as_wide_as_there_are_paths() {
    let Waiting { mut net, far, association, hosts: _hosts, .. } = Waiting::new();
    net.at(far).transport.set_parameters(&SctpParameters { association_max_retransmissions: 2, ..parameters() });
    let now = net.at(far).transport.parameters_of(association).expect("kernel SCTP has them");
    assert_eq!(now.association_max_retransmissions, 5, "one path's limit more for one path more");
    assert_eq!(net.at(far).seen, [], "it still waits");
}
