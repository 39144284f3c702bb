//! `rserpool bench`: how much a registrar can do, and how long its answers take.

mod echo;
mod histogram;
mod load;
mod options;
mod plan;
mod processor;
mod progress;
mod report;
mod script;
mod work;

use crate::failure::Failure;
use crate::{print, values};
use load::{Load, Plan};
use options::{Chosen, Options};
use plan::{PREPARING_WINDOW, Step, Steps};
use processor::Processor;
use progress::Progress;
use report::{Report, Side};
use rserpool::driver::clock;
use script::{Script, echo_request};
use std::time::Duration;

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match options::parse(parser)? {
        Chosen::Help => print(options::HELP),
        Chosen::EchoServer { way, bind } => echo::serve(way, bind),
        Chosen::Bench(options) => {
            values::refuse_tls("bench")?;
            print(&measure(&options)?.show(options.json))
        }
    }
}

/// Measures in rounds, the registrar and the echo in turn, so that whatever else the machine does meets both.
fn measure(options: &Options) -> Result<Report<'_>, Failure> {
    let mut load = Load::new(options.registrar)?;
    let mut steps = Steps::prepare(options, &mut load)?;
    let mut registrar = Side::new(options.pid.map(Processor::new).transpose()?);
    let mut echo = match options.echo {
        Some(address) => {
            let mut load = Load::new(address)?;
            load.connect(options.way, options.associations)?;
            Some((load, Side::new(options.echo_pid.map(Processor::new).transpose()?)))
        }
        None => None,
    };
    prepare(&mut load, &mut steps.first)?;
    for _ in 0..options.rounds {
        prepare(&mut load, &mut steps.before)?;
        let time = steps.timed.script.endless.then_some(options.duration);
        let (sizes, elapsed) = timed(&mut load, &mut steps.timed, options.window, time, &mut registrar, None)?;
        prepare(&mut load, &mut steps.after)?;
        if let Some((echo_load, side)) = &mut echo {
            let script = Script::shared(vec![echo_request(sizes.0, sizes.1)], options.associations);
            let mut step = Step { script, askers: 0..options.associations, what: "echoes" };
            timed(echo_load, &mut step, options.window, Some(elapsed), side, Some(&mut load))?;
        }
    }
    prepare(&mut load, &mut steps.last)?;
    Ok(Report { options, registrar, echo: echo.map(|(_, side)| side) })
}

/// What is not measured; whatever is refused here would falsify what is.
fn prepare(load: &mut Load, step: &mut Option<Step>) -> Result<(), Failure> {
    let Some(Step { script, askers, what }) = step else { return Ok(()) };
    script.restart();
    let progress = Progress::new(what, Some(script.len()), clock::now());
    let plan =
        Plan { work: script, askers: askers.clone(), window: PREPARING_WINDOW, time: None, progress, idle: None };
    let done = load.run(plan)?;
    match done.refused {
        0 => Ok(()),
        refused => Err(Failure::Failed(format!("the registrar refused {refused} of {} {what}", done.answers))),
    }
}

/// Runs a step and counts it; returns the sizes of its messages and the time that it took.
fn timed(
    load: &mut Load,
    step: &mut Step,
    window: usize,
    time: Option<Duration>,
    side: &mut Side,
    idle: Option<&mut Load>,
) -> Result<((usize, usize), Duration), Failure> {
    let Step { script, askers, what } = step;
    if !script.endless {
        script.restart();
    }
    let progress = Progress::new(what, (!script.endless).then(|| script.len()), clock::now());
    let before = side.processor_time()?;
    let measurement = load.run(Plan { work: script, askers: askers.clone(), window, time, progress, idle })?;
    let used = side.processor_time()?.saturating_sub(before);
    let told = (measurement.sizes(), measurement.elapsed);
    side.add(&measurement, used);
    Ok(told)
}
