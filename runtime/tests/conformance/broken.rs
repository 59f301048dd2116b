//! The suite itself: a binder that is broken in some way fails the cases that are about it, and every case can fail.

#[path = "broken/binder.rs"]
mod binder;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use wellspring::binder::{Binder, Capabilities};
use wellspring::conformance::{Found, Options, Raw, Settings, Subject, Tap, cases, run_with};

use super::memory::MemoryUnderTest;
use binder::{Broken, Shared};

/// What is wrong with a binder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    Nothing,
    /// Every seventh message is lost on its way.
    Loses,
    /// Everything is acknowledged as soon as it is delivered.
    SettlesEarly,
    /// Acknowledgements never reach the broker.
    ForgetsSettlements,
    /// What was not flushed is forgotten at closing.
    ForgetsAtClosing,
    /// Each batch is turned around.
    Reorders,
    /// Every tenth message comes twice.
    Duplicates,
    DropsHeaders,
    DropsContentTypes,
    /// Names of headers lose their capitals.
    LowersNames,
    /// A null payload becomes an empty one.
    EmptiesNulls,
    /// Payloads end after a thousand bytes.
    Cuts,
    /// Payloads and headers pass through text.
    TakesAllForText,
    TellsTwice,
    /// There is no bound on what is in flight.
    IsUnbounded,
    AcknowledgesRequeued,
    RequeuesRejected,
    /// All groups are one.
    HasOneGroup,
    /// Every member has a group of its own.
    HasManyGroups,
    /// An anonymous group is a named one.
    NamesAnonymous,
    /// Only the first destination is read.
    ReadsOne,
    ForgetsRequiredGroups,
    IgnoresPartitions,
    /// Each instance reads every partition.
    IgnoresInstances,
    /// One message that cannot be sent is the end.
    GivesUp,
    /// Before there is a group, every second message is refused.
    KeepsHalf,
    /// An input does not make its destination.
    MakesNothing,
    RefusesWithoutAName,
    /// A destination can be bound once.
    BindsOnce,
    /// It promises less while there is no broker.
    PromisesLess,
    /// Every attempt is the first.
    CountsNoAttempts,
    /// It says that messages can wait, and binds no place for them.
    PromisesWaits,
}

use Defect::*;

/// Which cases must notice which defect; others may.
const NOTICED: &[(Defect, &[&str])] = &[
    (Loses, &["A1", "A1B", "A3", "A8", "A11", "D1", "D2", "D3", "D9", "V4", "E6", "E12"]),
    (SettlesEarly, &["B2", "B4", "B5", "B6", "B7", "B12", "D8", "E12"]),
    (ForgetsSettlements, &["B1", "B3", "B4", "B8", "B12"]),
    (ForgetsAtClosing, &["B8"]),
    (Reorders, &["A1", "D5", "D5B", "D8"]),
    (Duplicates, &["A1", "A8", "B1", "D1", "D2", "D3"]),
    (DropsHeaders, &["A1", "A6", "A6B", "A6C", "H6", "X1", "E13"]),
    (DropsContentTypes, &["A1", "A1B", "A6B", "H4", "E13"]),
    (LowersNames, &["A6"]),
    (EmptiesNulls, &["A4B"]),
    (Cuts, &["A4"]),
    (TakesAllForText, &["A4", "A6", "X1"]),
    (TellsTwice, &["A1B", "A3"]),
    (IsUnbounded, &["B4", "B12"]),
    (AcknowledgesRequeued, &["B2", "D8", "E13"]),
    (RequeuesRejected, &["B3"]),
    (HasOneGroup, &["D1", "V3"]),
    (HasManyGroups, &["A8", "D2", "D9"]),
    (NamesAnonymous, &["D1B"]),
    (ReadsOne, &["D3"]),
    (ForgetsRequiredGroups, &["D4"]),
    (IgnoresPartitions, &["D6", "D10", "V4"]),
    (IgnoresInstances, &["D6", "D10"]),
    (GivesUp, &["X2"]),
    (KeepsHalf, &["A2"]),
    (MakesNothing, &["V1"]),
    (RefusesWithoutAName, &["A9", "L1"]),
    (BindsOnce, &["V2", "V3"]),
    (PromisesLess, &["E9"]),
    (CountsNoAttempts, &["B2", "E13"]),
    (PromisesWaits, &["R1", "R2"]),
];

/// What a binder says that it cannot do.
type Lacks = fn(&mut Capabilities);

/// A memory binder with a defect.
struct BrokenUnderTest {
    memory: MemoryUnderTest,
    defect: Defect,
    shared: Arc<Shared>,
    lacks: Option<Lacks>,
}

