//! A message to send as AMQP writes it: its properties and its table of headers.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use wellspring_functions::{ContentType, HeaderValue, Headers, header_names};

use super::declare::short;
use super::message_id::{Ids, MessageId};
use super::patterns::Patterns;
use super::received::{Raw, Received};
use super::settings::DeliveryMode;
use super::value::{seconds, size, to_wire, wire_size};
use crate::binder::{Error, Kind};

/// The header that says how long a message is to live, in milliseconds.
pub(super) const EXPIRATION: &str = "amqp_expiration";

/// Turns headers into properties, for one output.
pub(super) struct Mapper {
    delivery_mode: u8,
    /// Whether a message without an identifier or a time gets one.
    fills_in: bool,
    patterns: Patterns,
    content_type: Option<(ContentType, ShortString)>,
    ids: Ids,
}

impl Mapper {
    pub(super) fn new(delivery_mode: DeliveryMode, patterns: Option<&[String]>) -> Self {
        let delivery_mode = if delivery_mode == DeliveryMode::Persistent { 2 } else { 1 };
        let patterns = Patterns::new(patterns);
        Self { delivery_mode, fills_in: true, patterns, content_type: None, ids: Ids::new() }
    }

    /// For messages that go on as they came.
    pub(super) fn as_received(delivery_mode: DeliveryMode) -> Self {
        Self { fills_in: false, ..Self::new(delivery_mode, None) }
    }

    /// The properties of a message; `room` is how many bytes they may take.
    ///
    /// # Errors
    /// When a text is longer than its property allows, or the headers do not fit into a frame.
    pub(super) fn properties(&mut self, headers: &Headers, room: usize) -> Result<Properties, Error> {
        let content_type = match headers.content_type() {
            Some(content_type) => Some(self.content_type(content_type)?),
            None => None,
        };
        if let (Some(raw), Some(content_type)) = (Received::untouched(headers), &content_type)
            && self.passes_on(raw)
        {
            return self.pass_on(raw, content_type.clone(), room);
        }
        let mut properties = BasicProperties::default();
        if let Some(content_type) = content_type {
            properties = properties.with_content_type(content_type);
        }
        let mut fields =
            Fields { delivery_mode: self.delivery_mode, fills_in: self.fills_in, ..Fields::default() };
        let mut table = BTreeMap::new();
        let mut taken = 0;
        for (name, value) in headers.iter() {
            properties = match fields.property(properties, name, value)? {
                Mapped::Property(properties) => properties,
                Mapped::Header(properties) => {
                    if self.patterns.let_through(name) {
                        taken += 1 + name.len() + size(value);
                        table.insert(short("header", name)?, to_wire(value)?);
                    }
                    properties
                }
            };
        }
        fits(taken, room)?;
        let timestamp = fields.timestamp.or_else(|| self.fills_in.then(now));
        if let Some(seconds) = timestamp {
            properties = properties.with_timestamp(seconds);
        }
        let properties = properties
            .with_headers(FieldTable::from(table))
            .with_delivery_mode(fields.delivery_mode)
            .with_priority(fields.priority);
        Ok(self.identified(properties, fields.message_id))
    }

    /// Whether the headers of a received message go on without a look at their values.
    fn passes_on(&self, raw: &Raw) -> bool {
        let mut names = raw.table().map(|(name, _)| name.as_str());
        // A user is only known to the broker that named it; an encoding goes with the payload that is unpacked.
        let plain = raw.properties.user_id().is_none() && !raw.unpacked;
        plain
            && self.fills_in
            && self.patterns.is_empty()
            && names.all(|name| name != "priority" && !stays_here(name) && !name.starts_with("amqp_"))
    }

