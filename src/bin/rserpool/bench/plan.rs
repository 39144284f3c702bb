//! What an operation consists of: what is prepared, what is measured, what is tidied up.

use super::load::{Load, local_address};
use super::options::{Operation, Options};
use super::script::{Elements, Script};
use crate::failure::Failure;
use std::ops::Range;

/// Requests of one association under way while elements are prepared and removed.
pub const PREPARING_WINDOW: usize = 32;
/// Associations that register the elements of pools to be resolved, and keep them alive.
const KEEPERS: usize = 4;
/// Elements that come and go on one association, in turn.
const CHURNING: usize = 16;

/// A script, and who carries it out.
pub struct Step {
    pub script: Script,
    /// Numbers of associations.
    pub askers: Range<usize>,
    /// What its messages do.
    pub what: &'static str,
}

/// All steps of a measurement.
pub struct Steps {
    /// Before the first round.
    pub first: Option<Step>,
    /// Before each round.
    pub before: Option<Step>,
    /// A round.
    pub timed: Step,
    /// After each round.
    pub after: Option<Step>,
    /// After the last round.
    pub last: Option<Step>,
}

impl Steps {
    /// Connects whom it takes.
    pub fn prepare(options: &Options, load: &mut Load) -> Result<Steps, Failure> {
        let elements = Elements {
            pool: options.pool.clone(),
            pools: options.pools,
            count: options.elements,
            address: local_address(options.registrar)?,
        };
        let askers = load.connect(options.way, options.associations)?;
        match options.operation {
            Operation::Resolve | Operation::Churn => {
                let keepers = match elements.count {
                    0 => 0..0,
                    count => load.connect(options.elements_way, KEEPERS.min(count))?,
                };
                Ok(Steps::beside_elements(options, &elements, askers, keepers))
            }
            Operation::Register | Operation::Reregister | Operation::Deregister => {
                Ok(Steps::of_elements(options, &elements, askers))
            }
        }
    }

    /// Elements stand by while `askers` ask.
    fn beside_elements(options: &Options, elements: &Elements, askers: Range<usize>, keepers: Range<usize>) -> Steps {
        let (first, last) = match keepers.len() {
            0 => (None, None),
            _ => (Some(register(elements, &keepers)), Some(deregister(elements, &keepers))),
        };
        let (script, what, after) = match options.operation {
            Operation::Churn => {
                // Where the time is over, some are there.
                let messages = churning(options).map(|number| vec![elements.deregistration(number)]);
                let script = Script::new(messages, askers.len(), false);
                let after = Step { script, askers: askers.clone(), what: "de-registrations" };
                (churn(options, elements), "messages of churn", Some(after))
            }
            _ => (resolutions(options, elements), "resolutions", None),
        };
        Steps { first, before: None, timed: Step { script, askers, what }, after, last }
    }

    /// The elements belong to `askers`.
    fn of_elements(options: &Options, elements: &Elements, askers: Range<usize>) -> Steps {
        let (register, deregister) = (register(elements, &askers), deregister(elements, &askers));
        match options.operation {
            Operation::Register => {
                Steps { first: None, before: None, timed: register, after: Some(deregister), last: None }
            }
            Operation::Deregister => {
                Steps { first: None, before: Some(register), timed: deregister, after: None, last: None }
            }
            _ => {
                let script = Script::new(registrations(elements), askers.len(), true);
                let timed = Step { script, askers, what: "re-registrations" };
                Steps { first: Some(register), before: None, timed, after: None, last: Some(deregister) }
            }
        }
    }
}

fn registrations(elements: &Elements) -> impl Iterator<Item = Vec<Vec<u8>>> + use<'_> {
    (0..elements.count).map(|number| vec![elements.registration(number)])
}

fn register(elements: &Elements, askers: &Range<usize>) -> Step {
    let script = Script::new(registrations(elements), askers.len(), false);
    Step { script, askers: askers.clone(), what: "registrations" }
}

fn deregister(elements: &Elements, askers: &Range<usize>) -> Step {
    let messages = (0..elements.count).map(|number| vec![elements.deregistration(number)]);
    Step { script: Script::new(messages, askers.len(), false), askers: askers.clone(), what: "de-registrations" }
}

fn resolutions(options: &Options, elements: &Elements) -> Script {
    let pools = elements.pools.min(elements.count.max(1));
    let messages = (0..pools).map(|number| elements.resolution(number, options.items)).collect();
    Script::shared(messages, options.associations)
}

/// Numbers of the elements that come and go.
fn churning(options: &Options) -> Range<usize> {
    options.elements..options.elements + options.associations * CHURNING
}

/// Each element comes, is asked for, says that it is still there, and goes.
fn churn(options: &Options, elements: &Elements) -> Script {
    let lives = churning(options).map(|number| {
        let registration = elements.registration(number);
        let resolution = elements.resolution(number, options.items);
        vec![registration.clone(), resolution, registration, elements.deregistration(number)]
    });
    Script::new(lives, options.associations, true)
}
