//! A producer that has failed for good is replaced by another.
//!
//! The client library gives a producer up when it cannot tell any more what the broker has of it, as after a broker has
//! lost its sequence numbers. It takes no message afterwards, ever. No message is at fault: each is told not to have
//! been taken, and can be sent once more.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer, PurgeConfig};
use tokio::time::{Instant, Sleep, sleep};

use super::health::Pulse;
use super::native::{Outlet, Refusal, Sent};
use super::reports::Reports;

/// How long nothing is sent after a producer has failed for good.
const REST: Duration = Duration::from_millis(500);

/// How a producer is made.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    client: ClientConfig,
    reports: Reports,
}

impl Recipe {
    /// A producer for a topic, of a client with these settings.
    pub(super) fn new(client: ClientConfig, binding: &str, topic: &str) -> Self {
        Self { client, reports: Reports::new(binding, topic) }
    }

    pub(super) fn make(&self) -> Result<Outlet, KafkaError> {
        let producer = self.client.create_with_context(self.reports.clone())?;
        Outlet::new(producer, self.reports.topic())
    }

    /// Whether the library waits for more messages before it sends one.
    pub(super) fn lingers(&self) -> bool {
        let linger = self.client.get("linger.ms").and_then(|millis| millis.parse().ok());
        linger.is_some_and(|millis: f64| millis > 0.0)
    }

    /// What all producers made by this are, for what they have to say.
    pub(super) const fn reports(&self) -> &Reports {
        &self.reports
    }

    /// How they stand with the cluster, one after the other.
    pub(super) fn pulse(&self) -> Arc<Pulse> {
        self.reports.pulse()
    }
}

/// An outlet that is replaced when its producer has failed for good.
pub(super) struct Replaceable {
    recipe: Recipe,
    outlet: Outlet,
    /// When it is to be replaced, if its producer has failed.
    rest: Option<Pin<Box<Sleep>>>,
}

impl Replaceable {
    pub(super) fn new(recipe: Recipe) -> Result<Self, KafkaError> {
        Ok(Self { outlet: recipe.make()?, recipe, rest: None })
    }

    /// Hands a message over, which is copied. There is no room in a producer that has failed.
    #[inline]
    pub(super) fn send(&mut self, message: Sent<'_>) -> Result<(), RDKafkaErrorCode> {
        match self.outlet.send(message) {
            Err(RDKafkaErrorCode::Fatal) => {
                self.give_up();
                Err(RDKafkaErrorCode::QueueFull)
            }
            sent => sent,
        }
    }

    /// Reads every report that has come, as [`Outlet::poll_reports`] does. A producer that has failed is replaced when
    /// it has reported everything it was given.
    pub(super) fn poll_reports(
        &mut self,
        cx: &mut Context<'_>,
        mut tell: impl FnMut(u64, Option<Refusal>),
    ) -> Poll<()> {
        let mut was_refused = false;
        let polled = self.outlet.poll_reports(cx, |number, refusal| {
            was_refused |= refusal.is_some();
            tell(number, refusal);
        });
        if was_refused && self.outlet.failure().is_some() {
            self.give_up();
        }
        if polled.is_ready() || self.rest.is_none() {
            return polled;
        }
        self.poll_replaced(cx)
    }

    /// Gives back the outlet.
    pub(super) fn into_outlet(self) -> Outlet {
        self.outlet
    }

    #[cold]
    fn give_up(&mut self) {
        if self.rest.is_some() {
            return;
        }
        let (binding, failure) = (self.recipe.reports().binding(), self.outlet.failure());
        tracing::error!(binding, failure, "a producer has failed for good; another takes its place");
        self.purge();
        self.rest = Some(Box::pin(sleep(REST)));
    }

    /// Has the producer report everything, also what nobody answers any more.
    fn purge(&self) {
        self.outlet.producer().purge(PurgeConfig::default().queue().inflight().non_blocking());
    }

    fn poll_replaced(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            rest.as_mut().reset(Instant::now() + REST);
            if self.outlet.producer().in_flight_count() > 0 {
                self.purge();
                continue;
            }
            match self.recipe.make() {
                Ok(outlet) => {
                    let old = mem::replace(&mut self.outlet, outlet);
                    self.rest = None;
                    // Ending the library's threads blocks, which an async thread must not.
                    std::thread::spawn(move || drop(old));
                }
                Err(error) => {
                    let binding = self.recipe.reports().binding();
                    tracing::error!(binding, %error, "no other producer can be made; trying again");
                }
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use wellspring_functions::{ContentType, Message};

    use super::super::output::{KafkaOutput, Options};
    use super::*;
    use crate::binder::{Kind, Outgoing, Output};

    const TOPIC: &str = "replaced";

    /// Sends so many messages at once; tells what became of each.
    async fn send(output: &mut KafkaOutput, count: u64) -> Vec<Option<Kind>> {
        let mut told = Vec::new();
        for number in 0..count {
            poll_fn(|cx| output.poll_ready(cx)).await.unwrap();
            let message = Message::encoded(b"{}".to_vec(), ContentType::JSON);
            output.send(Outgoing { message, key: None, partition: Some(0) }, number);
        }
        while (told.len() as u64) < count {
            let confirmed = poll_fn(|cx| output.poll_confirmed(cx, &mut told));
            tokio::time::timeout(Duration::from_secs(30), confirmed).await.expect("reports").unwrap();
        }
        told.sort_by_key(|told| told.number);
        told.into_iter().map(|told| told.result.err().map(|error| error.kind())).collect()
    }

    #[tokio::test]
    async fn another_producer_takes_the_place_of_one_that_has_failed_for_good_and_no_message_is_blamed() {
        let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 1, 1).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers()).set("enable.idempotence", "true");
        let recipe = Recipe::new(client, "out", TOPIC);
        let mut output = KafkaOutput::new(recipe, Options::default()).unwrap();
        assert_eq!(send(&mut output, 2).await, [None; 2]);
        for _ in 0..2 {
            let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
            cluster.request_errors(RDKafkaApiKey::Produce, &[lost]);
            let told = send(&mut output, 1).await;
            assert_eq!(told, [Some(Kind::Closed)]);
            assert_eq!(send(&mut output, 100).await, [None; 100]);
        }
    }
}
