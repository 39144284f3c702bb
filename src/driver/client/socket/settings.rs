//! What a program has set on a socket, and what the socket is registered as.

use super::{Registered, Role, Socket, SocketState};
use crate::driver::client::call_error::Closed;
use crate::session::PoolUserConfig;
use crate::transport::SctpParameters;
use std::net::SocketAddr;

impl Socket {
    /// Fails where the socket was closed meanwhile.
    pub fn check_open(&self) -> Result<(), Closed> {
        self.read(|_| ())
    }

    /// Addresses given to bind.
    pub fn bind_addresses(&self) -> Result<Vec<SocketAddr>, Closed> {
        self.read(|state| state.bind.clone())
    }

    /// The addresses that its endpoint is to be bound to.
    pub fn set_bind_addresses(&self, addresses: &[SocketAddr]) -> Result<(), Closed> {
        self.change(|state| state.bind = addresses.to_vec())
    }

    /// SCTP parameters that were chosen for its endpoint.
    pub fn chosen_parameters(&self) -> Result<Option<SctpParameters>, Closed> {
        self.read(|state| state.parameters)
    }

    /// Chooses SCTP parameters for its endpoint.
    pub fn choose_parameters(&self, parameters: SctpParameters) -> Result<(), Closed> {
        self.change(|state| state.parameters = Some(parameters))
    }

    /// Settings of a session with a pool.
    pub fn config(&self) -> Result<PoolUserConfig, Closed> {
        self.read(|state| state.config.clone())
    }

    /// Changes these settings, those of a session that has begun included.
    pub fn change_config<R>(&self, change: impl FnOnce(&mut PoolUserConfig) -> R) -> Result<R, Closed> {
        self.change(|state| {
            let result = change(&mut state.config);
            if let Role::PoolUser(session) = &mut state.role {
                *session.config_mut() = state.config.clone();
            }
            result
        })
    }

    /// What the socket is registered as.
    pub fn registration(&self) -> Result<Option<Registered>, Closed> {
        self.read(|state| state.registration.clone())
    }

    /// The socket is registered, or is to be, or is not any more.
    pub fn set_registration(&self, registration: Option<Registered>) -> Result<(), Closed> {
        self.change(|state| state.registration = registration)
    }

    /// The element leaves its pool: what it was registered as. New sessions get no business card any more.
    pub fn take_registration(&self) -> Result<Option<Registered>, Closed> {
        self.change(|state| {
            state.business_card = None;
            state.registration.take()
        })
    }

    /// The ASAP_BUSINESS_CARD that every new session gets; none: no card.
    pub fn set_business_card(&self, card: Option<Vec<u8>>) -> Result<(), Closed> {
        self.change(|state| state.business_card = card)
    }

    /// Looks at the state.
    pub(in crate::driver::client) fn read<R>(&self, f: impl FnOnce(&SocketState) -> R) -> Result<R, Closed> {
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
