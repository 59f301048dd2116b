//! The receiving end: the queues of a binding, gathered into batches.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use lapin::types::AMQPValue;
use wellspring_functions::{Headers, Message};

use super::compression::unpack;
use super::pace::Pace;
use super::patterns::Patterns;
use super::received::{LastContentType, Raw, Received};
use super::source::{Reader, Source};
use crate::binder::{Delivery, Error, Input, Settlement, Ticket};

/// How many deliveries at once are load, after which others gather.
const BURST: usize = 8;

pub(super) struct RabbitInput {
    sources: Vec<Source>,
    max_in_flight: usize,
    /// The source that is asked first.
    next: usize,
    content_type: LastContentType,
    /// Why one of the sources is lost for good, until it is told.
    lost: Option<Error>,
    patterns: Arc<Patterns>,
    /// How many bytes a payload may have when it is unpacked.
    largest: u64,
    pace: Pace,
    /// How many deliveries came together the last time.
    burst: usize,
}

impl RabbitInput {
    pub(super) async fn open(reader: &Arc<Reader>, max_in_flight: usize) -> Result<Self, Error> {
        let patterns = Arc::new(Patterns::new(reader.consumer.header_patterns.as_deref()));
        let largest = reader.link.config().max_message_size;
        let mut sources = Vec::with_capacity(reader.topology.queues.len());
        for index in 0..reader.topology.queues.len() {
            sources.push(Source::open(reader, index).await?);
        }
        Ok(Self {
            sources,
            max_in_flight: max_in_flight.max(1),
            next: 0,
            content_type: LastContentType::default(),
            lost: None,
            patterns,
            largest,
            pace: Pace::new(BURST),
            burst: 0,
        })
    }

    /// Takes up to `room` deliveries from the sources, each in turn first.
    fn take(&mut self, cx: &mut Context<'_>, batch: &mut Vec<Delivery>, room: usize) {
        let (before, count) = (batch.len(), self.sources.len());
        let mut received = Received::new(self.burst.min(room), Arc::clone(&self.patterns));
        for turn in 0..count {
            let at = (self.next + turn) % count;
            let source = &mut self.sources[at];
            while received.len() < room {
                let (mut delivery, number) = match source.poll_next(cx) {
                    Poll::Ready(Ok(next)) => next,
                    Poll::Ready(Err(error)) => {
                        self.lost = Some(error);
                        break;
                    }
                    Poll::Pending => break,
                };
                let unpacked = unpack(&delivery.data, &delivery.properties, self.largest);
                let raw = Raw {
                    exchange: delivery.exchange,
                    routing_key: delivery.routing_key,
                    origin: Arc::clone(&source.origin),
                    delivery_tag: delivery.delivery_tag,
                    redelivered: delivery.redelivered,
                    unpacked: unpacked.is_some(),
                    properties: delivery.properties,
                };
                delivery.data = unpacked.unwrap_or(delivery.data);
                // The rest of the headers follows when the batch is complete.
                let mut headers = Headers::new();
                headers.set_content_type(self.content_type.of(&raw.properties));
                batch.push(Delivery {
                    message: Message::from_parts(Some(Bytes::from(delivery.data)), headers),
                    key: None,
                    partition: source.partition,
                    position: raw.delivery_tag,
                    attempt: attempt(&raw),
                    ticket: Ticket::new(number * count as u64 + at as u64),
                });
                received.push(raw);
            }
        }
        if batch.len() == before {
            return;
        }
        self.next = (self.next + 1) % count;
        self.burst = received.len();
        let received = Arc::new(received);
        for (index, delivery) in (0..).zip(&mut batch[before..]) {
            let headers = delivery.message.headers_mut();
            let content_type = headers.content_type().cloned();
            *headers = Headers::received(content_type, Arc::clone(&received) as _, index);
        }
    }
}

impl Input for RabbitInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        if self.pace.poll(cx).is_pending() {
            return Poll::Pending;
        }
        let unsettled: usize = self.sources.iter().map(Source::open_deliveries).sum();
        let room = max.min(self.max_in_flight.saturating_sub(unsettled));
        let before = batch.len();
        // Whoever finds something need not be woken by the next one.
        self.take(&mut Context::from_waker(Waker::noop()), batch, room);
        if batch.len() == before {
            self.take(cx, batch, room);
        }
        let taken = batch.len() - before;
        if taken == 0 {
            // What is there already is handed out first.
            return self.lost.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
        }
        if taken < room && !self.sources.iter().any(Source::is_held_back) {
            self.pace.note(taken);
        }
        Poll::Ready(Ok(()))
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let number = ticket.into_number();
        let count = self.sources.len() as u64;
        let at = number.checked_rem(count).and_then(|at| usize::try_from(at).ok());
        if let Some(source) = at.and_then(|at| self.sources.get_mut(at)) {
            source.settle(number / count, settlement);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut flushed = Poll::Ready(Ok(()));
        for source in &mut self.sources {
            match source.poll_flush(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => flushed = Poll::Pending,
            }
        }
        flushed
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            join_all(self.sources.into_iter().map(Source::close)).await;
            Ok(())
        }
        .boxed()
    }
}

/// A quorum queue counts deliveries; any other tells only whether this is the first.
fn attempt(raw: &Raw) -> u32 {
    let table = raw.properties.headers().as_ref();
    let counted = match table.and_then(|table| table.inner().get("x-delivery-count")) {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).ok(),
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).ok(),
        _ => None,
    };
    1 + counted.unwrap_or_else(|| raw.redelivered.into())
}
