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

    /// Keeps it beside what was kept before: cases that it has done, too, are taken out of that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut before: Vec<Self>, folder: &Path) -> Result<(), Failure> {
        let is_new = |case: &str| !self.cases().contains(&case);
        let place = before.iter().position(|run| !run.cases().into_iter().all(is_new));
        for run in &mut before {
            run.readings.retain(|reading| is_new(&reading.case));
            run.failures.retain(|failed| is_new(&failed.case));
        }
        before.insert(place.unwrap_or(before.len()), self.clone());
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
pub(super) mod tests {
    use super::*;

    /// Results of `kafka` with the processor times of some contestants, round by round.
    pub(crate) fn results(times: &[(&str, bool, &[f64])]) -> Results {
        let reading = |contestant: &str, tuned, round, value| Reading {
            case: "base".to_owned(),
            contestant: contestant.to_owned(),
            tuned,
            figure: Figure::Cpu,
            round,
            value,
        };
        let readings = times.iter().flat_map(|(contestant, tuned, values)| {
            values.iter().enumerate().map(move |(round, value)| reading(contestant, *tuned, round, *value))
        });
        Results {
            work: "kafka".to_owned(),
            date: "2026-01-01".to_owned(),
            machine: Machine::here(),
            settings: BTreeMap::new(),
            contestants: vec![TakingPart {
                id: OURS.to_owned(),
                title: "Wellspring".to_owned(),
                versions: Vec::new(),
            }],
            skipped: Vec::new(),
            readings: readings.collect(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_those_of_the_same_round_and_leave_out_rounds_that_one_has_failed() {
        let mut results =
            results(&[("bare", false, &[1.0, 2.0, 4.0]), ("wellspring", false, &[2.0, 2.0, 2.0])]);
        let (ours, bare) = (Who::by_default(OURS), Who::by_default(BARE));
        let ratio = |results: &Results| results.ratio("base", ours, bare, Figure::Cpu).unwrap();
        assert_eq!(ratio(&results), Spread { least: 0.5, median: 1.0, most: 2.0 });
        results.readings.retain(|reading| (&*reading.contestant, reading.round) != ("bare", 0));
        assert_eq!(ratio(&results), Spread { least: 0.5, median: 0.75, most: 1.0 });
    }

    #[test]
    fn the_tuned_are_compared_with_the_tuned_where_there_is_one() {
        let tuned = Who { contestant: "spring", tuned: true };
        let plain = results(&[("bare", false, &[1.0]), ("spring", true, &[9.0])]);
        assert_eq!(plain.bare("base", tuned), Who::by_default(BARE));
        let both = results(&[("bare", false, &[1.0]), ("bare", true, &[1.0]), ("spring", true, &[9.0])]);
        assert_eq!(both.bare("base", tuned), Who { contestant: BARE, tuned: true });
    }

    #[test]
    fn bare_comes_first_then_ours_then_the_others() {
        let all = results(&[
            ("spring", true, &[1.0]),
            ("wellspring", false, &[1.0]),
            ("spring", false, &[1.0]),
            ("bare", false, &[1.0]),
        ]);
        let titles: Vec<_> = all.entries("base").into_iter().map(|who| all.title(who)).collect();
        assert_eq!(titles, ["bare", "Wellspring", "spring", "spring, tuned"]);
    }

    #[test]
    fn a_run_takes_the_place_of_what_was_kept_of_its_cases_and_of_nothing_else() {
        let folder = std::env::temp_dir().join(format!("wellspring-bench-results-{}", std::process::id()));
        let run = |case: &str, value| {
            let mut run = results(&[("bare", false, &[value])]);
            run.readings.iter_mut().for_each(|reading| case.clone_into(&mut reading.case));
            run
        };
        let kept = || Results::read(&folder, "kafka").unwrap();
        let all = || -> Vec<_> {
            let readings = kept().into_iter().flat_map(|run| run.readings);
            readings.map(|reading| (reading.case, reading.value)).collect()
        };
        assert!(kept().is_empty());
        let mut first = run("base", 1.0);
        first.readings.extend(run("other", 2.0).readings);
        first.write(Vec::new(), &folder).unwrap();
        run("third", 3.0).write(kept(), &folder).unwrap();
        run("base", 4.0).write(kept(), &folder).unwrap();
        let found = all();
        run("other", 5.0).write(kept(), &folder).unwrap();
        let runs = kept().len();
        std::fs::remove_dir_all(&folder).unwrap();
        let expected = [("base", 4.0), ("other", 2.0), ("third", 3.0)];
        assert_eq!(found, expected.map(|(case, value)| (case.to_owned(), value)));
        assert_eq!(runs, 3, "what is left of none is not kept");
    }
}
