//! Dead letters in the form that Spring gives them, so that whoever reads its dead-letter queues reads ours.

use wellspring_functions::{HeaderValue, Headers, header_names};

use super::outgoing::EXPIRATION;
use super::output::{PROPERTIES, RabbitOutput};
use super::value::size;
use crate::binder::Outgoing;

/// The error in Spring's words: here its kind and its text, there are no stack traces to show.
const STACK_TRACE: &str = "x-exception-stacktrace";
pub(super) const ORIGINAL_EXCHANGE: &str = "x-original-exchange";
pub(super) const ORIGINAL_ROUTING_KEY: &str = "x-original-routingKey";
/// How long the message was to live, which its letter is not to be bound by.
const ORIGINAL_EXPIRATION: &str = "x-original-expiration";
/// How often the message became a dead letter.
const RETRY_COUNT: &str = "retry-count";
/// What of a frame is left to the original headers unless `frame-max-headroom` says otherwise: Spring's default.
const HEADROOM: u32 = 20_000;

/// What is made of dead letters on their way.
pub(super) struct Letters {
    /// The queues of the input: each has a routing key of its own, in this order.
    queues: Vec<String>,
    /// How many bytes all headers may take.
    room: usize,
    /// How many bytes the error may take.
    most: usize,
}

impl Letters {
    /// `queues` are in the order of the output's routing keys; without any, the output has but one key.
    pub(super) fn new(output: &RabbitOutput, queues: Vec<String>, headroom: Option<u32>) -> Self {
        let headroom = usize::try_from(headroom.unwrap_or(HEADROOM)).unwrap_or(usize::MAX);
        let frame = output.frame_max();
        let (room, most) = (frame.saturating_sub(PROPERTIES), frame.saturating_sub(headroom));
        Self { queues, room, most }
    }

    /// A letter in Spring's form, with its routing key.
    pub(super) fn address(&self, mut letter: Outgoing) -> Outgoing {
        letter.partition = self.key(letter.message.headers());
        letter.key = None;
        self.translate(letter.message.headers_mut());
        letter
    }

    /// Which routing key: that of the queue the message was read from.
    fn key(&self, headers: &Headers) -> Option<u32> {
        let queue = headers.text("amqp_consumerQueue");
        let index = self.queues.iter().position(|name| Some(&**name) == queue).unwrap_or(0);
        if self.queues.is_empty() { None } else { u32::try_from(index).ok() }
    }

    /// Puts what the engine says into Spring's headers. What an earlier pass left there is replaced.
    fn translate(&self, headers: &mut Headers) {
        let counted = headers.integer(RETRY_COUNT).unwrap_or(0);
        for (from, to) in [
            ("amqp_receivedExchange", ORIGINAL_EXCHANGE),
            ("amqp_receivedRoutingKey", ORIGINAL_ROUTING_KEY),
            (EXPIRATION, ORIGINAL_EXPIRATION),
        ] {
            if let Some(text) = headers.text(from).map(str::to_owned) {
                headers.set(to, text);
            }
        }
        headers.set(RETRY_COUNT, counted + 1);
        for name in [
            header_names::ORIGINAL_DESTINATION,
            header_names::ORIGINAL_PARTITION,
            header_names::ORIGINAL_OFFSET,
            EXPIRATION,
            STACK_TRACE,
        ] {
            headers.remove(name);
        }
        let said = headers.text(header_names::EXCEPTION_MESSAGE).unwrap_or_default().to_owned();
        headers.remove(header_names::EXCEPTION_MESSAGE);
        let kind = headers.text(header_names::EXCEPTION_KIND).unwrap_or_default();
        let trace = format!("{kind}: {said}");
        let taken: usize = headers.iter().map(|(name, value)| 1 + name.len() + size(value)).sum();
        let names = header_names::EXCEPTION_MESSAGE.len() + STACK_TRACE.len() + 12;
        let room = self.most.min(self.room.saturating_sub(taken + names));
        let said = cut(&said, room / 2);
        let trace = cut(&trace, room - said.len());
        headers.set(header_names::EXCEPTION_MESSAGE, HeaderValue::from(said));
        headers.set(STACK_TRACE, HeaderValue::from(trace));
    }
}

/// The start of a text, without half a character at the end.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
