//! The sending end: publishes start without waiting for the socket, confirmations are looked at oldest first.

use std::collections::VecDeque;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::Confirmation as Confirmed;
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use tokio::time::{Instant, Sleep, sleep_until};

use super::compression::pack;
use super::connection::{Line, Link};
use super::declare::{declare, short};
use super::outgoing::Mapper;
use super::partition::Partitions;
use super::settings::Producer;
use super::topology::OutputTopology;
use crate::binder::{Confirmation, Error, Kind, Outgoing, Output};

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
}

pub(super) struct RabbitOutput {
    writer: Arc<Writer>,
    state: State,
    exchange: ShortString,
    partitions: Partitions,
    mapper: Mapper,
    mandatory: bool,
    pending: VecDeque<Pending>,
    told: Vec<Confirmation>,
    deadline: Pin<Box<Sleep>>,
}

enum State {
    Live(Line),
    Recovering(BoxFuture<'static, Line>),
}

/// A message that is not confirmed.
struct Pending {
    sent: Sent,
    since: Instant,
    confirm: BoxFuture<'static, lapin::Result<Confirmed>>,
}

/// What tells a message from others when it comes back.
struct Sent {
    number: u64,
    partition: Option<u32>,
    message_id: Option<ShortString>,
    payload: Bytes,
    returned: Option<String>,
}

impl Writer {
    pub(super) async fn open(&self) -> Result<Line, Error> {
        let line = self.link.open().await?;
        declare(&line, &self.topology.declarations).await?;
        let confirming = line.channel.confirm_select(ConfirmSelectOptions::default()).await;
        confirming
            .map_err(|cause| line.failed("does not confirm messages to", &self.topology.exchange, &cause))?;
        Ok(line)
    }
}

impl RabbitOutput {
    pub(super) async fn open(writer: Writer, partition_count: u32) -> Result<Self, Error> {
        let partitions = Partitions::new(&writer.topology.routing_key, partition_count)?;
        let patterns = writer.producer.header_patterns.as_deref();
        let mapper = Mapper::new(writer.producer.delivery_mode.unwrap_or_default(), patterns);
        Self::with(writer, partitions, mapper).await
    }

    pub(super) async fn with(writer: Writer, partitions: Partitions, mapper: Mapper) -> Result<Self, Error> {
        let line = writer.open().await?;
        Ok(Self {
            exchange: short("exchange", &writer.topology.exchange)?,
            partitions,
            mapper,
            mandatory: !writer.producer.allow_unroutable.unwrap_or(false),
            state: State::Live(line),
            pending: VecDeque::new(),
            told: Vec::new(),
            deadline: Box::pin(sleep_until(Instant::now())),
            writer: Arc::new(writer),
        })
    }

    /// The largest frame that the broker takes.
    pub(super) const fn frame_max(&self) -> usize {
        match &self.state {
            State::Live(line) => line.frame_max,
            State::Recovering(_) => PROPERTIES,
        }
    }

    fn publish(&mut self, outgoing: Outgoing, number: u64) -> Result<(), Error> {
        let State::Live(line) = &self.state else { return Err(self.lost("the connection is lost")) };
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
        let properties = self.mapper.properties(&headers, line.frame_max.saturating_sub(PROPERTIES))?;
        let (payload, properties) = match self.writer.producer.compress {
            Some(true) => pack(&payload, self.writer.link.config().compression_level, properties)?,
            _ => (payload, properties),
        };
        let partition = self.partitions.of(outgoing.partition, outgoing.key.as_ref());
        let key = self.partitions.key(partition)?;
        let message_id = properties.message_id().clone();
        let sent = Sent { number, partition, message_id, payload: payload.clone(), returned: None };
        let (channel, exchange) = (Arc::clone(&line.channel), self.exchange.clone());
        let options = BasicPublishOptions { mandatory: self.mandatory, immediate: false };
        let mut confirm =
            async move { channel.basic_publish(exchange, key, options, &payload, properties).await?.await }
                .boxed();
        // The first look hands the frames to the client; whether they are written is not waited for.
        match confirm.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {
                self.pending.push_back(Pending { sent, since: Instant::now(), confirm });
                Ok(())
            }
            Poll::Ready(Ok(confirmed)) => {
                let confirm = ready(Ok(confirmed)).boxed();
                self.pending.push_back(Pending { sent, since: Instant::now(), confirm });
                Ok(())
            }
            Poll::Ready(Err(cause)) => Err(self.lost(&super::error::sentence(&cause))),
        }
    }

    fn lost(&self, why: &str) -> Error {
        let exchange = &self.writer.topology.exchange;
        Error::new(
            Kind::Unreachable,
            format!("a message to the exchange `{exchange}` was not confirmed: {why}"),
        )
    }

