//! Deliveries that wait for another attempt at their broker: they outlive this process, and hold up nobody.

use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;
use wellspring_functions::{EncodedMessage, Error, header_names};

use super::driver::Driver;
use super::outbox::{Outbox, Told};
use super::timers::Due;
use crate::binder::{Delivery, Settlement};
use crate::binding::publisher::Publisher;

/// Where deliveries wait for another attempt.
#[derive(Default)]
pub(in crate::binding) struct Later {
    /// Whether they wait at the broker at all, and not in this process.
    is_on: bool,
    /// The places, each with its wait, the shortest first.
    places: Vec<(Duration, Outbox)>,
}

impl Later {
    pub(in crate::binding) fn new(places: Vec<(Duration, Publisher)>) -> Self {
        let place = |(wait, publisher)| (wait, Outbox::new(Some(publisher)));
        Self { is_on: true, places: places.into_iter().map(place).collect() }
    }

    pub(in crate::binding) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether the function was called with a delivery before, which waited at its broker since.
    #[inline]
    pub(in crate::binding) fn has_waited(&self, delivery: &Delivery) -> bool {
        self.is_on && delivery.message.headers().contains(header_names::RETRY_ATTEMPTS)
    }

    /// How often the function was called with a message before it waited; what tells so is taken out.
    #[inline]
    pub(in crate::binding) fn earlier(&self, message: &mut EncodedMessage) -> u32 {
        if !self.is_on || !message.headers().contains(header_names::RETRY_ATTEMPTS) {
            return 0;
        }
        let earlier = message.headers().integer(header_names::RETRY_ATTEMPTS).unwrap_or_default();
        message.headers_mut().remove(header_names::RETRY_ATTEMPTS);
        u32::try_from(earlier).unwrap_or_default()
    }

    /// Sends a message to the place of a wait; its number stands for it from now on.
    fn send(&mut self, number: u64, wait: Duration, message: EncodedMessage) {
        let at = self.places.partition_point(|(other, _)| *other < wait);
        let at = at.min(self.places.len().saturating_sub(1));
        if let Some((_, place)) = self.places.get_mut(at) {
            place.send(number, message);
        }
    }

    /// Sends a message once more that was not accepted.
    pub(in crate::binding) fn send_again(&mut self, number: u64) {
        let place = self.places.iter_mut().find(|(_, place)| place.has(number));
        place.into_iter().for_each(|(_, place)| place.send_again(number));
    }

    /// Whether every message is confirmed.
    pub(in crate::binding) fn is_empty(&self) -> bool {
        self.places.iter().all(|(_, place)| place.is_empty())
    }

    /// The outputs alone.
    pub(in crate::binding) fn into_publishers(self) -> impl Iterator<Item = Publisher> {
        self.places.into_iter().filter_map(|(_, place)| place.into_publisher())
    }
}

impl Driver {
    /// Sends a delivery to where it waits for its next attempt. The original stays until that is confirmed.
    pub(in crate::binding) fn put_off(&mut self, number: u64, error: &Error) {
        let Some(open) = self.ledger.get_mut(number) else { return };
        let attempts = open.calls;
        let wait = self.policy.retry.durable_wait(attempts);
        tracing::debug!(
            binding = self.binding.name(), partition = open.partition, position = open.position, attempts,
            %error, ?wait, "waiting at the broker to be tried again"
        );
        let mut message = open.message.clone();
        let headers = message.headers_mut();
        headers.set(header_names::RETRY_ATTEMPTS, attempts);
        if let Some(key) = &open.key {
            headers.set(header_names::MESSAGE_KEY, key.clone());
        }
        self.later.send(number, wait, message);
    }

    pub(in crate::binding) fn poll_later(&mut self, cx: &mut Context<'_>) -> bool {
        let mut told = Vec::new();
        self.later.places.iter_mut().for_each(|(_, place)| place.poll(cx, &mut told));
        let moved = !told.is_empty();
        for message in told {
            match message {
                Told::Confirmed(number) => self.has_put_off(number),
                Told::Refused(number, times, error) => {
                    let wait = self.policy.retry.backoff(times);
                    tracing::error!(
                        binding = self.binding.name(), %error, ?wait,
                        "a message cannot be kept for another attempt; the original stays"
                    );
                    self.timers.at(Instant::now() + wait, Due::Later(number));
                }
            }
        }
        moved
    }

    /// The broker keeps what is to be tried again.
    fn has_put_off(&mut self, number: u64) {
        if let Some(ticket) = self.ledger.take(number).and_then(|mut open| open.take_ticket()) {
            self.ends.input.settle(ticket, Settlement::Ack);
        }
    }
}
