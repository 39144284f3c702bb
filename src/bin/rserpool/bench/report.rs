//! What was measured, for people and as JSON.

use super::histogram::Histogram;
use super::load::Measurement;
use super::options::Options;
use super::processor::Processor;
use crate::failure::Failure;
use crate::json;
use std::fmt::Write;
use std::time::Duration;

/// The shares of requests whose latency is told, and what they are called.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// All rounds with one server.
pub struct Side {
    processor: Option<Processor>,
    rates: Vec<f64>,
    latency: Histogram,
    answers: u64,
    refused: u64,
    sizes: (usize, usize),
    used: Duration,
}

impl Side {
    pub fn new(processor: Option<Processor>) -> Side {
        let latency = Histogram::default();
        Side { processor, rates: Vec::new(), latency, answers: 0, refused: 0, sizes: (0, 0), used: Duration::ZERO }
    }

    /// What the server has used until now; nothing when its process is not known.
    pub fn processor_time(&self) -> Result<Duration, Failure> {
        self.processor.as_ref().map_or(Ok(Duration::ZERO), Processor::time)
    }

    /// Counts a round.
    pub fn add(&mut self, round: &Measurement, used: Duration) {
        self.rates.push(round.rate());
        self.latency.add(&round.latency);
        self.answers += round.answers;
        self.refused += round.refused;
        self.sizes = round.sizes();
        self.used += used;
    }

    /// The median of the rounds.
    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    /// Processor time a request, in microseconds.
    fn processor_us(&self) -> Option<f64> {
        self.processor.as_ref().map(|_| micros(self.used) / self.answers.max(1) as f64)
    }

    fn show(&self, name: &str) -> String {
        let mut text = format!("{name}: {:.0} a second", self.rate());
        if self.refused > 0 {
            let _ = write!(text, ", {} of {} refused", self.refused, self.answers);
        }
        if let Some(us) = self.processor_us() {
            let _ = write!(text, ", {us:.1} us of processor time each");
        }
        text += "\n  latency us";
        for (quantile, share) in QUANTILES {
            let _ = write!(text, "  {quantile} {:.0}", micros(self.latency.quantile(share)));
        }
        let (asked, answered) = self.sizes;
        let longest = micros(self.latency.longest());
        let _ = write!(text, "  max {longest:.0}\n  {asked} bytes to ask, {answered} to answer\n");
        text
    }

    fn json(&self) -> String {
        let latency = QUANTILES.map(|(quantile, share)| (quantile, self.latency.quantile(share)));
        let latency = latency.into_iter().chain([("max", self.latency.longest())]);
        let latency = json::object(latency.map(|(name, time)| (name, format!("{:.1}", micros(time)))));
        json::object([
            ("rate", format!("{:.1}", self.rate())),
            ("answers", self.answers.to_string()),
            ("refused", self.refused.to_string()),
            ("latency_us", latency),
            ("request_bytes", self.sizes.0.to_string()),
            ("response_bytes", self.sizes.1.to_string()),
            ("processor_us", json::or_null(self.processor_us().map(|us| format!("{us:.2}")))),
        ])
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Everything that was measured.
pub struct Report<'o> {
    pub options: &'o Options,
    pub registrar: Side,
    pub echo: Option<Side>,
}

impl Report<'_> {
    /// The rate beside that of the echo: the median over the rounds, as what the machine does meanwhile changes from
    /// round to round.
    fn ratio(&self) -> Option<f64> {
        let rounds = self.registrar.rates.iter().zip(&self.echo.as_ref()?.rates);
        Some(median(rounds.map(|(registrar, echo)| registrar / echo.max(1e-9)).collect()))
    }

    /// The processor time beside that of the echo.
    fn processor_ratio(&self) -> Option<f64> {
        let echo = self.echo.as_ref()?.processor_us()?;
        Some(self.registrar.processor_us()? / echo.max(1e-9))
    }

    pub fn show(&self, as_json: bool) -> String {
        if as_json { self.json() + "\n" } else { self.text() }
    }

    fn text(&self) -> String {
        let Options { operation, associations, window, .. } = self.options;
        let many = if *associations == 1 { "" } else { "s" };
        let mut text = format!("{associations} association{many}, {window} under way on each\n");
        text += &self.registrar.show(operation.name());
        if let Some(echo) = &self.echo {
            text += &echo.show("echo");
        }
        if let Some(ratio) = self.ratio() {
            let _ = write!(text, "ratio: {ratio:.2} of the echo's rate");
        }
        if let Some(ratio) = self.processor_ratio() {
            let _ = write!(text, ", {ratio:.2} of its processor time");
        }
        if self.echo.is_some() {
            text += "\n";
        }
        text
    }

    fn json(&self) -> String {
        let number = |ratio: Option<f64>| json::or_null(ratio.map(|ratio| format!("{ratio:.3}")));
        json::object([
            ("operation", json::string(self.options.operation.name())),
            ("associations", self.options.associations.to_string()),
            ("window", self.options.window.to_string()),
            ("registrar", self.registrar.json()),
            ("echo", json::or_null(self.echo.as_ref().map(Side::json))),
            ("ratio", number(self.ratio())),
            ("processor_ratio", number(self.processor_ratio())),
        ])
    }
}
