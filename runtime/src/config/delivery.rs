//! How deliveries are worked on and what follows a failure: the words that a binding may say.

use std::fmt;

use wellspring_functions::Kind;

use super::kind::Wrong;
use super::names::{normalised, spells};
use super::problem::{misspelled, nearest};

/// Within what deliveries keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All deliveries of one partition, one after the other.
    Partition,
    /// The deliveries of one key; those of different keys run side by side.
    Key,
    /// No order at all.
    None,
}

/// When a delivery is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// After everything that came of it is confirmed: it may be processed twice, never lost.
    AtLeastOnce,
    /// Before its call: it may be lost, never processed twice.
    AtMostOnce,
}

/// What is done with a delivery that is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It becomes a dead letter.
    DeadLetter,
    /// It is given up, which is logged and counted.
    Drop,
    /// It goes back to its broker, which delivers it again.
    Requeue,
    /// It stays, and the binding pauses.
    Pause,
    /// It stays, and the binding stops.
    Stop,
}

/// What is done with a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// It is tried again as often as allowed.
    Retry,
    /// It is not tried again.
    End(Ending),
}

/// A closed set of words.
pub(super) trait Words: Copy + PartialEq + 'static {
    /// Each word with what it means.
    const WORDS: &'static [(&'static str, Self)];
}

impl Order {
    pub(super) const EXPECTED: &'static str = "`partition`, `key` or `none`";
}

impl Words for Order {
    const WORDS: &'static [(&'static str, Self)] =
        &[("partition", Self::Partition), ("key", Self::Key), ("none", Self::None)];
}

impl Guarantee {
    pub(super) const EXPECTED: &'static str = "`at-least-once` or `at-most-once`";
}

impl Words for Guarantee {
    const WORDS: &'static [(&'static str, Self)] =
        &[("at-least-once", Self::AtLeastOnce), ("at-most-once", Self::AtMostOnce)];
}

impl Ending {
    pub(super) const EXPECTED: &'static str = "`dead-letter`, `drop`, `requeue`, `pause` or `stop`";
}

impl Words for Ending {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("dead-letter", Self::DeadLetter),
        ("drop", Self::Drop),
        ("requeue", Self::Requeue),
        ("pause", Self::Pause),
        ("stop", Self::Stop),
    ];
}

impl OnFailure {
    pub(super) const EXPECTED: &'static str = "`retry`, `dead-letter`, `drop`, `requeue`, `pause` or `stop`";
}

impl Words for OnFailure {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("retry", Self::Retry),
        ("dead-letter", Self::End(Ending::DeadLetter)),
        ("drop", Self::End(Ending::Drop)),
        ("requeue", Self::End(Ending::Requeue)),
        ("pause", Self::End(Ending::Pause)),
        ("stop", Self::End(Ending::Stop)),
    ];
}

/// Reads one word of a closed set, in any of its spellings.
pub(super) fn word<T: Words>(text: &str) -> Result<T, Wrong> {
    let text = text.trim();
    let found = T::WORDS.iter().find(|(word, _)| spells(text, &normalised(word)));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        match nearest(text, T::WORDS.iter().map(|(word, _)| *word)) {
            Some(word) => Wrong::with(format!("did you mean `{word}`?")),
            None => Wrong::default(),
        }
    })
}

/// The kind of failure that a name means; any other name is that of an error.
pub(crate) fn kind_of_failure(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| spells(name, &normalised(kind.as_str())))
}

/// Checks the name of a failure: a kind, the path of a type, or the name that an error gives itself.
pub(super) fn failure(name: &str) -> Result<(), Wrong> {
    if kind_of_failure(name).is_some() {
        return Ok(());
    }
    if name.contains('<') {
        return Err(Wrong::with("leave out what stands between `<` and `>`"));
    }
    let part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if !name.split("::").all(part) {
        return Err(Wrong::default());
    }
    // A type begins with an upper-case letter; what does not is a kind with a slip of the pen, if it is close to one.
    let is_type = name.contains("::") || name.starts_with(char::is_uppercase);
    match misspelled(name, Kind::ALL.iter().map(|kind| kind.as_str())).filter(|_| !is_type) {
        Some(kind) => Err(Wrong::with(format!("did you mean `{kind}`?"))),
        None => Ok(()),
    }
}

fn write<T: Words>(meaning: T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let found = T::WORDS.iter().find(|(_, other)| *other == meaning);
    f.write_str(found.map_or("", |(word, _)| word))
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(*self, f)
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(*self, f)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(*self, f)
    }
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(*self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads_what_it_writes<T: Words + fmt::Display + fmt::Debug>(expected: &str) {
        for (text, meaning) in T::WORDS {
            assert_eq!(word::<T>(text), Ok(*meaning));
            assert_eq!(meaning.to_string(), *text);
            assert!(expected.contains(&format!("`{text}`")), "{text}");
        }
    }

    #[test]
    fn every_word_is_read_and_written_alike() {
        reads_what_it_writes::<Order>(Order::EXPECTED);
        reads_what_it_writes::<Guarantee>(Guarantee::EXPECTED);
        reads_what_it_writes::<Ending>(Ending::EXPECTED);
        reads_what_it_writes::<OnFailure>(OnFailure::EXPECTED);
    }

    #[test]
    fn a_failure_is_named_by_its_kind_or_its_error() {
        for name in [
            "timeout",
            "outputFailed",
            "OUTPUT_FAILED",
            "shop::OrderError",
            "OrderError",
            "order-refused",
            "Timeouts",
        ] {
            assert_eq!(failure(name), Ok(()), "{name}");
        }
        assert_eq!(kind_of_failure("output_unreachable"), Some(Kind::OutputUnreachable));
        assert_eq!(kind_of_failure("shop::Timeout"), None);
        for (name, kind) in
            [("timout", "timeout"), ("timeouts", "timeout"), ("output-faild", "output-failed")]
        {
            assert_eq!(failure(name), Err(Wrong::with(format!("did you mean `{kind}`?"))), "{name}");
        }
        for name in ["", "shop::", "order refused", "a:b", "a/b"] {
            assert_eq!(failure(name), Err(Wrong::default()), "{name}");
        }
        assert!(failure("Failed<Order>").is_err());
    }

    #[test]
    fn takes_any_spelling_and_suggests_the_nearest_word() {
        assert_eq!(word::<OnFailure>(" deadLetter "), Ok(OnFailure::End(Ending::DeadLetter)));
        assert_eq!(word::<Guarantee>("AT_MOST_ONCE"), Ok(Guarantee::AtMostOnce));
        assert_eq!(word::<Ending>("dead-leter"), Err(Wrong::with("did you mean `dead-letter`?")));
        assert_eq!(word::<Ending>("retry"), Err(Wrong::default()));
    }
}
