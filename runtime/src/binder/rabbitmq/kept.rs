//! Dead letters that lie in queues: read one by one, held unacknowledged until they are removed or given back.
//!
//! A quorum queue counts how often a message was given back, and drops it when that is more than its delivery limit. A
//! letter that has come near is put at the end of the queue as a new message before it is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::time::{Instant, sleep};
use wellspring_functions::{HeaderName, HeaderValue, Headers, Message};

use super::connection::{Line, Link};
use super::declare::short;
use super::letter::{ORIGINAL_EXCHANGE, ORIGINAL_ROUTING_KEY};
use super::outgoing::Mapper;
use super::output::{RabbitOutput, Writer};
use super::partition::Partitions;
use super::received::{LastContentType, Origin, Raw, Received};
use super::settings::{Consumer, Producer};
use super::topology::OutputTopology;
use super::value::from_wire;
use crate::binder::{
    Error, Kind, Letter, LetterPlace, Letters, Outgoing, Output as _, Ticket, forget_failure, send_all,
};

/// The header that an output for letters that are sent again takes the routing key from. It never crosses the wire.
pub(super) const ROUTING_KEY: &str = "amqp_receivedRoutingKey";

/// How often a quorum queue has given a message back.
const DELIVERY_COUNT: &str = "x-delivery-count";
/// The delivery limit of a quorum queue for which none is set: that of RabbitMQ 4; those before it have none.
const DELIVERY_LIMIT: i64 = 20;

/// How long letters that are given back are waited for, and how often is looked.
const GIVEN_BACK: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

/// The queues of an input's dead letters, opened on a channel of their own.
pub(super) struct KeptLetters {
    line: Line,
    places: Vec<LetterPlace>,
    /// Which queue is read, how many of its letters are left, and how many were handed out.
    at: usize,
    left: u64,
    read: u64,
    /// The deliveries that were read and neither removed nor given back, in their order.
    held: BTreeSet<u64>,
    /// Whether a queue counts how often it was given back a letter.
    is_counting: bool,
    freshener: Freshener,
    /// What configuration leaves out of the names of exchanges.
    prefix: String,
    content_type: LastContentType,
}

impl KeptLetters {
    /// Opens queues, all of which must be there. What comes into them from now on is not read.
    pub(super) async fn open(link: &Link, queues: Vec<String>, freshener: Freshener) -> Result<Self, Error> {
        let line = link.open().await?;
        let mut places = Vec::with_capacity(queues.len());
        for name in queues {
            places.push(LetterPlace { count: count(&line, &name).await?, name });
        }
        let left = places.first().map_or(0, |place| place.count);
        let prefix = freshener.consumer.prefix.clone().unwrap_or_default();
        let content_type = LastContentType::default();
        let (held, is_counting) = (BTreeSet::new(), false);
        Ok(Self { line, places, at: 0, left, read: 0, held, is_counting, freshener, prefix, content_type })
    }

    async fn next(&mut self) -> Result<Option<Letter>, Error> {
        let limit = self.freshener.limit()?;
        while let Some(place) = self.places.get(self.at) {
            let queue = place.name.clone();
            let Some(delivery) = self.take(&queue).await? else {
                self.at += 1;
                self.read = 0;
                self.left = self.places.get(self.at).map_or(0, |place| place.count);
                continue;
            };
            self.left -= 1;
            let count = given_back(&delivery.properties);
            self.is_counting |= count.is_some();
            let tag = delivery.delivery_tag;
            let letter = self.letter(delivery, queue, self.read);
            if count.is_some_and(|count| count >= limit) {
                self.freshener.put_behind(&letter).await?;
                self.ack(tag).await?;
                self.left += 1;
                continue;
            }
            self.read += 1;
            self.held.insert(tag);
            return Ok(Some(letter));
        }
        Ok(None)
    }

    /// The next message of a queue, as long as some are left of those that were there.
    async fn take(&mut self, queue: &str) -> Result<Option<Delivery>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let got = self.line.channel.basic_get(short("queue", queue)?, BasicGetOptions::default()).await;
        let got = got.map_err(|cause| self.line.failed("hands out no letter of", queue, &cause))?;
        Ok(got.map(|got| got.delivery))
    }

    /// Gives back what is held: to a quorum queue one by one, which keeps its order in no other way. To any other the end
    /// of the channel gives it back, at once and each to its place.
    async fn give_back(&mut self) -> Result<(), Error> {
        for tag in self.held.iter().filter(|_| self.is_counting) {
            let options = BasicNackOptions { multiple: false, requeue: true };
            let given = self.line.channel.basic_nack(*tag, options).await;
            given.map_err(|cause| self.line.failed("was not given back its letters", "", &cause))?;
        }
        Ok(())
    }

    async fn ack(&mut self, tag: u64) -> Result<(), Error> {
        let queue = self.places.get(self.at).map_or("", |place| place.name.as_str());
        let acked = self.line.channel.basic_ack(tag, BasicAckOptions { multiple: false }).await;
        acked.map_err(|cause| self.line.failed("was not told which letters are removed of", queue, &cause))
    }

    /// The payload stays as it came, packed if it was packed.
    fn letter(&mut self, delivery: Delivery, place: String, position: u64) -> Letter {
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
            for ticket in tickets {
                let tag = ticket.into_number();
                if self.held.remove(&tag) {
                    self.ack(tag).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            self.give_back().await?;
            let Self { line, places, held, freshener, .. } = *self;
            // What was told is known to the broker when it confirms the end.
            line.ended().await?;
            until_given_back(&freshener.link, &places, held.len() as u64).await?;
            freshener.close().await;
            Ok(())
        }
        .boxed()
    }
}

