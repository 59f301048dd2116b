//! The receiving end: the queues of a binding, gathered into batches.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use lapin::types::AMQPValue;
use wellspring_functions::{Headers, Message};

use super::compression::unpack;
use super::patterns::Patterns;
use super::received::{Raw, Received, Repeated};
use super::source::{Reader, Source};
use crate::binder::{Delivery, Error, Input, Settlement, Ticket};

pub(super) struct RabbitInput {
    sources: Vec<Source>,
    max_in_flight: usize,
    /// The source that is asked first.
    next: usize,
    repeated: Repeated,
    /// Why one of the sources is lost for good, until it is told.
    lost: Option<Error>,
    patterns: Arc<Patterns>,
    /// How many bytes a payload may have when it is unpacked.
    largest: u64,
}

impl RabbitInput {
    pub(super) async fn open(reader: &Arc<Reader>, max_in_flight: usize) -> Result<Self, Error> {
        let patterns = Arc::new(Patterns::new(reader.consumer.header_patterns.as_deref()));
        let largest = reader.link.config().max_message_size;
        let mut sources = Vec::with_capacity(reader.topology.queues.len());
        for index in 0..reader.topology.queues.len() {
            sources.push(Source::open(reader, index).await?);
        }
        let (max_in_flight, repeated) = (max_in_flight.max(1), Repeated::default());
        Ok(Self { sources, max_in_flight, next: 0, repeated, lost: None, patterns, largest })
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
        let mut room = max.min(self.max_in_flight.saturating_sub(unsettled));
        let before = batch.len();
        let count = self.sources.len();
        let mut raws = Vec::new();
        for turn in 0..count {
            let at = (self.next + turn) % count;
            while room > 0 {
                let source = &mut self.sources[at];
                let (mut delivery, number, consumer_tag) = match source.poll_next(cx) {
                    Poll::Ready(Ok(next)) => next,
                    Poll::Ready(Err(error)) => {
                        self.lost = Some(error);
                        break;
                    }
                    Poll::Pending => break,
                };
                let unpacked = unpack(&delivery.data, &delivery.properties, self.largest);
                let queue = Arc::clone(&source.queue);
                let exchange = self.repeated.exchange(&delivery.exchange);
                let routing_key = self.repeated.routing_key(&delivery.routing_key);
                let raw = Raw {
                    exchange,
                    routing_key,
                    queue,
                    consumer_tag,
                    delivery_tag: delivery.delivery_tag,
                    redelivered: delivery.redelivered,
                    unpacked: unpacked.is_some(),
                    properties: delivery.properties,
                };
                delivery.data = unpacked.unwrap_or(delivery.data);
                // The rest of the headers follows when the batch is complete.
                let mut headers = Headers::new();
                headers.set_content_type(self.repeated.content_type(&raw.properties));
                batch.push(Delivery {
                    message: Message::from_parts(Some(Bytes::from(delivery.data)), headers),
                    key: None,
                    partition: source.partition,
                    position: raw.delivery_tag,
                    attempt: attempt(&raw),
                    ticket: Ticket::new(number * count as u64 + at as u64),
                });
                raws.push(raw);
                room -= 1;
            }
        }
        self.next = (self.next + 1) % count.max(1);
        if batch.len() == before {
            // What is there already is handed out first.
            return self.lost.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
        }
        let source = Arc::new(Received::new(raws, Arc::clone(&self.patterns)));
        for (index, delivery) in (0..).zip(&mut batch[before..]) {
            let headers = delivery.message.headers_mut();
            let content_type = headers.content_type().cloned();
            *headers = Headers::received(content_type, Arc::clone(&source) as _, index);
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
