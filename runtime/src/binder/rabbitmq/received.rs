//! Headers of received messages: they stay as the client gave them until somebody reads them.

use std::any::Any;
use std::sync::{Arc, LazyLock, OnceLock};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};
use wellspring_functions::{ContentType, HeaderName, HeaderSource, HeaderValue, Headers, header_names};

use super::compression::{AUTOMATIC, left};
use super::parts::{COUNT, FORMAT};
use super::patterns::Patterns;
use super::value::{from_wire, millis};
use crate::binder::facts::prevail;

/// The headers of one batch.
pub(super) struct Received {
    messages: Vec<(Raw, OnceLock<Entries>)>,
    patterns: Arc<Patterns>,
}

type Entries = Vec<(HeaderName, HeaderValue)>;

/// What came with a message, beside its payload.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) properties: BasicProperties,
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) origin: Arc<Origin>,
    pub(super) delivery_tag: u64,
    pub(super) redelivered: bool,
    /// Whether the payload came packed and is not any more.
    pub(super) unpacked: bool,
    /// Whether the payload is one of several that came as one.
    pub(super) is_part: bool,
}

/// Where the messages of a consumer come from.
pub(super) struct Origin {
    pub(super) queue: HeaderName,
    pub(super) consumer_tag: HeaderName,
}

impl Received {
    /// The headers of so many messages, of which those cross that `patterns` let through.
    pub(super) fn new(count: usize, patterns: Arc<Patterns>) -> Self {
        Self { messages: Vec::with_capacity(count), patterns }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn push(&mut self, raw: Raw) {
        self.messages.push((raw, OnceLock::new()));
    }

    /// What headers were received with, as long as nobody has changed them and every one is let through.
    pub(super) fn untouched(headers: &Headers) -> Option<&Raw> {
        let (source, index) = headers.source()?;
        let source: &dyn Any = source;
        let batch = source.downcast_ref::<Self>().filter(|batch| batch.patterns.is_empty())?;
        batch.messages.get(index as usize).map(|(raw, _)| raw).filter(|raw| raw.is_whole())
    }
}

impl HeaderSource for Received {
    fn entries(&self, index: u32) -> &[(HeaderName, HeaderValue)] {
        self.messages
            .get(index as usize)
            .map_or(&[], |(raw, read)| read.get_or_init(|| raw.read(&self.patterns)).as_slice())
    }

    fn is_empty(&self, index: u32) -> bool {
        // Every message tells at least where it comes from.
        index as usize >= self.messages.len()
    }

    fn contains(&self, index: u32, name: &str) -> bool {
        let Some((raw, read)) = self.messages.get(index as usize) else { return false };
        let as_received = self.patterns.is_empty() && raw.is_whole();
        if read.get().is_none() && as_received && !is_derived(name) {
            return raw.table().any(|(own, _)| own.as_str().eq_ignore_ascii_case(name));
        }
        self.entries(index).iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }
}

/// Whether a name may be that of a header which is not in the table of headers.
fn is_derived(name: &str) -> bool {
    let prefix = name.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("amqp_"));
    prefix || name.eq_ignore_ascii_case("priority")
}

/// Spring's names of what is not in the table of headers; shared by all messages.
static NAMES: LazyLock<Names> = LazyLock::new(Names::default);

macro_rules! names {
    ($($field:ident: $name:literal),* $(,)?) => {
        struct Names { $($field: HeaderName),* }

        impl Default for Names {
            fn default() -> Self {
                Self { $($field: $name.into()),* }
            }
        }
    };
}

names! {
    exchange: "amqp_receivedExchange",
    routing_key: "amqp_receivedRoutingKey",
    queue: "amqp_consumerQueue",
    consumer_tag: "amqp_consumerTag",
    delivery_tag: "amqp_deliveryTag",
    redelivered: "amqp_redelivered",
    delivery_mode: "amqp_receivedDeliveryMode",
    encoding: "amqp_contentEncoding",
    correlation_id: "amqp_correlationId",
    reply_to: "amqp_replyTo",
    expiration: "amqp_expiration",
    message_id: "amqp_messageId",
    timestamp: "amqp_timestamp",
    kind: "amqp_type",
    user_id: "amqp_receivedUserId",
    app_id: "amqp_appId",
    cluster_id: "amqp_clusterId",
    priority: "priority",
}

