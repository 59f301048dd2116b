//! What has been measured, as it is kept: every figure of every round.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::statistics::Spread;
use crate::Failure;

/// The contestant that the others are compared with.
pub const BARE: &str = "bare";
/// The contestant that all of this is about.
pub const OURS: &str = "wellspring";

/// All that is known of one kind of work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// `http`, `kafka` and so on.
    pub work: String,
    /// When it was done.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// How much of it.
    pub settings: BTreeMap<String, String>,
    /// Who took part.
    pub contestants: Vec<TakingPart>,
    /// Who could not.
    pub skipped: Vec<Skipped>,
    /// What was measured.
    pub readings: Vec<Reading>,
    /// What went wrong.
    pub failures: Vec<Failed>,
}

/// A machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// The name of its processor.
    pub processor: String,
    /// How many of them.
    pub processors: usize,
    /// Its memory, in bytes.
    pub memory: u64,
    /// Its operating system.
    pub system: String,
    /// What it had to do in the minute before, besides: processes that ran or wanted to.
    pub load: String,
}

/// A contestant and what it is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakingPart {
    /// Its name for the machine.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Of what it is made of.
    pub versions: Vec<String>,
}

/// A contestant that could not take part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub title: String,
    /// Why not.
    pub why: String,
}

/// One figure of one contestant in one round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reading {
    /// Which messages and topics, or which piece of the work.
    pub case: String,
    /// Who.
    pub contestant: String,
    /// With which settings.
    pub tuned: bool,
    /// What.
    pub figure: Figure,
    /// Counted from zero.
    pub round: usize,
    /// In the unit of the figure.
    pub value: f64,
}

/// A contestant that failed in a round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failed {
    /// Which messages and topics, or which piece of the work.
    pub case: String,
    /// Who.
    pub contestant: String,
    /// Counted from zero.
    pub round: usize,
    /// What it or the harness said.
    pub why: String,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Messages or requests per second.
    PerSecond,
    /// Processor time for each, in µs.
    Cpu,
    /// The most memory, in MB.
    Memory,
    /// How long half of them take at most, in ms.
    P50,
    /// How long 90 % of them take at most, in ms.
    P90,
    /// How long 99 % of them take at most, in ms.
    P99,
    /// How long 99.9 % of them take at most, in ms.
    P999,
    /// From start to the first answer, in ms.
    Start,
    /// Memory when nothing is to be done, in MB.
    Idle,
    /// What is shipped, in MB.
    Size,
    /// Allocations of one call.
    Allocations,
    /// Instructions of one call, or of one more of something.
    Instructions,
    /// Memory of one more of something, in KB.
    Each,
    /// Threads of one more of something.
    Threads,
    /// Outputs that came more than once.
    Twice,
}

/// A contestant with its settings, as tables name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who<'a> {
    /// Which contestant.
    pub contestant: &'a str,
    /// With which settings.
    pub tuned: bool,
}

impl<'a> Who<'a> {
    /// As it is by default.
    #[must_use]
    pub const fn by_default(contestant: &'a str) -> Self {
        Self { contestant, tuned: false }
    }
}

impl Figure {
    /// As a heading of a table.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PerSecond => "per second",
            Self::Cpu => "CPU µs each",
            Self::Memory => "peak memory, MB",
            Self::P50 => "p50, ms",
            Self::P90 => "p90, ms",
            Self::P99 => "p99, ms",
            Self::P999 => "p99.9, ms",
            Self::Start => "first answer, ms",
            Self::Idle => "idle memory, MB",
            Self::Size => "shipped, MB",
            Self::Allocations => "allocations",
            Self::Instructions => "instructions",
            Self::Each => "memory, KB",
            Self::Threads => "threads",
            Self::Twice => "twice",
        }
    }
}

