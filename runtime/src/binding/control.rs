//! The state of a binding, and how it is told to change.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::stats::Stats;

/// What a binding is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Receive and process.
    Run,
    /// Finish what is in flight and wait.
    Pause,
    /// Finish what is in flight and end.
    Stop,
    /// End at once; what is in flight is abandoned.
    Abandon,
}

impl Command {
    /// Whether the binding is to end.
    pub(super) const fn ends(self) -> bool {
        matches!(self, Self::Stop | Self::Abandon)
    }
}

/// What a binding is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It is not made yet: the broker of some binding does not answer.
    Connecting,
    /// It receives and processes.
    Running,
    /// It calls nothing for a while, after too many failures in a row.
    Suspended,
    /// An operator has paused it, or a delivery that failed for good.
    Paused,
    /// It has ended.
    Stopped,
    /// It has ended with an error.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connecting => "connecting",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        })
    }
}

/// One running binding, to look at and to control.
#[derive(Debug, Clone)]
pub struct Binding {
    name: Arc<str>,
    stats: Arc<Stats>,
    command: Arc<watch::Sender<Command>>,
    state: Arc<watch::Sender<State>>,
}

impl Binding {
    pub(super) fn new(name: &str, auto_startup: bool) -> Self {
        let command = if auto_startup { Command::Run } else { Command::Pause };
        Self {
            name: name.into(),
            stats: Arc::default(),
            command: Arc::new(watch::Sender::new(command)),
            state: Arc::new(watch::Sender::new(State::Connecting)),
        }
    }

    /// The binding's name, such as `emailsms-in-0`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Stops receiving; what is in flight is finished, and membership of the group is kept.
    pub fn pause(&self) {
        self.tell(Command::Pause);
    }

    /// Receives again after a pause.
    pub fn resume(&self) {
        self.tell(Command::Run);
    }

    /// Finishes what is in flight and ends for good.
    pub fn stop(&self) {
        self.tell(Command::Stop);
    }

    pub(super) fn abandon(&self) {
        self.tell(Command::Abandon);
    }

    /// Waits until the binding is in a state.
    pub async fn reached(&self, state: State) {
        // The sender lives in `self`, so that waiting cannot fail.
        let _ = self.state.subscribe().wait_for(|now| *now == state).await;
    }

    /// A command never undoes a stronger one: a stopped binding is not resumed.
    fn tell(&self, command: Command) {
        self.command.send_if_modified(|now| {
            let rank = |command| match command {
                Command::Run | Command::Pause => 0,
                Command::Stop => 1,
                Command::Abandon => 2,
            };
            let change = rank(command) >= rank(*now) && *now != command;
            if change {
                *now = command;
            }
            change
        });
    }

    pub(super) fn commands(&self) -> watch::Receiver<Command> {
        self.command.subscribe()
    }

    /// The state that it begins with once it is made.
    pub(super) fn first_state(&self) -> State {
        match *self.command.borrow() {
            Command::Run => State::Running,
            Command::Pause => State::Paused,
            Command::Stop | Command::Abandon => State::Stopped,
        }
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.send_replace(state);
    }
}
