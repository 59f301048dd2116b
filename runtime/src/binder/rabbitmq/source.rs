//! One queue that is read, on a channel of its own; when the channel is lost, on a new one.

use std::future::pending;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery as Received;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use wellspring_functions::HeaderName;

use super::connection::{Line, Link};
use super::declare::{declare, short};
use super::pulse::Pulse;
use super::received::Origin;
use super::settings::{AcknowledgeMode, Consumer, ContainerType, Wait};
use super::stream::{OFFSET, Position};
use super::topology::InputTopology;
use super::unsettled::{Notice, Unsettled};
use crate::binder::{Error, Kind, Settlement};

/// How many deliveries the broker hands out unless configured. Spring's 1 waits for the broker after every message;
/// no peer can tell the difference.
const PREFETCH: u16 = 250;
/// How many acknowledgements wait for more at most.
const PATIENCE: u16 = 64;

/// What it takes to read the queues of an input.
pub(super) struct Reader {
    pub(super) link: Arc<Link>,
    pub(super) binding: String,
    pub(super) consumer: Consumer,
    pub(super) topology: InputTopology,
    pub(super) pulse: Pulse,
    /// How many deliveries are worked on at a time.
    pub(super) concurrency: u32,
    /// Whether messages come that have waited.
    pub(super) is_delayed: bool,
}

/// A queue that is read.
pub(super) struct Source {
    reader: Arc<Reader>,
    index: usize,
    state: State,
    unsettled: Unsettled,
    /// Where it is in a stream.
    position: Option<Position>,
    /// Whether something was settled since deliveries were last asked for that the broker will not hear of.
    is_missed: bool,
    proof: Proof,
    queue: HeaderName,
    /// Where its deliveries come from.
    pub(super) origin: Arc<Origin>,
    pub(super) partition: u32,
}

/// Whether the broker has heard of everything it was told: it answers in order.
enum Proof {
    Given,
    Wanted,
    Asked(BoxFuture<'static, lapin::Result<()>>),
}

enum State {
    Live(Box<Live>),
    /// An error is for good.
    Recovering(BoxFuture<'static, Result<Live, Error>>),
}

pub(super) struct Live {
    line: Line,
    consumer: lapin::Consumer,
    prefetch: u16,
    /// Notices on their way to the socket.
    writing: Vec<BoxFuture<'static, lapin::Result<()>>>,
}

impl Reader {
    /// How many deliveries may be unsettled. What is configured counts for each that is worked on at a time, as Spring's
    /// counts for each of its consumers.
    fn prefetch(&self) -> u16 {
        let each = self.concurrency.try_into().unwrap_or(u16::MAX);
        self.consumer.prefetch.map_or(PREFETCH, |prefetch| prefetch.saturating_mul(each))
    }

    /// Whether the broker forgets what it sends.
    fn forgets(&self) -> bool {
        self.consumer.acknowledge_mode == Some(AcknowledgeMode::None)
    }

    /// `from` is where to begin in a stream.
    async fn open(&self, index: usize, from: Option<AMQPValue>) -> Result<Live, Error> {
        let line = self.link.open().await?;
        declare(&line, &self.topology.declarations).await?;
        let Some((queue, _)) = self.topology.queues.get(index) else {
            return Err(Error::new(Kind::Refused, "there is no such queue"));
        };
        let channel = &line.channel;
        let limited = channel.basic_qos(self.prefetch(), BasicQosOptions::default()).await;
        limited.map_err(|cause| line.failed("cannot limit what is delivered of", queue, &cause))?;
        let options = BasicConsumeOptions {
            exclusive: self.consumer.exclusive.unwrap_or(false),
            no_ack: self.forgets(),
            ..BasicConsumeOptions::default()
        };
        let mut arguments = FieldTable::default();
        if let Some(priority) = self.consumer.consumer_priority.filter(|priority| *priority >= 0) {
            arguments.insert("x-priority".into(), AMQPValue::LongInt(priority));
        }
        if let Some(from) = from {
            arguments.insert(OFFSET.into(), from);
        }
        let tag = self.consumer.consumer_tag_prefix.as_ref();
        let tag = tag.map_or_else(String::new, |prefix| format!("{prefix}#{}", index + 1));
        let tag = short("consumer tag", &tag)?;
        let consumed = channel.basic_consume(short("queue", queue)?, tag, options, arguments).await;
        let consumer = consumed.map_err(|cause| line.failed("cannot read the queue", queue, &cause))?;
        self.pulse.up(index, &line);
        Ok(Live { line, consumer, prefetch: self.prefetch(), writing: Vec::new() })
    }
}

impl Source {
    /// Declares what the input needs and starts to read one of its queues.
    pub(super) async fn open(reader: &Arc<Reader>, index: usize) -> Result<Self, Error> {
        let is_stream = reader.consumer.container_type == Some(ContainerType::Stream);
        let position = is_stream.then(|| Position::new(reader.consumer.stream_offset.clone()));
        let live = reader.open(index, position.as_ref().map(Position::argument)).await?;
        let (queue, partition) = reader.topology.queues.get(index).cloned().unwrap_or_default();
        let patience = usize::from((reader.prefetch() / 4).clamp(1, PATIENCE));
        let queue = HeaderName::from(queue);
        Ok(Self {
            reader: Arc::clone(reader),
            index,
            origin: live.origin(&queue),
            state: State::Live(Box::new(live)),
            unsettled: Unsettled::new(patience),
            position,
            is_missed: false,
            proof: Proof::Given,
            queue,
            partition,
        })
    }

