//! A message to send as AMQP writes it: its properties and its table of headers.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::{FieldTable, ShortString};
use wellspring_functions::{ContentType, HeaderValue, Headers, header_names};

use super::declare::short;
use super::patterns::Patterns;
use super::settings::DeliveryMode;
use super::value::{seconds, size, to_wire};
use crate::binder::{Error, Kind};

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
    pub(super) fn properties(&mut self, headers: &Headers, room: usize) -> Result<BasicProperties, Error> {
        let mut properties = BasicProperties::default();
        if let Some(content_type) = headers.content_type() {
            properties = properties.with_content_type(self.content_type(content_type)?);
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
        if taken > room {
            let sentence =
                format!("the headers take {taken} bytes, expected at most {room}, the size of a frame");
            return Err(Error::new(Kind::TooLarge, sentence));
        }
        if self.fills_in {
            fields.message_id = Some(fields.message_id.map_or_else(|| self.ids.next(), Ok)?);
            fields.timestamp = fields.timestamp.or_else(|| Some(now()));
        }
        if let Some(id) = fields.message_id {
            properties = properties.with_message_id(id);
        }
        if let Some(seconds) = fields.timestamp {
            properties = properties.with_timestamp(seconds);
        }
        Ok(properties
            .with_headers(FieldTable::from(table))
            .with_delivery_mode(fields.delivery_mode)
            .with_priority(fields.priority))
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
            "id" | "timestamp" | "sourceData" | "scst_partition" | "rabbitmq_streamContext" => {
                Mapped::Property(properties)
            }
            header_names::DELIVERY_ATTEMPT | header_names::MESSAGE_KEY => Mapped::Property(properties),
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
            format!("the header `amqp_expiration` is `{text}`, expected milliseconds up to {}", u32::MAX);
        return Err(Error::new(Kind::Refused, sentence));
    }
    short("amqp_expiration", &text)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Identifiers of messages: shaped like a UUID, unique by a random start, which is all they are for.
struct Ids {
    high: u64,
    low: u64,
}

impl Ids {
    fn new() -> Self {
        let [high, low] = random();
        Self { high, low }
    }

    fn next(&mut self) -> Result<ShortString, Error> {
        self.low = self.low.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let (high, low) = (mix(self.high ^ self.low), mix(self.low));
        let mut text = [b'-'; 36];
        let digits = (0..16)
            .map(|at| (high >> (60 - 4 * at)) & 15)
            .chain((0..16).map(|at| (low >> (60 - 4 * at)) & 15));
        let places = (0..36).filter(|at| ![8, 13, 18, 23].contains(at));
        for (place, digit) in places.zip(digits) {
            text[place] = b"0123456789abcdef"[usize::try_from(digit).unwrap_or_default()];
        }
        short("message id", std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Two random numbers, from the source of the hash maps of the standard library.
pub(super) fn random() -> [u64; 2] {
    [RandomState::new().hash_one(1_u8), RandomState::new().hash_one(2_u8)]
}

/// A number that looks random for every number.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What makes the name of an anonymous queue unique: 22 characters of the alphabet of URLs, as in Spring.
pub(super) fn unique() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let [high, low] = random();
    let number = (u128::from(high) << 64) | u128::from(low);
    let character = |at: u32| {
        // The last of the 22 holds the two bits that are left.
        let six = if at == 21 { (number << 4) & 63 } else { (number >> (122 - 6 * at)) & 63 };
        char::from(ALPHABET[usize::try_from(six).unwrap_or_default()])
    };
    (0..22).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_shape_of_a_uuid_and_differ() {
        let mut ids = Ids::new();
        let one = ids.next().unwrap().to_string();
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_ne!(one, ids.next().unwrap().to_string());
        assert_eq!(unique().len(), 22);
        assert_ne!(unique(), unique());
    }
}