impl BrokenUnderTest {
    fn new(defect: Defect) -> Self {
        Self { memory: MemoryUnderTest::default(), defect, shared: Arc::default(), lacks: None }
    }
}

impl Subject for BrokenUnderTest {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn binder(&self, settings: &Settings) -> Arc<dyn Binder> {
        let inner = self.memory.binder(settings);
        let mut capabilities = inner.capabilities();
        capabilities.tombstones &= self.defect != PromisesLess || settings.through.is_none();
        if let Some(lacks) = self.lacks {
            lacks(&mut capabilities);
        }
        Arc::new(Broken { inner, defect: self.defect, capabilities, shared: Arc::clone(&self.shared) })
    }

    fn create<'a>(&'a self, destination: &'a str, partitions: u32) -> BoxFuture<'a, Result<(), Found>> {
        self.memory.create(destination, partitions)
    }

    fn publish<'a>(&'a self, destination: &'a str, messages: Vec<Raw>) -> BoxFuture<'a, Result<(), Found>> {
        self.memory.publish(destination, messages)
    }

    fn tap<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Box<dyn Tap>, Found>> {
        self.memory.tap(destination)
    }
}

fn impatient() -> Options {
    Options { stress: 0, patience: Duration::from_millis(300), ..Options::default() }
}

fn name_of(id: &str) -> &'static str {
    cases().iter().find(|case| case.id() == id).unwrap_or_else(|| panic!("no case {id}")).name
}

#[test]
fn each_defect_is_noticed_by_the_cases_that_are_about_it() {
    let pairs: Vec<(Defect, &str)> =
        NOTICED.iter().flat_map(|(defect, ids)| ids.iter().map(|id| (*defect, *id))).collect();
    let next = AtomicUsize::new(0);
    let unnoticed = std::sync::Mutex::new(Vec::new());
    // Most of them wait for what never comes.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((defect, id)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if run_with(&impatient(), name_of(id), BrokenUnderTest::new(*defect)).is_ok() {
                        unnoticed.lock().unwrap().push((*defect, *id));
                    }
                }
            });
        }
    });
    let unnoticed = unnoticed.into_inner().unwrap();
    assert!(unnoticed.is_empty(), "these cases pass although the binder is broken: {unnoticed:?}");
}

#[test]
fn every_case_can_fail() {
    let noticing = NOTICED.iter().flat_map(|(_, ids)| ids.iter().copied());
    // An exclusion is checked with every run: the case fails on the binder that excludes it.
    let excluded = MemoryUnderTest::default().exclusions().iter().map(|exclusion| exclusion.id);
    let can_fail: BTreeSet<&str> = noticing.chain(excluded).collect();
    let cannot: Vec<_> = cases().iter().filter(|case| !can_fail.contains(&*case.id())).collect();
    assert!(cannot.is_empty(), "no defect makes these fail: {cannot:?}");
}

#[test]
fn a_failure_names_case_subject_and_what_was_found() {
    let options = Options { seed: Some(7), ..impatient() };
    let failed = run_with(&options, name_of("B2"), BrokenUnderTest::new(CountsNoAttempts)).unwrap_err();
    assert_eq!(
        failed.to_string(),
        "B2 (what is given back comes again as another attempt) fails on broken, as it is: `0` is attempt 1, expected a later one"
    );
}

#[test]
fn a_case_that_fails_only_under_stress_names_the_seed() {
    let options = Options { stress: 1, seed: Some(7), ..impatient() };
    let subject = BrokenUnderTest::new(BindsOnce);
    // The names of the second run are others, and the defect counts bindings of both.
    let failed = run_with(&options, name_of("E6"), subject).map_err(|failed| failed.to_string());
    assert!(failed.is_ok() || failed.unwrap_err().contains("`WELLSPRING_CONFORMANCE_SEED=7`"));
}

#[test]
fn what_a_binder_lacks_is_refused_by_the_runtime_in_place_of_the_case() {
    let lacking: [(&str, Lacks); 5] = [
        ("D1", |can| can.groups = false),
        ("D4", |can| can.durable_groups = false),
        ("D5", |can| can.partitions = false),
        ("B2", |can| can.requeue = false),
        // The binder says that it has no null payloads, and takes them all the same.
        ("A4B", |can| can.tombstones = false),
    ];
    for (id, lacks) in lacking {
        let subject = BrokenUnderTest { lacks: Some(lacks), ..BrokenUnderTest::new(Nothing) };
        let refused = run_with(&impatient(), name_of(id), subject);
        assert_eq!(refused.is_ok(), id != "A4B", "{id}: {refused:?}");
    }
}