    /// How many deliveries are not settled.
    pub(super) const fn open_deliveries(&self) -> usize {
        self.unsettled.open()
    }

    /// Whether a delivery is still to be settled.
    pub(super) fn awaits(&self, number: u64) -> bool {
        self.unsettled.awaits(number)
    }

    /// Takes the next delivery with the number that settles it.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Received, u64), Error>> {
        self.is_missed = false;
        loop {
            let live = match &mut self.state {
                State::Live(live) => live,
                State::Recovering(future) => {
                    let Poll::Ready(live) = future.poll_unpin(cx) else { return Poll::Pending };
                    match live {
                        Ok(live) => {
                            self.origin = live.origin(&self.queue);
                            self.state = State::Live(Box::new(live));
                        }
                        Err(error) => {
                            // Whoever asks again is not told again.
                            self.state = State::Recovering(pending().boxed());
                            return Poll::Ready(Err(error));
                        }
                    }
                    continue;
                }
            };
            match live.consumer.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(delivery))) => {
                    let number = self.unsettled.add(delivery.delivery_tag);
                    if let Some(position) = &mut self.position {
                        let headers = delivery.properties.headers().as_ref();
                        position.add(number, headers.and_then(|headers| headers.inner().get(OFFSET)));
                    }
                    return Poll::Ready(Ok((delivery, number)));
                }
                Poll::Ready(Some(Err(cause))) => {
                    let error = live.line.failed("does not deliver from", &self.queue, &cause);
                    self.recover(&error.to_string());
                }
                Poll::Ready(None) => self.recover("the broker has ended the consumer"),
                Poll::Pending => {
                    // The broker waits for settlements before it goes on; those behind a gap count too.
                    if self.unsettled.untold() >= usize::from(self.reader.prefetch()) {
                        self.tell_all();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn recover(&mut self, why: &str) {
        let reader = Arc::clone(&self.reader);
        let index = self.index;
        let unsettled = self.unsettled.open();
        tracing::warn!(
            binding = reader.binding,
            queue = &*self.queue,
            unsettled,
            why,
            "begins anew; what is unsettled will be delivered again"
        );
        self.unsettled.forget();
        self.proof = Proof::Given;
        reader.pulse.lost(index, why);
        let from = self.position.as_mut().map(|position| {
            position.forget();
            position.argument()
        });
        let again = async move {
            let fatal = reader.consumer.missing_queues_fatal.unwrap_or(false);
            let steady = reader.consumer.recovery_interval.map(|Wait(interval)| interval);
            let from = &from;
            let open = || async { reader.open(index, from.clone()).await };
            let attempt = || open().map(|opened| for_good(opened, fatal));
            reader.link.again(&reader.binding, steady, attempt).await
        };
        self.state = State::Recovering(again.boxed());
    }

    /// Counts a delivery, the last one taken, as so many that are settled one by one; their numbers follow its own.
    pub(super) fn divide(&mut self, number: u64, count: usize) {
        for part in self.unsettled.divide(number, count) {
            if let Some(position) = &mut self.position {
                position.add_beside(number, part);
            }
        }
    }

    pub(super) fn settle(&mut self, number: u64, settlement: Settlement) {
        let settlement = match settlement {
            Settlement::Reject if self.reader.consumer.requeue_rejected == Some(true) => Settlement::Requeue,
            other => other,
        };
        if let Some(position) = &mut self.position {
            if settlement == Settlement::Requeue {
                return self.read_again(number);
            }
            position.settle(number);
        }
        self.is_missed |= !self.unsettled.awaits(number);
        if let Some(notice) = self.unsettled.settle(number, settlement) {
            self.tell(notice);
        }
    }

    fn tell(&mut self, notice: Notice) {
        if self.reader.forgets() {
            return;
        }
        let State::Live(live) = &mut self.state else { return };
        self.is_missed |= live.tell(notice).is_err();
        self.proof = Proof::Wanted;
    }

    /// Reads a stream from a delivery on, if it is not settled yet: the broker takes nothing back there.
    fn read_again(&mut self, number: u64) {
        if self.unsettled.awaits(number) {
            self.recover("a message of a stream is to come again");
        }
    }

    fn tell_all(&mut self) {
        self.unsettled.flush().into_iter().for_each(|notice| self.tell(notice));
    }

    /// Waits until the broker has heard of everything that is settled: what is written may still be lost.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.reader.forgets() {
            return Poll::Ready(Ok(()));
        }
        self.tell_all();
        if mem::take(&mut self.is_missed) {
            let sentence =
                format!("the channel was lost before all was told that is settled of `{}`", self.queue);
            return Poll::Ready(Err(Error::new(Kind::Unreachable, sentence)));
        }
        let State::Live(live) = &mut self.state else { return Poll::Ready(Ok(())) };
        let told = live.poll_told(cx, &mut self.proof);
        told.map_err(|cause| live.line.failed("was not told what is settled of", &self.queue, &cause))
    }

