//! Making bindings whose broker may not answer yet: all of them, as often as it takes.
//!
//! Start-up makes everything or nothing. A broker that does not answer is no mistake, though: what was made is undone,
//! and everything is tried again after a wait that doubles up to a bound. Nothing is received, called on a schedule or
//! sent from code until every binding is made. What is refused ends start-up, also after a wait.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::binders::Binders;
use super::control::State;
use super::ends::{End, Ends};
use super::making::{Made, StartError};
use super::plan::Plan;
use super::running::Run;
use crate::binder;

/// The wait after the first try that failed.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Makes the bindings of a plan, and what they run in once they are made.
pub(super) struct Connecting {
    pub(super) plan: Plan,
    pub(super) binders: Binders,
    pub(super) ends: Ends,
    pub(super) run: Run,
    pub(super) failure: Arc<watch::Sender<Option<Arc<StartError>>>>,
}

impl Connecting {
    /// Makes everything once. `late` names the binder that is tried first, as it did not answer before.
    pub(super) async fn round(&self, late: Option<&str>) -> Result<Made, StartError> {
        Made::everything(&self.plan, &self.binders, &self.ends, &self.run.sender, late).await
    }

    /// Starts what was made.
    pub(super) fn run(&self, made: Made) {
        self.ends.tell(|_| None);
        self.ends.set_state(super::control::Binding::first_state);
        self.run.start(made, &self.plan, &self.binders);
    }

    /// Tries again after a first try until everything is made or something is refused.
    pub(super) async fn keep_trying(self, mut error: StartError, longest: Duration) {
        let mut wait = FIRST_WAIT.min(longest);
        for tries in 1_u64.. {
            self.report(&error, tries, wait);
            sleep(wait).await;
            wait = (wait * 2).min(longest);
            match self.round(Some(&error.binder)).await {
                Ok(made) => {
                    tracing::info!(tries = tries + 1, "every binding is connected");
                    self.run(made);
                    return;
                }
                Err(again) if again.is_unreachable() => error = again,
                Err(refused) => return self.give_up(refused),
            }
        }
    }

    /// Says what is waited for: in the log, and of every end.
    fn report(&self, error: &StartError, tries: u64, wait: Duration) {
        let (binder, cause) = (error.binder.as_str(), error.cause());
        let waiting = |end: &&End| end.binder() == binder;
        let bindings: Vec<_> = self.ends.all().iter().filter(waiting).map(End::name).collect();
        let bindings = bindings.join(", ");
        tracing::warn!(
            binder, bindings, cause, tries, next_try = ?wait,
            "the broker does not answer; nothing is received or sent until every binding is connected"
        );
        self.ends.forget();
        self.ends.tell(|end| {
            Some(if end.binder() == binder {
                format!("waits for the binder `{binder}`: {cause}")
            } else {
                format!("waits until the binder `{binder}` can be reached")
            })
        });
    }

    fn give_up(&self, error: StartError) {
        self.ends.forget();
        self.ends.tell(|_| Some(format!("{error}: {}", error.cause())));
        self.ends.set_state(|_| State::Failed);
        self.failure.send_replace(Some(Arc::new(error)));
    }
}

impl StartError {
    /// Whether a later try may succeed.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.source.kind() == binder::Kind::Unreachable
    }

    /// What the binder said, with everything beneath.
    fn cause(&self) -> String {
        let mut cause = self.source.to_string();
        let mut beneath = self.source.source();
        while let Some(error) = beneath {
            cause = format!("{cause}: {error}");
            beneath = error.source();
        }
        cause
    }
}
