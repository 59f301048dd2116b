//! What is found against a rule, exceptions from it, and how both are told.

use std::fmt::Write;

use crate::source::Source;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// A place where a rule does not hold, and why that is right.
pub(crate) struct Exception {
    /// The file, or with a `/` at its end the folder.
    pub(crate) path: &'static str,
    /// What may be found there.
    pub(crate) what: &'static str,
    pub(crate) reason: &'static str,
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let here = if self.path.ends_with('/') {
            finding.path.starts_with(self.path)
        } else {
            finding.path == self.path
        };
        here && finding.what == self.what
    }
}

/// Whole words or paths of a text, each with its line: `std::fs` is found in `std::fs::read`, not in `std::fsx`.
pub(crate) fn words(path: &str, code: &str, words: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for word in words {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let found = line.match_indices(word).any(|(at, _)| {
                let before = line[..at].chars().next_back().filter(|_| word.starts_with(is_word));
                let after = line[at + word.len()..].chars().next().filter(|_| word.ends_with(is_word));
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            });
            if found {
                let (path, what) = (path.to_owned(), (*word).to_owned());
                findings.push(Finding { path, line: index + 1, what });
            }
        }
    }
    findings
}

/// As [`words`], in what ships of many files.
pub(crate) fn words_that_ship(sources: &[Source], wanted: &[&str]) -> Vec<Finding> {
    sources.iter().flat_map(|source| words(&source.path, &source.shipped, wanted)).collect()
}

/// Fails with every finding that no exception covers, and with every exception that covers none.
pub(crate) fn check(findings: &[Finding], exceptions: &[Exception], what_to_do: &str) {
    let mut report = String::new();
    for finding in findings.iter().filter(|finding| !exceptions.iter().any(|e| e.covers(finding))) {
        let Finding { path, line, what } = finding;
        let _ = writeln!(report, "{path}:{line}: {what}");
    }
    for exception in exceptions {
        assert!(!exception.reason.is_empty(), "{} is an exception without a reason", exception.path);
        if !findings.iter().any(|finding| exception.covers(finding)) {
            let _ =
                writeln!(report, "{}: nothing to except here any more: {}", exception.path, exception.what);
        }
    }
    assert!(report.is_empty(), "\n{report}\n{what_to_do}\n");
}

#[test]
fn finds_words_and_not_parts_of_them() {
    let found = words(
        "a.rs",
        "use std::fs;\nstd::fsx(); std::fs::read();\nx.unwrap_or(1)",
        &["std::fs", ".unwrap()"],
    );
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 2]);
}

#[test]
#[should_panic(expected = "nothing to except here any more")]
fn an_exception_that_nothing_needs_is_told() {
    check(&[], &[Exception { path: "a.rs", what: "x", reason: "a reason" }], "");
}
