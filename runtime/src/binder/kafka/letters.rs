//! Dead letters as Spring's: which topic and partition they go to, and how their headers are written.

use std::collections::HashMap;

use wellspring_functions::{HeaderValue, Headers, header_names};

use super::config::{Config, ConsumerSettings};
use super::names::{self, RECEIVED_TOPIC, TIMESTAMP, TIMESTAMP_TYPE};
use super::provision::{Provisioner, Wanted};
use super::topics::provision;
use crate::binder::{Error, InputSpec, Kind, Outgoing};

const ORIGINAL_TIMESTAMP: &str = "x-original-timestamp";
const ORIGINAL_TIMESTAMP_TYPE: &str = "x-original-timestamp-type";
const STACK_TRACE: &str = "x-exception-stacktrace";

/// Where the dead letters of an input go by its own settings; several topics with commas.
pub(super) fn destination(settings: &ConsumerSettings, spec: &InputSpec) -> Option<String> {
    if settings.enable_dlq != Some(true) {
        return None;
    }
    if let Some(name) = &settings.dlq_name {
        return Some(name.clone());
    }
    let names = spec.destinations.iter().map(|topic| error_topic(topic, spec));
    Some(names.collect::<Vec<_>>().join(","))
}

fn error_topic(topic: &str, spec: &InputSpec) -> String {
    format!("error.{topic}.{}", spec.group.as_deref().unwrap_or("anonymous"))
}

/// Where the dead letters of each topic go.
#[derive(Debug)]
pub(super) struct Routes {
    by_topic: HashMap<String, Route>,
    fallback: Route,
    /// How large a batch each of them takes, in bytes, as far as the broker tells.
    limit: Option<u32>,
}

#[derive(Debug, Clone)]
struct Route {
    topic: String,
    partitions: u32,
}

/// Makes the topics of dead letters, and what they are the dead letters of. Blocks.
pub(super) fn provisioned(config: &Config, spec: &InputSpec, to: &str) -> Result<Routes, Error> {
    let settings = config.consumer(&spec.binding);
    let is_own = destination(&settings, spec).as_deref() == Some(to);
    refuse(&settings, spec, is_own)?;
    let provisioner = Provisioner::new(config)?;
    let topics = provision(&provisioner, spec, &settings)?;
    let is_per_topic = is_own && settings.dlq_name.is_none();
    let mut by_topic = HashMap::new();
    let mut fallback = Route { topic: to.to_owned(), partitions: 1 };
    let mut limit = None;
    for (topic, count) in topics {
        let name = if is_per_topic { error_topic(&topic, spec) } else { to.to_owned() };
        let partitions = settings.dlq_partitions.unwrap_or(count).max(1);
        let found = provisioner.ready(&Wanted {
            topic: &name,
            partitions,
            settings: &settings.dlq_producer_properties.topic,
            strict: false,
        })?;
        limit = [limit, provisioner.limit(&name)].into_iter().flatten().min();
        fallback = Route { topic: name, partitions: partitions.min(found) };
        by_topic.insert(topic, fallback.clone());
    }
    Ok(Routes { by_topic, fallback, limit })
}

fn refuse(settings: &ConsumerSettings, spec: &InputSpec, is_own: bool) -> Result<(), Error> {
    let binding = &spec.binding;
    let why = if is_own && spec.group.is_none() {
        "has no `group`, and nobody finds the dead letters of an anonymous one"
    } else if is_own && settings.destination_is_pattern == Some(true) {
        "reads a pattern, and its topics are not known"
    } else {
        return Ok(());
    };
    let sentence = format!("`enable-dlq` cannot be on: `{binding}` {why}");
    Err(Error::new(Kind::Refused, sentence))
}

impl Routes {
    /// What names them in logs and errors.
    pub(super) fn name(&self) -> &str {
        &self.fallback.topic
    }

    pub(super) const fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// The letter as a record: to its topic and partition, with its headers as Spring has them.
    pub(super) fn address(&self, mut letter: Outgoing) -> Outgoing {
        let headers = letter.message.headers_mut();
        let from = headers.text(RECEIVED_TOPIC).or_else(|| headers.text(header_names::ORIGINAL_DESTINATION));
        let from = from.unwrap_or_default().to_owned();
        let route = self.by_topic.get(&from).unwrap_or(&self.fallback);
        let partition = headers.integer(header_names::ORIGINAL_PARTITION).unwrap_or_default();
        let partition = u32::try_from(partition).unwrap_or_default();
        rewrite(headers, &from, partition);
        headers.set(names::TOPIC, route.topic.as_str());
        letter.partition = Some(partition % route.partitions);
        letter
    }
}

