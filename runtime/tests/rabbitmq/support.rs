//! A broker with names of a test's own, seen from outside.

use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::time::Duration;

use lapin::message::Delivery as Raw;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wellspring::binder::rabbitmq::{Config, RabbitMq};
use wellspring::binder::{
    Binder, Confirmation, Delivery, Input, InputSpec, Outgoing, Output, OutputSpec, Settlement,
};
use wellspring::config::Section;
use wellspring::{ContentType, EncodedMessage, Message};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A broker, and names that only this test uses.
pub(crate) struct Broker {
    pub(crate) uri: String,
    pub(crate) prefix: String,
    pub(crate) channel: Channel,
    _connection: Connection,
}

/// The broker, unless there is none: then the test is skipped, loudly.
pub(crate) async fn broker(test: &str) -> Option<Broker> {
    let Ok(uri) = std::env::var("WELLSPRING_TEST_RABBITMQ") else {
        eprintln!(
            "SKIPPED rabbitmq: {test} (`WELLSPRING_TEST_RABBITMQ` is not set; `scripts/brokers up rabbitmq`)"
        );
        return None;
    };
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let prefix = format!("t{:08x}.", RandomState::new().hash_one(test) as u32);
    Some(Broker { uri, prefix, channel, _connection: connection })
}

impl Broker {
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

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

    pub(crate) async fn publish(
        &self,
        exchange: &str,
        key: &str,
        payload: &[u8],
        properties: BasicProperties,
    ) {
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish(exchange.into(), key.into(), options, payload, properties);
        assert!(sent.await.unwrap().await.unwrap().is_ack());
    }

    /// The next messages of a queue, taken out of it.
    pub(crate) async fn take(&self, queue: &str, count: usize) -> Vec<Raw> {
        use futures_util::StreamExt;
        let channel = self._connection.create_channel().await.unwrap();
        // No more than asked for leaves the queue.
        channel.basic_qos(count.try_into().unwrap(), BasicQosOptions::default()).await.unwrap();
        let consumed = channel.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let taken = consumed.await.unwrap().take(count).map(Result::unwrap).collect::<Vec<Raw>>();
        let taken = tokio::time::timeout(PATIENCE, taken).await.expect("messages in time");
        channel.basic_ack(0, BasicAckOptions { multiple: true }).await.unwrap();
        channel.close(200, "done".into()).await.unwrap();
        taken
    }

    /// How many messages wait in a queue, none of them with a reader.
    pub(crate) async fn waiting(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .unwrap()
            .message_count()
    }

    /// Waits until a queue holds so many messages.
    pub(crate) async fn until_waiting(&self, queue: &str, count: u32) {
        let all = async {
            while self.waiting(queue).await != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("the queue gets there in time");
    }

    /// What the management interface says.
    pub(crate) async fn management(&self, path: &str) -> Option<Value> {
        let address = std::env::var("WELLSPRING_TEST_RABBITMQ_MANAGEMENT").ok()?;
        let host = address.strip_prefix("http://")?.trim_end_matches('/');
        let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!(
            "GET /api/{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{path}: {head}");
        Some(serde_json::from_str(body).unwrap())
    }

    /// The objects of the test that the management interface lists.
    pub(crate) async fn listed(&self, kind: &str) -> Vec<Value> {
        let all = self.management(&format!("{kind}/%2f?disable_stats=true&enable_queue_totals=true")).await;
        let mut all = all.unwrap_or_default().as_array().cloned().unwrap_or_default();
        let field = if kind == "bindings" { "destination" } else { "name" };
        all.retain(|one| one[field].as_str().is_some_and(|name| name.starts_with(&self.prefix)));
        all
    }

    /// Removes everything with a name of the test.
    pub(crate) async fn clean(&self) {
        for queue in self.listed("queues").await {
            let name = queue["name"].as_str().unwrap().into();
            self.channel.queue_delete(name, QueueDeleteOptions::default()).await.unwrap();
        }
        for exchange in self.listed("exchanges").await {
            let name = exchange["name"].as_str().unwrap().into();
            self.channel.exchange_delete(name, ExchangeDeleteOptions::default()).await.unwrap();
        }
    }
}

pub(crate) fn input_spec(destination: &str, group: &str) -> InputSpec {
    InputSpec {
        binding: "in".to_owned(),
        destinations: vec![destination.to_owned()],
        group: Some(group.to_owned()),
        partitions: Vec::new(),
        max_in_flight: 4096,
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
        tokio::time::timeout(PATIENCE, poll_fn(|cx| self.0.poll_ready(cx)))
            .await
            .expect("room in time")
            .unwrap();
        self.1 += 1;
        self.0.send(Outgoing { message, key: None, partition: None }, self.1);
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
