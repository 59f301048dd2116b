//! Runs cases: once as they are, then side by side under stress; and what to say when one fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::cases::{Case, cases};
use super::chaos::Trouble;
use super::found::Outcome;
use super::random::Random;
use super::refusal;
use super::world::{World, in_time};
use super::{Found, Options, Subject};

/// How long a case that is excluded may take to fail.
const EXCLUDED_PATIENCE: Duration = Duration::from_secs(5);

/// A case that failed: which, on what, and what was found.
pub struct Failed {
    case: String,
    subject: &'static str,
    how: String,
    found: Found,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fails on {}, {}: {}", self.case, self.subject, self.how, self.found)
    }
}

/// The same as its text: it is what a test shows that returns an error.
impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failed {}

impl Failed {
    fn new(case: impl Into<String>, subject: &'static str, how: impl Into<String>, found: Found) -> Self {
        Self { case: case.into(), subject, how: how.into(), found }
    }
}

/// Runs the case of a name, as the environment says; without a subject, nothing.
///
/// # Errors
/// What the case found instead of what it expected.
pub fn run<S: Subject>(name: &str, subject: Option<S>) -> Result<(), Failed> {
    let Some(subject) = subject else { return Ok(()) };
    match Options::from_environment() {
        Ok(options) => run_with(&options, name, subject),
        Err(sentence) => Err(Failed::new(name, subject.name(), "before it begins", Found::new(sentence))),
    }
}

/// Runs the case of a name.
///
/// # Errors
/// What the case found instead of what it expected.
pub fn run_with<S: Subject>(options: &Options, name: &str, subject: S) -> Result<(), Failed> {
    let subject: Arc<dyn Subject> = Arc::new(subject);
    let unknown =
        |sentence: String| Failed::new(name, subject.name(), "before it begins", Found::new(sentence));
    let Some(case) = cases().iter().find(|case| case.name == name) else {
        return Err(unknown("the suite has no such case".to_owned()));
    };
    let mut tokio = tokio::runtime::Builder::new_multi_thread();
    let tokio = tokio.worker_threads(2).enable_all().build();
    let tokio = tokio.map_err(|error| unknown(format!("no runtime can be started: {error}")))?;
    tokio.block_on(Run { case: *case, subject, options: options.clone() }.all())
}

/// Checks that the exclusions of a subject name cases, each once and with a reason.
///
/// # Errors
/// The first that does not.
pub fn check_exclusions<S: Subject>(subject: Option<S>) -> Result<(), Failed> {
    let Some(subject) = subject else { return Ok(()) };
    let exclusions = subject.exclusions();
    for exclusion in exclusions {
        let known = cases().iter().any(|case| case.id() == exclusion.id);
        let once = exclusions.iter().filter(|other| other.id == exclusion.id).count() == 1;
        if !known || !once || exclusion.reason.len() < 10 {
            let sentence = format!("{exclusion:?} must name a case, once, and give a reason");
            return Err(Failed::new("the list of exclusions", subject.name(), "read", Found::new(sentence)));
        }
    }
    Ok(())
}

/// One case on one subject.
struct Run {
    case: Case,
    subject: Arc<dyn Subject>,
    options: Options,
}

impl Run {
    async fn all(self) -> Result<(), Failed> {
        let seed = self.options.seed.unwrap_or_else(Random::fresh);
        let world = self.world(self.options.patience, seed, None);
        let capabilities = world.capabilities();
        if let Some(need) = self.case.needs.iter().find(|need| !need.is_met(capabilities)) {
            let refused = within(&world, refusal::is_refused(&world, *need)).await;
            return refused.map_err(|found| self.failed(format!("which lacks {need:?}"), found));
        }
        let id = self.case.id();
        if let Some(exclusion) = self.subject.exclusions().iter().find(|exclusion| exclusion.id == id) {
            let world = self.world(EXCLUDED_PATIENCE.min(self.options.patience), seed, None);
            return match self.once(&world).await {
                Err(_) => Ok(()),
                Ok(()) => Err(self.failed(
                    format!("which excludes it because `{}`", exclusion.reason),
                    Found::new("it passes: remove the exclusion"),
                )),
            };
        }
        self.once(&world).await.map_err(|found| self.failed("as it is".to_owned(), found))?;
        self.stressed(seed).await
    }

    /// Repeats the case side by side, each with a seed of its own.
    async fn stressed(&self, seed: u64) -> Result<(), Failed> {
        let runs = (0..u64::from(self.options.stress)).map(async |number| {
            let seed = seed.wrapping_add(number);
            let world = self.world(self.options.patience, seed, Some(self.case.trouble));
            let how = format!(
                "under stress with {:?} (repeat it with `WELLSPRING_CONFORMANCE_SEED={seed}`)",
                self.case.trouble
            );
            self.once(&world).await.map_err(|found| self.failed(how, found))
        });
        join_all(runs).await.into_iter().collect()
    }

    async fn once(&self, world: &World) -> Outcome {
        let outcome = within(world, (self.case.run)(world)).await;
        let cleaned = within(world, self.subject.clean(world.prefix())).await;
        outcome.and(cleaned.map_err(|found| found.during("cleaning up")))
    }

    fn world(&self, patience: Duration, seed: u64, trouble: Option<Trouble>) -> World {
        World::new(Arc::clone(&self.subject), patience, seed, trouble)
    }

    fn failed(&self, how: String, found: Found) -> Failed {
        let case = format!("{} ({})", self.case.id(), self.case.sentence());
        Failed::new(case, self.subject.name(), how, found)
    }
}

/// A case waits with a limit for each thing; this is the limit for all of them together.
async fn within(world: &World, outcome: impl Future<Output = Outcome>) -> Outcome {
    in_time(3 * world.patience, "all of it", outcome).await?
}
