//! A kind of work being done: everybody in turn, round by round, and what that shows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::contestants::{Contestant, Entry};
use super::rounds::order;
use crate::report::results::{Failed, Figure, Machine, Reading, Results, Skipped};
use crate::{Failure, ending};

/// Figures of one pass.
pub type Figures = Vec<(Figure, f64)>;

/// One kind of work.
#[derive(Debug)]
pub struct Course {
    /// What it has shown so far.
    pub results: Results,
    /// Who takes part.
    pub contestants: Vec<Arc<Contestant>>,
    /// What the names of cases contain that are done; all if there is nothing.
    cases: Vec<String>,
    /// What is kept beside its results: other cases, if not all are done.
    before: Vec<Results>,
    folder: PathBuf,
    bar: ProgressBar,
}

impl Course {
    /// Nothing measured yet; results are kept in a folder.
    ///
    /// # Errors
    /// When what is kept there cannot be understood.
    pub fn new(
        work: &str,
        contestants: &[Arc<Contestant>],
        skipped: &[Skipped],
        cases: &[String],
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let results = Results {
            work: work.to_owned(),
            date: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M").to_string(),
            machine: Machine::here(),
            settings: BTreeMap::new(),
            contestants: contestants.iter().map(|one| one.taking_part()).collect(),
            skipped: skipped.to_vec(),
            readings: Vec::new(),
            failures: Vec::new(),
        };
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:>10} [{bar:30}] {pos}/{len} {elapsed_precise} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(work.to_owned());
        let before = if cases.is_empty() { Vec::new() } else { Results::read(&folder, work)? };
        let (contestants, cases) = (contestants.to_vec(), cases.to_vec());
        Ok(Self { results, contestants, cases, before, folder, bar })
    }

    /// Says how much of something there is.
    pub fn setting(&mut self, name: &str, value: &dyn ToString) {
        self.results.settings.insert(name.to_owned(), value.to_string());
    }

    /// Everybody who can do a piece of work, with all their settings.
    #[must_use]
    pub fn entries(&self, work: &str) -> Vec<Entry> {
        self.contestants.iter().flat_map(|one| one.entries(work)).collect()
    }

    /// Lets everybody do a piece of work in turn, as often as `rounds` says of each. Who fails has no figures in that
    /// round, and the others go on.
    ///
    /// # Errors
    /// When the results cannot be kept, or the harness is told to end.
    pub fn turns(
        &mut self,
        case: &str,
        entries: &[Entry],
        rounds: impl Fn(&Entry) -> usize,
        mut measure: impl FnMut(&Entry) -> Result<Figures, Failure>,
    ) -> Result<(), Failure> {
        if !self.cases.is_empty() && !self.cases.iter().any(|wanted| case.contains(wanted.as_str())) {
            return Ok(());
        }
        let most = entries.iter().map(&rounds).max().unwrap_or(0);
        self.bar.inc_length(entries.iter().map(|entry| rounds(entry) as u64).sum());
        for round in 0..most {
            let turn: Vec<_> = entries.iter().filter(|entry| round < rounds(entry)).collect();
            for at in order(turn.len(), round) {
                let entry = turn[at];
                ending::check()?;
                self.bar.set_message(format!("{case}: {}", entry.label()));
                match measure(entry) {
                    Ok(figures) => self.note(case, entry, round, &figures),
                    Err(error) => {
                        // What was ended with the harness has not failed.
                        ending::check()?;
                        self.fail(case, entry, round, &*error);
                    }
                }
                self.bar.inc(1);
            }
            self.results.write(self.before.clone(), &self.folder)?;
        }
        Ok(())
    }

    fn note(&mut self, case: &str, entry: &Entry, round: usize, figures: &[(Figure, f64)]) {
        let said: Vec<_> =
            figures.iter().map(|(figure, value)| format!("{} {value:.2}", figure.title())).collect();
        self.say(&format!("{case}, round {}, {}: {}", round + 1, entry.label(), said.join(", ")));
        self.results.readings.extend(figures.iter().map(|&(figure, value)| Reading {
            case: case.to_owned(),
            contestant: entry.contestant.id.clone(),
            tuned: entry.tuned,
            figure,
            round,
            value,
        }));
    }

    fn fail(&mut self, case: &str, entry: &Entry, round: usize, error: &dyn std::error::Error) {
        let (contestant, why) = (entry.label(), error.to_string());
        self.say(&format!("{case}, round {}, {contestant} failed: {why}", round + 1));
        self.results.failures.push(Failed { case: case.to_owned(), contestant, round, why });
    }

    /// Says something above the bar, or as it is where there is no terminal.
    #[expect(clippy::print_stderr, reason = "it is how a long run shows that it goes on")]
    fn say(&self, sentence: &str) {
        if self.bar.is_hidden() {
            eprintln!("{sentence}");
        } else {
            self.bar.println(sentence);
        }
    }

    /// Ends it and keeps what it has shown.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn finish(self) -> Result<Results, Failure> {
        self.bar.finish_and_clear();
        self.results.write(self.before, &self.folder)?;
        Ok(self.results)
    }
}
