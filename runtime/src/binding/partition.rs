//! The partition of a message, where the configuration says how it is chosen: Spring's choice.

use wellspring_functions::{EncodedMessage, Error, HeaderValue, Kind};

use crate::binder::partition_of;
use crate::config::ProducerConfig;
use crate::expression::{Expression, KeyExpression};

/// The partition that was chosen, as Spring tells the binder and, on Kafka, whoever reads the message.
const PARTITION: &str = "scst_partition";
/// A partition that somebody has chosen for this message already.
const OVERRIDE: &str = "scst_partitionOverride";

/// How the partition of a message is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitioning {
    key: Expression,
    selector: Option<KeyExpression>,
}

impl Partitioning {
    /// As configured; `None` leaves the choice to the binder.
    pub(super) fn of(producer: &ProducerConfig) -> Option<Self> {
        let key = producer.partition_key_expression.as_ref()?.value.clone();
        let selector = producer.partition_selector_expression.as_ref().map(|selector| selector.value.clone());
        Some(Self { key, selector })
    }

    /// Chooses one of `count` partitions and notes it in the message.
    ///
    /// # Errors
    /// When the message has no key. Another attempt would not help.
    pub(super) fn choose(&self, message: &mut EncodedMessage, count: u32) -> Result<u32, Error> {
        let chosen = message.headers().get(OVERRIDE).and_then(HeaderValue::as_integer);
        let partition = match chosen.and_then(|partition| u32::try_from(partition).ok()) {
            Some(partition) => {
                message.headers_mut().remove(OVERRIDE);
                partition
            }
            None => self.partition(message, count)?,
        };
        // Partitions are numbered with 32 bits and a sign, in Java and on the wire.
        message.headers_mut().set(PARTITION, i32::try_from(partition).unwrap_or(i32::MAX));
        Ok(partition)
    }

    fn partition(&self, message: &EncodedMessage, count: u32) -> Result<u32, Error> {
        let key = self.key.evaluate(message).map_err(|failed| refused(failed.to_string()))?;
        if key == HeaderValue::Null {
            return Err(refused(format!("it has no partition key: `{}` is null", self.key.text())));
        }
        let Some(selector) = &self.selector else { return Ok(partition_of(&key, count)) };
        let selected = selector.evaluate(&key).map_err(|failed| refused(failed.to_string()))?;
        Ok(partition_of(&selected.into(), count))
    }
}

#[cold]
fn refused(why: String) -> Error {
    Error::message(Kind::Unencodable, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::{ContentType, Message};

    fn by(key: &str, selector: Option<&str>) -> Partitioning {
        Partitioning { key: key.parse().unwrap(), selector: selector.map(|text| text.parse().unwrap()) }
    }

    fn message() -> EncodedMessage {
        Message::encoded(r#"{"id":-1}"#, ContentType::JSON).with_header("pk", "foo")
    }

    #[test]
    fn the_key_decides_as_in_spring_and_is_noted() {
        let mut message = message();
        assert_eq!(by("headers['pk']", None).choose(&mut message, 5).unwrap(), 4);
        assert_eq!(message.headers().get(PARTITION), Some(&HeaderValue::Int(4)));
        assert_eq!(by("payload.id", None).choose(&mut message, 3).unwrap(), 0, "a long, as in Spring");
        assert_eq!(by("headers['pk']", None).choose(&mut message, 1).unwrap(), 0);
    }

    #[test]
    fn a_selector_takes_the_place_of_the_hash_code() {
        let mut message = message();
        assert_eq!(by("headers['pk']", Some("5")).choose(&mut message, 3).unwrap(), 2);
        assert_eq!(by("payload.id", Some("#root")).choose(&mut message, 3).unwrap(), 1);
        assert_eq!(by("headers['pk']", Some("hashCode() + 1")).choose(&mut message, 5).unwrap(), 0);
    }

    #[test]
    fn a_partition_chosen_already_is_kept() {
        let mut message = message().with_header(OVERRIDE, 2);
        assert_eq!(by("headers['missing']", None).choose(&mut message, 3).unwrap(), 2);
        assert!(!message.headers().contains(OVERRIDE));
        assert_eq!(message.headers().integer(PARTITION), Some(2));
    }

    #[test]
    fn a_message_without_a_key_is_refused_for_good() {
        let error = |partitioning: Partitioning| partitioning.choose(&mut message(), 3).unwrap_err();
        let missing = error(by("headers['missing']", None));
        assert_eq!(missing.text(), "it has no partition key: `headers['missing']` is null");
        assert!(!missing.kind().is_retryable());
        let selected = error(by("headers['pk']", Some("#root")));
        assert_eq!(
            selected.text(),
            "the expression `#root` has no value: it gives `foo`, expected a whole number"
        );
    }
}
