//! The work inside one process: the memory binder on one core, and one call counted.

use std::sync::Arc;

use super::contestants::{Contestant, Entry};
use super::course::{Course, Figures};
use super::options::Options;
use crate::consumed::COUNTED as COUNTED_PART;
use crate::counted::Work;
use crate::counting_allocator::allocations;
use crate::report::results::{Figure, OURS};
use crate::story::PAYLOAD;
use crate::{Failure, instructions, memory};

/// The case of bytes through the memory binder.
pub const BYTES: &str = "memory binder, bytes";
/// The case of the story through the memory binder.
pub const STORY: &str = "memory binder, email|sms";
/// The case of a call that is counted, without an engine.
pub const BY_HAND: &str = "one call by hand";
/// The same through the engine.
pub const ONE: &str = "one call of one stage";
/// The same with a stage more.
pub const TWO: &str = "one call of two stages";
/// A small message received, decoded, given to a function and acknowledged: RustStream's published benchmark.
pub const CONSUMED: &str = "RustStream's own message";

/// What is counted, with the name that the program `count` has for it.
const COUNTED: [(&str, &str, Work); 3] =
    [(BY_HAND, "by-hand", Work::ByHand), (ONE, "1", Work::Engine(1)), (TWO, "2", Work::Engine(2))];

/// What goes through the memory binder: the case, the function, settings of its input, and how many thousand messages.
const BOUND: [(&str, &str, &[&str], u64); 5] = [
    (BYTES, "bytes", &[], 2_000),
    ("memory binder, email", "email", &[], 1_000),
    (STORY, "email|sms", &[], 1_000),
    ("memory binder, dead letters", "rejects", &[], 100),
    (
        "memory binder, each tried twice 1 ms apart",
        "stumbles",
        &["order=none", "max-attempts=2", "back-off-initial-interval=1ms"],
        100,
    ),
];

/// Does all of it.
///
/// # Errors
/// When results cannot be kept.
pub fn run(course: &mut Course, options: &Options) -> Result<(), Failure> {
    course.setting("rounds", &options.rounds);
    let ours: Vec<Arc<Contestant>> =
        course.contestants.iter().filter(|one| one.id == OURS).cloned().collect();
    let entries: Vec<_> = ours.into_iter().map(|contestant| Entry { contestant, tuned: false }).collect();
    for (case, definition, settings, thousands) in BOUND {
        let messages = thousands * if options.quick { 250 } else { 1_000 };
        course.turns(
            case,
            &entries,
            |_| options.rounds,
            |_| {
                let rate = memory::throughput(definition, settings, PAYLOAD, messages)?;
                Ok(vec![(Figure::PerSecond, rate)])
            },
        )?;
    }
    for (case, name, work) in COUNTED {
        course.turns(case, &entries, |_| 1, |_| counted(name, work))?;
    }
    let consumers = course.contestants.iter().filter(|one| one.counted().is_some());
    let consumers: Vec<_> =
        consumers.map(|one| Entry { contestant: Arc::clone(one), tuned: false }).collect();
    course.turns(CONSUMED, &consumers, |_| 1, |entry| Ok(consumed(&entry.contestant)))
}

/// Without valgrind, nothing is known.
fn consumed(contestant: &Contestant) -> Figures {
    let count = contestant
        .counted()
        .and_then(|program| instructions::per_repetition_within(COUNTED_PART, program, &["consumed"]).ok());
    count.map(|count| (Figure::Instructions, count)).into_iter().collect()
}

fn counted(name: &str, work: Work) -> Result<Figures, Failure> {
    let call = work.prepare()?;
    call(PAYLOAD.into())?;
    let payload = PAYLOAD.into();
    let (count, result) = allocations(|| call(payload));
    result?;
    let mut figures = vec![(Figure::Allocations, count as f64)];
    // Without valgrind, allocations are still known.
    let program = std::env::current_exe()?.with_file_name("count");
    if let Ok(count) = instructions::per_repetition(&program, &[name]) {
        figures.push((Figure::Instructions, count));
    }
    Ok(figures)
}
