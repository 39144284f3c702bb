//! What a program has set on a socket, and what the socket is registered as.

use super::{Socket, SocketState};
use crate::driver::client::call_error::Closed;
use crate::driver::client::cookies::Cookies;
use crate::session::PoolUserConfig;
use crate::transport::SctpParameters;
use crate::{PoolElementId, PoolHandle};
use std::net::SocketAddr;
use std::sync::Arc;

/// A registration of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Handle of the pool, 1 to 32 bytes by default.
    pub pool_handle: PoolHandle,
    /// Identifier of the element, unique in its pool.
    pub pool_element_id: PoolElementId,
    /// Its load, under a policy that has one: `u32::MAX` is 100 %.
    pub load: Option<u32>,
}

/// What a program has set on a socket.
#[derive(Default)]
pub(super) struct Settings {
    /// What the socket is registered as.
    registration: Option<Registered>,
    /// The ASAP_BUSINESS_CARD that every new session gets, where the program has given one.
    business_card: Option<Vec<u8>>,
    /// What seals and opens the cookies of its sessions, where the program's environment has keys.
    cookies: Option<Arc<dyn Cookies>>,
    /// Addresses given to bind.
    bind: Vec<SocketAddr>,
    /// SCTP parameters that were chosen for its endpoint.
    parameters: Option<SctpParameters>,
    /// Settings of a session with a pool.
    config: PoolUserConfig,
}

impl Settings {
    /// What the socket is registered as.
    pub fn registration(&self) -> Option<&Registered> {
        self.registration.as_ref()
    }

    /// It is not registered any more.
    pub fn take_registration(&mut self) -> Option<Registered> {
        self.registration.take()
    }

    /// The ASAP_BUSINESS_CARD that every new session gets.
    pub fn business_card(&self) -> Option<&[u8]> {
        self.business_card.as_deref()
    }

    /// What seals and opens the cookies of its sessions.
    pub fn cookies(&self) -> Option<&Arc<dyn Cookies>> {
        self.cookies.as_ref()
    }

    /// Addresses given to bind.
    pub fn bind_addresses(&self) -> &[SocketAddr] {
        &self.bind
    }

    /// Settings of a session with a pool.
    pub fn config(&self) -> &PoolUserConfig {
        &self.config
    }

    /// Other settings of a session with a pool.
    pub fn set_config(&mut self, config: PoolUserConfig) {
        self.config = config;
    }
}

impl Socket {
    /// Fails where the socket was closed meanwhile.
    pub fn check_open(&self) -> Result<(), Closed> {
        self.read(|_| ())
    }

    /// Addresses given to bind.
    pub fn bind_addresses(&self) -> Result<Vec<SocketAddr>, Closed> {
        self.read(|state| state.settings.bind.clone())
    }

    /// The addresses that its endpoint is to be bound to.
    pub fn set_bind_addresses(&self, addresses: &[SocketAddr]) -> Result<(), Closed> {
        self.change(|state| state.settings.bind = addresses.to_vec())
    }

    /// SCTP parameters that were chosen for its endpoint.
    pub fn chosen_parameters(&self) -> Result<Option<SctpParameters>, Closed> {
        self.read(|state| state.settings.parameters)
    }

    /// Chooses SCTP parameters for its endpoint.
    pub fn choose_parameters(&self, parameters: SctpParameters) -> Result<(), Closed> {
        self.change(|state| state.settings.parameters = Some(parameters))
    }

    /// Settings of a session with a pool.
    pub fn config(&self) -> Result<PoolUserConfig, Closed> {
        self.read(|state| state.settings.config.clone())
    }

    /// Changes these settings, those of a session that has begun included.
    pub fn change_config<R>(&self, change: impl FnOnce(&mut PoolUserConfig) -> R) -> Result<R, Closed> {
        self.change(|state| {
            let result = change(&mut state.settings.config);
            if let Some(user) = state.role.pool_user_mut() {
                user.set_config(state.settings.config.clone());
            }
            result
        })
    }

    /// Bytes that a session of it may have unread.
    pub fn unread_limit(&self) -> Result<usize, Closed> {
        self.read(|state| state.inbox.unread_limit())
    }

    /// From now on a session may have so many bytes unread, and so may those that the socket accepts.
    pub fn set_unread_limit(&self, bytes: usize) -> Result<(), Closed> {
        self.change(|state| state.inbox.set_unread_limit(bytes))
    }

    /// What the socket is registered as.
    pub fn registration(&self) -> Result<Option<Registered>, Closed> {
        self.read(|state| state.settings.registration.clone())
    }

    /// The socket is registered, or is to be, or is not any more.
    pub fn set_registration(&self, registration: Option<Registered>) -> Result<(), Closed> {
        self.change(|state| {
            if let (Some(cookies), Some(registered)) = (&state.settings.cookies, &registration) {
                cookies.set_pool(&registered.pool_handle);
            }
            if registration.is_none() {
                state.inbox.set_registration(None);
            }
            state.settings.registration = registration;
        })
    }

    /// The element leaves its pool: what it was registered as. New sessions get no business card any more.
    pub fn take_registration(&self) -> Result<Option<Registered>, Closed> {
        self.change(|state| {
            state.settings.business_card = None;
            state.inbox.set_registration(None);
            state.settings.take_registration()
        })
    }

    /// The ASAP_BUSINESS_CARD that every new session gets; none: no card.
    pub fn set_business_card(&self, card: Option<Vec<u8>>) -> Result<(), Closed> {
        self.change(|state| state.settings.business_card = card)
    }

    /// From now on, cookies of its sessions are sealed, and those that come back looked at.
    pub fn use_cookies(&self, cookies: &Arc<dyn Cookies>) {
        self.state.lock().settings.cookies = Some(Arc::clone(cookies));
    }

    /// What seals and opens the cookies of its sessions.
    pub fn cookies(&self) -> Result<Option<Arc<dyn Cookies>>, Closed> {
        self.read(|state| state.settings.cookies.clone())
    }

    /// Looks at the state.
    pub(super) fn read<R>(&self, f: impl FnOnce(&SocketState) -> R) -> Result<R, Closed> {
        let state = self.state.lock();
        match state.closed {
            Some(errno) => Err(Closed(errno)),
            None => Ok(f(&state)),
        }
    }

    /// Changes the state.
    pub(super) fn change<R>(&self, f: impl FnOnce(&mut SocketState) -> R) -> Result<R, Closed> {
        let mut state = self.state.lock();
        if let Some(errno) = state.closed {
            return Err(Closed(errno));
        }
        let result = f(&mut state);
        state.update();
        Ok(result)
    }
}
