//! The sending end: a producer of the client library, which the task that sends asks for delivery reports.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use wellspring_functions::HeaderValue;

use super::apart::Apart;
use super::config::ProducerSettings;
use super::native::{Refusal, Sent};
use super::patterns::Patterns;
use super::replacing::{Recipe, Replaceable};
use super::reports::Reports;
use super::transaction::Member;
use super::{names, outgoing};
use crate::binder::{Confirmation, Error, Health, Kind, Outgoing, Output};
use crate::expression::Expression;

/// How many messages of an output may be unconfirmed.
const WINDOW: usize = 10_000;
/// How many messages are handed to the library together at most.
const BURST: usize = 256;
/// How long a closing output waits for what is on its way.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct KafkaOutput {
    way: Option<Way>,
    reports: Reports,
    in_flight: usize,
    /// What the library has not been given yet. It sends at once what it gets first, alone: given together, messages
    /// go out together. What it had no room for stays.
    waiting: VecDeque<(Outgoing, u64)>,
    /// Whether it is given one message at a time for now.
    apart: Apart,
    /// What became of messages, until somebody asks.
    told: Vec<Confirmation>,
    options: Options,
    /// Whether the key of a record that was received goes along as it is.
    passes_key_on: bool,
    /// Whether messages wait to be given to the library together, which does not wait for more itself.
    gathers: bool,
}

/// How messages go out.
enum Way {
    /// By a producer of the output's own.
    Own(Box<Replaceable>),
    /// By that of a transaction.
    Shared(Member),
}

impl Way {
    #[inline]
    fn send(&mut self, message: Sent<'_>) -> Result<(), RDKafkaErrorCode> {
        match self {
            Self::Own(outlet) => outlet.send(message),
            Self::Shared(member) => member.send(message),
        }
    }

    fn poll_reports(&mut self, cx: &mut Context<'_>, tell: impl FnMut(u64, Option<Refusal>)) -> Poll<()> {
        match self {
            Self::Own(outlet) => outlet.poll_reports(cx, tell),
            Self::Shared(member) => member.poll_reports(cx, tell),
        }
    }
}

/// What an output does beyond writing messages to its topic.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Whether a header of a message chooses its topic.
    pub(super) use_topic_header: bool,
    /// Which headers are written.
    pub(super) patterns: Option<Patterns>,
    /// How long a closing output waits for what is on its way.
    pub(super) close_timeout: Duration,
    /// What of a message is its key, if that is configured.
    pub(super) key: Option<Expression>,
    /// How many partitions the topic has at least.
    pub(super) partitions: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { use_topic_header: false, patterns: None, close_timeout: LAST_WORDS, key: None, partitions: 1 }
    }
}

impl From<&ProducerSettings> for Options {
    fn from(settings: &ProducerSettings) -> Self {
        let usual = Self::default();
        Self {
            use_topic_header: settings.use_topic_header.unwrap_or(usual.use_topic_header),
            patterns: settings.header_patterns.as_deref().map(Patterns::new),
            close_timeout: settings.close_timeout.unwrap_or(usual.close_timeout),
            key: settings.message_key_expression.clone(),
            partitions: usual.partitions,
        }
    }
}

impl KafkaOutput {
    /// An output with a producer of its own.
    pub(super) fn new(recipe: Recipe, options: Options) -> Result<Self, KafkaError> {
        let (reports, gathers) = (recipe.reports().clone(), !recipe.lingers());
        let own = Way::Own(Box::new(Replaceable::new(recipe)?));
        let mut output = Self::by(own, reports, options);
        output.gathers = gathers;
        Ok(output)
    }

    /// An output that is part of a transaction.
    pub(super) fn shared(member: Member, binding: &str, topic: &str, options: Options) -> Self {
        let reports = Reports::shared(binding, topic, member.pulse());
        Self::by(Way::Shared(member), reports, options)
    }

    fn by(way: Way, reports: Reports, options: Options) -> Self {
        let (waiting, told) = (VecDeque::new(), Vec::new());
        let key = options.key.as_ref().and_then(Expression::header);
        let passes_key_on = options.patterns.is_none() && key.is_some_and(names::is_received_key);
        let apart = Apart::default();
        Self {
            way: Some(way),
            reports,
            in_flight: 0,
            waiting,
            apart,
            told,
            options,
            passes_key_on,
            gathers: true,
        }
    }

    /// Reads what has become of messages.
    fn poll_reports(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { way: Some(way), reports, in_flight, told, apart, .. } = self else {
            return Poll::Pending;
        };
        way.poll_reports(cx, |number, failure| {
            failure.iter().for_each(|failure| apart.note(failure));
            let result = failure
                .map_or(Ok(()), |failure| Err(reports.failed(failure.code, &failure.topic, failure.size)));
            told.push(Confirmation { number, result });
            *in_flight = in_flight.saturating_sub(1);
        })
    }

