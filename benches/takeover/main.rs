//! How long a registrar that dies is missed, with real processes: from the moment when it is killed, hangs or is cut off
//! until all its elements have another home registrar. `scripts/takeover-times` runs it; without `--bench` (as `cargo test`
//! does) it is quick and only shows that everything works.

#[path = "../../tests/support/mod.rs"]
mod support;

use rserpool::Time;
use rserpool::driver::clock;
use std::time::Duration;
use support::scope::hosts::{self, Elements, EntryArguments, Shape};
use support::scope::network::Network;
use support::scope::registrars::Scope;
use support::scope::{until, until_looking_every};

const ENTRY: EntryArguments = &[];
/// Nothing happens any more after so long a pause.
const QUIET: Duration = Duration::from_millis(500);
/// Between two looks at what registrars know: each look is a process and a download, which must not be what is measured.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Processes with elements.
const PROCESSES: usize = 4;

/// What happens to the registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    Hang,
    CutOff,
}

/// One line of the table.
#[derive(Clone, Copy)]
struct Case {
    profile: &'static str,
    registrars: usize,
    fault: Fault,
    shape: Shape,
    repetitions: usize,
}

/// When all was over, after the fault.
struct Times {
    /// The last element has another home, as the element sees it.
    adopted: Duration,
    /// All other registrars know it.
    known: Duration,
}

fn main() {
    hosts::main();
    if hosts::is_host() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let full = arguments.iter().any(|argument| argument == "--bench");
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    println!(
        "| profile | registrars | fault | associations x elements | all adopted, s | all registrars know, s | runs |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for case in cases(full) {
        if chosen.iter().all(|word| case.name().split(' ').any(|part| part == word.as_str())) {
            run(case);
        }
    }
}

fn cases(full: bool) -> Vec<Case> {
    if !full {
        let shape = Shape { associations: 1, per_association: 2 };
        return vec![Case { profile: "fast", registrars: 2, fault: Fault::Kill, shape, repetitions: 1 }];
    }
    let mut cases = Vec::new();
    let many = Shape { associations: 250, per_association: 1 };
    let few = Shape { associations: 5, per_association: 50 };
    for (profile, repetitions) in [("fast", 5), ("default", 3)] {
        for registrars in [2, 3] {
            for fault in [Fault::Kill, Fault::Hang, Fault::CutOff] {
                for shape in [many, few] {
                    cases.push(Case { profile, registrars, fault, shape, repetitions });
                }
            }
        }
    }
    cases
}

impl Case {
    fn name(&self) -> String {
        let fault = format!("{:?}", self.fault).to_lowercase();
        let associations = PROCESSES * self.shape.associations;
        format!("{} {} {fault} {associations}x{}", self.profile, self.registrars, self.shape.per_association)
    }

    fn elements(&self) -> usize {
        PROCESSES * self.shape.associations * self.shape.per_association
    }
}

fn run(case: Case) {
    let mut adopted = Vec::new();
    let mut known = Vec::new();
    for _ in 0..case.repetitions {
        // In a thread of its own, as a network changes the namespace of its thread for good.
        let measured = std::thread::spawn(move || measure(case)).join().expect("no panic");
        match measured {
            Ok(times) => {
                adopted.push(times.adopted);
                known.push(times.known);
            }
            Err(why) => {
                println!("| {} | {} | {:?} | skipped: {why} |", case.profile, case.registrars, case.fault);
                return;
            }
        }
    }
    let shape = format!("{} x {}", PROCESSES * case.shape.associations, case.shape.per_association);
    println!(
        "| {} | {} | {:?} | {shape} | {} | {} | {} |",
        case.profile,
        case.registrars,
        case.fault,
        median_and_range(&mut adopted),
        median_and_range(&mut known),
        case.repetitions
    );
}

fn median_and_range(times: &mut [Duration]) -> String {
    times.sort();
    let s = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
    let median = s(times.get(times.len() / 2));
    if times.len() < 2 {
        format!("{median:.2}")
    } else {
        format!("{median:.2} ({:.2}-{:.2})", s(times.first()), s(times.last()))
    }
}

fn measure(case: Case) -> Result<Times, String> {
    let network = match case.fault {
        Fault::CutOff => Some(Network::new(case.registrars as u8)?),
        Fault::Kill | Fault::Hang => None,
    };
    let more = std::env::var("REGISTRAR_OPTIONS").unwrap_or_default();
    let mut options = vec!["--profile", case.profile, "--mentor-discovery-timeout", "1s", "--log", "info"];
    options.extend(more.split_whitespace());
    let name = case.name().replace(' ', "-");
    let mut scope = match &network {
        Some(network) => Scope::with_list(&name, network.places(), &options),
        None => Scope::on_loopback(&name, case.registrars, &options),
    };
    until("the registrars know each other", || scope.agrees(0));
    // The elements know no other registrar: it is up to the others to find them.
    let home = [scope.registrars[0].asap()];
    let elements: Vec<Elements> = (0..PROCESSES)
        .map(|number| Elements::start(ENTRY, &home, 1 + number * case.elements() / PROCESSES, case.shape))
        .collect();
    elements.iter().for_each(Elements::registered);
    until("all elements are known everywhere", || scope.agrees(case.elements()));
    elements.iter().for_each(|host| drop(host.home_changes(0, QUIET)));

    let begin = clock::now();
    match case.fault {
        Fault::Kill => scope.registrars[0].kill(),
        Fault::Hang => scope.registrars[0].signal(libc::SIGSTOP),
        Fault::CutOff => network.as_ref().expect("made above").unplug(0),
    }
    let known = until_survivors_agree(&scope, case.elements());
    let changes =
        elements.iter().flat_map(|host| host.home_changes(case.shape.associations, QUIET)).collect::<Vec<Time>>();
    let associations = PROCESSES * case.shape.associations;
    if changes.len() < associations {
        return Err(format!("only {} of {associations} elements found another home", changes.len()));
    }
    let last = changes.into_iter().max().unwrap_or(begin);
    Ok(Times { adopted: last.saturating_since(begin), known: known.saturating_since(begin) })
}

/// Until every other registrar knows all elements with a home among them.
fn until_survivors_agree(scope: &Scope, elements: usize) -> Time {
    let survivors = &scope.registrars[1..];
    let ids: Vec<_> = survivors.iter().map(|registrar| registrar.id).collect();
    until_looking_every(LOOK_AGAIN, "all elements have another home", || {
        for registrar in survivors {
            let table = registrar.table()?;
            let good = table.homes.values().filter(|home| ids.contains(home)).count();
            if good != elements || table.homes.len() != elements {
                return Err(format!("{} knows {good} of {elements}", registrar.id));
            }
        }
        Ok(clock::now())
    })
}
