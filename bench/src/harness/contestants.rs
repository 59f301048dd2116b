//! Who takes part: the programs of this crate, and every folder in `bench/contestants`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::Deserialize;

use super::process::Process;
use super::start::HELLO;
use crate::Failure;
use crate::report::results::{OURS, Skipped, TakingPart};

/// The code by which a build says that its toolchain is absent.
const ABSENT: i32 = 77;

/// A program that can do some of the work.
#[derive(Debug, Clone)]
pub struct Contestant {
    /// Its folder, or its program in this crate.
    pub id: String,
    /// What it is called in tables.
    pub title: String,
    works: Vec<String>,
    tuned: Vec<String>,
    ships: Option<PathBuf>,
    counted: Option<PathBuf>,
    versions: Vec<String>,
    toolchain: Option<String>,
    program: PathBuf,
    folder: PathBuf,
}

/// A contestant with its settings.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who.
    pub contestant: Arc<Contestant>,
    /// Whether by its documented settings, or as it is by default.
    pub tuned: bool,
}

/// `contestant.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// What it is called in tables.
    name: String,
    works: Vec<String>,
    /// Whether `BENCH_TUNED=true` makes a difference.
    #[serde(default)]
    tuned: bool,
    /// What of it is shipped.
    artifact: Option<PathBuf>,
    /// What of it consumes messages in one process.
    counted: Option<PathBuf>,
    /// What it is made of.
    #[serde(default)]
    versions: Vec<String>,
    /// A command whose first line says what it was built with, or runs on.
    toolchain: Option<String>,
}

impl Contestant {
    /// A contestant that is a program of this crate, built already.
    #[must_use]
    pub fn of_this_crate(id: &str, title: &str, program: PathBuf, versions: Vec<String>) -> Self {
        let list = |works: &[&str]| works.iter().map(|&work| work.to_owned()).collect();
        let (mut works, tuned): (Vec<_>, &[_]) = match id {
            HELLO => (vec![HELLO], &[]),
            _ => (
                vec!["http", "kafka", "kafka-sender", "rabbitmq", "rabbitmq-sender"],
                &["kafka", "kafka-sender"],
            ),
        };
        // Nobody else does the work exactly once.
        works.extend(Some("kafka-transactions").filter(|_| id == OURS));
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            works: list(&works),
            tuned: list(tuned),
            ships: Some(program.clone()),
            counted: Some(program.with_file_name("count")).filter(|_| id == OURS),
            versions,
            toolchain: None,
            folder: program.parent().unwrap_or(Path::new(".")).to_owned(),
            program,
        }
    }

    /// Reads what a folder says of itself.
    ///
    /// # Errors
    /// When that cannot be understood.
    pub fn of_folder(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("contestant.toml");
        let said = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| said(&error))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| said(&error))?;
        Ok(Self {
            id: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            title: manifest.name,
            tuned: if manifest.tuned { manifest.works.clone() } else { Vec::new() },
            works: manifest.works,
            ships: manifest.artifact.map(|path| folder.join(path)),
            counted: manifest.counted.map(|path| folder.join(path)),
            versions: manifest.versions,
            toolchain: manifest.toolchain,
            program: folder.join("run"),
            folder: folder.to_owned(),
        })
    }

    /// Builds it and learns its versions.
    ///
    /// # Errors
    /// `Ok(Err(..))` when its toolchain is absent, and an error when the build fails.
    pub fn build(mut self) -> Result<Result<Self, Skipped>, Failure> {
        let built = Command::new(self.folder.join("build")).current_dir(&self.folder).output()?;
        let printed = String::from_utf8_lossy(&built.stdout).trim().to_owned();
        if built.status.code() == Some(ABSENT) {
            return Ok(Err(Skipped { title: self.title, why: printed }));
        }
        if !built.status.success() {
            let errors = String::from_utf8_lossy(&built.stderr);
            return Err(format!("`{}` cannot be built: {printed}\n{errors}", self.id).into());
        }
        if let Some(toolchain) = &self.toolchain {
            let output = Command::new("sh").args(["-c", toolchain]).current_dir(&self.folder).output()?;
            self.versions.extend(String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned));
        }
        Ok(Ok(self))
    }

    /// Its entries for a piece of work: none, as it is by default, or also tuned.
    #[must_use]
    pub fn entries(self: &Arc<Self>, work: &str) -> Vec<Entry> {
        let can = |works: &[String]| works.iter().any(|can| can == work);
        let settings: &[bool] = match (can(&self.works), can(&self.tuned)) {
            (false, _) => &[],
            (true, false) => &[false],
            (true, true) => &[false, true],
        };
        settings.iter().map(|&tuned| Entry { contestant: Arc::clone(self), tuned }).collect()
    }

    /// What it says of itself in results.
    #[must_use]
    pub fn taking_part(&self) -> TakingPart {
        TakingPart { id: self.id.clone(), title: self.title.clone(), versions: self.versions.clone() }
    }

    /// What is shipped of it.
    #[must_use]
    pub fn ships(&self) -> Option<&Path> {
        self.ships.as_deref()
    }

    /// What of it consumes messages in one process, for their instructions to be counted.
    #[must_use]
    pub fn counted(&self) -> Option<&Path> {
        self.counted.as_deref()
    }

    /// Whether it is a program of this crate.
    #[must_use]
    pub fn is_of_this_crate(&self) -> bool {
        self.ships.as_ref() == Some(&self.program)
    }
}

