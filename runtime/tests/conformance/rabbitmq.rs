//! The RabbitMQ binder; from outside its broker is seen by a bare client and by the management interface.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OnceCell;
use wellspring::binder::{Binder, factory};
use wellspring::config::Section;
use wellspring::conformance::{Exclusion, Found, Raw, Settings, Subject, Tap, Wire};

pub(crate) struct RabbitUnderTest {
    uri: String,
    management: Option<String>,
    connection: OnceCell<Connection>,
}

fn built(settings: &str) -> Arc<dyn Binder> {
    let section = Section::from_yaml("stream.rabbitmq", settings).unwrap();
    let built = factory("rabbitmq").unwrap().build("rabbitmq", &section);
    built.unwrap_or_else(|problems| panic!("{problems}"))
}

fn said(error: impl std::fmt::Display) -> Found {
    Found::new(format!("the bare client says `{error}`"))
}

impl RabbitUnderTest {
    /// The broker that the environment names; without one the case is skipped.
    pub(crate) fn find() -> Option<Self> {
        let uri = crate::skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ")?;
        let management = std::env::var("WELLSPRING_TEST_RABBITMQ_MANAGEMENT").ok();
        let management = management.filter(|address| !address.is_empty());
        Some(Self { uri, management, connection: OnceCell::new() })
    }

    /// Where the broker listens: `host:port`.
    fn address(&self) -> &str {
        let behind = self.uri.rsplit_once('@').map_or(self.uri.as_str(), |(_, behind)| behind);
        behind.split('/').next().unwrap_or(behind)
    }

    async fn channel(&self) -> Result<Channel, Found> {
        let connect = || Connection::connect(&self.uri, ConnectionProperties::default());
        let connection = self.connection.get_or_try_init(connect).await.map_err(said)?;
        connection.create_channel().await.map_err(said)
    }

    /// What the management interface says, if it is there and knows the object.
    async fn management(&self, path: &str) -> Result<Option<Value>, Found> {
        let Some(address) = &self.management else { return Ok(None) };
        let host = address.trim_start_matches("http://").trim_end_matches('/');
        let mut socket = tokio::net::TcpStream::connect(host).await.map_err(said)?;
        let request = format!(
            "GET /api/{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.map_err(said)?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.map_err(said)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        if head.contains(" 404 ") { Ok(None) } else { serde_json::from_str(body).map(Some).map_err(said) }
    }

    /// Names of the test among the objects that the management interface lists.
    async fn listed(&self, kind: &str, prefix: &str) -> Result<Vec<String>, Found> {
        let all = self.management(&format!("{kind}/%2f?disable_stats=true&enable_queue_totals=true")).await?;
        let all = all.and_then(|all| all.as_array().cloned()).unwrap_or_default();
        let names = all.iter().filter_map(|one| one["name"].as_str());
        Ok(names.filter(|name| name.starts_with(prefix)).map(str::to_owned).collect())
    }
}

impl Subject for RabbitUnderTest {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn binder(&self, settings: &Settings) -> Arc<dyn Binder> {
        let address = settings.through.as_deref().unwrap_or(self.address());
        let password = settings.password.as_deref().unwrap_or("guest");
        let mut text = format!("uri: 'amqp://guest:{password}@{address}/%2f'\n");
        text.push_str("reconnect-initial-interval: 10ms\n");
        if settings.keeps_letters {
            text.push_str("default: { consumer: { auto-bind-dlq: true } }\n");
        }
        if let Some(bytes) = settings.largest_payload {
            text.push_str(&format!("max-message-size: {bytes}B\n"));
        }
        built(&text)
    }

    fn create<'a>(&'a self, destination: &'a str, _: u32) -> BoxFuture<'a, Result<(), Found>> {
        async move {
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let (kind, arguments) = (ExchangeKind::Topic, FieldTable::default());
            let channel = self.channel().await?;
            channel.exchange_declare(destination.into(), kind, options, arguments).await.map_err(said)
        }
        .boxed()
    }

