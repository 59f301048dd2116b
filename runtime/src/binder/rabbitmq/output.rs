//! The sending end: publishes start without waiting for the socket, confirmations are looked at oldest first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use tokio::time::{Instant, Sleep, sleep_until};

use super::compression::pack;
use super::computed::Computed;
use super::connection::{Line, Link};
use super::declare::{declare, short};
use super::error::{refused, sentence, unconfirmed};
use super::outgoing::{Mapper, Properties};
use super::partition::Partitions;
use super::pulse::{Pulse, Reminder};
use super::settings::Producer;
use super::suspects::Suspects;
use super::topology::OutputTopology;
use super::unconfirmed::{Sent, Unconfirmed};
use crate::binder::{Confirmation, Error, Health, Kind, Outgoing, Output};

/// How many messages may be unconfirmed.
const WINDOW: usize = 8192;

/// Some bytes of a frame go to the properties that are no headers.
pub(super) const PROPERTIES: usize = 4096;

/// What it takes to write to an exchange.
pub(super) struct Writer {
    pub(super) link: Arc<Link>,
    pub(super) binding: String,
    pub(super) producer: Producer,
    pub(super) topology: OutputTopology,
    pub(super) pulse: Arc<Pulse>,
}

pub(super) struct RabbitOutput {
    writer: Arc<Writer>,
    state: State,
    exchange: ShortString,
    partitions: Partitions,
    mapper: Mapper,
    computed: Computed,
    mandatory: bool,
    unconfirmed: Unconfirmed,
    told: Vec<Confirmation>,
    suspects: Suspects,
    /// When the broker was last seen to take nothing, short of memory or disk.
    blocked: Instant,
    deadline: Pin<Box<Sleep>>,
    reminder: Reminder,
    /// Ends when all is confirmed that was sent when it was made, up to `asked_for`.
    asked: Option<BoxFuture<'static, ()>>,
    asked_for: u64,
}

enum State {
    Live(Line),
    Recovering(BoxFuture<'static, Line>),
}

impl Writer {
    pub(super) async fn open(&self) -> Result<Line, Error> {
        let line = self.link.open().await?;
        declare(&line, &self.topology.declarations).await?;
        let confirming = line.channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirming
            .map_err(|cause| line.failed("does not confirm messages to", &self.topology.exchange, &cause))?;
        self.pulse.up(0, &line);
        Ok(line)
    }
}

impl RabbitOutput {
    pub(super) async fn open(writer: Writer, partition_count: u32) -> Result<Self, Error> {
        let partitions = Partitions::new(&writer.topology.routing_key, partition_count)?;
        let patterns = writer.producer.header_patterns.as_deref();
        let mapper = Mapper::new(writer.producer.delivery_mode.unwrap_or_default(), patterns);
        let computed = Computed::new(&writer.producer);
        Ok(Self { computed, ..Self::with(writer, partitions, mapper).await? })
    }

    pub(super) async fn with(writer: Writer, partitions: Partitions, mapper: Mapper) -> Result<Self, Error> {
        let line = writer.open().await?;
        Ok(Self {
            exchange: short("exchange", &writer.topology.exchange)?,
            partitions,
            mapper,
            computed: Computed::default(),
            mandatory: writer.producer.is_mandatory(),
            state: State::Live(line),
            unconfirmed: Unconfirmed::default(),
            told: Vec::new(),
            suspects: Suspects::default(),
            blocked: Instant::now(),
            deadline: Box::pin(sleep_until(Instant::now())),
            reminder: Reminder::default(),
            asked: None,
            asked_for: 0,
            writer: Arc::new(writer),
        })
    }

    /// Takes the routing key of each message from a header; one without it gets that of the output.
    pub(super) fn keyed_by(self, header: &'static str) -> Self {
        Self { computed: Computed::from_header(header), ..self }
    }

    /// The largest frame that the broker takes.
    pub(super) const fn frame_max(&self) -> usize {
        match &self.state {
            State::Live(line) => line.frame_max,
            State::Recovering(_) => PROPERTIES,
        }
    }

