//! SIGHUP: the configuration file is read again, in a thread that may wait for files and names. What the registrar can take while it runs,
//! it takes; the rest is named in the log. A file with a mistake changes nothing.

use crate::configuration::{CommandLine, Configuration};
use crate::failure::Failure;
use crate::logger;
use crate::service_manager::{Notice, ServiceManager};
use crate::settings::{Options, SETTINGS};
use parking_lot::Mutex;
use rserpool::driver::registrar::{HangupSignal, RegistrarControl};
use std::sync::Arc;

/// The registrar of this process.
pub struct Running {
    /// As it was told last; others look at it, too.
    pub options: Arc<Mutex<Options>>,
    pub control: RegistrarControl,
}

/// Waits for SIGHUP from now on.
pub fn watch(
    hangup: HangupSignal,
    command_line: CommandLine,
    running: Arc<Mutex<Running>>,
    manager: ServiceManager,
) -> Result<(), Failure> {
    let watch = move || loop {
        if let Err(error) = hangup.wait() {
            return log::error!("SIGHUP is not heard any more: {error}; the configuration file is read at a restart");
        }
        manager.tell(Notice::Reloading);
        let status = reload(&command_line, &mut running.lock());
        manager.tell(Notice::Reloaded(status));
    };
    let started = std::thread::Builder::new().name("configuration".to_owned()).spawn(watch);
    started.map(drop).map_err(|error| Failure::Failed(format!("cannot start a thread for SIGHUP: {error}")))
}

/// Tells the log what comes of it, and returns the same in a word.
fn reload(command_line: &CommandLine, running: &mut Running) -> &'static str {
    let file = command_line.file.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    let wanted = match Configuration::read(command_line) {
        Ok(configuration) => configuration.options,
        Err(mistakes) => {
            for mistake in mistakes.to_string().lines() {
                log::error!("{mistake}");
            }
            log::error!("the configuration has mistakes: the registrar goes on with the settings that it has");
            return "Configuration not reloaded: it has mistakes";
        }
    };
    let before = running.options.lock().clone();
    let now = match running.control.reload(&wanted.registrar) {
        Ok(settings) => Options { registrar: settings.clone(), http: before.http, ..wanted.clone() },
        Err(why) => {
            log::error!("the registrar goes on with the settings that it has: {why}");
            return "Configuration not reloaded";
        }
    };
    logger::change(now.log, now.log_format);
    let changed = differences(&before, &now);
    match changed.as_str() {
        "" => log::info!("{file} is read again: nothing changes"),
        changed => log::info!("{file} is read again, and changes {changed}"),
    }
    let pending = differences(&now, &wanted);
    if !pending.is_empty() {
        log::warn!("a restart is needed to change {pending}");
    }
    *running.options.lock() = now;
    if pending.is_empty() { "Configuration reloaded" } else { "Configuration reloaded; some of it needs a restart" }
}

/// The settings that differ, each with both values.
fn differences(before: &Options, after: &Options) -> String {
    let each = SETTINGS.iter().filter(|setting| (setting.values)(before) != (setting.values)(after));
    let told = each.map(|setting| format!("{} from {} to {}", setting.name, setting.show(before), setting.show(after)));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn differences_are_told_by_the_names_of_settings_with_both_values() {
        let before = Options::default();
        let mut after = before.clone();
        assert_eq!(differences(&before, &after), "");
        after.registrar.core.max_pools = 7;
        after.registrar.core.keep_alive_interval = Duration::from_secs(60);
        assert_eq!(differences(&before, &after), "keep-alive-interval from 5s to 1m, max-pools from 65536 to 7");
    }
}
