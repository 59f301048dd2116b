//! Transactions: what a function's outputs and dead letters are sent, and the offsets of its input, all of it or none.
//!
//! One producer serves all ends of a function. The thread that serves the input's consumer commits, so that no
//! rebalance comes in between; whoever works with the ends waits for it no longer than it takes.

mod member;
mod offsets;
mod replacing;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;

use super::failure::failed;
use super::health::Pulse;
use super::inbox::Shared;
use super::native::Outlet;
use super::positions::Positions;
use super::replacing::Recipe;
use super::slot::Slot;
use crate::binder::{Error, Kind};
use member::Mail;
pub(super) use member::Member;
use state::{Due, Limits, State};

/// How long the library waits at a time: between, it is looked whether the input has been about to close for too long.
const STEP: Duration = Duration::from_secs(1);
/// How long it waits first to give a transaction up, which it can do only when reports have been read.
const GLANCE: Duration = Duration::from_millis(20);
/// How long it may take to send the offsets, which the library might never be done with.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// How long a broker that is away is waited for once the input is to close.
const LAST_TRIES: Duration = Duration::from_secs(5);
/// How many deliveries a transaction has at most.
const MOST: usize = 10_000;

/// The transactions of one input and the outputs that belong to it.
pub(super) struct Transaction {
    recipe: Recipe,
    topic: String,
    binding: String,
    id: String,
    pub(super) shared: Arc<Shared>,
    inner: Mutex<Inner>,
}

/// What the ends and the thread share.
struct Inner {
    /// None while one that has failed for good is replaced.
    outlet: Option<Arc<Outlet>>,
    state: State,
    mail: Mail,
}

/// What a transaction is made of.
pub(super) struct Parts<'a> {
    pub(super) recipe: Recipe,
    pub(super) binding: &'a str,
    pub(super) id: String,
    /// How long deliveries are given out in one.
    pub(super) interval: Duration,
    /// How long the broker lets one be open.
    pub(super) timeout: Duration,
}

/// What an error of the library asks for.
enum Remedy {
    /// To call again: what was begun goes on.
    Again,
    /// To give the transaction up.
    Abort,
    /// Nothing can be done.
    None,
}

impl Transaction {
    /// Takes over the transactions of whoever had the id before, which end now, and begins the first. Blocks.
    pub(super) fn begin(outlet: Outlet, parts: Parts<'_>, patience: Duration) -> Result<Arc<Self>, Error> {
        let Parts { recipe, binding, id, interval, timeout } = parts;
        begin_first(&outlet, patience).map_err(|error| {
            let what = format!("the transactions `{id}` of `{binding}` cannot begin");
            match remedy(&error) {
                Remedy::Again => Error::new(Kind::Unreachable, what).because(error),
                Remedy::Abort | Remedy::None => failed(what, error),
            }
        })?;
        let limits = Limits { most: MOST, interval, longest: timeout.mul_f64(0.75) };
        Ok(Arc::new(Self {
            topic: recipe.reports().topic().to_owned(),
            recipe,
            binding: binding.to_owned(),
            id,
            shared: Arc::default(),
            inner: Mutex::new(Inner {
                outlet: Some(Arc::new(outlet)),
                state: State::new(limits),
                mail: Mail::default(),
            }),
        }))
    }

    /// How the producer stands with the cluster.
    fn pulse(&self) -> Arc<Pulse> {
        self.recipe.pulse()
    }

    /// How many deliveries may be given out; [`gave`](Self::gave) is to be called afterwards.
    pub(super) fn room(&self) -> usize {
        self.lock().state.room()
    }

    /// So many deliveries were given out.
    pub(super) fn gave(&self, count: usize) {
        if self.lock().state.gave(count) {
            self.shared.wake_thread();
        }
    }

    /// A delivery was settled, or given back: then all that was given out with it comes again. Tells whether the input
    /// has something to do.
    pub(super) fn settled(&self, is_given_back: bool) -> bool {
        let (is_waiting, is_rewinding) = {
            let mut inner = self.lock();
            (inner.state.settled(is_given_back), inner.state.is_rewinding())
        };
        if is_waiting {
            self.shared.wake_thread();
        }
        is_rewinding
    }

    /// Has everything read again that was given out, if it is to be. Until that is done nothing is committed: positions
    /// are still those of what was given up.
    pub(super) fn rewind(&self, read_again: impl FnOnce()) {
        if self.lock().state.is_rewinding() {
            read_again();
            self.lock().state.rewound();
        }
    }

    /// Does what is due. Blocks. Tells whether the input may go on.
    pub(super) fn serve(
        &self,
        consumer: &BaseConsumer<impl ConsumerContext>,
        slots: &[Arc<Slot>],
    ) -> Result<bool, Error> {
        let due = self.lock().state.due();
        match due {
            Due::Nothing => Ok(false),
            Due::Commit => self.commit(consumer, slots).map(|()| true),
            Due::Abort => self.abort().map(|()| true),
            Due::Replace => self.replace(consumer, slots).map(|()| true),
        }
    }

    /// Ends the transaction that is open: commits it if everything in it is settled.
    pub(super) fn flush(
        &self,
        consumer: &BaseConsumer<impl ConsumerContext>,
        slots: &[Arc<Slot>],
    ) -> Result<(), Error> {
        self.lock().state.close();
        self.serve(consumer, slots)?;
        let inner = self.lock();
        if inner.state.is_clean() {
            return Ok(());
        }
        let (binding, open) = (&self.binding, inner.state.open());
        let what = format!(
            "the transaction of `{binding}` cannot be committed with {open} deliveries that are not settled: all of \
             it comes again"
        );
        Err(Error::new(Kind::Closed, what))
    }