    /// Tells what is settled and closes the channel; what is not settled goes back to the queue.
    pub(super) async fn close(mut self) {
        self.tell_all();
        if let State::Live(live) = self.state {
            live.line.close().await;
        }
    }
}

/// The outcome of an attempt: a refusal ends the attempts where it is fatal.
fn for_good<T>(opened: Result<T, Error>, fatal: bool) -> Result<Result<T, Error>, Error> {
    match opened {
        Err(error) if fatal && !error.kind().is_retryable() => Ok(Err(error)),
        opened => opened.map(Ok),
    }
}

impl Live {
    fn origin(&self, queue: &HeaderName) -> Arc<Origin> {
        let consumer_tag = self.consumer.tag().as_str().into();
        Arc::new(Origin { queue: Arc::clone(queue), consumer_tag })
    }

    /// Waits until everything told is written, and until the broker answers what is asked behind it.
    fn poll_told(&mut self, cx: &mut Context<'_>, proof: &mut Proof) -> Poll<lapin::Result<()>> {
        while let Some(writing) = self.writing.last_mut() {
            let written = ready!(writing.poll_unpin(cx));
            self.writing.pop();
            written?;
        }
        if let Proof::Wanted = proof {
            let (channel, prefetch) = (Arc::clone(&self.line.channel), self.prefetch);
            let asked = async move { channel.basic_qos(prefetch, BasicQosOptions::default()).await };
            *proof = Proof::Asked(asked.boxed());
        }
        if let Proof::Asked(answer) = proof {
            let answer = ready!(answer.poll_unpin(cx));
            *proof = Proof::Given;
            answer?;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands a notice to the client without waiting for the socket. When the channel is lost, so is the notice: the
    /// broker delivers again, and the consumer's end tells.
    fn tell(&mut self, notice: Notice) -> lapin::Result<()> {
        let channel = Arc::clone(&self.line.channel);
        let mut writing = async move {
            match notice {
                Notice::Ack { tag, multiple } => channel.basic_ack(tag, BasicAckOptions { multiple }).await,
                Notice::Requeue(tag) => {
                    channel.basic_nack(tag, BasicNackOptions { multiple: false, requeue: true }).await
                }
                Notice::Reject(tag) => channel.basic_reject(tag, BasicRejectOptions { requeue: false }).await,
            }
        }
        .boxed();
        let mut cx = Context::from_waker(Waker::noop());
        let mut told = Ok(());
        self.writing.retain_mut(|earlier| match earlier.poll_unpin(&mut cx) {
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(cause)) => {
                told = Err(cause);
                false
            }
            Poll::Pending => true,
        });
        match writing.poll_unpin(&mut cx) {
            Poll::Ready(written) => told.and(written),
            Poll::Pending => {
                self.writing.push(writing);
                told
            }
        }
    }
}