    fn publish(&mut self, mut outgoing: Outgoing, number: u64) -> Result<(), Error> {
        let State::Live(line) = &self.state else { return Err(self.lost("the connection is lost")) };
        self.computed.delay(&mut outgoing.message)?;
        let partition = self.partitions.of(outgoing.partition, outgoing.key.as_ref());
        let computed = self.computed.key(&outgoing.message, partition)?;
        let (payload, headers) = outgoing.message.into_parts();
        let Some(payload) = payload else {
            let sentence = "the payload is null, which AMQP does not know; send an empty one";
            return Err(Error::new(Kind::Refused, sentence));
        };
        let most = self.writer.link.config().max_message_size;
        if payload.len() as u64 > most {
            let sentence = format!(
                "the payload has {} bytes, expected at most {most} (`max-message-size`)",
                payload.len()
            );
            return Err(Error::new(Kind::TooLarge, sentence));
        }
        let Properties { properties, id } =
            self.mapper.properties(&headers, line.frame_max.saturating_sub(PROPERTIES))?;
        let (payload, properties) = match self.writer.producer.compress {
            Some(true) => pack(&payload, self.writer.link.config().compression_level, properties)?,
            _ => (payload, properties),
        };
        let key = computed.clone().map_or_else(|| self.partitions.key(partition), Ok)?;
        let sent = Sent { number, partition, key: computed, id, payload: payload.clone(), returned: None };
        let (channel, exchange) = (Arc::clone(&line.channel), self.exchange.clone());
        let options = BasicPublishOptions { mandatory: self.mandatory, immediate: false };
        let publish =
            async move { channel.basic_publish(exchange, key, options, &payload, properties).await };
        self.unconfirmed.push(sent, publish).map_err(|cause| self.lost(&sentence(&cause)))
    }

    fn lost(&self, why: &str) -> Error {
        unconfirmed(&self.writer.topology.exchange, why)
    }

    /// Looks at confirmations, oldest first.
    fn collect(&mut self, cx: &mut Context<'_>) {
        let mut returned = Vec::new();
        loop {
            if self.unconfirmed.advance(&mut returned) {
                self.settle_down();
            } else {
                if let Err(why) = self.tell(&mut returned) {
                    return self.recover(&why);
                }
                if self.poll_more(cx, &mut returned).is_pending() {
                    break;
                }
            }
        }
        for message in returned {
            self.note_return(&message);
        }
        self.check_deadline(cx);
    }

    /// Waits until it makes sense to look again. The client wakes who asked for all that is unconfirmed when the last
    /// message is confirmed; who waits for a single one is woken when it is written, too.
    fn poll_more(&mut self, cx: &mut Context<'_>, returned: &mut Vec<BasicReturnMessage>) -> Poll<()> {
        if self.unconfirmed.is_small()
            && self.asked_for != self.unconfirmed.end()
            && let State::Live(line) = &self.state
        {
            self.asked = Some(confirms(line));
            self.asked_for = self.unconfirmed.end();
        }
        match &mut self.asked {
            Some(asked) if self.unconfirmed.is_small() && self.asked_for == self.unconfirmed.end() => {
                ready!(asked.poll_unpin(cx));
                self.asked = None;
                Poll::Ready(())
            }
            _ => self.unconfirmed.poll_more(cx, returned),
        }
    }

    /// One notice of the broker may confirm many messages, and the client hands a returned message out with any of
    /// them. Asking it for unconfirmed ones takes the lock under which it does so: afterwards all of them are ready, and
    /// the message can be matched with the one it is.
    fn settle_down(&mut self) {
        if let (true, State::Live(line)) = (self.mandatory, &self.state) {
            let mut asked = confirms(line);
            if asked.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending() {
                // It is answered once: whoever asks again is told that there is nothing to wait for.
                self.asked = Some(asked);
                self.asked_for = self.unconfirmed.end();
            }
        }
    }

    /// Tells what became of messages, now that those that came back can be told from the others.
    ///
    /// # Errors
    /// Why the channel is lost.
    fn tell(&mut self, returned: &mut Vec<BasicReturnMessage>) -> Result<(), String> {
        for message in returned.drain(..) {
            self.note_return(&message);
        }
        let mut lost = Ok(());
        let exchange = &self.writer.topology.exchange;
        let count = self.unconfirmed.len();
        for (sent, result) in self.unconfirmed.take_told() {
            let result = match (sent.returned, result) {
                (Some(sentence), _) => Err(Error::new(Kind::Unroutable, sentence)),
                (None, Ok(true)) => {
                    self.suspects.clear_one();
                    Ok(())
                }
                (None, Ok(false)) => Err(unconfirmed(exchange, "the broker could not take it (basic.nack)")),
                (None, Err(cause)) => {
                    let error = match self.suspects.convict(&cause, count) {
                        Some(kind) => refused(exchange, kind, &cause.why),
                        None => unconfirmed(exchange, &cause.why),
                    };
                    lost = Err(cause.why);
                    Err(error)
                }
            };
            self.told.push(Confirmation { number: sent.number, result });
        }
        lost
    }

