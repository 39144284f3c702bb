//! Receiving apart from the transport, on the one port that is open.

use super::{Port, Ports, note};
use crate::Time;
use crate::transport::{Detachable, DetachedReceiver, Detachment, TransportEvent};

/// While one port is open, its receiver is that of all.
impl Detachable for Ports {
    /// Only briefly: a receiver that is away for good would have to know of ports that open later.
    fn detach(&mut self, detachment: Detachment) -> Option<Box<dyn DetachedReceiver>> {
        if detachment != Detachment::Brief || !self.unfinished.is_empty() || self.detached.is_some() {
            return None;
        }
        let mut ports = self.ports.iter_mut();
        let (Some((number, port)), None) = (ports.next(), ports.next()) else { return None };
        let receiver = port.transport.detachable()?.detach(detachment)?;
        self.detached = Some(*number);
        Some(receiver)
    }

    fn deliver(&mut self, now: Time, receiver: &mut dyn DetachedReceiver, sink: &mut dyn FnMut(TransportEvent<'_>)) {
        if let Some(number) = self.detached {
            self.on_detached(number, sink, |transport, sink| transport.deliver(now, receiver, sink));
        }
    }

    fn attach(
        &mut self,
        now: Time,
        receiver: Box<dyn DetachedReceiver>,
        sink: &mut dyn FnMut(TransportEvent<'_>),
    ) -> bool {
        let Some(number) = self.detached.take() else { return false };
        let more = self.on_detached(number, sink, |transport, sink| transport.attach(now, receiver, sink));
        let more = more.unwrap_or(false);
        self.unfinished.extend(more.then_some(number));
        more
    }
}

impl Ports {
    /// Has the port whose receiver was away hand out what that brought. None: it was closed meanwhile, with its last association,
    /// of which nobody wants to hear.
    fn on_detached<R>(
        &mut self,
        number: u16,
        sink: &mut dyn FnMut(TransportEvent<'_>),
        take: impl FnOnce(&mut dyn Detachable, &mut dyn FnMut(TransportEvent<'_>)) -> R,
    ) -> Option<R> {
        let Ports { ports, free, .. } = self;
        let Port { transport, associations, .. } = ports.get_mut(&number).map(Box::as_mut)?;
        let taken = take(transport.detachable()?, &mut |event| {
            note(associations, free, number, &event);
            sink(event);
        });
        self.refresh(number);
        Some(taken)
    }
}