    /// Hands a message to the library. Gives it back when there is no room.
    fn hand(&mut self, message: Outgoing, number: u64) -> Option<Outgoing> {
        let Some(way) = &mut self.way else { return None };
        let headers = message.message.headers();
        let (mut from_header, mut partition) = (None, message.partition.and_then(|n| i32::try_from(n).ok()));
        if !outgoing::is_plain(headers) {
            if message.key.is_none() && self.options.key.is_none() {
                from_header = key_of(outgoing::get(headers, names::KEY));
            }
            if message.partition.is_none() {
                let wanted = outgoing::get(headers, names::PARTITION).and_then(HeaderValue::as_integer);
                partition = wanted.and_then(|n| i32::try_from(n).ok());
            }
        }
        let passed_on = if self.passes_key_on { outgoing::received_key(headers) } else { None };
        let chosen = self.options.use_topic_header.then(|| headers.text(names::TOPIC)).flatten();
        let sent = way.send(Sent {
            topic: chosen,
            key: passed_on.or(message.key.as_deref()).or(from_header.as_deref()),
            value: message.message.payload().as_deref(),
            partition,
            headers: outgoing::write(headers),
            number,
        });
        match sent {
            Ok(()) => None,
            Err(RDKafkaErrorCode::QueueFull) => Some(message),
            Err(code) => {
                let topic = chosen.unwrap_or(self.reports.topic());
                let result = Err(self.reports.failed(code, topic, message.message.bytes().len()));
                self.told.push(Confirmation { number, result });
                self.in_flight = self.in_flight.saturating_sub(1);
                None
            }
        }
    }

    /// Hands over what waits, as far as there is room.
    fn retry(&mut self) {
        while !self.apart.is_on() || self.in_flight == self.waiting.len() {
            let Some((message, number)) = self.waiting.pop_front() else { return };
            if let Some(message) = self.hand(message, number) {
                self.waiting.push_front((message, number));
                return;
            }
        }
    }

    /// Hands over what waits, and reads what has become of messages.
    fn poll_handed_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.poll_reports(cx);
        self.retry();
        if polled.is_pending() && !self.waiting.is_empty() {
            // That a producer has failed may show only now; that it is replaced is to be waited for.
            return self.poll_reports(cx);
        }
        polled
    }

    fn has_room(&self) -> bool {
        self.in_flight < WINDOW && self.waiting.len() < BURST
    }
}

fn key_of(header: Option<&HeaderValue>) -> Option<Bytes> {
    match header? {
        HeaderValue::Bytes(bytes) => Some(bytes.clone()),
        HeaderValue::Null => None,
        other => Some(other.to_string().into()),
    }
}

impl Output for KafkaOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.has_room() {
            let polled = self.poll_handed_over(cx);
            if polled.is_pending() && !self.has_room() {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, mut message: Outgoing, number: u64) {
        if let Some(expression) = &self.options.key
            && !(self.passes_key_on && outgoing::received_key(message.message.headers()).is_some())
        {
            match expression.evaluate(&message.message) {
                Ok(HeaderValue::Bytes(key)) => message.key = Some(key),
                Ok(key) => message.key = key_of(Some(&key)),
                Err(failed) => {
                    let result = Err(Error::new(Kind::Refused, failed.to_string()));
                    self.retract(number);
                    return self.told.push(Confirmation { number, result });
                }
            }
        }
        self.in_flight += 1;
        if let Some(patterns) = &self.options.patterns {
            patterns.apply(message.message.headers_mut());
        }
        let waits = self.gathers || !self.waiting.is_empty() || self.apart.is_on();
        let kept = if waits { Some(message) } else { self.hand(message, number) };
        self.waiting.extend(kept.map(|message| (message, number)));
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        loop {
            let polled = self.poll_handed_over(cx);
            if !self.told.is_empty() {
                if confirmed.is_empty() {
                    std::mem::swap(confirmed, &mut self.told);
                } else {
                    confirmed.append(&mut self.told);
                }
                return Poll::Ready(Ok(()));
            }
            if polled.is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn retract(&mut self, number: u64) {
        if let Some(Way::Shared(member)) = &self.way {
            member.retract();
        }
        // What has not been handed over yet never is: it would be part of the transaction that follows.
        let Self { waiting, told, in_flight, .. } = self;
        waiting.retain(|(_, waiting)| {
            let is_kept = *waiting != number;
            if !is_kept {
                told.push(Confirmation { number, result: Ok(()) });
                *in_flight = in_flight.saturating_sub(1);
            }
            is_kept
        });
    }

    fn partitions(&self) -> u32 {
        self.options.partitions
    }

    fn health(&self) -> Arc<dyn Health> {
        self.reports.pulse()
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.apart.end();
        self.retry();
        // A transaction ends with its input.
        let outlet = match self.way.take() {
            Some(Way::Own(outlet)) => Some(outlet.into_outlet()),
            Some(Way::Shared(_)) | None => None,
        };
        let patience = self.options.close_timeout;
        async move {
            let closed = tokio::task::spawn_blocking(move || {
                // Both block: what is on its way gets a moment, then the library's threads end.
                let flushed = outlet.as_ref().map_or(Ok(()), |outlet| outlet.producer().flush(patience));
                drop(outlet);
                flushed
            });
            match closed.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    Err(super::failure::failed("some messages were not confirmed in time", error))
                }
                Err(error) => Err(Error::new(Kind::Closed, "the output did not close").because(error)),
            }
        }
        .boxed()
    }
}

impl Drop for KafkaOutput {
    fn drop(&mut self) {
        // Ending the library's threads blocks, which an async thread must not.
        if let Some(Way::Own(outlet)) = self.way.take() {
            std::thread::spawn(move || drop(outlet));
        }
    }
}
