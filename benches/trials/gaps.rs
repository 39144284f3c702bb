//! How long sessions waited for an answer, and which faults that was about.

use crate::faults::{Fault, Kind};
use rserpool::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// A fault that was over at most so long before a request was sent may be why it was answered late.
const BEFORE: Duration = Duration::from_secs(1);

/// No call is to take longer.
const LONG: Duration = Duration::from_millis(10);

/// A call that took longer. Unless it slept or worked, its thread had no processor, which is not the library's doing.
struct Call {
    name: String,
    wall: Duration,
    processor: Duration,
    sleeps: u64,
}

impl Call {
    fn parse(text: &str) -> Option<Call> {
        let mut words = text.split(' ');
        let name = words.next()?.to_owned();
        let (wall, processor) = (micros(words.next()?)?, micros(words.next()?)?);
        Some(Call { name, wall, processor, sleeps: words.next()?.parse().ok()? })
    }
}

/// What had happened up to so long before a gap is told of the longest ones.
const STORY: Duration = Duration::from_secs(5);

/// Gaps about the same kinds of faults.
#[derive(Default)]
struct Cause {
    gaps: Vec<Duration>,
    /// What had happened before the longest.
    story: String,
}

/// What the client has said.
#[derive(Default)]
pub struct Gaps {
    /// By the faults that they were about.
    by_cause: BTreeMap<String, Cause>,
    calls: Vec<Call>,
    late: Vec<Duration>,
    pub wrong: Vec<String>,
    /// The numbers of its last line.
    pub result: BTreeMap<String, u64>,
    last: String,
}

impl Gaps {
    /// Takes the client's lines, with the faults so far.
    pub fn take(&mut self, lines: &[(Time, String)], faults: &[Fault]) {
        for (at, line) in lines {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "gap" => self.take_gap(*at, rest, faults),
                "call" => self.calls.extend(Call::parse(rest)),
                "late" => self.late.extend(micros(rest)),
                "end" => self.take_end(rest),
                "ready" => {}
                _ => self.wrong.push(rest.to_owned()),
            }
        }
    }

    fn take_gap(&mut self, at: Time, text: &str, faults: &[Fault]) {
        let mut numbers = text.split(' ').skip(1).filter_map(micros);
        let (Some(age), Some(ago)) = (numbers.next(), numbers.next()) else {
            return self.wrong.push(format!("a gap that makes no sense: {text}"));
        };
        let end = at.saturating_since(Time::ZERO).saturating_sub(ago);
        let begin = end.saturating_sub(age);
        let since = |time: Duration| {
            let from = begin.saturating_sub(time);
            faults.iter().filter(move |fault| {
                let had_begun = fault.begun.saturating_since(Time::ZERO) <= end;
                had_begun && fault.ended.is_none_or(|ended| ended.saturating_since(Time::ZERO) >= from)
            })
        };
        let mut kinds: Vec<Kind> = since(BEFORE).map(|fault| fault.kind).collect();
        kinds.sort();
        let names: Vec<String> = kinds.iter().map(Kind::to_string).collect();
        let cause = if names.is_empty() { "no fault".to_owned() } else { names.join("+") };
        let cause = self.by_cause.entry(cause).or_default();
        if cause.gaps.iter().all(|longest| *longest < age) {
            let told = since(STORY).map(|fault| {
                let before_end = end.saturating_sub(fault.begun.saturating_since(Time::ZERO)).as_secs_f64();
                format!("{} of {} {before_end:.2} s before its end", fault.kind, fault.number)
            });
            cause.story = told.collect::<Vec<_>>().join(", ");
        }
        cause.gaps.push(age);
    }

    fn take_end(&mut self, text: &str) {
        self.last = text.to_owned();
        for (name, value) in text.split(' ').filter_map(|word| word.split_once('=')) {
            if let Ok(number) = value.parse() {
                self.result.insert(name.to_owned(), number);
            }
        }
    }

    pub fn report(&mut self, faults: &[Fault]) {
        for kind in [Kind::Kill, Kind::Hang, Kind::Drain, Kind::Registrar] {
            let count = faults.iter().filter(|fault| fault.kind == kind).count();
            println!("  {:<24} {count} times", kind.to_string());
        }
        println!("  {:<24} {:>7} {:>9} {:>9} {:>9}", "answers after 100 ms", "gaps", "median", "p99", "worst, s");
        for (name, Cause { gaps, .. }) in &mut self.by_cause {
            gaps.sort();
            let at = |percent: usize| gaps[(gaps.len() * percent / 100).min(gaps.len() - 1)].as_secs_f64();
            println!("  {name:<24} {:>7} {:>9.3} {:>9.3} {:>9.3}", gaps.len(), at(50), at(99), at(100));
        }
        for (name, Cause { story, .. }) in &self.by_cause {
            println!("  the worst of {name}: {story}");
        }
        let processor = self.calls.iter().filter(|call| call.processor > LONG).count();
        let slept = self.calls.iter().filter(|call| call.sleeps > 0).count();
        println!("  calls over {LONG:?}: {}; of these {processor} worked that long, {slept} slept", self.calls.len());
        self.calls.sort_by_key(|call| std::cmp::Reverse(call.wall));
        for Call { name, wall, processor, sleeps } in self.calls.iter().take(5) {
            println!("    {name}: {wall:?}, {processor:?} of them on a processor, slept {sleeps} times");
        }
        let latest = self.late.iter().max().copied().unwrap_or_default();
        println!("  the client itself was late by 50 ms and more {} times, at most {latest:?}", self.late.len());
        println!("  {}", self.last);
    }
}

fn micros(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_micros)
}