    /// Nothing more is given out until the transaction has ended. Tells how many deliveries are not settled.
    pub(super) fn close(&self) -> usize {
        let mut inner = self.lock();
        inner.state.close();
        inner.state.open()
    }

    /// The transaction cannot be committed: partitions are gone before everything was settled.
    pub(super) fn fail(&self) {
        self.lock().state.fail();
    }

    /// Commits what is settled, gives up what is not. Nothing comes afterwards.
    pub(super) fn end(
        &self,
        consumer: &BaseConsumer<impl ConsumerContext>,
        slots: &[Arc<Slot>],
    ) -> Result<(), Error> {
        self.close();
        let served = self.serve(consumer, slots);
        let is_open = {
            let mut inner = self.lock();
            inner.state.end();
            inner.state.has_sent()
        };
        let ended = if is_open { self.abort() } else { Ok(()) };
        served.and(ended)
    }

    fn commit(
        &self,
        consumer: &BaseConsumer<impl ConsumerContext>,
        slots: &[Arc<Slot>],
    ) -> Result<(), Error> {
        let Some(outlet) = self.outlet() else { return Ok(()) };
        let moved = Positions::moved(slots).map_err(|error| self.failed("has no positions", error))?;
        if moved.is_empty() && !self.lock().state.has_sent() {
            self.lock().state.committed();
            return Ok(());
        }
        let done = self.try_commit(&outlet, consumer, moved.list());
        match done {
            Ok(()) => {
                moved.are_committed();
                if let Err(error) = outlet.producer().begin_transaction() {
                    return self.lose("cannot begin a transaction", error);
                }
                self.lock().state.committed();
                Ok(())
            }
            Err(error) => match remedy(&error) {
                Remedy::None => self.lose("cannot commit", error),
                Remedy::Again | Remedy::Abort => {
                    let binding = &self.binding;
                    tracing::warn!(binding, %error, "a transaction was not committed; all of it comes again");
                    self.lock().state.fail();
                    self.abort()
                }
            },
        }
    }

    fn try_commit(
        &self,
        outlet: &Arc<Outlet>,
        consumer: &BaseConsumer<impl ConsumerContext>,
        positions: &TopicPartitionList,
    ) -> Result<(), KafkaError> {
        if positions.count() > 0 {
            self.insist(|| {
                let nobody = KafkaError::Rebalance(RDKafkaErrorCode::UnknownMemberId);
                // Kafka refuses those of a member that its group does not know any more.
                let member = consumer.group_metadata().ok_or(nobody)?;
                offsets::send(outlet, positions, member, STUCK_AFTER)
            })?;
        }
        self.insist(|| outlet.producer().commit_transaction(STEP))
    }

    /// Gives the transaction up at the broker, and begins another.
    fn abort(&self) -> Result<(), Error> {
        let Some(outlet) = self.outlet() else { return Ok(()) };
        let mut patience = GLANCE;
        let aborted = self.insist(|| {
            let aborted = outlet.producer().abort_transaction(std::mem::replace(&mut patience, STEP));
            self.reap();
            aborted
        });
        let begun = aborted.and_then(|()| outlet.producer().begin_transaction());
        if let Err(error) = begun {
            return self.lose("cannot give up a transaction", error);
        }
        let mut inner = self.lock();
        inner.state.aborted();
        inner.mail.wake_all();
        Ok(())
    }

    /// Calls the library until it is done, but not for long once the input is to close.
    fn insist(&self, mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
        loop {
            match call() {
                Err(error) if matches!(remedy(&error), Remedy::Again) && !self.is_giving_up() => {
                    tracing::debug!(binding = self.binding, %error, "a transaction takes its time");
                }
                done => return done,
            }
        }
    }

    /// Whether the input has been about to close for so long that nobody is waited for any more.
    fn is_giving_up(&self) -> bool {
        self.shared.closing_for().is_some_and(|long| long >= LAST_TRIES)
    }

    /// Reads reports, for which nobody else may have the time.
    fn reap(&self) {
        let mut inner = self.lock();
        let mut cx = Context::from_waker(Waker::noop());
        while inner.read(&mut cx).is_ready() {}
        // The queue knows the wrong one to wake now.
        inner.mail.wake_all();
    }

    fn failed(&self, what: &str, error: KafkaError) -> Error {
        let Self { binding, id, .. } = self;
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fenced) {
            let sentence = format!(
                "`{binding}` has lost its transactions `{id}`: another instance has the same id, which \
                 `transaction-id-prefix` or `instance-index` has to tell apart, or one was open for longer than the \
                 broker allows"
            );
            return Error::new(Kind::Refused, sentence).because(error);
        }
        failed(format!("`{binding}` {what} (`{id}`)"), error)
    }

    fn outlet(&self) -> Option<Arc<Outlet>> {
        self.lock().outlet.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends what was left open under the id of a producer, and begins a transaction. Blocks: what is left open may take its time
/// to end.
fn begin_first(outlet: &Outlet, patience: Duration) -> Result<(), KafkaError> {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match outlet.producer().init_transactions(left) {
            Ok(()) => return outlet.producer().begin_transaction(),
            Err(error) if matches!(remedy(&error), Remedy::Again) && Instant::now() + GLANCE < until => {
                thread::sleep(GLANCE);
            }
            Err(error) => return Err(error),
        }
    }
}

fn remedy(error: &KafkaError) -> Remedy {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => Remedy::None,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Remedy::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Remedy::Again,
        KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) => Remedy::Again,
        // Its producer is still at it, and takes no other call.
        error if *error == offsets::STUCK => Remedy::None,
        _ => Remedy::Abort,
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Ending the library's threads blocks, which an async thread must not.
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(outlet) = inner.outlet.take() {
            thread::spawn(move || drop(outlet));
        }
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("binding", &self.binding)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
