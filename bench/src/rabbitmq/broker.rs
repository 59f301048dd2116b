//! Exchanges and queues to measure with, as the runtime declares them.

use std::time::Duration;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};

use crate::Failure;
use crate::story::PAYLOAD;

/// The group that reads.
pub(super) const GROUP: &str = "g";
/// How many messages are sent before their confirms are awaited.
const WINDOW: u32 = 1000;

/// A broker, an exchange that is read and one that is written.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Its address.
    pub uri: String,
    /// The exchange that is read.
    pub from: String,
    /// The exchange that is written.
    pub to: String,
    /// How many deliveries may be unacknowledged.
    pub prefetch: u16,
}

impl Broker {
    /// Names of this process.
    #[must_use]
    pub fn new(uri: String, prefetch: u16) -> Self {
        let name = format!("ws-bench-{}", std::process::id());
        Self { uri, from: format!("{name}.from"), to: format!("{name}.to"), prefetch }
    }

    /// The queue that is read.
    #[must_use]
    pub fn queue_from(&self) -> String {
        format!("{}.{GROUP}", self.from)
    }

    /// The queue that keeps what is written.
    #[must_use]
    pub fn queue_to(&self) -> String {
        format!("{}.{GROUP}", self.to)
    }

    /// Connects.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        Ok(Connection::connect(&self.uri, ConnectionProperties::default()).await?)
    }

    /// Declares both ends, empty.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn declare(&self, channel: &Channel) -> Result<(), Failure> {
        let none = FieldTable::default;
        for (exchange, queue) in [(&self.from, self.queue_from()), (&self.to, self.queue_to())] {
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            channel.exchange_declare(exchange.as_str().into(), ExchangeKind::Topic, options, none()).await?;
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
            let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(queue.as_str().into(), options, none()).await?;
            let (queue, exchange) = (queue.as_str().into(), exchange.as_str().into());
            channel.queue_bind(queue, exchange, "#".into(), QueueBindOptions::default(), none()).await?;
        }
        Ok(())
    }

    /// Declares both ends and puts messages into the first.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn fill(&self, connection: &Connection, messages: u32) -> Result<(), Failure> {
        let channel = connection.create_channel().await?;
        self.declare(&channel).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut left = messages;
        while left > 0 {
            let burst = left.min(WINDOW);
            let sends = (0..burst).map(|_| self.publish(&channel));
            for sent in futures_util::future::try_join_all(sends).await? {
                assert!(sent.await?.is_ack(), "a message was not stored");
            }
            left -= burst;
        }
        // The broker first finishes what it does with them.
        tokio::time::sleep(Duration::from_millis(500)).await;
        channel.close(200, "done".into()).await?;
        Ok(())
    }

    /// Sends the message of the story to the first exchange.
    ///
    /// # Errors
    /// When the channel is gone.
    pub async fn publish(&self, channel: &Channel) -> lapin::Result<lapin::PublisherConfirm> {
        let properties =
            BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
        let (exchange, key) = (self.from.as_str().into(), self.from.as_str().into());
        channel.basic_publish(exchange, key, BasicPublishOptions::default(), PAYLOAD, properties).await
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete(&self, connection: &Connection) -> Result<(), Failure> {
        let channel = connection.create_channel().await?;
        for (exchange, queue) in [(&self.from, self.queue_from()), (&self.to, self.queue_to())] {
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
            channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await?;
        }
        Ok(())
    }
}