    fn publish<'a>(&'a self, destination: &'a str, messages: Vec<Raw>) -> BoxFuture<'a, Result<(), Found>> {
        async move {
            let channel = self.channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(said)?;
            let mut confirms = Vec::new();
            for raw in messages {
                let (payload, options) =
                    (raw.payload.clone().unwrap_or_default(), BasicPublishOptions::default());
                let properties = properties(raw);
                let (exchange, key) = (destination.into(), destination.into());
                let sent = channel.basic_publish(exchange, key, options, &payload, properties).await;
                confirms.push(sent.map_err(said)?);
            }
            for confirm in confirms {
                let confirmed = confirm.await.map_err(said)?;
                if !confirmed.is_ack() {
                    return Err(Found::new("the bare client was not confirmed"));
                }
            }
            channel.close(200, "done".into()).await.map_err(said)
        }
        .boxed()
    }

    fn tap<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Box<dyn Tap>, Found>> {
        async move {
            let channel = self.channel().await?;
            let options =
                QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
            let queue =
                channel.queue_declare("".into(), options, FieldTable::default()).await.map_err(said)?;
            let (name, nothing) = (queue.name().clone(), FieldTable::default());
            let options = QueueBindOptions::default();
            channel
                .queue_bind(name.clone(), destination.into(), "#".into(), options, nothing.clone())
                .await
                .map_err(said)?;
            let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            let consumer = channel.basic_consume(name, "".into(), options, nothing).await.map_err(said)?;
            let destination = destination.to_owned();
            Ok(Box::new(RabbitTap { destination, consumer, _channel: channel }) as Box<dyn Tap>)
        }
        .boxed()
    }

    fn unsettled<'a>(
        &'a self,
        destination: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Option<u64>, Found>> {
        async move {
            let queue = self.management(&format!("queues/%2f/{destination}.{group}")).await?;
            Ok(queue.map(|queue| queue["messages"].as_u64().unwrap_or(u64::MAX)))
        }
        .boxed()
    }

    fn clean<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Found>> {
        async move {
            let channel = self.channel().await?;
            for queue in self.listed("queues", prefix).await? {
                let options = QueueDeleteOptions::default();
                channel.queue_delete(queue.as_str().into(), options).await.map_err(said)?;
            }
            for exchange in self.listed("exchanges", prefix).await? {
                let options = ExchangeDeleteOptions::default();
                channel.exchange_delete(exchange.as_str().into(), options).await.map_err(said)?;
            }
            channel.close(200, "done".into()).await.map_err(said)
        }
        .boxed()
    }

    fn wire(&self) -> BoxFuture<'_, Result<Wire, Found>> {
        Wire::to(self.address()).boxed()
    }

    fn exclusions(&self) -> &'static [Exclusion] {
        &[Exclusion {
            id: "D8",
            reason: "what the client holds already comes before what the broker has again",
        }]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["amqp_consumerQueue", "amqp_receivedRoutingKey", "amqp_receivedExchange", "amqp_deliveryTag"]
    }
}

fn properties(raw: Raw) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in raw.headers {
        table.insert(name.into(), AMQPValue::LongString(LongString::from(value.to_vec())));
    }
    let properties = BasicProperties::default().with_headers(table).with_delivery_mode(2);
    match raw.content_type {
        Some(content_type) => properties.with_content_type(content_type.into()),
        None => properties,
    }
}

struct RabbitTap {
    destination: String,
    consumer: Consumer,
    _channel: Channel,
}

impl Tap for RabbitTap {
    fn take(&mut self, count: usize) -> BoxFuture<'_, Result<Vec<Raw>, Found>> {
        async move {
            let mut all = Vec::new();
            while all.len() < count {
                let ended = || Found::new(format!("{} of {count} messages came", all.len()));
                let delivery = self.consumer.next().await.ok_or_else(ended)?.map_err(said)?;
                let partition = delivery.routing_key.as_str().strip_prefix(&self.destination);
                let headers = delivery.properties.headers().clone().unwrap_or_default();
                let headers = headers.inner().iter();
                all.push(Raw {
                    payload: Some(delivery.data.into()),
                    key: None,
                    partition: partition.and_then(|rest| rest.strip_prefix('-')?.parse().ok()),
                    content_type: delivery.properties.content_type().as_ref().map(ToString::to_string),
                    headers: headers.map(|(name, value)| (name.to_string(), bytes(value))).collect(),
                });
            }
            Ok(all)
        }
        .boxed()
    }
}

fn bytes(value: &AMQPValue) -> Bytes {
    match value {
        AMQPValue::LongString(text) => text.as_bytes().to_vec().into(),
        AMQPValue::ByteArray(bytes) => bytes.as_slice().to_vec().into(),
        AMQPValue::LongInt(number) => number.to_string().into(),
        other => format!("{other:?}").into(),
    }
}
