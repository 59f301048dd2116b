//! Exchanges and queues to measure with, as the runtime and Spring declare them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind, PublisherConfirm,
};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::brokers::{Ends, Reader, Writer, fresh_name, number};
use super::case::Case;
use crate::Failure;
use crate::story::{AccountsMsg, FIRST};

const GROUP: &str = "group";
/// How many messages are sent before their confirms are awaited.
const WINDOW: u64 = 1000;
/// How long the broker has for a message that it has counted.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two exchanges on a broker, each with a queue.
pub(super) struct Queues {
    tokio: Arc<Runtime>,
    /// Open as long as what is on it is used.
    connection: Connection,
    channel: Channel,
    uri: String,
    case: Case,
    input: String,
    output: String,
}

impl Queues {
    /// Declares both ends, empty.
    ///
    /// # Errors
    /// When the broker refuses.
    pub(super) fn make(uri: &str, case: Case) -> Result<Self, Failure> {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let name = fresh_name();
        let (input, output) = (format!("{name}.in"), format!("{name}.out"));
        let (connection, channel) = tokio.block_on(async {
            let connection = Connection::connect(uri, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            for exchange in [&input, &output] {
                declare(&channel, exchange).await?;
            }
            Ok::<_, Failure>((connection, channel))
        })?;
        let uri = uri.to_owned();
        Ok(Self { tokio: Arc::new(tokio), connection, channel, uri, case, input, output })
    }

    /// How many messages wait in a queue.
    async fn waiting(&self, queue: &str) -> Result<u32, Failure> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        Ok(self.channel.queue_declare(queue.into(), options, FieldTable::default()).await?.message_count())
    }

    /// Takes everything out of a queue.
    fn drain(&self, exchange: &str) -> Result<Vec<u64>, Failure> {
        self.tokio.block_on(async {
            let queue = queue(exchange);
            let (count, channel) = (self.waiting(&queue).await?, self.connection.create_channel().await?);
            let mut consumer = consume(&channel, &queue).await?;
            let mut numbers = Vec::with_capacity(count as usize);
            while numbers.len() < count as usize {
                let delivery = timeout(PATIENCE, consumer.next()).await?.ok_or("the consumer ended")??;
                numbers.push(number(&delivery.data)?);
            }
            channel.close(200, "done".into()).await?;
            Ok(numbers)
        })
    }
}

impl Ends for Queues {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("BENCH_ADDRESS", self.uri.clone()),
            ("BENCH_INPUT", self.input.clone()),
            ("BENCH_GROUP", GROUP.to_owned()),
            ("BENCH_OUTPUT", self.output.clone()),
            ("BENCH_PARTITIONS", "1".to_owned()),
        ]
    }

    fn fill(&mut self, messages: u64) -> Result<(), Failure> {
        self.tokio.block_on(async {
            let mut next = FIRST;
            while next < FIRST + messages {
                let end = (next + WINDOW).min(FIRST + messages);
                let sends = (next..end).map(|number| publish(&self.channel, &self.input, self.case, number));
                for sent in futures_util::future::try_join_all(sends).await? {
                    if !sent.await?.is_ack() {
                        return Err("a message was not stored".into());
                    }
                }
                next = end;
            }
            Ok(())
        })
    }

    fn count(&mut self) -> Result<u64, Failure> {
        self.tokio.block_on(self.waiting(&queue(&self.output))).map(u64::from)
    }

    fn outputs(&mut self) -> Result<Vec<u64>, Failure> {
        self.drain(&self.output)
    }

    fn to_be_done(&mut self) -> Result<Vec<u64>, Failure> {
        self.drain(&self.input)
    }

    fn writer(&self) -> Result<Box<dyn Writer>, Failure> {
        let channel = self.tokio.block_on(self.connection.create_channel())?;
        let (tokio, exchange, case) = (Arc::clone(&self.tokio), self.input.clone(), self.case);
        Ok(Box::new(Sending { tokio, channel, exchange, case }))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Failure> {
        let (tokio, queue) = (Arc::clone(&self.tokio), queue(&self.output));
        let consumer = self.tokio.block_on(async {
            let channel = self.connection.create_channel().await?;
            Ok::<_, Failure>(consume(&channel, &queue).await?)
        })?;
        Ok(Box::new(Receiving { tokio, consumer }))
    }

    fn remove(&mut self) -> Result<(), Failure> {
        self.tokio.block_on(async {
            for exchange in [&self.input, &self.output] {
                self.channel.queue_delete(queue(exchange).into(), QueueDeleteOptions::default()).await?;
                let options = ExchangeDeleteOptions::default();
                self.channel.exchange_delete(exchange.as_str().into(), options).await?;
            }
            Ok(self.connection.close(200, "done".into()).await?)
        })
    }
}

struct Sending {
    tokio: Arc<Runtime>,
    channel: Channel,
    exchange: String,
    case: Case,
}

impl Writer for Sending {
    fn send(&mut self, number: u64) -> Result<(), Failure> {
        let Self { tokio, channel, exchange, case } = self;
        tokio.block_on(publish(channel, exchange, *case, number)).map(drop)
    }
}

struct Receiving {
    tokio: Arc<Runtime>,
    consumer: Consumer,
}

impl Reader for Receiving {
    fn receive(&mut self, patience: Duration) -> Result<Option<u64>, Failure> {
        let Self { tokio, consumer } = self;
        match tokio.block_on(async { timeout(patience, consumer.next()).await }) {
            Err(_) => Ok(None),
            Ok(delivery) => number(&delivery.ok_or("the consumer ended")??.data).map(Some),
        }
    }
}

/// The queue of an exchange.
fn queue(exchange: &str) -> String {
    format!("{exchange}.{GROUP}")
}

async fn declare(channel: &Channel, exchange: &str) -> Result<(), Failure> {
    let (none, queue) = (FieldTable::default, queue(exchange));
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, none()).await?;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.as_str().into(), options, none()).await?;
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue.into(), exchange.into(), "#".into(), options, none()).await?)
}

async fn consume(channel: &Channel, queue: &str) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await
}

async fn publish(
    channel: &Channel,
    exchange: &str,
    case: Case,
    number: u64,
) -> Result<PublisherConfirm, Failure> {
    let payload = serde_json::to_vec(&AccountsMsg::numbered(number, case.bytes))?;
    let properties =
        BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    Ok(channel.basic_publish(exchange.into(), exchange.into(), options, &payload, properties).await?)
}