impl Raw {
    /// The table of headers.
    pub(super) fn table(&self) -> impl Iterator<Item = (&ShortString, &AMQPValue)> {
        self.properties.headers().iter().flatten()
    }

    /// Whether its headers are for the payload as it is.
    const fn is_whole(&self) -> bool {
        !self.unpacked && !self.is_part
    }

    /// Every message of Spring's has a priority; 0 says nothing.
    pub(super) fn priority(&self) -> Option<u8> {
        self.properties.priority().filter(|priority| *priority > 0)
    }

    fn read(&self, patterns: &Patterns) -> Entries {
        let names = &*NAMES;
        let priority = self.priority();
        let mut entries = Vec::with_capacity(16);
        for (name, value) in self.table() {
            // The header that Spring sends beside the property of the same name says the same.
            let said = name.as_str() == "priority" && priority.is_some()
                || name.as_str() == AUTOMATIC && self.unpacked
                || [FORMAT, COUNT].contains(&name.as_str()) && self.is_part;
            let is_ours = name.as_str() == header_names::RETRY_ATTEMPTS;
            if !said && (is_ours || patterns.let_through(name.as_str())) {
                entries.push((name.as_str().into(), from_wire(value)));
            }
        }
        let outside = entries.len();
        let mut put = |name: &HeaderName, value: HeaderValue| entries.push((Arc::clone(name), value));
        let properties = &self.properties;
        let texts = [
            (&names.correlation_id, properties.correlation_id()),
            (&names.reply_to, properties.reply_to()),
            (&names.expiration, properties.expiration()),
            (&names.message_id, properties.message_id()),
            (&names.kind, properties.kind()),
            (&names.user_id, properties.user_id()),
            (&names.app_id, properties.app_id()),
            (&names.cluster_id, properties.cluster_id()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                put(name, text.as_str().into());
            }
        }
        if let Some(encodings) = properties.content_encoding().as_ref().map(ShortString::as_str)
            && let Some(encodings) = if self.unpacked { left(encodings) } else { Some(encodings) }
        {
            put(&names.encoding, encodings.into());
        }
        if let Some(mode) = properties.delivery_mode() {
            put(&names.delivery_mode, if *mode == 2 { "PERSISTENT" } else { "NON_PERSISTENT" }.into());
        }
        if let Some(seconds) = properties.timestamp() {
            put(&names.timestamp, HeaderValue::Timestamp(millis(*seconds)));
        }
        if let Some(priority) = priority {
            put(&names.priority, HeaderValue::Int(priority.into()));
        }
        put(&names.exchange, self.exchange.as_str().into());
        put(&names.routing_key, self.routing_key.as_str().into());
        put(&names.queue, Arc::clone(&self.origin.queue).into());
        put(&names.consumer_tag, Arc::clone(&self.origin.consumer_tag).into());
        put(&names.delivery_tag, self.delivery_tag.cast_signed().into());
        put(&names.redelivered, self.redelivered.into());
        prevail(&mut entries, outside);
        entries
    }
}

/// The content type of the message before, which rarely differs from that of the next: it is parsed once.
#[derive(Default)]
pub(super) struct LastContentType(Option<(Box<str>, Option<ContentType>)>);

impl LastContentType {
    /// The content type that a message names. Quotes around it are tolerated; text that is none counts as nothing, so
    /// that the binding's content type holds, as it does for a message without one.
    pub(super) fn of(&mut self, properties: &BasicProperties) -> Option<ContentType> {
        let text = properties.content_type().as_ref()?.as_str();
        match &self.0 {
            Some((last, parsed)) if **last == *text => parsed.clone(),
            _ => {
                let parsed = ContentType::parse(text.trim_matches('"')).ok();
                self.0 = Some((text.into(), parsed.clone()));
                parsed
            }
        }
    }
}
