//! The handlespace without a network: nanoseconds an operation for each policy, from 10 to 100 000 elements in one pool and in
//! many pools, memory an element; beside it rsplib's library on the same work in the same run, where `scripts/bench` has
//! found it. Without `--bench` (as `cargo test` does) it is quick and only shows that everything works.
//!
//! The workload is fixed, time is a counter. Operations are measured in turn, ours and rsplib's, in several rounds; the medians
//! of the rounds count. `--markdown` prints tables for docs/performance-tables.md. Names of policies, and `memory`, choose parts.

mod library;
mod rsplib;
mod workload;

use library::{Operation, Ours, Space, full};
use rserpool::driver::clock;
use rsplib::{Elements, Library, Rsplib};
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;
use workload::{MakePolicy, POLICIES, Workload};

const OPERATIONS: [&str; 10] = [
    "register",
    "re-register, same data",
    "re-register, new data",
    "find",
    "restart a timer",
    "resolve 1",
    "resolve 3",
    "resolve 32",
    "resolve all",
    "de-register",
];

/// How much to do.
struct Scale {
    /// Elements and pools.
    columns: &'static [(usize, usize)],
    /// Each operation of each round takes at least this long.
    least: Duration,
    rounds: usize,
}

const FULL: Scale = Scale {
    columns: &[(10, 1), (100, 1), (1_000, 1), (10_000, 1), (100_000, 1), (100_000, 1_000), (100_000, 100_000)],
    least: Duration::from_millis(10),
    rounds: 5,
};
const SMOKE: Scale = Scale { columns: &[(10, 1), (100, 3)], least: Duration::from_micros(100), rounds: 1 };

/// Makes an empty handlespace.
type MakeSpace<'a> = dyn Fn() -> Box<dyn Space> + 'a;

/// Repeats `pass`, which does a number of operations and tells how long they took, for long enough; nanoseconds each.
fn measure(least: Duration, mut pass: impl FnMut() -> (usize, Duration)) -> f64 {
    let (mut operations, mut time) = (0, Duration::ZERO);
    while time < least {
        let (more, took) = pass();
        operations += more;
        time += took;
    }
    time.as_nanos() as f64 / operations as f64
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = clock::now();
    work();
    clock::now().saturating_since(begin)
}

