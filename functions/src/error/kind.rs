//! Why an invocation failed.

use std::fmt;

/// Why an invocation failed. The kind decides what happens to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The payload cannot be read as the function's input.
    Undecodable,
    /// No codec reads the payload's content type as the function's input.
    Unsupported,
    /// The result cannot be written as any of the content types that the caller accepts.
    Unacceptable,
    /// The function says that its input is invalid; the sender has to mend it.
    Invalid,
    /// The function failed and would fail again.
    Fatal,
    /// The function failed; another attempt may succeed.
    Retryable,
    /// The deadline passed.
    Timeout,
    /// The function panicked.
    Panic,
    /// The result cannot be encoded.
    Unencodable,
    /// A message was not accepted by its output.
    OutputFailed,
    /// A message was refused by its output, which would refuse it again.
    OutputRefused,
    /// The output cannot be reached.
    OutputUnreachable,
    /// Too much is in flight.
    Overload,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Undecodable,
        Self::Unsupported,
        Self::Unacceptable,
        Self::Invalid,
        Self::Fatal,
        Self::Retryable,
        Self::Timeout,
        Self::Panic,
        Self::Unencodable,
        Self::OutputFailed,
        Self::OutputRefused,
        Self::OutputUnreachable,
        Self::Overload,
    ];

    /// Whether another attempt with the same message may succeed.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Retryable
            | Self::Timeout
            | Self::Panic
            | Self::OutputFailed
            | Self::OutputUnreachable
            | Self::Overload => true,
            Self::Undecodable
            | Self::Unsupported
            | Self::Unacceptable
            | Self::Invalid
            | Self::Fatal
            | Self::Unencodable
            | Self::OutputRefused => false,
        }
    }

    /// Whether the message has nothing to do with it, so that waiting helps however long it takes.
    #[must_use]
    pub const fn passes_by_waiting(self) -> bool {
        match self {
            Self::OutputUnreachable | Self::Overload => true,
            Self::Undecodable
            | Self::Unsupported
            | Self::Unacceptable
            | Self::Invalid
            | Self::Fatal
            | Self::Retryable
            | Self::Timeout
            | Self::Panic
            | Self::Unencodable
            | Self::OutputFailed
            | Self::OutputRefused => false,
        }
    }

    /// The kind as headers, logs and metrics name it: `undecodable`, `fatal`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Unsupported => "unsupported",
            Self::Unacceptable => "unacceptable",
            Self::Invalid => "invalid",
            Self::Fatal => "fatal",
            Self::Retryable => "retryable",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
            Self::Unencodable => "unencodable",
            Self::OutputFailed => "output-failed",
            Self::OutputRefused => "output-refused",
            Self::OutputUnreachable => "output-unreachable",
            Self::Overload => "overload",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_has_a_name_of_its_own() {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
        // The last variant of the enum.
        assert_eq!(Kind::Overload as usize + 1, Kind::ALL.len());
    }

    #[test]
    fn what_passes_by_waiting_may_be_tried_again() {
        assert!(Kind::ALL.iter().all(|kind| kind.is_retryable() || !kind.passes_by_waiting()));
    }
}