impl Results {
    /// Reads what was kept of a kind of work: runs that have no case in common, none if it was never done.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn read(folder: &Path, work: &str) -> Result<Vec<Self>, Failure> {
        let path = folder.join(format!("{work}.json"));
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("`{}` is no list of runs: {error}", path.display()).into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps it beside what was kept before: cases that it has done, too, are taken out of that. The first run stays the
    /// first, unless its first case was done.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut before: Vec<Self>, folder: &Path) -> Result<(), Failure> {
        let is_new = |case: &str| !self.cases().contains(&case);
        let place = before.iter().position(|run| !run.cases().into_iter().all(is_new));
        let keeps_first = |run: &Self| run.cases().first().is_some_and(|case| is_new(case));
        let place = place.map_or(before.len(), |place| place + usize::from(keeps_first(&before[place])));
        for run in &mut before {
            run.readings.retain(|reading| is_new(&reading.case));
            run.failures.retain(|failed| is_new(&failed.case));
        }
        before.insert(place, self.clone());
        before.retain(|run| !run.readings.is_empty() || !run.failures.is_empty());
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(&before)? + "\n";
        Ok(std::fs::write(folder.join(format!("{}.json", self.work)), text)?)
    }

    /// The cases, in the order in which they were done.
    #[must_use]
    pub fn cases(&self) -> Vec<&str> {
        let mut cases = Vec::new();
        for reading in &self.readings {
            if !cases.contains(&&*reading.case) {
                cases.push(&reading.case);
            }
        }
        cases
    }

    /// Who has readings of a case: bare, ours, and the others by their first one; default before tuned.
    #[must_use]
    pub fn entries(&self, case: &str) -> Vec<Who<'_>> {
        let mut entries = Vec::new();
        for reading in self.readings.iter().filter(|reading| reading.case == case) {
            let who = Who { contestant: &reading.contestant, tuned: reading.tuned };
            if !entries.contains(&who) {
                entries.push(who);
            }
        }
        let rank = |contestant| match contestant {
            BARE => 0,
            OURS => 1,
            _ => 2,
        };
        entries.sort_by_key(|who| (rank(who.contestant), who.contestant, who.tuned));
        entries
    }

    /// The name of a contestant for people, with its settings.
    #[must_use]
    pub fn title(&self, who: Who<'_>) -> String {
        let found = self.contestants.iter().find(|one| one.id == who.contestant);
        let title = found.map_or(who.contestant, |one| &one.title);
        if who.tuned { format!("{title}, tuned") } else { title.to_owned() }
    }

    fn rounds(&self, case: &str, who: Who<'_>, figure: Figure) -> BTreeMap<usize, f64> {
        let fits = |reading: &&Reading| {
            reading.case == case
                && reading.contestant == who.contestant
                && reading.tuned == who.tuned
                && reading.figure == figure
        };
        self.readings.iter().filter(fits).map(|reading| (reading.round, reading.value)).collect()
    }

    /// A figure over all rounds.
    #[must_use]
    pub fn spread(&self, case: &str, who: Who<'_>, figure: Figure) -> Option<Spread> {
        Spread::of(self.rounds(case, who, figure).into_values().collect())
    }

    /// How many times the figure of another, in each round that both were in.
    #[must_use]
    pub fn ratio(&self, case: &str, who: Who<'_>, other: Who<'_>, figure: Figure) -> Option<Spread> {
        let others = self.rounds(case, other, figure);
        let own = self.rounds(case, who, figure);
        let ratios = own.iter().filter_map(|(round, value)| Some(value / others.get(round)?));
        Spread::of(ratios.collect())
    }

    /// The client by hand that somebody is compared with: tuned as they are, if it can be.
    #[must_use]
    pub fn bare(&self, case: &str, who: Who<'_>) -> Who<'static> {
        let same = Who { contestant: BARE, tuned: who.tuned };
        if self.entries(case).contains(&same) { same } else { Who::by_default(BARE) }
    }
}

impl Machine {
    /// The machine that this runs on.
    #[must_use]
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (cpuinfo, meminfo, version) =
            (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/version"));
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: processor
                .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory: crate::harness::proc::bytes_in(&meminfo, "MemTotal").unwrap_or_default(),
            system: version.split_whitespace().take(3).collect::<Vec<_>>().join(" ").replace(" version", ""),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
