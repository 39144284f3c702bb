//! What other threads ask of the registrar while it runs: other settings, and looks into it.

use super::Worker;
use crate::Time;
use crate::driver::registrar::control::Request;
use crate::driver::registrar::dns::PeerLookup;
use crate::driver::registrar::reports::Reports;
use crate::driver::registrar::state::RegistrarCore;
use crate::driver::registrar::{RegistrarSettings, SettingsError, core_config};
use crate::registrar::Link;
use crossbeam_channel::Receiver;

impl<C: RegistrarCore> Worker<C> {
    /// Does what is asked from here.
    pub(in crate::driver::registrar) fn take_requests_from(&mut self, requests: Receiver<Request<C>>) {
        self.requests = Some(requests);
    }

    /// One a round: who asks without a pause holds up nobody else.
    pub(super) fn take_request(&mut self, now: Time) {
        let Some(requests) = &self.requests else { return };
        let Ok(request) = requests.try_recv() else { return };
        if !requests.is_empty() {
            self.waker.wake();
        }
        match request {
            Request::Look(look) => look(self.state.core.core(), &self.state.metrics()),
            Request::Reload(reload) => {
                let result = self.reconfigure(now, &reload.before, &reload.settings);
                // Nobody may wait for it any more.
                let _ = reload.answer.send(result);
            }
        }
    }

    /// Does nothing where the core cannot work with the settings, else everything.
    fn reconfigure(
        &mut self,
        now: Time,
        before: &RegistrarSettings,
        settings: &RegistrarSettings,
    ) -> Result<(), SettingsError> {
        let config = core_config(settings, &self.endpoints)?;
        self.state.on_reconfigured(now, &config);
        for (side, old, new) in
            [(Link::Asap, &before.sctp, &settings.sctp), (Link::Enrp, &before.enrp_sctp, &settings.enrp_sctp)]
        {
            if old != new {
                self.endpoints.set_parameters(side, new);
            }
        }
        self.stop_timeout = settings.stop_timeout;
        self.look_up_others(now, before, settings);
        self.report_elsewhere(before, settings);
        Ok(())
    }

    /// What names led to that are not there any more is of no use. A look-up that is under way ends by itself.
    fn look_up_others(&mut self, now: Time, before: &RegistrarSettings, settings: &RegistrarSettings) {
        if before.peer_names == settings.peer_names {
            return;
        }
        match PeerLookup::start(&settings.peer_names, self.poller.waker()) {
            Ok(lookup) => self.lookup = lookup,
            Err(error) => {
                log::error!("the names of other registrars stay as they were: no thread for look-ups: {error}")
            }
        }
        if self.lookup.is_none() {
            self.state.on_peers_found(now, &[]);
        }
    }

    fn report_elsewhere(&mut self, before: &RegistrarSettings, settings: &RegistrarSettings) {
        if (before.csp_server, before.csp_interval) == (settings.csp_server, settings.csp_interval) {
            return;
        }
        let Some(monitor) = settings.csp_server else {
            self.reports = None;
            return;
        };
        match Reports::start(monitor, settings.csp_interval, self.state.core.core().id(), self.endpoints.asap[0]) {
            Ok(reports) => self.reports = Some(reports),
            Err(error) => log::error!("status reports go on as they were: no socket for others: {error}"),
        }
    }
}
