//! Messages that wait until they are tried again: a queue beside each queue of the input, for every wait, from which the
//! broker moves them back when their time is over.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, ShortString};
use wellspring_functions::Headers;

use super::declaration::{Argument, Arguments, Declaration};
use super::outgoing::EXPIRATION;
use super::received::Raw;
use super::settings::{Consumer, ContainerType};
use super::topology;
use crate::binder::{DEATH, Error, InputSpec, Kind, Outgoing};

/// Where a message was published first; the broker moves it by way of the default exchange.
const EXCHANGE: &str = "x-retry-exchange";
const ROUTING_KEY: &str = "x-retry-routing-key";
/// How long it was to live, which is not to end its wait.
const LIVES_FOR: &str = "x-retry-expiration";

/// Whether messages of an input can wait.
///
/// # Errors
/// Why they cannot.
pub(super) fn check(consumer: &Consumer, waits: &[Duration]) -> Result<(), Error> {
    let longest = waits.last().copied().unwrap_or_default();
    let why = if consumer.container_type == Some(ContainerType::Stream) {
        "the input reads a stream, to which nothing can go back for one group alone".to_owned()
    } else if consumer.durable_subscription == Some(false) {
        "the queue of the input goes with its reader; leave `durable-subscription` out".to_owned()
    } else if i32::try_from(longest.as_millis()).is_err() {
        format!("RabbitMQ keeps nothing for {longest:?}, expected waits of at most {}ms", i32::MAX)
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Refused, why))
}

/// The queues in which messages of some queues wait for so long.
pub(super) struct Waiting {
    pub(super) declarations: Vec<Declaration>,
    /// Their names, in the order of the queues of the input.
    pub(super) names: Vec<String>,
}

/// The topology of one wait.
pub(super) fn waiting(queues: &[String], wait: Duration) -> Waiting {
    let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let names: Vec<_> = queues.iter().map(|queue| format!("{queue}.retry.{millis}")).collect();
    let text = |value: &str| Argument::Text(value.to_owned());
    let declaration = |(queue, name): (&String, &String)| Declaration::Queue {
        name: name.clone(),
        durable: true,
        exclusive: false,
        auto_delete: false,
        // Of quorum queues alone the broker moves a message such that it is in one of the two whatever happens.
        arguments: Arguments::from([
            ("x-queue-type".to_owned(), text("quorum")),
            ("x-overflow".to_owned(), text("reject-publish")),
            ("x-dead-letter-strategy".to_owned(), text("at-least-once")),
            ("x-dead-letter-exchange".to_owned(), text("")),
            ("x-dead-letter-routing-key".to_owned(), text(queue)),
            ("x-message-ttl".to_owned(), Argument::Number(millis)),
        ]),
    };
    Waiting { declarations: queues.iter().zip(&names).map(declaration).collect(), names }
}

/// The queues that an input reads.
///
/// # Errors
/// As for [`topology::input`].
pub(super) fn queues(consumer: &Consumer, spec: &InputSpec) -> Result<Vec<String>, Error> {
    let mut queues: Vec<_> =
        topology::input(consumer, spec, "")?.queues.into_iter().map(|(queue, _)| queue).collect();
    queues.dedup();
    Ok(queues)
}

/// Has a message wait that was read from one of the queues of the input; each has a routing key of its own, in their
/// order.
pub(super) fn put_off(mut outgoing: Outgoing, queues: &[String]) -> Outgoing {
    let headers = outgoing.message.headers_mut();
    let queue = headers.text("amqp_consumerQueue");
    let index = queues.iter().position(|name| Some(&**name) == queue).unwrap_or(0);
    outgoing.partition = u32::try_from(index).ok();
    outgoing.key = None;
    note(headers);
    outgoing
}

/// Keeps what the broker changes when it moves a message.
fn note(headers: &mut Headers) {
    let noted = [
        ("amqp_receivedExchange", EXCHANGE),
        ("amqp_receivedRoutingKey", ROUTING_KEY),
        (EXPIRATION, LIVES_FOR),
    ];
    for (from, to) in noted {
        if let Some(text) = headers.text(from).map(str::to_owned) {
            headers.set(to, text);
        }
    }
    headers.remove(EXPIRATION);
}

/// Makes of a message that has waited what it was before. One that has not stays as it is.
pub(super) fn restore(raw: &mut Raw) {
    let noted = raw.table().any(|(name, _)| name.as_str() == EXCHANGE);
    let Some(table) = raw.properties.headers().as_ref().filter(|_| noted) else { return };
    let mut left = FieldTable::default();
    let mut expiration = None;
    for (name, value) in table {
        match (name.as_str(), text(value)) {
            (EXCHANGE, Some(text)) => raw.exchange = text,
            (ROUTING_KEY, Some(text)) => raw.routing_key = text,
            (LIVES_FOR, text) => expiration = text,
            (other, _) if DEATH.contains(&other) => {}
            _ => drop(left.insert(name.clone(), value.clone())),
        }
    }
    let properties = std::mem::take(&mut raw.properties).with_headers(left);
    raw.properties = match expiration {
        Some(text) => properties.with_expiration(text),
        None => properties,
    };
}

fn text(value: &AMQPValue) -> Option<ShortString> {
    match value {
        AMQPValue::LongString(text) => ShortString::try_new(std::str::from_utf8(text.as_bytes()).ok()?).ok(),
        _ => None,
    }
}
