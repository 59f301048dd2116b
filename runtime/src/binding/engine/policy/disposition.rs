//! What is done with one delivery that failed.

use std::time::Duration;

use crate::config::Ending;

/// What is done with a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::binding) enum Disposition {
    /// It is tried again after a wait. An attempt that is not counted may be repeated for ever.
    Retry { wait: Duration, counted: bool },
    /// It becomes a dead letter, and is settled when that is confirmed.
    DeadLetter,
    /// It is given up as the configuration says, and settled: nobody keeps it.
    Drop,
    /// It is given up, and refused to its broker, which keeps it if that is how it is set up. Nobody says anything else.
    Reject,
    /// It goes back to its broker, which delivers it again.
    Requeue,
    /// It stays, and the binding pauses.
    Pause,
    /// It stays, and the binding stops.
    Stop,
}

impl From<Ending> for Disposition {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::DeadLetter => Self::DeadLetter,
            Ending::Drop => Self::Drop,
            Ending::Requeue => Self::Requeue,
            Ending::Pause => Self::Pause,
            Ending::Stop => Self::Stop,
        }
    }
}
