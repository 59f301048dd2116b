//! Dead letters that lie in queues: read one by one, held unacknowledged until they are removed or given back.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use wellspring_functions::{HeaderName, HeaderValue, Headers, Message};

use super::connection::{Line, Link};
use super::declare::short;
use super::letter::{ORIGINAL_EXCHANGE, ORIGINAL_ROUTING_KEY};
use super::received::{LastContentType, Origin, Raw, Received};
use crate::binder::{Error, Letter, LetterPlace, Letters, Outgoing, Ticket, forget_failure};

/// The header that an output for letters that are sent again takes the routing key from. It never crosses the wire.
pub(super) const ROUTING_KEY: &str = "amqp_receivedRoutingKey";

/// The queues of an input's dead letters, opened on a channel of their own.
pub(super) struct KeptLetters {
    line: Line,
    places: Vec<LetterPlace>,
    /// Which queue is read, and how many letters of it were.
    at: usize,
    read: u64,
    /// What configuration leaves out of the names of exchanges.
    prefix: String,
    content_type: LastContentType,
}

impl KeptLetters {
    /// Opens queues, all of which must be there. What comes into them from now on is not read.
    pub(super) async fn open(link: &Link, queues: Vec<String>, prefix: String) -> Result<Self, Error> {
        let line = link.open().await?;
        let mut places = Vec::with_capacity(queues.len());
        for name in queues {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let found =
                line.channel.queue_declare(short("queue", &name)?, options, FieldTable::default()).await;
            let found = found.map_err(|cause| line.failed("does not have the queue", &name, &cause))?;
            places.push(LetterPlace { count: found.message_count().into(), name });
        }
        Ok(Self { line, places, at: 0, read: 0, prefix, content_type: LastContentType::default() })
    }

    async fn next(&mut self) -> Result<Option<Letter>, Error> {
        while let Some(LetterPlace { name, count }) = self.places.get(self.at) {
            if self.read < *count {
                let got =
                    self.line.channel.basic_get(short("queue", name)?, BasicGetOptions::default()).await;
                let got = got.map_err(|cause| self.line.failed("hands out no letter of", name, &cause))?;
                if let Some(got) = got {
                    let (place, position) = (name.clone(), self.read);
                    self.read += 1;
                    return Ok(Some(self.letter(got.delivery, place, position)));
                }
            }
            self.at += 1;
            self.read = 0;
        }
        Ok(None)
    }

    /// The payload stays as it came, packed if it was packed.
    fn letter(&mut self, delivery: lapin::message::Delivery, place: String, position: u64) -> Letter {
        let content_type = self.content_type.of(&delivery.properties);
        let origin = Origin { queue: HeaderName::from(place.as_str()), consumer_tag: "".into() };
        let tag = delivery.delivery_tag;
        let mut received = Received::new(1, Arc::default());
        received.push(Raw {
            exchange: delivery.exchange,
            routing_key: delivery.routing_key,
            origin: Arc::new(origin),
            delivery_tag: tag,
            redelivered: delivery.redelivered,
            unpacked: false,
            is_part: false,
            properties: delivery.properties,
        });
        let headers = Headers::received(content_type, Arc::new(received), 0);
        let message = Message::from_parts(Some(Bytes::from(delivery.data)), headers);
        let from = Whence::of(message.headers());
        let mut original = message.clone();
        let headers = original.headers_mut();
        forget_failure(headers);
        match &from.key {
            Some(key) => headers.set(ROUTING_KEY, key.as_str()),
            None => drop(headers.remove(ROUTING_KEY)),
        }
        Letter {
            original: Outgoing { message: original, key: None, partition: None },
            place,
            partition: 0,
            position,
            origin: from
                .exchange
                .map(|exchange| exchange.strip_prefix(&self.prefix).unwrap_or(&exchange).to_owned()),
            key: from.key.map(Bytes::from),
            time: time(message.headers()),
            ticket: Ticket::new(tag),
            message,
        }
    }
}

/// Where a letter came from: what whoever sent it there says, or else the broker that moved it.
#[derive(Debug, Default, PartialEq)]
struct Whence {
    exchange: Option<String>,
    key: Option<String>,
}

impl Whence {
    fn of(headers: &Headers) -> Self {
        let text = |name: &str| headers.text(name).map(str::to_owned);
        if let Some(exchange) = text(ORIGINAL_EXCHANGE) {
            return Self { exchange: Some(exchange), key: text(ORIGINAL_ROUTING_KEY) };
        }
        let Some(death) = last_death(headers) else { return Self::default() };
        let key = match get(death, "routing-keys") {
            Some(HeaderValue::List(keys)) => keys.first().map(ToString::to_string),
            _ => None,
        };
        Self { exchange: get(death, "exchange").map(ToString::to_string), key }
    }
}

type Entries = [(HeaderName, HeaderValue)];

/// What the broker notes of the last time that it moved the message.
fn last_death(headers: &Headers) -> Option<&Entries> {
    let HeaderValue::List(deaths) = headers.get("x-death")? else { return None };
    let HeaderValue::Map(death) = deaths.first()? else { return None };
    Some(death)
}

fn get<'a>(entries: &'a Entries, name: &str) -> Option<&'a HeaderValue> {
    entries.iter().find(|(own, _)| **own == *name).map(|(_, value)| value)
}

/// When the broker moved the letter, or else when the message was sent.
fn time(headers: &Headers) -> Option<i64> {
    let moved = last_death(headers).and_then(|death| get(death, "time"));
    match moved.or_else(|| headers.get("amqp_timestamp"))? {
        HeaderValue::Timestamp(millis) => Some(*millis),
        _ => None,
    }
}

impl Letters for KeptLetters {
    fn places(&self) -> &[LetterPlace] {
        &self.places
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Option<Letter>, Error>> {
        Self::next(self).boxed()
    }

    fn remove(&mut self, tickets: Vec<Ticket>) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let queue = self.places.get(self.at).map_or("", |place| place.name.as_str());
            for ticket in tickets {
                let acked =
                    self.line.channel.basic_ack(ticket.into_number(), BasicAckOptions { multiple: false });
                acked.await.map_err(|cause| {
                    self.line.failed("was not told which letters are removed of", queue, &cause)
                })?;
            }
            Ok(())
        }
        .boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        // What is acknowledged is known to the broker when it confirms the end; what is not goes back to its place.
        async move { self.line.ended().await }.boxed()
    }
}
