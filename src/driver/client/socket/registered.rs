//! What a program is told of the registration of its socket, where it wants that (the indication of RFC 5352 section 3.1).
//!
//! A socket with sessions shows such news as all others. Where sessions are accepted, being readable means that one waits: there, another
//! descriptor shows the news, which poll takes for POLLPRI.

use super::{Socket, SocketState, Style};
use crate::asap::RegistrationState;
use crate::driver::client::readiness::{Readiness, Shown};
use crate::session::Notification;
use crate::wire::Cause;
use crate::{PoolElementId, PoolHandle};
use std::sync::Arc;

/// How a registration stands, as an errno.
pub fn errno_of(state: RegistrationState) -> libc::c_int {
    match state {
        RegistrationState::Registered => 0,
        RegistrationState::Waiting => libc::EINPROGRESS,
        RegistrationState::RefusedForNow(Cause::NonUniquePoolElementId) => libc::EEXIST,
        RegistrationState::RefusedForNow(Cause::LackOfResources) => libc::EBUSY,
        RegistrationState::RefusedForNow(_) => libc::EPROTOTYPE,
        RegistrationState::Refused(_) => libc::EPERM,
    }
}

impl Socket {
    /// From now on the program is told how the registration stands whenever that changes, or not any more.
    pub fn want_registration_news(&self, wanted: bool) -> std::io::Result<()> {
        let accepts = self.style == Style::OneToOne;
        let descriptor = if wanted && accepts { Some(Readiness::new()?) } else { None };
        let mut state = self.state.lock();
        state.wants_registration_news = wanted;
        state.news.remove();
        if let Some(descriptor) = descriptor {
            state.news.replace(descriptor);
        }
        if !wanted {
            state.inbox.set_registration(None);
        }
        state.update();
        Ok(())
    }

    /// Whether it is told.
    pub fn wants_registration_news(&self) -> bool {
        self.state.lock().wants_registration_news
    }

    /// What is readable as long as there are news that the descriptor does not show.
    pub fn news_of_registration(&self) -> Option<Arc<Readiness>> {
        self.state.lock().news.hold()
    }

    /// The registration of an element stands like this now.
    pub(in crate::driver::client) fn registration_changed(
        &self,
        pool_handle: &PoolHandle,
        element: PoolElementId,
        new: RegistrationState,
    ) {
        let mut state = self.state.lock();
        let own = state.settings.registration();
        let is_own = own.is_some_and(|own| own.pool_handle == *pool_handle && own.pool_element_id == element);
        if is_own && state.wants_registration_news && state.closed.is_none() {
            let error = errno_of(new);
            state.inbox.set_registration(Some(Notification::RegistrationChange { element, error }));
            state.update();
        }
    }
}

impl SocketState {
    /// Brings what is shown of news in line with what holds.
    pub(super) fn show_news(&mut self) {
        let readable = self.closed.is_some() || (!self.role.can_receive() && !self.inbox.is_empty());
        self.news.show(Shown { readable, writable: true });
    }
}
