//! A broker with names of a test's own, seen from outside.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use lapin::message::Delivery as Raw;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Queue};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A broker, and names that only this test uses.
pub(crate) struct Broker {
    pub(crate) uri: String,
    pub(crate) prefix: String,
    pub(crate) channel: Channel,
    _connection: Connection,
}

/// The broker; without one the test is skipped.
pub(crate) async fn broker(test: &str) -> Option<Broker> {
    let uri = crate::skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ")?;
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

    /// A channel that may be lost.
    pub(crate) async fn another_channel(&self) -> Channel {
        self._connection.create_channel().await.unwrap()
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
        let channel = self.another_channel().await;
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
        self.look(queue).await.message_count()
    }

    /// How many readers a queue has.
    pub(crate) async fn readers(&self, queue: &str) -> u32 {
        self.look(queue).await.consumer_count()
    }

    async fn look(&self, queue: &str) -> Queue {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap()
    }

    /// What the management interface says.
    pub(crate) async fn management(&self, path: &str) -> Option<Value> {
        let body = self.ask("GET", path).await?;
        Some(serde_json::from_str(&body).unwrap())
    }

    /// Asks the management interface for something.
    pub(crate) async fn ask(&self, method: &str, path: &str) -> Option<String> {
        let address = std::env::var("WELLSPRING_TEST_RABBITMQ_MANAGEMENT").ok()?;
        let host = address.strip_prefix("http://")?.trim_end_matches('/');
        let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!(
            "{method} /api/{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 ") || head.contains(" 204 "), "{path}: {head}");
        Some(body.to_owned())
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
