//! The receiving end: the queues of a binding, gathered into batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use lapin::types::AMQPValue;
use wellspring_functions::{Headers, Message};

use super::compression::unpack;
use super::health::InputHealth;
use super::later;
use super::parts::split;
use super::patterns::Patterns;
use super::received::{LastContentType, Raw, Received};
use super::source::{Reader, Source};
use crate::binder::{Delivery, Error, Health, Host, Input, Settlement, Ticket};

pub(super) struct RabbitInput {
    health: Arc<InputHealth>,
    sources: Vec<Source>,
    max_in_flight: usize,
    /// The source that is asked first.
    next: usize,
    /// Of messages that are several, the deliveries that have not been handed out.
    parts: VecDeque<Taken>,
    content_type: LastContentType,
    /// Why one of the sources is lost for good, until it is told.
    lost: Option<Error>,
    patterns: Arc<Patterns>,
    /// Whether messages come that have waited.
    is_delayed: bool,
    /// How many bytes a payload may have when it is unpacked.
    largest: u64,
    /// How many deliveries came together the last time.
    burst: usize,
}

/// A delivery of one of the sources.
struct Taken {
    raw: Raw,
    payload: Bytes,
    /// Which source.
    at: usize,
    /// What settles it there.
    number: u64,
}

impl RabbitInput {
    pub(super) async fn open(reader: &Arc<Reader>, max_in_flight: usize) -> Result<Self, Error> {
        let patterns = Arc::new(Patterns::new(reader.consumer.header_patterns.as_deref()));
        let largest = reader.link.config().max_message_size;
        let mut sources = Vec::with_capacity(reader.topology.queues.len());
        for index in 0..reader.topology.queues.len() {
            sources.push(Source::open(reader, index).await?);
        }
        let health = Arc::new(InputHealth { reader: Arc::clone(reader) });
        Ok(Self {
            health,
            sources,
            max_in_flight: max_in_flight.max(1),
            next: 0,
            parts: VecDeque::new(),
            content_type: LastContentType::default(),
            lost: None,
            patterns,
            is_delayed: reader.is_delayed,
            largest,
            burst: 0,
        })
    }

    /// Takes up to `room` deliveries from the sources, each in turn first.
    fn take(&mut self, cx: &mut Context<'_>, batch: &mut Vec<Delivery>, room: usize) {
        let (before, count) = (batch.len(), self.sources.len());
        let mut received = Received::new(self.burst.min(room), Arc::clone(&self.patterns));
        self.take_parts(batch, &mut received, room);
        for turn in 0..count {
            let at = (self.next + turn) % count;
            while received.len() < room {
                let source = &mut self.sources[at];
                let (delivery, number) = match source.poll_next(cx) {
                    Poll::Ready(Ok(next)) => next,
                    Poll::Ready(Err(error)) => {
                        self.lost = Some(error);
                        break;
                    }
                    Poll::Pending => break,
                };
                let unpacked = unpack(&delivery.data, &delivery.properties, self.largest);
                let mut raw = Raw {
                    exchange: delivery.exchange,
                    routing_key: delivery.routing_key,
                    origin: Arc::clone(&source.origin),
                    delivery_tag: delivery.delivery_tag,
                    redelivered: delivery.redelivered,
                    unpacked: unpacked.is_some(),
                    is_part: false,
                    properties: delivery.properties,
                };
                if self.is_delayed {
                    later::restore(&mut raw);
                }
                let payload = Bytes::from(unpacked.unwrap_or(delivery.data));
                let Some(parts) = split(&payload, &raw.properties) else {
                    let taken = Taken { raw, payload, at, number };
                    self.hand_over(taken, batch, &mut received);
                    continue;
                };
                raw.is_part = true;
                source.divide(number, parts.len());
                let parts = (number..).zip(parts);
                let taken = parts.map(|(number, payload)| Taken { raw: raw.clone(), payload, at, number });
                self.parts.extend(taken);
                self.take_parts(batch, &mut received, room);
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

    /// Hands over what is left of messages that are several.
    fn take_parts(&mut self, batch: &mut Vec<Delivery>, received: &mut Received, room: usize) {
        while received.len() < room
            && let Some(taken) = self.parts.pop_front()
        {
            // Of a message that comes again, all parts do.
            if self.sources[taken.at].awaits(taken.number) {
                self.hand_over(taken, batch, received);
            }
        }
    }

    fn hand_over(&mut self, taken: Taken, batch: &mut Vec<Delivery>, received: &mut Received) {
        let Taken { raw, payload, at, number } = taken;
        // The rest of the headers follows when the batch is complete.
        let mut headers = Headers::new();
        headers.set_content_type(self.content_type.of(&raw.properties));
        batch.push(Delivery {
            message: Message::from_parts(Some(payload), headers),
            key: None,
            partition: self.sources[at].partition,
            position: raw.delivery_tag,
            attempt: attempt(&raw),
            ticket: Ticket::new(number * self.sources.len() as u64 + at as u64),
        });
        received.push(raw);
    }
}

impl Input for RabbitInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        let unsettled: usize = self.sources.iter().map(Source::open_deliveries).sum();
        let out = unsettled.saturating_sub(self.parts.len());
        let room = max.min(self.max_in_flight.saturating_sub(out));
        let before = batch.len();
        // Whoever finds something need not be woken by the next one.
        self.take(&mut Context::from_waker(Waker::noop()), batch, room);
        if batch.len() == before {
            self.take(cx, batch, room);
        }
        if batch.len() == before {
            // What is there already is handed out first.
            return self.lost.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
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

    fn host(&self) -> Option<Arc<dyn Host>> {
        Some(Arc::clone(self.health.reader.link.host()) as _)
    }

    fn health(&self) -> Arc<dyn Health> {
        Arc::clone(&self.health) as _
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