fn operation(name: &str, work: &mut Workload, space: &mut dyn Space, empty: &MakeSpace<'_>, least: Duration) -> f64 {
    let count = work.elements.len();
    // So many in a pass that reading the clock costs nothing, and few enough that a pass is short.
    const PASS: usize = 1_000;
    let mut each = |operation: Operation, change: bool, pass: usize| {
        measure(least, || {
            let numbers = work.drawn(pass);
            for &i in numbers.iter().filter(|_| change) {
                work.change(i);
                space.note_change(work, i);
            }
            (pass, timed(|| space.run(operation, work, &numbers)))
        })
    };
    match name {
        "register" => measure(least, || {
            let mut space = empty();
            (count, timed(|| space.run(Operation::Register, work, &work.order)))
        }),
        "de-register" => measure(least, || {
            let mut space = full(empty(), work);
            let took = timed(|| space.run(Operation::Deregister, work, &work.order));
            assert_eq!(space.count(), 0, "all of them are gone");
            (count, took)
        }),
        "re-register, same data" => each(Operation::Register, false, PASS),
        "re-register, new data" => each(Operation::Register, true, PASS),
        "find" => each(Operation::Find, false, PASS),
        "restart a timer" => each(Operation::RestartTimer, false, PASS),
        resolve => {
            let items = resolve.strip_prefix("resolve ").expect("no other operation");
            let items = if items == "all" { count } else { items.parse().expect("a number") };
            each(Operation::Resolve(items), false, (PASS / items).max(1))
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The nanoseconds of one operation of a column: ours by round, and rsplib's.
#[derive(Default)]
struct Cell {
    ours: Vec<f64>,
    rsplib: Vec<f64>,
}

/// All operations of one policy and one size.
fn column(
    make_policy: MakePolicy,
    (elements, pools): (usize, usize),
    scale: &Scale,
    library: Option<&Rc<Library>>,
) -> Vec<Cell> {
    let mut work = Workload::new(make_policy, elements, pools);
    let make_rsplib = library.map(|library| {
        let elements = Elements::new(library, &work);
        move || Rsplib::empty(library, &elements)
    });
    let mut ours = full(Ours::empty(), &work);
    let mut rsplib = make_rsplib.as_ref().map(|make| full(make(), &work));
    let mut cells: Vec<Cell> = OPERATIONS.iter().map(|_| Cell::default()).collect();
    for _ in 0..scale.rounds {
        for (name, cell) in OPERATIONS.iter().zip(&mut cells) {
            cell.ours.push(operation(name, &mut work, &mut *ours, &Ours::empty, scale.least));
            if let (Some(space), Some(make)) = (&mut rsplib, &make_rsplib) {
                cell.rsplib.push(operation(name, &mut work, &mut **space, make, scale.least));
            }
        }
    }
    cells
}

/// One policy: a row an operation, a column a size; ours / rsplib's (how many times slower rsplib is).
fn table(name: &str, make_policy: MakePolicy, scale: &Scale, library: Option<&Rc<Library>>, markdown: bool) {
    let columns: Vec<Vec<Cell>> = scale.columns.iter().map(|&size| column(make_policy, size, scale, library)).collect();
    let title = |&(elements, pools): &(usize, usize)| match pools {
        1 => elements.to_string(),
        _ => format!("{elements} in {pools} pools"),
    };
    let titles: Vec<String> = scale.columns.iter().map(title).collect();
    if markdown {
        println!("\n| {name} | {} |\n| --- |{}", titles.join(" | "), " --- |".repeat(titles.len()));
    } else {
        println!("\n{name}, nanoseconds an operation: ours / rsplib's (ratio)");
        println!("  {:<24}{}", "elements", titles.iter().map(|title| format!("{title:>26}")).collect::<String>());
    }
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    for operation in OPERATIONS {
        let cells: Vec<String> = columns.iter_mut().filter_map(|column| column.next()).map(text).collect();
        if markdown {
            println!("| {operation} | {} |", cells.join(" | "));
        } else {
            println!("  {operation:<24}{}", cells.iter().map(|cell| format!("{cell:>26}")).collect::<String>());
        }
    }
}

fn text(cell: Cell) -> String {
    let ours = median(cell.ours);
    if cell.rsplib.is_empty() {
        return format!("{ours:.0}");
    }
    let rsplib = median(cell.rsplib);
    format!("{ours:.0} / {rsplib:.0} ({:.1})", rsplib / ours)
}

fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

fn memory(policy: &str, make_policy: MakePolicy, elements: usize, library: Option<&Rc<Library>>) {
    let work = Workload::new(make_policy, elements, 1_000.min(elements));
    let grown = |make: &MakeSpace<'_>| {
        let before = resident_kb();
        let space = full(make(), &work);
        let kb = resident_kb().saturating_sub(before);
        drop(black_box(space));
        kb * 1024 / elements
    };
    print!("resident memory of {elements} elements ({policy}), an element: {} bytes", grown(&Ours::empty));
    if let Some(library) = library {
        let elements = Elements::new(library, &work);
        print!(", rsplib {} bytes", grown(&|| Rsplib::empty(library, &elements)));
    }
    println!();
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    let scale = if given("--bench") { FULL } else { SMOKE };
    let chosen: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|c| c.as_str() == name);
    let library = Library::open();
    let elements = scale.columns.last().expect("there are columns").0;
    // First of all, while the allocator has nothing to use again.
    if wanted("memory") {
        let (name, make_policy) = POLICIES[0];
        memory(name, make_policy, elements, library.as_ref());
    }
    for (name, make_policy) in POLICIES {
        if wanted(name) {
            table(name, make_policy, &scale, library.as_ref(), given("--markdown"));
        }
    }
}
