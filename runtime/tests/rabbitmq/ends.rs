//! Inputs and outputs of the binder, driven by a test.

use std::future::poll_fn;
use std::time::Duration;

use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use wellspring::binder::rabbitmq::{Config, RabbitMq};
use wellspring::binder::{
    Binder, Confirmation, Delivery, Input, InputSpec, Outgoing, Output, OutputSpec, Settlement,
};
use wellspring::config::Section;
use wellspring::{ContentType, EncodedMessage, Message};

pub(crate) use super::support::{Broker, PATIENCE, broker};

/// Looks again and again until something holds.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let looks = async {
        let mut moments = tokio::time::interval(Duration::from_millis(5));
        while !holds().await {
            moments.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

impl Broker {
    /// A binder with settings beside the address.
    pub(crate) fn binder(&self, settings: &str) -> RabbitMq {
        let section = Section::from_yaml("stream.rabbitmq", settings).unwrap();
        let config: Config = section.deserialize().unwrap_or_else(|problems| panic!("{problems}"));
        RabbitMq::new("rabbitmq", Config { uri: Some(self.uri.clone()), ..config })
    }

    /// A queue of the test's own, bound to an exchange.
    pub(crate) async fn queue(&self, name: &str, exchange: &str, key: &str) -> String {
        let name = self.name(name);
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await.unwrap();
        let bound = self.channel.queue_bind(
            name.as_str().into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.unwrap();
        name
    }

    /// Closes connections, as an operator does.
    pub(crate) async fn close_connections(&self, names: &[String]) {
        for name in names {
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
            self.ask("DELETE", &format!("connections/{encoded}")).await;
        }
    }

    /// Waits until a queue holds so many messages.
    pub(crate) async fn until_waiting(&self, queue: &str, count: u32) {
        eventually(&format!("`{queue}` holds {count}"), async || self.waiting(queue).await == count).await;
    }
}

pub(crate) fn input_spec(destination: &str, group: &str) -> InputSpec {
    InputSpec {
        binding: "in".to_owned(),
        destinations: vec![destination.to_owned()],
        group: Some(group.to_owned()),
        max_in_flight: 4096,
        sharing: Default::default(),
    }
}

pub(crate) fn output_spec(destination: &str) -> OutputSpec {
    OutputSpec {
        binding: "out".to_owned(),
        destination: destination.to_owned(),
        partition_count: 1,
        required_groups: Vec::new(),
    }
}

/// A member of a group.
pub(crate) struct Member(pub(crate) Box<dyn Input>);

impl Member {
    pub(crate) async fn join(binder: &RabbitMq, destination: &str, group: &str) -> Self {
        Self(binder.bind_input(input_spec(destination, group)).await.unwrap())
    }

    /// At least one delivery.
    pub(crate) async fn batch(&mut self) -> Vec<Delivery> {
        let mut batch = Vec::new();
        let received = poll_fn(|cx| self.0.poll_receive(cx, &mut batch, 256));
        tokio::time::timeout(PATIENCE, received).await.expect("deliveries in time").unwrap();
        batch
    }

    pub(crate) async fn receive(&mut self, count: usize) -> Vec<Delivery> {
        let mut all = Vec::new();
        while all.len() < count {
            all.append(&mut self.batch().await);
        }
        assert_eq!(all.len(), count, "more than were sent");
        all
    }

    pub(crate) async fn settle(&mut self, deliveries: Vec<Delivery>, settlement: Settlement) {
        for delivery in deliveries {
            self.0.settle(delivery.ticket, settlement);
        }
        poll_fn(|cx| self.0.poll_flush(cx)).await.unwrap();
    }

    pub(crate) async fn leave(self) {
        self.0.close().await.unwrap();
    }
}

/// An output that is told everything.
pub(crate) struct Writer(pub(crate) Box<dyn Output>, pub(crate) u64);

impl Writer {
    pub(crate) async fn open(binder: &RabbitMq, destination: &str) -> Self {
        Self(binder.bind_output(output_spec(destination)).await.unwrap(), 0)
    }

    /// Sends without waiting for the confirmation.
    pub(crate) async fn start(&mut self, message: EncodedMessage) -> u64 {
        self.hand_over(Outgoing { message, key: None, partition: None }).await
    }

    async fn hand_over(&mut self, outgoing: Outgoing) -> u64 {
        tokio::time::timeout(PATIENCE, poll_fn(|cx| self.0.poll_ready(cx)))
            .await
            .expect("room in time")
            .unwrap();
        self.1 += 1;
        self.0.send(outgoing, self.1);
        self.1
    }

    pub(crate) async fn confirmed(&mut self, count: usize) -> Vec<Confirmation> {
        let mut confirmed = Vec::new();
        while confirmed.len() < count {
            let told = poll_fn(|cx| self.0.poll_confirmed(cx, &mut confirmed));
            tokio::time::timeout(PATIENCE, told).await.expect("confirmations in time").unwrap();
        }
        confirmed
    }

    /// Sends to a partition that the sender has chosen, if any.
    pub(crate) async fn send_to(
        &mut self,
        message: EncodedMessage,
        partition: Option<u32>,
    ) -> Result<(), wellspring::binder::Error> {
        self.hand_over(Outgoing { message, key: None, partition }).await;
        self.confirmed(1).await.remove(0).result
    }

    pub(crate) async fn send_with_key(
        &mut self,
        message: EncodedMessage,
        key: &str,
    ) -> Result<(), wellspring::binder::Error> {
        let key = Some(bytes::Bytes::copy_from_slice(key.as_bytes()));
        self.hand_over(Outgoing { message, key, partition: None }).await;
        self.confirmed(1).await.remove(0).result
    }

    pub(crate) async fn send(&mut self, message: EncodedMessage) -> Result<(), wellspring::binder::Error> {
        self.start(message).await;
        self.confirmed(1).await.remove(0).result
    }
}

pub(crate) fn json(payload: impl Into<bytes::Bytes>) -> EncodedMessage {
    Message::encoded(payload, ContentType::JSON)
}

pub(crate) fn payloads(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|one| String::from_utf8(one.message.bytes().to_vec()).unwrap()).collect()
}