impl Entry {
    /// Starts it on a piece of work.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, work: &str, environment: Vec<(&'static str, String)>) -> Result<Process, Failure> {
        let mut environment = environment;
        environment.push(("BENCH_WORK", work.to_owned()));
        environment.push(("BENCH_TUNED", self.tuned.to_string()));
        Process::start(&self.contestant.program, &self.contestant.folder, &environment)
    }

    /// What it is called in progress and failures.
    #[must_use]
    pub fn label(&self) -> String {
        let tuned = if self.tuned { ", tuned" } else { "" };
        format!("{}{tuned}", self.contestant.title)
    }
}

/// The folders of contestants, by name.
///
/// # Errors
/// When one does not say what it is.
pub fn in_folders(folder: &Path) -> Result<Vec<Contestant>, Failure> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    folders.retain(|path| path.join("contestant.toml").is_file());
    folders.sort();
    folders.iter().map(|path| Contestant::of_folder(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contestant(name: &str, build: &str) -> Contestant {
        let folder = std::env::temp_dir().join(format!("wellspring-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = "name = \"A peer\"\nworks = [\"kafka\"]\ntuned = true\nversions = [\"peer 1.2\"]\ntoolchain = \"echo 3.4\"\n";
        std::fs::write(folder.join("contestant.toml"), manifest).unwrap();
        std::fs::write(folder.join("text"), build).unwrap();
        // What is written here may also be open in a program that another test starts meanwhile, and is not executed
        // as long. So another process writes it.
        let mut install = Command::new("install");
        let installed = install.args(["-m", "755", "text", "build"]).current_dir(&folder).status().unwrap();
        assert!(installed.success());
        let read = Contestant::of_folder(&folder).unwrap();
        let built = read.build().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        built.unwrap_or_else(|skipped| panic!("{}", skipped.why))
    }

    #[test]
    fn takes_part_by_default_and_tuned_where_its_manifest_says_so() {
        let peer = Arc::new(contestant("peer", "#!/bin/sh\n"));
        assert_eq!(peer.taking_part().versions, ["peer 1.2", "3.4"]);
        let settings = |work| peer.entries(work).iter().map(|entry| entry.tuned).collect::<Vec<_>>();
        assert_eq!(settings("kafka"), [false, true]);
        assert!(settings("rabbitmq").is_empty());
    }

    #[test]
    #[should_panic(expected = "`go` is not installed")]
    fn is_skipped_with_the_reason_when_its_toolchain_is_absent() {
        contestant("absent", "#!/bin/sh\necho '`go` is not installed'\nexit 77\n");
    }
}
