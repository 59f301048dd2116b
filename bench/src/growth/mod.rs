//! How what is there costs what comes: start-up and memory of 1 to 1,000 functions and 500 bindings, look-ups among
//! 10,000 functions, 10,000 deliveries in flight. Every figure is of processes of their own, and the difference between
//! two sizes, so that what a process costs anyway is left out.

mod work;

use std::path::Path;
use std::process::Command;

use crate::instructions;
use crate::{Failure, Row};

pub use work::{Broker, LookUp, Standing, in_flight, start};

/// Brokers that bindings are measured on where their address is known: the binder, the variable and the key that say it.
const BROKERS: &[(&str, &str, &str)] = &[
    #[cfg(feature = "kafka")]
    ("kafka", "WELLSPRING_TEST_KAFKA", "stream.kafka.brokers"),
    #[cfg(feature = "rabbitmq")]
    ("rabbitmq", "WELLSPRING_TEST_RABBITMQ", "stream.rabbitmq.uri"),
];

/// By how much a cost may grow and still be called the same.
const SAME: f64 = 1.1;

/// Every figure; `program` is the one of this name, which does the work at a size. A figure that cannot be measured
/// says why.
#[must_use]
pub fn measure(program: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut note = |what: &str, measured: Result<Row, Failure>| {
        rows.push(measured.unwrap_or_else(|error| Row::missing(what, &error)));
    };
    note(
        "start of functions",
        starting(program, "one more function at start", |size| (size, 0), [1, 500, 1_000]),
    );
    note(
        "start of bindings",
        starting(program, "one more binding at start", |size| (500, size), [1, 250, 500]),
    );
    note("memory per function", resident(program, "memory of one more function", (1, 0), (1_001, 0), None));
    let goal = Some(30.0 * 1024.0);
    note(
        "memory per binding",
        resident(program, "memory of one more idle binding, input and output", (500, 1), (500, 500), goal),
    );
    for (look_up, what, few) in [
        ("name", "a function by its name", 10),
        ("composition", "a composition known already", 10),
        ("joining", "a composition put together", 10),
        ("request", "a function by its path, the whole request", 10),
        // With few, all of them are compared with it.
        ("unknown", "a name that no function has", 1_000),
    ] {
        note(what, looking_up(program, look_up, what, few));
    }
    note("in flight", passing(program));
    for (binder, variable, key) in BROKERS {
        if let Ok(address) = std::env::var(variable) {
            let setting = format!("{key}={address}");
            note(binder, resident_on(program, binder, &setting));
        }
    }
    rows
}

/// Linear: what the second half of them adds is what the first half added.
fn starting(
    program: &Path,
    what: &str,
    sizes: impl Fn(usize) -> (usize, usize),
    [least, middle, most]: [usize; 3],
) -> Result<Row, Failure> {
    let count = |size| -> Result<f64, Failure> {
        let (functions, bindings) = sizes(size);
        instructions::total(program, &["start", &functions.to_string(), &bindings.to_string()])
    };
    let (at_least, at_middle, at_most) = (count(least)?, count(middle)?, count(most)?);
    let first = (at_middle - at_least) / (middle - least) as f64;
    let second = (at_most - at_middle) / (most - middle) as f64;
    let (functions, bindings) = sizes(most);
    let took = standing(program, &["start", &functions.to_string(), &bindings.to_string()])?.took;
    let figure = format!(
        "{:.1} k up to {middle}, {:.1} k up to {most} (×{:.2}); all in {:.0} ms",
        first / 1e3,
        second / 1e3,
        second / first,
        took.as_secs_f64() * 1e3,
    );
    let goal = format!("linear: ≤ ×{SAME}");
    Ok(Row::goal(&format!("{what}, instructions"), &figure, &goal, second <= SAME * first))
}

fn resident(
    program: &Path,
    what: &str,
    less: (usize, usize),
    more: (usize, usize),
    goal: Option<f64>,
) -> Result<Row, Failure> {
    let measure = |(functions, bindings): (usize, usize)| {
        standing(program, &["start", &functions.to_string(), &bindings.to_string()])
    };
    let (at_less, at_more) = (measure(less)?.resident, measure(more)?.resident);
    let count = (more.0 - less.0) + (more.1 - less.1);
    let each = (at_more as f64 - at_less as f64) / count as f64;
    let figure = format!("{:.1} KB", each / 1024.0);
    Ok(match goal {
        Some(goal) => Row::goal(what, &figure, &format!("≤ {:.0} KB", goal / 1024.0), each <= goal),
        None => Row::reading(what, &figure),
    })
}

fn resident_on(program: &Path, binder: &str, setting: &str) -> Result<Row, Failure> {
    const MORE: u64 = 50;
    let measure = |bindings: u64| standing(program, &["start", "51", &bindings.to_string(), binder, setting]);
    let (one, more) = (measure(1)?, measure(1 + MORE)?);
    let kilobytes = (more.resident as f64 - one.resident as f64) / MORE as f64 / 1024.0;
    let threads = (more.threads as f64 - one.threads as f64) / MORE as f64;
    let figure = format!("{kilobytes:.0} KB, {threads:.1} threads");
    Ok(Row::reading(&format!("memory of one more idle binding on {binder}, input and output"), &figure))
}

fn looking_up(program: &Path, look_up: &str, what: &str, few: usize) -> Result<Row, Failure> {
    let each = |count: usize| {
        let count = count.to_string();
        instructions::per_repetition(program, &["look-up", look_up, &count])
    };
    let (at_few, at_many) = (each(few)?, each(10_000)?);
    let figure = format!("{at_few:.0} among {few}, {at_many:.0} among 10,000 (×{:.2})", at_many / at_few);
    let goal = format!("flat: ≤ ×{SAME}");
    Ok(Row::goal(&format!("look-up: {what}, instructions"), &figure, &goal, at_many <= SAME * at_few))
}

fn passing(program: &Path) -> Result<Row, Failure> {
    let each = |window: usize| instructions::per_repetition(program, &["in-flight", &window.to_string()]);
    let (few, many) = (each(1)?, each(10_000)?);
    let memory = |window: &str| Ok::<_, Failure>(standing(program, &["in-flight", window, "1"])?.resident);
    let bytes = (memory("10000")? - memory("1")?) / 9_999;
    let figure = format!(
        "{few:.0} with 1 in flight, {many:.0} with 10,000 (×{:.2}); {bytes} bytes in flight each",
        many / few
    );
    let goal = format!("flat: ≤ ×{SAME}");
    Ok(Row::goal(
        "one message through an asynchronous call, instructions",
        &figure,
        &goal,
        many <= SAME * few,
    ))
}

/// How a process of its own stands after its work.
fn standing(program: &Path, arguments: &[&str]) -> Result<Standing, Failure> {
    let output = Command::new(program).args(arguments).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    Standing::read(&told).ok_or_else(|| {
        format!("`{}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into()
    })
}
