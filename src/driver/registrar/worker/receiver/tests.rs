//! The thread that receives.

use super::*;
use crate::driver::registrar::RegistrarSettings;
use crate::driver::registrar::endpoints::Endpoints;
use crate::driver::registrar::tests::Script;
use std::any::Any;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// Brings something at each wait, as when users connect again and again; meanwhile the registrar is stopped.
struct NeverQuiet<'a> {
    stopped: &'a AtomicBool,
    waits: Arc<AtomicU32>,
}

/// The wait in which it is stopped.
const STOPPED_IN: u32 = 3;

impl DetachedReceiver for NeverQuiet<'static> {
    fn wait(&mut self) -> io::Result<Option<Arrival>> {
        match self.waits.fetch_add(1, Ordering::Relaxed) + 1 {
            wait if wait < STOPPED_IN => {}
            STOPPED_IN => self.stopped.store(true, Ordering::Release),
            _ => return Err(io::Error::other("it goes on receiving")),
        }
        Ok(Some(Arrival { full: false, waited: None }))
    }

    fn poll_fd(&self) -> RawFd {
        -1
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[test]
fn a_receiver_that_always_has_something_to_bring_ends_with_its_registrar() {
    static STOPPED: AtomicBool = AtomicBool::new(false);
    let any = "127.0.0.1:0".parse().unwrap();
    let (announce_groups, enrp_groups) = (Vec::new(), Vec::new());
    let settings = RegistrarSettings {
        asap: vec![any],
        enrp: vec![any],
        announce_groups,
        enrp_groups,
        ..RegistrarSettings::default()
    };
    let worker = Worker::new(Script::default(), Endpoints::open(&settings).unwrap(), Duration::ZERO).unwrap();
    let waits = Arc::default();
    let receiver = Box::new(NeverQuiet { stopped: &STOPPED, waits: Arc::clone(&waits) });
    // The number of no endpoint: what it brings is for nobody.
    let receiving = Receiving { number: usize::MAX, receiver, poller: Poller::new().unwrap() };
    receive_until_stopped(&Mutex::new(worker), receiving, &STOPPED).unwrap();
    assert_eq!(waits.load(Ordering::Relaxed), STOPPED_IN);
}