/// Puts what the engine says into Spring's names and encodings; all of it is bytes, which no list of types tells of.
fn rewrite(headers: &mut Headers, from: &str, partition: u32) {
    let text = |headers: &Headers, name: &str| headers.get(name).map(ToString::to_string).unwrap_or_default();
    let kind = text(headers, header_names::EXCEPTION_KIND);
    let message = text(headers, header_names::EXCEPTION_MESSAGE);
    let class = headers.text(header_names::EXCEPTION_CLASS).map_or_else(|| kind.clone(), str::to_owned);
    let trace = format!("{kind}: {message}");
    let offset = headers.integer(header_names::ORIGINAL_OFFSET).unwrap_or_default();
    let time = headers.integer(TIMESTAMP).unwrap_or(-1);
    let time_type = match headers.text(TIMESTAMP_TYPE) {
        Some("CREATE_TIME") => "CreateTime",
        Some("LOG_APPEND_TIME") => "LogAppendTime",
        _ => "NoTimestampType",
    };
    let written: [(&str, Vec<u8>); 11] = [
        (header_names::ORIGINAL_DESTINATION, from.into()),
        (header_names::ORIGINAL_PARTITION, partition.to_be_bytes().into()),
        (header_names::ORIGINAL_OFFSET, offset.to_be_bytes().into()),
        (ORIGINAL_TIMESTAMP, time.to_be_bytes().into()),
        (ORIGINAL_TIMESTAMP_TYPE, time_type.into()),
        (header_names::EXCEPTION_CLASS, class.into()),
        (header_names::EXCEPTION_MESSAGE, message.into()),
        (STACK_TRACE, trace.into()),
        (header_names::EXCEPTION_KIND, kind.into()),
        (header_names::ATTEMPTS, text(headers, header_names::ATTEMPTS).into()),
        (header_names::BINDING, text(headers, header_names::BINDING).into()),
    ];
    for (name, value) in written {
        headers.set(name, HeaderValue::Bytes(value.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::{ContentType, Message};

    fn route(topic: &str, partitions: u32) -> Route {
        Route { topic: topic.to_owned(), partitions }
    }

    fn addressed(
        routes: &Routes,
        headers: impl IntoIterator<Item = (&'static str, HeaderValue)>,
    ) -> Outgoing {
        let mut message = Message::encoded("x", ContentType::TEXT);
        *message.headers_mut() = headers.into_iter().collect();
        routes.address(Outgoing { message, key: None, partition: None })
    }

    #[test]
    fn a_letter_keeps_its_partition_as_far_as_there_are_any() {
        for (partitions, expected) in [(4, 2), (1, 0), (2, 0), (8, 2)] {
            let routes = Routes { by_topic: HashMap::new(), fallback: route("dlq", partitions), limit: None };
            let letter = addressed(&routes, [(header_names::ORIGINAL_PARTITION, 2i32.into())]);
            assert_eq!(letter.partition, Some(expected), "{partitions}");
        }
    }

    #[test]
    fn a_letter_goes_to_the_topic_of_its_record() {
        let by_topic = HashMap::from([("a".to_owned(), route("error.a.g", 1))]);
        let routes = Routes { by_topic, fallback: route("error.b.g", 1), limit: None };
        for (topic, expected) in [("a", "error.a.g"), ("b", "error.b.g")] {
            let letter = addressed(&routes, [(RECEIVED_TOPIC, topic.into())]);
            assert_eq!(letter.message.headers().text(names::TOPIC), Some(expected));
        }
    }

    #[test]
    fn what_was_said_of_an_earlier_failure_is_replaced() {
        let routes = Routes { by_topic: HashMap::new(), fallback: route("dlq", 1), limit: None };
        let once = [(RECEIVED_TOPIC, "a".into()), (header_names::ORIGINAL_OFFSET, 7i64.into())];
        let mut letter = addressed(&routes, once);
        letter.message.headers_mut().set(header_names::ORIGINAL_OFFSET, 9i64);
        let twice = routes.address(letter);
        let offsets: Vec<_> = twice.message.headers().get_all(header_names::ORIGINAL_OFFSET).collect();
        assert_eq!(offsets, [&HeaderValue::Bytes(9i64.to_be_bytes().to_vec().into())]);
    }
}
