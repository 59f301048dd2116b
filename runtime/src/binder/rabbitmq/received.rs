//! Headers of received messages: they stay as the client gave them until somebody reads them.

use std::sync::{Arc, LazyLock, OnceLock};

use lapin::BasicProperties;
use lapin::types::ShortString;
use wellspring_functions::{ContentType, HeaderName, HeaderSource, HeaderValue};

use super::compression::{AUTOMATIC, left};
use super::patterns::Patterns;
use super::value::{from_wire, millis};

/// The headers of one batch.
pub(super) struct Received {
    messages: Vec<(Raw, OnceLock<Entries>)>,
    patterns: Arc<Patterns>,
}

type Entries = Vec<(HeaderName, HeaderValue)>;

/// What came with a message, beside its payload.
pub(super) struct Raw {
    pub(super) properties: BasicProperties,
    pub(super) exchange: Arc<str>,
    pub(super) routing_key: Arc<str>,
    pub(super) queue: Arc<str>,
    pub(super) consumer_tag: Arc<str>,
    pub(super) delivery_tag: u64,
    pub(super) redelivered: bool,
    /// Whether the payload came packed and is not any more.
    pub(super) unpacked: bool,
}

impl Received {
    pub(super) fn new(batch: Vec<Raw>, patterns: Arc<Patterns>) -> Self {
        Self { messages: batch.into_iter().map(|raw| (raw, OnceLock::new())).collect(), patterns }
    }
}

impl HeaderSource for Received {
    fn entries(&self, index: u32) -> &[(HeaderName, HeaderValue)] {
        self.messages
            .get(index as usize)
            .map_or(&[], |(raw, read)| read.get_or_init(|| raw.read(&self.patterns)).as_slice())
    }
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
    fn read(&self, patterns: &Patterns) -> Entries {
        let names = &*NAMES;
        let table = self.properties.headers().as_ref();
        // Every message of Spring's has a priority; 0 says nothing.
        let priority = self.properties.priority().filter(|priority| *priority > 0);
        let mut entries = Vec::with_capacity(12 + table.map_or(0, |table| table.inner().len()));
        for (name, value) in table.into_iter().flatten() {
            // The header that Spring sends beside the property of the same name says the same.
            let said = name.as_str() == "priority" && priority.is_some()
                || name.as_str() == AUTOMATIC && self.unpacked;
            if !said && patterns.let_through(name.as_str()) {
                entries.push((name.as_str().into(), from_wire(value)));
            }
        }
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
        put(&names.exchange, Arc::clone(&self.exchange).into());
        put(&names.routing_key, Arc::clone(&self.routing_key).into());
        put(&names.queue, Arc::clone(&self.queue).into());
        put(&names.consumer_tag, Arc::clone(&self.consumer_tag).into());
        put(&names.delivery_tag, self.delivery_tag.cast_signed().into());
        put(&names.redelivered, self.redelivered.into());
        entries
    }
}

/// Texts that rarely change from one message to the next, so that each is copied once.
#[derive(Default)]
pub(super) struct Repeated {
    exchange: Option<Arc<str>>,
    routing_key: Option<Arc<str>>,
    content_type: Option<(Box<str>, Option<ContentType>)>,
}

impl Repeated {
    pub(super) fn exchange(&mut self, name: &ShortString) -> Arc<str> {
        shared(&mut self.exchange, name.as_str())
    }

    pub(super) fn routing_key(&mut self, key: &ShortString) -> Arc<str> {
        shared(&mut self.routing_key, key.as_str())
    }

    /// The content type that a message names. Quotes around it are tolerated; text that is none counts as nothing, so
    /// that the binding's content type holds, as it does for a message without one.
    pub(super) fn content_type(&mut self, properties: &BasicProperties) -> Option<ContentType> {
        let text = properties.content_type().as_ref()?.as_str();
        match &self.content_type {
            Some((last, parsed)) if **last == *text => parsed.clone(),
            _ => {
                let parsed = ContentType::parse(text.trim_matches('"')).ok();
                self.content_type = Some((text.into(), parsed.clone()));
                parsed
            }
        }
    }
}

fn shared(last: &mut Option<Arc<str>>, text: &str) -> Arc<str> {
    match last {
        Some(last) if **last == *text => Arc::clone(last),
        _ => {
            let new: Arc<str> = text.into();
            *last = Some(Arc::clone(&new));
            new
        }
    }
}
