//! The binder SPI: how encoded messages come from and go to a broker. It knows no function.
//!
//! An implementor writes a [`Factory`] with a typed configuration, a [`Binder`] that connects, an [`Input`] and an
//! [`Output`]. Both ends are polled and move messages in batches: a client's own batching and pipelining survive, and
//! nothing here costs a box, a lock, a task or a wake-up per message.
//!
//! * An input appends deliveries to a batch. Each carries a [`Ticket`], which is given back, once, with a
//!   [`Settlement`].
//! * An output takes messages without waiting and tells later, in batches, which of them the broker has confirmed.

mod capabilities;
#[cfg(any(feature = "kafka", feature = "rabbitmq"))]
mod changed;
mod delivery;
mod error;
mod factory;
#[cfg(any(feature = "kafka", feature = "rabbitmq"))]
mod facts;
mod health;
#[cfg(feature = "kafka")]
pub mod kafka;
mod letters;
pub mod memory;
mod partition;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
mod registry;
mod sharing;
mod spring_keys;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

pub use capabilities::Capabilities;
pub use delivery::{Confirmation, Delivery, Outgoing, Settlement, Ticket};
pub use error::{Error, Kind};
pub use factory::{ErasedFactory, Factory};
pub use health::{AlwaysUp, Connection, Health};
#[cfg(feature = "rabbitmq")]
use letters::DEATH;
pub(crate) use letters::send_all;
pub use letters::{Letter, LetterPlace, Letters, LettersAt, forget_failure};
pub use partition::partition_of;
pub use registry::{BINDERS, factories, factory};
pub use sharing::Sharing;

pub use crate::config::{KeyState, SpringKey};

/// One broker, or one cluster of brokers, that messages can be read from and written to.
///
/// Making a binder does no I/O; binding an input or an output connects, provisions what is missing, and fails when
/// that can never work.
pub trait Binder: fmt::Debug + Send + Sync + 'static {
    /// What this binder can promise; a configuration that asks for more is refused before anything is bound.
    fn capabilities(&self) -> Capabilities;

    /// Joins a group of a destination and starts to receive. Given up before it is done, it leaves no member behind: what
    /// such a one gets, nobody else does.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when a later try may succeed, any other kind when it cannot.
    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>>;

    /// Makes a destination ready to be written to.
    ///
    /// # Errors
    /// As for [`bind_input`](Self::bind_input).
    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>>;

    /// Where this binder's own settings keep the dead letters of an input, if they do. No I/O.
    fn dead_letters(&self, _input: &InputSpec) -> Option<String> {
        None
    }

    /// Binds the ends of one function together, where this binder gains by it; nothing where it does not, or is not
    /// configured to: then each end is bound by itself.
    ///
    /// A binder with transactions makes what is sent for a delivery, as an output or a dead letter, and the settlement of
    /// the delivery take effect together or not at all; a delivery whose transaction fails comes again, also when it was
    /// settled. Another may put the ends on one connection. Asked for at-least-once deliveries that are not kept for
    /// later, all of whose outputs are of this binder.
    fn bind_together(
        &self,
        _input: &InputSpec,
        _outputs: &[OutputSpec],
        _dead_letters: Option<&str>,
    ) -> Option<BoxFuture<'_, Result<Together, Error>>> {
        None
    }

    /// Whether messages of an input can wait at the broker until they are tried again, and for so long. No I/O.
    ///
    /// # Errors
    /// Why they cannot.
    fn check_delays(&self, _input: &InputSpec, _waits: &[Duration]) -> Result<(), Error> {
        Err(Error::new(Kind::Refused, "its binder keeps nothing for later"))
    }

    /// Joins a group as [`bind_input`](Self::bind_input) does, and makes a place at the broker for each wait, `waits`
    /// being in order and none of them twice. What is sent to a place comes back by the input alone, to this group, when
    /// it has waited for so long and not before, whoever is running by then.
    ///
    /// A message is sent with the headers that it was delivered with and `x-retry-attempts`; it is delivered with all of
    /// them, and with the key, the partition, the position and the headers of where it was received first.
    ///
    /// # Errors
    /// As for [`bind_input`](Self::bind_input), and for what [`check_delays`](Self::check_delays) refuses.
    fn bind_delayed(&self, input: InputSpec, waits: Vec<Duration>) -> BoxFuture<'_, Result<Delayed, Error>> {
        let refused = self.check_delays(&input, &waits).err();
        let error =
            refused.unwrap_or_else(|| Error::new(Kind::Refused, "its binder keeps nothing for later"));
        ready(Err(error)).boxed()
    }

    /// Makes the destination of an input's dead letters ready to be written to.
    ///
    /// Letters carry the original headers and those of the engine (`x-exception-message`, `x-original-topic`, …);
    /// this output puts the latter into whatever form readers on its broker expect.
    ///
    /// # Errors
    /// As for [`bind_input`](Self::bind_input).
    fn bind_dead_letters(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        let (binding, required_groups) = (input.binding, Vec::new());
        self.bind_output(OutputSpec { binding, destination, partition_count: 1, required_groups })
    }

    /// Opens the dead letters of an input from outside, while the input may or may not run; nothing when the input has
    /// none. Declares nothing.
    ///
    /// # Errors
    /// As for [`bind_input`](Self::bind_input), also when there is no such place.
    fn bind_letters(
        &self,
        input: InputSpec,
        _at: LettersAt,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Letters>>, Error>> {
        let sentence =
            format!("the dead letters of `{}` cannot be read: its binder does not do it", input.binding);
        ready(Err(Error::new(Kind::Refused, sentence))).boxed()
    }

    /// Makes a destination ready for messages that were dead letters of an input.
    ///
    /// # Errors
    /// As for [`bind_output`](Self::bind_output).
    fn bind_redrive(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        let (binding, required_groups) = (input.binding, Vec::new());
        self.bind_output(OutputSpec { binding, destination, partition_count: 1, required_groups })
    }
}