    /// Looks at confirmations, oldest first.
    fn collect(&mut self, cx: &mut Context<'_>) {
        let mut confirmed = Vec::new();
        loop {
            let before = confirmed.len();
            while let Some(front) = self.pending.front_mut() {
                let Poll::Ready(result) = front.confirm.poll_unpin(cx) else { break };
                let Some(Pending { sent, .. }) = self.pending.pop_front() else { break };
                match result {
                    Ok(confirmation) => confirmed.push((sent, confirmation)),
                    Err(cause) => {
                        let why = super::error::sentence(&cause);
                        self.tell(confirmed);
                        let result = Err(self.lost(&why));
                        self.told.push(Confirmation { number: sent.number, result });
                        return self.recover(&why);
                    }
                }
            }
            if confirmed.len() == before {
                break;
            }
            self.settle_down();
        }
        self.tell(confirmed);
        self.check_deadline(cx);
    }

    /// One notice of the broker may confirm many messages, and the client hands a returned message out with any of
    /// them. Asking it for unconfirmed ones takes the lock under which it does so: afterwards all of them are ready, and
    /// the message can be matched with the one it is.
    fn settle_down(&self) {
        if let (true, State::Live(line)) = (self.mandatory, &self.state) {
            let mut asked = std::pin::pin!(line.channel.wait_for_confirms());
            let _ = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
    }

    fn tell(&mut self, confirmed: Vec<(Sent, Confirmed)>) {
        let (mut sent, mut results) = (Vec::with_capacity(confirmed.len()), Vec::new());
        for (one, confirmation) in confirmed {
            let taken = !confirmation.is_nack();
            results.extend(confirmation.take_message());
            sent.push((one, taken));
        }
        for message in results {
            self.note_return(&mut sent, &message);
        }
        for (Sent { number, returned, .. }, taken) in sent {
            let result = match (returned, taken) {
                (Some(sentence), _) => Err(Error::new(Kind::Unroutable, sentence)),
                (None, true) => Ok(()),
                (None, false) => Err(self.lost("the broker could not take it (basic.nack)")),
            };
            self.told.push(Confirmation { number, result });
        }
    }

    fn note_return(&mut self, sent: &mut [(Sent, bool)], message: &BasicReturnMessage) {
        let key = message.routing_key.as_str();
        let sentence = format!(
            "the exchange `{}` has no queue for the routing key `{key}`: {} ({}); bind one, or set `allow-unroutable`",
            self.exchange, message.reply_text, message.reply_code
        );
        let partitions = &self.partitions;
        let all = sent.iter_mut().map(|(one, _)| one).chain(self.pending.iter_mut().map(|one| &mut one.sent));
        let found = all.filter(|one| one.returned.is_none()).find(|one| {
            one.message_id == *message.properties.message_id()
                && one.payload == message.data
                && partitions.key(one.partition).is_ok_and(|own| own.as_str() == key)
        });
        match found {
            Some(one) => one.returned = Some(sentence),
            None => {
                tracing::error!(binding = self.writer.binding, key, "a message came back that was not sent")
            }
        }
    }

    fn check_deadline(&mut self, cx: &mut Context<'_>) {
        let timeout = self.writer.link.config().publish_timeout;
        while let Some(front) = self.pending.front() {
            let due = front.since + timeout;
            if due <= Instant::now() {
                return self.recover(&format!("no confirmation within {timeout:?}"));
            }
            if self.deadline.is_elapsed() || self.deadline.deadline() < front.since {
                self.deadline.as_mut().reset(due);
            }
            if self.deadline.as_mut().poll(cx).is_pending() {
                return;
            }
        }
    }

    /// Gives up what is not confirmed and opens a new channel.
    fn recover(&mut self, why: &str) {
        tracing::warn!(binding = self.writer.binding, unconfirmed = self.pending.len(), why, "not connected");
        let mut cx = Context::from_waker(Waker::noop());
        let mut confirmed = Vec::new();
        let mut failed = Vec::new();
        for mut pending in std::mem::take(&mut self.pending) {
            match pending.confirm.poll_unpin(&mut cx) {
                Poll::Ready(Ok(confirmation)) => confirmed.push((pending.sent, confirmation)),
                Poll::Ready(Err(_)) | Poll::Pending => failed.push(pending.sent.number),
            }
        }
        self.tell(confirmed);
        for number in failed {
            let result = Err(self.lost(why));
            self.told.push(Confirmation { number, result });
        }
        let writer = Arc::clone(&self.writer);
        let again = async move { writer.link.again(&writer.binding, None, || writer.open()).await };
        self.state = State::Recovering(again.boxed());
    }
}

impl Output for RabbitOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if matches!(&self.state, State::Live(line) if !line.is_up()) {
            self.recover("the connection is lost");
        }
        if let State::Recovering(future) = &mut self.state {
            let Poll::Ready(line) = future.poll_unpin(cx) else { return Poll::Pending };
            self.state = State::Live(line);
        }
        if self.pending.len() >= WINDOW {
            self.collect(cx);
            if self.pending.len() >= WINDOW {
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

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            let Self { state, pending, .. } = *self;
            drop(pending);
            if let State::Live(line) = state {
                line.close().await;
            }
            Ok(())
        }
        .boxed()
    }
}