/// Waits a moment for the broker to have letters back, so that whoever looks next sees them: a queue takes them back a
/// little later.
async fn until_given_back(link: &Link, places: &[LetterPlace], letters: u64) -> Result<(), Error> {
    if letters == 0 {
        return Ok(());
    }
    let (line, until) = (link.open().await?, Instant::now() + GIVEN_BACK);
    loop {
        let mut found = 0;
        for place in places {
            found += count(&line, &place.name).await?;
        }
        if found >= letters || Instant::now() >= until {
            return line.ended().await;
        }
        sleep(LOOK).await;
    }
}

/// How many messages wait in a queue.
async fn count(line: &Line, queue: &str) -> Result<u64, Error> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = line.channel.queue_declare(short("queue", queue)?, options, FieldTable::default()).await;
    let found = found.map_err(|cause| line.failed("does not have the queue", queue, &cause))?;
    Ok(found.message_count().into())
}

/// How often a quorum queue has given a message back; others do not count.
fn given_back(properties: &BasicProperties) -> Option<i64> {
    let count = properties.headers().as_ref()?.inner().get(DELIVERY_COUNT)?;
    from_wire(count).as_integer()
}

/// Puts letters at the end of their queue as new messages.
pub(super) struct Freshener {
    pub(super) link: Arc<Link>,
    pub(super) binding: String,
    pub(super) consumer: Consumer,
    pub(super) producer: Producer,
    pub(super) output: Option<(String, RabbitOutput)>,
}

impl Freshener {
    /// How often a letter may have been given back when it is read: once more must not be too often, also when this
    /// process ends and the broker gives it back by itself.
    fn limit(&self) -> Result<i64, Error> {
        let set = self.consumer.dlq_quorum.as_ref().and_then(|quorum| quorum.delivery_limit);
        match set.map_or(DELIVERY_LIMIT, i64::from) {
            0 => {
                let sentence = "`dlq-quorum.delivery-limit` is 0: a letter that was read would be lost";
                Err(Error::new(Kind::Refused, sentence))
            }
            limit if limit < 0 => Ok(i64::MAX),
            limit => Ok((limit - 1).max(1)),
        }
    }

    /// Puts a copy of a letter at the end of its queue; when this ends well, the broker has it.
    async fn put_behind(&mut self, letter: &Letter) -> Result<(), Error> {
        if self.output.as_ref().is_none_or(|(queue, _)| *queue != letter.place) {
            let (link, binding, producer) =
                (Arc::clone(&self.link), self.binding.clone(), self.producer.clone());
            let (declarations, exchange, routing_key) = (Vec::new(), String::new(), letter.place.clone());
            let topology = OutputTopology { declarations, exchange, routing_key };
            let partitions = Partitions::new(&letter.place, 1)?;
            let mapper = Mapper::as_received(self.consumer.republish_delivery_mode.unwrap_or_default());
            let writer = Writer { link, binding, producer, topology, pulse: Arc::default() };
            self.output = Some((letter.place.clone(), RabbitOutput::with(writer, partitions, mapper).await?));
        }
        let Some((_, output)) = &mut self.output else { return Ok(()) };
        let mut message = letter.message.clone();
        let headers = message.headers_mut();
        headers.remove(DELIVERY_COUNT);
        // What the broker noted of a message that it moved may not survive.
        let whence = Whence::of(headers);
        for (name, value) in [(ORIGINAL_EXCHANGE, whence.exchange), (ORIGINAL_ROUTING_KEY, whence.key)] {
            if let Some(value) = value {
                headers.set(name, value);
            }
        }
        let sent = send_all(output, vec![Outgoing { message, key: None, partition: None }]).await?;
        sent.into_iter().collect()
    }

    async fn close(self) {
        if let Some((_, output)) = self.output {
            // Everything was confirmed.
            let _ = Box::new(output).close().await;
        }
    }
}