    fn note_return(&mut self, message: &BasicReturnMessage) {
        let key = message.routing_key.as_str();
        let sentence = format!(
            "the exchange `{}` has no queue for the routing key `{key}`: {} ({}); bind one, or set `allow-unroutable`",
            self.exchange, message.reply_text, message.reply_code
        );
        let (partitions, mapper) = (&self.partitions, &self.mapper);
        let found = self.unconfirmed.iter_mut().filter(|one| one.returned.is_none()).find(|one| {
            one.payload == message.data
                && mapper.is_of(one.id.as_ref(), &message.properties)
                && match &one.key {
                    Some(own) => own.as_str() == key,
                    None => partitions.key(one.partition).is_ok_and(|own| own.as_str() == key),
                }
        });
        match found {
            Some(one) => one.returned = Some(sentence.into()),
            None => {
                tracing::error!(binding = self.writer.binding, key, "a message came back that was not sent")
            }
        }
    }

    fn check_deadline(&mut self, cx: &mut Context<'_>) {
        let timeout = self.writer.link.config().publish_timeout;
        while let Some(since) = self.unconfirmed.oldest() {
            let since = since.max(self.blocked);
            let due = since + timeout;
            if due <= Instant::now() {
                if self.is_blocked() {
                    self.blocked = Instant::now();
                    continue;
                }
                return self.recover(&format!("no confirmation within {timeout:?}"));
            }
            if self.deadline.is_elapsed() || self.deadline.deadline() < since {
                self.deadline.as_mut().reset(due);
            }
            if self.deadline.as_mut().poll(cx).is_pending() {
                return;
            }
        }
    }

    /// Whether the broker has said that it takes no messages for now. Another connection would be told the same.
    fn is_blocked(&self) -> bool {
        let is_blocked = matches!(&self.state, State::Live(line) if line.is_blocked());
        if is_blocked {
            let binding = self.writer.binding.as_str();
            tracing::warn!(binding, "the broker takes no messages, short of memory or disk; waiting for it");
        }
        is_blocked
    }

    /// How many messages may be unconfirmed.
    const fn window(&self) -> usize {
        if self.suspects.are_left() { 1 } else { WINDOW }
    }

    /// Opens a new channel if this one is lost.
    fn look(&mut self) {
        if matches!(&self.state, State::Live(line) if !line.is_up()) {
            self.recover("the connection is lost");
        }
    }

    /// Gives up what is not confirmed and opens a new channel.
    fn recover(&mut self, why: &str) {
        let unconfirmed = self.unconfirmed.len();
        tracing::warn!(binding = self.writer.binding, unconfirmed, why, "not connected");
        self.asked = None;
        let mut returned = Vec::new();
        self.unconfirmed.give_up(why, &mut returned);
        // Those that nothing is known of make it fail, which is the reason to be here.
        let _ = self.tell(&mut returned);
        let writer = Arc::clone(&self.writer);
        writer.pulse.lost(0, why);
        let again = async move { writer.link.again(&writer.binding, None, || writer.open()).await };
        self.state = State::Recovering(again.boxed());
    }
}

/// Waits until the message that was sent last is confirmed; not at all when that was asked before.
fn confirms(line: &Line) -> BoxFuture<'static, ()> {
    let channel = Arc::clone(&line.channel);
    async move { drop(channel.wait_for_confirms().await) }.boxed()
}

impl Output for RabbitOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.look();
        if let State::Recovering(future) = &mut self.state {
            let Poll::Ready(line) = future.poll_unpin(cx) else { return Poll::Pending };
            self.state = State::Live(line);
        }
        if self.unconfirmed.len() >= self.window() {
            self.collect(cx);
            if self.unconfirmed.len() >= self.window() {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        if let Err(error) = self.publish(message, number) {
            self.told.push(Confirmation { number, result: Err(error) });
        }
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        self.collect(cx);
        if self.reminder.poll(cx).is_ready() {
            self.look();
        }
        if let State::Recovering(future) = &mut self.state
            && let Poll::Ready(line) = future.poll_unpin(cx)
        {
            self.state = State::Live(line);
        }
        if self.told.is_empty() {
            return Poll::Pending;
        }
        confirmed.append(&mut self.told);
        Poll::Ready(Ok(()))
    }

    fn health(&self) -> Arc<dyn Health> {
        Arc::clone(&self.writer.pulse) as _
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            let Self { state, unconfirmed, .. } = *self;
            drop(unconfirmed);
            if let State::Live(line) = state {
                line.close().await;
            }
            Ok(())
        }
        .boxed()
    }
}
