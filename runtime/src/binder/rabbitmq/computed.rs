//! What the configuration computes for each message: its routing key and its delay.

use lapin::types::ShortString;
use wellspring_functions::{EncodedMessage, HeaderValue};

use super::declare::short;
use super::settings::Producer;
use crate::binder::{Error, Kind};
use crate::expression::{Expression, Failed, NumberExpression};

/// Delays a message on its way through a delayed exchange, in milliseconds.
const DELAY: &str = "x-delay";

/// The expressions of an output.
#[derive(Default)]
pub(super) struct Computed {
    key: Option<Expression>,
    /// The header that holds the key, where it is not computed.
    header: Option<&'static str>,
    delay: Option<NumberExpression>,
}

impl Computed {
    pub(super) fn new(producer: &Producer) -> Self {
        let (key, delay) = (producer.routing_key_expression.clone(), producer.delay_expression.clone());
        Self { key, header: None, delay }
    }

    /// For an output whose messages bring their routing keys along in a header.
    pub(super) fn from_header(name: &'static str) -> Self {
        Self { header: Some(name), ..Self::default() }
    }

    /// The routing key of a message, if one is computed; with the partition behind it where there is one.
    ///
    /// # Errors
    /// When the message has none, or a longer one than AMQP allows.
    pub(super) fn key(
        &self,
        message: &EncodedMessage,
        partition: Option<u32>,
    ) -> Result<Option<ShortString>, Error> {
        let Some(expression) = &self.key else {
            let key = self.header.and_then(|name| message.headers().text(name));
            return key.map(|key| short("routing key", key)).transpose();
        };
        let key = match expression.evaluate(message).map_err(|failed| refused(&failed))? {
            HeaderValue::Null => {
                let sentence = format!("the message has no routing key: `{}` is null", expression.text());
                return Err(Error::new(Kind::Refused, sentence));
            }
            key => key.to_string(),
        };
        let key = partition.map_or_else(|| key.clone(), |index| format!("{key}-{index}"));
        short("routing key", &key).map(Some)
    }

    /// Notes the delay of a message in its headers, if one is computed.
    ///
    /// # Errors
    /// When it is no number.
    pub(super) fn delay(&self, message: &mut EncodedMessage) -> Result<(), Error> {
        let Some(expression) = &self.delay else { return Ok(()) };
        if let Some(delay) = expression.evaluate(message).map_err(|failed| refused(&failed))? {
            message.headers_mut().set(DELAY, delay);
        }
        Ok(())
    }
}

fn refused(failed: &Failed) -> Error {
    Error::new(Kind::Refused, failed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::{ContentType, Message};

    fn computed(key: &str, delay: &str) -> Computed {
        Computed { key: Some(key.parse().unwrap()), header: None, delay: Some(delay.parse().unwrap()) }
    }

    fn message() -> EncodedMessage {
        Message::encoded(r#"{"wait":1500}"#, ContentType::JSON).with_header("rk", "k.foo")
    }

    #[test]
    fn a_routing_key_is_computed_and_carries_the_partition() {
        let computed = computed("headers['rk']", "payload.wait");
        let key = |partition| computed.key(&message(), partition).unwrap().unwrap();
        assert_eq!((key(None).as_str(), key(Some(2)).as_str()), ("k.foo", "k.foo-2"));
        assert!(Computed::default().key(&message(), Some(2)).unwrap().is_none());
    }

    #[test]
    fn a_delay_becomes_a_header() {
        let mut message = message();
        computed("'k'", "payload.wait").delay(&mut message).unwrap();
        assert_eq!(message.headers().get(DELAY), Some(&HeaderValue::Long(1500)));
        computed("'k'", "headers['missing']").delay(&mut message).unwrap();
        assert_eq!(message.headers().integer(DELAY), Some(1500), "nothing is said of it");
    }

    #[test]
    fn what_is_missing_is_an_error_that_names_the_expression() {
        let computed = computed("headers['missing']", "headers['rk']");
        let key = computed.key(&message(), None).unwrap_err();
        assert_eq!(key.to_string(), "the message has no routing key: `headers['missing']` is null");
        let delay = computed.delay(&mut message()).unwrap_err();
        let sentence =
            "the expression `headers['rk']` has no value: it gives `k.foo`, expected a whole number";
        assert_eq!(delay.to_string(), sentence);
    }
}
