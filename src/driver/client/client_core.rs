//! The ASAP client core as its driver sees it, so that the driver can be tested with a scripted one.

use crate::asap::{Action, AsapClient, ConnectAttempt, Event, RegistrationState};
use crate::driver::core_loop::{Core, impl_core};
use crate::{AssociationId, PoolElementId, PoolHandle, RegistrarId};

/// The registrar in use, as the client core knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CurrentHome {
    /// There is none.
    None,
    /// One that has not told its identifier.
    Nameless,
    /// This one.
    Known(RegistrarId),
}

/// The client core as its driver sees it.
pub(super) trait ClientCore:
    for<'a> Core<Event<'a> = Event<'a>, Action = Action, Attempt = ConnectAttempt>
{
    /// The registrar in use.
    fn home(&self) -> CurrentHome;
    /// The association with it.
    fn home_association(&self) -> Option<AssociationId>;
    /// How an element and the home registrar stand; none: it is not to be registered.
    fn registration(&self, pool_handle: &PoolHandle, id: PoolElementId) -> Option<RegistrationState>;
}

impl_core!(AsapClient: Event, Action, ConnectAttempt);

impl ClientCore for AsapClient {
    fn home(&self) -> CurrentHome {
        match self.home_registrar().map(|home| home.id) {
            None => CurrentHome::None,
            Some(None) => CurrentHome::Nameless,
            Some(Some(id)) => CurrentHome::Known(id),
        }
    }

    fn home_association(&self) -> Option<AssociationId> {
        self.home_registrar().map(|home| home.association)
    }

    fn registration(&self, pool_handle: &PoolHandle, id: PoolElementId) -> Option<RegistrationState> {
        self.registration_state(pool_handle, id)
    }
}