/// The receiving end of a binding: one member of a group.
pub trait Input: Send {
    /// Appends at least one delivery and at most `max` to `batch`, waiting for the first.
    ///
    /// Ready with nothing appended means that the input has ended. Deliveries of one partition come in order.
    ///
    /// # Errors
    /// When the input is lost for good; what can be recovered is recovered in here, with a log line.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>>;

    /// Settles one delivery. Does not wait: [`poll_flush`](Self::poll_flush) does. Tickets of one partition may come
    /// in any order; an input that can only commit a position commits the highest contiguous one.
    fn settle(&mut self, ticket: Ticket, settlement: Settlement);

    /// Stops fetching from a partition of each destination, or goes on with it: deliveries of it wait behind another
    /// attempt, and those of others shall not wait with them. What is fetched already may still be given out. A
    /// partition that goes to another member is no longer held, also when it comes back. Does not wait.
    ///
    /// An input that cannot do this for one partition does nothing: `max_in_flight` bounds what is given out.
    fn hold(&mut self, _partition: u32, _held: bool) {}

    /// Waits until every settlement given so far has reached the broker.
    ///
    /// # Errors
    /// When they cannot: the deliveries will come again.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Where the binding is to run, if not on the threads of the runtime: a client that has threads of its own spares
    /// the change from one to another by running the binding there.
    fn host(&self) -> Option<Arc<dyn Host>> {
        None
    }

    /// How this input stands with its broker, to be asked from elsewhere while it runs.
    fn health(&self) -> Arc<dyn Health> {
        Arc::new(AlwaysUp)
    }

    /// Leaves the group. What is not settled goes back to it.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;
}

/// Runs bindings elsewhere than on the threads of the runtime.
pub trait Host: Send + Sync {
    /// Runs work; what is returned waits for its end, and ends the work when it is dropped. It gives what the work gives,
    /// or nothing when the work has panicked. Called on the runtime that the work belongs to.
    fn run(self: Arc<Self>, work: BoxFuture<'static, u64>) -> BoxFuture<'static, Option<u64>>;
}

/// The sending end of a binding.
pub trait Output: Send {
    /// Waits until a message may be sent.
    ///
    /// # Errors
    /// When the output is lost for good.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Hands over a message without waiting; called once after each ready [`poll_ready`](Self::poll_ready). What
    /// became of it is told with the same number by [`poll_confirmed`](Self::poll_confirmed), once, always.
    fn send(&mut self, message: Outgoing, number: u64);

    /// What was sent with a number shall not count: its delivery failed afterwards and is tried again. What the client has
    /// not been given may be forgotten, and is told as if it had arrived. What it has been given only a transaction can
    /// take back; without one it stays, and another attempt sends it twice.
    fn retract(&mut self, _number: u64) {}

    /// Appends what became of messages sent earlier, waiting for the first; pending while nothing is in flight.
    ///
    /// To be polled after messages were sent, which an output may gather to hand them to its client together, and whenever
    /// its waker says so, also while something else is waited for: there may be room now for those that had none.
    ///
    /// # Errors
    /// When the output is lost for good, with everything in flight.
    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>>;

    /// How many partitions the destination has, where there may be more than the output asked for.
    fn partitions(&self) -> u32 {
        1
    }

    /// How this output stands with its broker, to be asked from elsewhere while it runs.
    fn health(&self) -> Arc<dyn Health> {
        Arc::new(AlwaysUp)
    }

    /// Closes the output; confirmations that have not come are given up.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>>;
}

/// The ends of one function, bound together.
#[expect(missing_debug_implementations, reason = "ends have nothing to show")]
pub struct Together {
    /// The receiving end.
    pub input: Box<dyn Input>,
    /// The sending ends, in the order in which they were asked for.
    pub outputs: Vec<Box<dyn Output>>,
    /// Where dead letters go, if they go anywhere.
    pub dead_letters: Option<Box<dyn Output>>,
}

/// An input, and places where its messages wait until it delivers them again.
#[expect(missing_debug_implementations, reason = "ends have nothing to show")]
pub struct Delayed {
    /// The receiving end.
    pub input: Box<dyn Input>,
    /// The places, in the order of their waits.
    pub delays: Vec<Box<dyn Output>>,
}

/// What an input is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// The binding's name, for logs and errors.
    pub binding: String,
    /// The destinations to read, at least one.
    pub destinations: Vec<String>,
    /// The group to join; without one, a group of its own that sees only what comes from now on.
    pub group: Option<String>,
    /// How many deliveries may be unsettled at once.
    pub max_in_flight: usize,
    /// How this input shares the destinations with others of the group.
    pub sharing: Sharing,
}

/// Where an output is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// The binding's name, for logs and errors.
    pub binding: String,
    /// The destination to write.
    pub destination: String,
    /// How many partitions the destination is to have at least.
    pub partition_count: u32,
    /// Groups that must exist before the first message is sent, so that nothing sent early is lost to them.
    pub required_groups: Vec<String>,
}