    /// The properties of a message that goes on with the headers it was received with.
    fn pass_on(&mut self, raw: &Raw, content_type: ShortString, room: usize) -> Result<Properties, Error> {
        fits(raw.table().map(|(name, value)| 1 + name.as_str().len() + wire_size(value)).sum(), room)?;
        let received = &raw.properties;
        let mut properties = received.clone();
        if received.headers().is_none() || raw.priority().is_some() {
            let mut table = received.headers().clone().unwrap_or_default();
            if let Some(priority) = raw.priority() {
                table.insert("priority".into(), AMQPValue::LongInt(priority.into()));
            }
            properties = properties.with_headers(table);
        }
        let properties = properties
            .with_content_type(content_type)
            .with_delivery_mode(self.delivery_mode)
            .with_priority(raw.priority().unwrap_or(0))
            .with_timestamp(received.timestamp().unwrap_or_else(now));
        Ok(self.identified(properties, received.message_id().clone()))
    }

    fn identified(&mut self, properties: BasicProperties, given: Option<ShortString>) -> Properties {
        let made = || self.fills_in.then(|| self.ids.make());
        let Some(id) = given.map(MessageId::Given).or_else(made) else {
            return Properties { properties, id: None };
        };
        Properties { properties: properties.with_message_id(self.ids.text(&id)), id: Some(id) }
    }

    /// Whether these are the properties of the message with an identifier, or of one without.
    pub(super) fn is_of(&self, id: Option<&MessageId>, properties: &BasicProperties) -> bool {
        *properties.message_id() == id.map(|id| self.ids.text(id))
    }

    fn content_type(&mut self, content_type: &ContentType) -> Result<ShortString, Error> {
        match &self.content_type {
            Some((last, text)) if last == content_type => Ok(text.clone()),
            _ => {
                let text = short("content type", content_type.as_str())?;
                self.content_type = Some((content_type.clone(), text.clone()));
                Ok(text)
            }
        }
    }
}

/// The properties of a message to send.
pub(super) struct Properties {
    pub(super) properties: BasicProperties,
    pub(super) id: Option<MessageId>,
}

/// # Errors
/// When headers take more bytes than there are.
fn fits(taken: usize, room: usize) -> Result<(), Error> {
    if taken <= room {
        return Ok(());
    }
    let sentence = format!("the headers take {taken} bytes, expected at most {room}, the size of a frame");
    Err(Error::new(Kind::TooLarge, sentence))
}

/// Whether a header of this name stays in the process.
fn stays_here(name: &str) -> bool {
    matches!(name, "id" | "timestamp" | "sourceData" | "scst_partition" | "rabbitmq_streamContext")
        || name == header_names::DELIVERY_ATTEMPT
        || name == header_names::MESSAGE_KEY
}

/// Properties that are always sent, so that they are set last.
#[derive(Default)]
struct Fields {
    delivery_mode: u8,
    fills_in: bool,
    priority: u8,
    message_id: Option<ShortString>,
    timestamp: Option<u64>,
}

enum Mapped {
    /// The header became a property, or stays in the process.
    Property(BasicProperties),
    /// It goes into the table.
    Header(BasicProperties),
}

impl Fields {
    fn property(
        &mut self,
        properties: BasicProperties,
        name: &str,
        value: &HeaderValue,
    ) -> Result<Mapped, Error> {
        let text = || short(name, &value.to_string());
        if let Some(amqp) = name.strip_prefix("amqp_") {
            return Ok(match amqp {
                "correlationId" => Mapped::Property(properties.with_correlation_id(text()?)),
                "replyTo" => Mapped::Property(properties.with_reply_to(text()?)),
                "expiration" => Mapped::Property(properties.with_expiration(expiration(value)?)),
                "type" => Mapped::Property(properties.with_type(text()?)),
                "appId" => Mapped::Property(properties.with_app_id(text()?)),
                "userId" => Mapped::Property(properties.with_user_id(text()?)),
                "clusterId" => Mapped::Property(properties.with_cluster_id(text()?)),
                "contentEncoding" => Mapped::Property(properties.with_content_encoding(text()?)),
                _ => {
                    self.fixed(amqp, value)?;
                    Mapped::Property(properties)
                }
            });
        }
        Ok(match name {
            "priority" => {
                // Spring sends the property and the header.
                let priority = value.as_integer().unwrap_or(0).clamp(0, 255);
                self.priority = u8::try_from(priority).unwrap_or(u8::MAX);
                if self.fills_in { Mapped::Header(properties) } else { Mapped::Property(properties) }
            }
            name if stays_here(name) => Mapped::Property(properties),
            _ => Mapped::Header(properties),
        })
    }

