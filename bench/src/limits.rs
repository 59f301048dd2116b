//! Holds instruction counts to those of a file: what has become dearer is a failure, what has become cheaper is to be
//! written down.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::Failure;

/// By so much a count may differ: between builds the same code moves by some 60 instructions, since copies depend on how
/// they happen to be aligned.
const PERCENT: i64 = 5;
/// The same of small counts.
const AT_LEAST: i64 = 60;

/// What a file starts with.
const HEAD: &str = "\
# Instructions per message or call, counted by callgrind; `.ci/run` fails when one grows by more than 5 % or 60.
# Measure and write anew: UPDATE_INSTRUCTIONS=1 cargo run --release -p wellspring-bench --bin instructions
";

/// Counts by the name of what was counted; differences may be negative.
pub type Counts = BTreeMap<String, i64>;

/// How a count stands to that of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Within what alignment explains.
    Held,
    /// Dearer.
    Grown,
    /// Cheaper: the file is to be lowered, so that it stays so.
    Improved,
    /// The file does not have it.
    Unknown,
}

/// Reads a file.
///
/// # Errors
/// When it is not a table of whole numbers.
pub fn read(text: &str) -> Result<Counts, Failure> {
    Ok(toml::from_str(text)?)
}

/// Writes a file.
#[must_use]
pub fn write(counts: &Counts) -> String {
    counts.iter().fold(HEAD.to_owned(), |mut text, (name, count)| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\"{name}\" = {count}");
        text
    })
}

/// How a count stands to the limit that the file sets.
#[must_use]
pub fn standing(limits: &Counts, name: &str, count: i64) -> Standing {
    let Some(&limit) = limits.get(name) else { return Standing::Unknown };
    let tolerance = (limit.abs() * PERCENT / 100).max(AT_LEAST);
    if count > limit + tolerance {
        Standing::Grown
    } else if count + tolerance < limit {
        Standing::Improved
    } else {
        Standing::Held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_alignment_does_not_explain() {
        let limits: Counts =
            [("small", 300), ("large", 10_000), ("less", -300)].map(|(n, c)| (n.to_owned(), c)).into();
        let of = |name, count| standing(&limits, name, count);
        assert_eq!([of("small", 360), of("small", 361)], [Standing::Held, Standing::Grown]);
        assert_eq!([of("large", 10_500), of("large", 10_501)], [Standing::Held, Standing::Grown]);
        assert_eq!([of("small", 240), of("small", 239)], [Standing::Held, Standing::Improved]);
        assert_eq!([of("less", -240), of("less", -239)], [Standing::Held, Standing::Grown]);
        assert_eq!(of("new", 1), Standing::Unknown);
    }

    #[test]
    fn reads_what_it_writes() {
        let counts: Counts = [("memory binder, `a|b`".to_owned(), 5)].into();
        assert_eq!(read(&write(&counts)).unwrap(), counts);
    }
}
