//! How what is there costs what comes: start-up and memory of 1 to 1,000 functions and 500 bindings, look-ups among
//! 10,000 functions, 10,000 deliveries in flight. Every figure is of processes of their own, and the difference between
//! two sizes, so that what a process costs anyway is left out.

mod work;

use std::path::Path;
use std::process::Command;

use crate::harness::contestants::Entry;
use crate::harness::course::{Course, Figures};
use crate::report::results::{Figure, OURS};
use crate::{Failure, instructions};

pub use work::{Broker, LookUp, Standing, in_flight, start};

/// What one more function costs at start, while there are few and while there are many.
pub const FUNCTIONS: [&str; 2] =
    ["start of one more function, up to 500", "start of one more function, up to 1,000"];
/// What one more binding costs at start, while there are few and while there are many.
pub const BINDINGS: [&str; 2] =
    ["start of one more binding, up to 250", "start of one more binding, up to 500"];
/// The memory of a binding that has nothing to do.
pub const IDLE: &str = "one more idle binding, input and output";
/// What a message costs while few calls or many are under way. With a single one it comes when its call may go on at
/// once, which is another way and cheaper; that is shown, and not compared with.
pub const IN_FLIGHT: [&str; 3] = [
    "a message while 1 is in flight",
    "a message while 10 are in flight",
    "a message while 10,000 are in flight",
];

/// What is looked up, with few functions and with many.
pub const LOOK_UPS: [[&str; 2]; 5] = [
    ["a function by its name, of 10", "a function by its name, of 10,000"],
    ["a composition known already, of 10 functions", "a composition known already, of 10,000 functions"],
    ["a composition put together, of 10 functions", "a composition put together, of 10,000 functions"],
    ["a whole request, to one of 10 functions", "a whole request, to one of 10,000 functions"],
    ["a name that none of 1,000 functions has", "a name that none of 10,000 functions has"],
];

/// What the work of each look-up is called, and how many functions are few. Those with a name like one that is unknown
/// are compared with it, up to so many.
const LOOKED_UP: [(&str, usize); 5] =
    [("name", 10), ("composition", 10), ("joining", 10), ("request", 10), ("unknown", 1_000)];

/// The key that says where a broker is.
const BROKERS: [(&str, &str); 2] = [("kafka", "stream.kafka.brokers"), ("rabbitmq", "stream.rabbitmq.uri")];

/// A program that does work at a size.
#[derive(Debug, Clone, Copy)]
struct Worker<'a>(&'a Path);

/// Does all of it once: counts are the same each time. `address` tells where a broker is.
///
/// # Errors
/// When results cannot be kept; what cannot be measured is named in them.
pub fn run(
    course: &mut Course,
    mut address: impl FnMut(&'static str) -> Result<String, Failure>,
) -> Result<(), Failure> {
    course.setting("rounds", &1);
    let program = std::env::current_exe()?.with_file_name("growth");
    let worker = Worker(&program);
    let ours = course.contestants.iter().find(|one| one.id == OURS).cloned();
    let entries: Vec<_> = ours.into_iter().map(|contestant| Entry { contestant, tuned: false }).collect();
    let mut once = |case: &str, measure: &mut dyn FnMut() -> Result<Figures, Failure>| {
        course.turns(case, &entries, |_| 1, |_| measure())
    };
    for (case, least, most) in [(FUNCTIONS[0], 1, 500), (FUNCTIONS[1], 500, 1_000)] {
        once(case, &mut || worker.starting((least, 0), (most, 0)))?;
    }
    for (case, least, most) in [(BINDINGS[0], 1, 250), (BINDINGS[1], 250, 500)] {
        once(case, &mut || worker.starting((500, least), (500, most)))?;
    }
    once("1,000 functions, 500 of them bound", &mut || {
        let Standing { took, resident, .. } = worker.standing(&["start", "1000", "500"])?;
        Ok(vec![(Figure::Start, took.as_secs_f64() * 1e3), (Figure::Each, resident as f64 / 1024.0)])
    })?;
    once("one more function", &mut || worker.resident((1, 0), (1_001, 0)))?;
    once(IDLE, &mut || worker.resident((500, 1), (500, 500)))?;
    for (cases, (look_up, few)) in LOOK_UPS.into_iter().zip(LOOKED_UP) {
        for (case, count) in [(cases[0], few), (cases[1], 10_000)] {
            once(case, &mut || worker.counted(&["look-up", look_up, &count.to_string()]))?;
        }
    }
    for (case, window) in IN_FLIGHT.into_iter().zip(["1", "10", "10000"]) {
        once(case, &mut || worker.counted(&["in-flight", window]))?;
    }
    once("one more message in flight", &mut || worker.each_in_flight())?;
    for (binder, key) in BROKERS {
        once(&format!("{IDLE}, on {binder}"), &mut || {
            worker.resident_on(binder, &format!("{key}={}", address(binder)?))
        })?;
    }
    Ok(())
}

impl Worker<'_> {
    /// Instructions for each function and binding by which a start is larger than another.
    fn starting(self, less: (usize, usize), more: (usize, usize)) -> Result<Figures, Failure> {
        let count = |(functions, bindings): (usize, usize)| {
            instructions::total(self.0, &["start", &functions.to_string(), &bindings.to_string()])
        };
        let each = (count(more)? - count(less)?) / difference(less, more);
        Ok(vec![(Figure::Instructions, each)])
    }

    /// Memory for each function and binding by which an application is larger than another.
    fn resident(self, less: (usize, usize), more: (usize, usize)) -> Result<Figures, Failure> {
        let resident = |(functions, bindings): (usize, usize)| {
            let standing = self.standing(&["start", &functions.to_string(), &bindings.to_string()])?;
            Ok::<_, Failure>(standing.resident as f64)
        };
        let each = (resident(more)? - resident(less)?) / difference(less, more);
        Ok(vec![(Figure::Each, each / 1024.0)])
    }

    fn resident_on(self, binder: &str, setting: &str) -> Result<Figures, Failure> {
        const MORE: u64 = 50;
        let measure = |bindings: u64| self.standing(&["start", "51", &bindings.to_string(), binder, setting]);
        let (one, more) = (measure(1)?, measure(1 + MORE)?);
        let each = |less: u64, more: u64| (more as f64 - less as f64) / MORE as f64;
        Ok(vec![
            (Figure::Each, each(one.resident, more.resident) / 1024.0),
            (Figure::Threads, each(one.threads, more.threads)),
        ])
    }

    fn each_in_flight(self) -> Result<Figures, Failure> {
        let memory = |window| Ok::<_, Failure>(self.standing(&["in-flight", window, "1"])?.resident as f64);
        Ok(vec![(Figure::Each, (memory("10000")? - memory("1")?) / 9_999.0 / 1024.0)])
    }

    fn counted(self, work: &[&str]) -> Result<Figures, Failure> {
        Ok(vec![(Figure::Instructions, instructions::per_repetition(self.0, work)?)])
    }

    /// How a process of its own stands after its work.
    fn standing(self, arguments: &[&str]) -> Result<Standing, Failure> {
        let output = Command::new(self.0).args(arguments).output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        Standing::read(&told).ok_or_else(|| {
            format!("`{}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into()
        })
    }
}

fn difference(less: (usize, usize), more: (usize, usize)) -> f64 {
    ((more.0 - less.0) + (more.1 - less.1)) as f64
}