    fn fixed(&mut self, amqp: &str, value: &HeaderValue) -> Result<(), Error> {
        match (amqp, value) {
            ("messageId", value) => self.message_id = Some(short("amqp_messageId", &value.to_string())?),
            ("timestamp", HeaderValue::Timestamp(millis)) => self.timestamp = Some(seconds(*millis)),
            ("deliveryMode", value) => match value.as_text() {
                Some("PERSISTENT") => self.delivery_mode = 2,
                Some("NON_PERSISTENT") => self.delivery_mode = 1,
                _ => {}
            },
            // What was received is not sent on.
            _ => {}
        }
        Ok(())
    }
}

/// A time to live in milliseconds. The broker answers anything else by closing the channel, with all that is on it.
fn expiration(value: &HeaderValue) -> Result<ShortString, Error> {
    let text = value.to_string();
    if text.parse::<u32>().is_err() {
        let sentence =
            format!("the header `{EXPIRATION}` is `{text}`, expected milliseconds up to {}", u32::MAX);
        return Err(Error::new(Kind::Refused, sentence));
    }
    short(EXPIRATION, &text)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binder::rabbitmq::received::Origin;
    use std::sync::Arc;

    /// Headers of a message as it is received.
    fn received(properties: BasicProperties) -> Headers {
        let origin = Arc::new(Origin { queue: "q".into(), consumer_tag: "t".into() });
        let (exchange, routing_key) = ("e".into(), "k".into());
        let mut batch = Received::new(1, Arc::default());
        batch.push(Raw {
            properties,
            exchange,
            routing_key,
            origin,
            delivery_tag: 1,
            redelivered: false,
            unpacked: false,
            is_part: false,
        });
        Headers::received(Some(ContentType::JSON), Arc::new(batch), 0)
    }

    #[test]
    fn headers_go_on_as_if_they_had_been_read() {
        let plain = || BasicProperties::default().with_message_id("m".into()).with_timestamp(7);
        let mut table = FieldTable::default();
        table.insert("x-one".into(), AMQPValue::LongString("1".into()));
        table.insert("x-two".into(), AMQPValue::FieldArray(vec![AMQPValue::LongInt(2)].into()));
        let mut special = table.clone();
        special.insert("deliveryAttempt".into(), AMQPValue::LongInt(2));
        let every = plain()
            .with_content_type("text/plain".into())
            .with_content_encoding("gzip".into())
            .with_correlation_id("c".into())
            .with_reply_to("r".into())
            .with_expiration("1000".into())
            .with_type("t".into())
            .with_app_id("a".into())
            .with_cluster_id("cl".into())
            .with_delivery_mode(1)
            .with_priority(4);
        for properties in [
            plain(),
            plain().with_headers(table.clone()),
            plain().with_headers(special),
            plain().with_user_id("guest".into()),
            every.clone(),
            every.with_headers(table),
        ] {
            let untouched = received(properties.clone());
            let mut read = received(properties);
            read.remove("none");
            read.set("added", "x");
            read.remove("added");
            assert!(Received::untouched(&untouched).is_some() && Received::untouched(&read).is_none());
            let mut mapper = Mapper::new(DeliveryMode::Persistent, None);
            let mut sent = |headers| mapper.properties(headers, 4096).unwrap().properties;
            assert_eq!(sent(&untouched), sent(&read));
        }
    }
}
