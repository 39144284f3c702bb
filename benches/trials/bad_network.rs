//! Nobody fails; the links are bad for some time, and then well again. Whoever is taken for dead meanwhile is so wrongly.

use crate::gaps::Gaps;
use crate::pool::{Client, Pool};
use crate::support::scope::lossy::Impairment;
use crate::support::scope::until;
use crate::{Load, Trial, judge_answers};
use rserpool::driver::clock;
use std::time::Duration;

/// How often the client's lines are read.
const LOOK: Duration = Duration::from_millis(100);

pub fn run(trial: &Trial, impairment: Impairment) -> Result<(), String> {
    let Trial { profile, duration, seed, registrars, servers, sessions, interval, .. } = trial;
    println!(
        "{registrars} registrars, {servers} servers, {sessions} sessions with a request each {interval:?}, profile {profile}; \
         {duration:?} of {impairment:?}, seed {seed}"
    );
    let pool = Pool::start(trial)?;
    let mut client = Client::start(&pool, trial);
    let mut gaps = Gaps::default();
    let before = Blunders::so_far(&pool);
    let load = Load::now();
    pool.change_links(impairment);
    let end = clock::now() + *duration;
    while clock::now() < end {
        gaps.take(&client.lines(LOOK), &[]);
    }
    pool.change_links(Impairment::default());
    let healed = clock::now();
    let blunders = Blunders::so_far(&pool).since(&before);
    until("the registrars agree again", || pool.registrars.agrees(trial.servers));
    let agreement = clock::now().saturating_since(healed);
    gaps.take(&client.end(), &[]);
    gaps.report(&[]);
    blunders.report(*duration);
    println!("  the registrars agreed {agreement:.2?} after the links were well again");
    load.report();
    judge_answers(&gaps.wrong, &gaps.result)
}

/// What the registrars say that they did to the living.
struct Blunders {
    lost: u64,
    silent: u64,
    dead: u64,
    takeovers: u64,
}

impl Blunders {
    fn so_far(pool: &Pool) -> Blunders {
        let logs: Vec<String> = pool.registrars.registrars.iter().map(|registrar| registrar.log()).collect();
        let count = |words: &[&str]| logs.iter().map(|log| count(log, words)).sum();
        Blunders {
            lost: count(&["is removed: its association"]),
            silent: count(&["is removed: it has not answered", "report it unreachable"]),
            dead: count(&["seems dead"]),
            takeovers: count(&[": takes over"]),
        }
    }

    fn since(self, before: &Blunders) -> Blunders {
        Blunders {
            lost: self.lost - before.lost,
            silent: self.silent - before.silent,
            dead: self.dead - before.dead,
            takeovers: self.takeovers - before.takeovers,
        }
    }

    fn report(&self, duration: Duration) {
        let Blunders { lost, silent, dead, takeovers } = self;
        let a_minute = (lost + silent) as f64 * 60.0 / duration.as_secs_f64();
        println!("  removed though alive: {lost} with their association, {silent} for silence; {a_minute:.1} a minute");
        println!("  registrars taken for dead: {dead} times, taken over: {takeovers} times");
    }
}

/// Lines with one of these texts, those included that the limit of the log has left out.
fn count(log: &str, texts: &[&str]) -> u64 {
    let lines = log.lines().filter(|line| texts.iter().any(|text| line.contains(text)));
    lines.map(|line| 1 + left_out(line)).sum()
}

fn left_out(line: &str) -> u64 {
    let Some((rest, _)) = line.split_once(" such lines left out before)") else { return 0 };
    rest.rsplit('(').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
