//! The loop that an expert would write by hand: publishes that do not wait for the socket, confirms looked at oldest
//! first, acknowledgements of many at once, never past a message that is not confirmed. It puts the same properties on
//! the wire as the bindings, which the broker has to read and store.

use std::collections::VecDeque;
use std::future::{poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};

use super::Task;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::story::{email, sms};

/// Acknowledgements told together.
const TOGETHER: u32 = 64;
/// How many deliveries may be unacknowledged.
const PREFETCH: u16 = 250;

struct Loop {
    input: Channel,
    consumer: Consumer,
    output: Arc<Channel>,
    exchange: ShortString,
    properties: BasicProperties,
    pending: VecDeque<(u64, Confirm)>,
    /// The last tag that is confirmed, and how many the broker is to be told of.
    confirmed: u64,
    untold: u32,
}

pub(super) type Confirm = BoxFuture<'static, lapin::Result<Confirmation>>;

/// Passes messages through the functions by hand, reading and publishing on one connection.
pub(super) fn run(task: &Task) -> Result<(), Failure> {
    tokio::runtime::Runtime::new()?.block_on(pass(task))
}

async fn pass(task: &Task) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut told = pin!(terminate.recv());
    let connection = Connection::connect(&task.address, ConnectionProperties::default()).await?;
    let mut one = Loop::open(task, &connection).await?;
    while let Some(received) = poll_fn(|cx| match one.poll(cx) {
        Poll::Pending => told.as_mut().poll(cx).map(|_| None),
        received @ Poll::Ready(_) => received.map(Some),
    })
    .await
    {
        one.tell(received? == 0).await?;
    }
    one.input.basic_cancel(one.consumer.tag(), BasicCancelOptions::default()).await?;
    while let Some((tag, confirm)) = one.pending.pop_front() {
        confirmed(confirm.await?)?;
        (one.confirmed, one.untold) = (tag, one.untold + 1);
    }
    one.tell(true).await?;
    one.input.close(200, "done".into()).await?;
    Ok(connection.close(200, "done".into()).await?)
}

/// The properties that the bindings write, which the broker has to read and store.
pub(super) fn properties() -> BasicProperties {
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_headers(FieldTable::default())
        .with_priority(0)
        .with_timestamp(1_700_000_000)
        .with_message_id("0cc175b9-c0f1-b6a8-31c3-99e269772661".into())
        .with_delivery_mode(2)
}

/// Refuses what is not stored.
pub(super) fn confirmed(confirmation: Confirmation) -> Result<(), Failure> {
    if !confirmation.is_ack() || confirmation.take_message().is_some() {
        return Err("a message was not stored".into());
    }
    Ok(())
}

/// Starts to send without waiting for the socket.
pub(super) fn publish(
    output: &Arc<Channel>,
    exchange: &ShortString,
    properties: &BasicProperties,
    answer: Vec<u8>,
) -> Confirm {
    let (output, exchange) = (Arc::clone(output), exchange.clone());
    let (key, properties) = (exchange.clone(), properties.clone());
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let mut publish =
        async move { output.basic_publish(exchange, key, options, &answer, properties).await?.await }.boxed();
    match publish.poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => ready(result).boxed(),
        Poll::Pending => publish,
    }
}

impl Loop {
    async fn open(task: &Task, connection: &Connection) -> Result<Self, Failure> {
        let input = connection.create_channel().await?;
        input.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let output = connection.create_channel().await?;
        output.confirm_select(ConfirmSelectOptions::default()).await?;
        let queue = format!("{}.{}", task.input, task.group).into();
        let consumer = input
            .basic_consume(queue, "".into(), BasicConsumeOptions::default(), FieldTable::default())
            .await?;
        Ok(Self {
            input,
            consumer,
            output: Arc::new(output),
            exchange: task.output.as_str().into(),
            properties: properties(),
            pending: VecDeque::new(),
            confirmed: 0,
            untold: 0,
        })
    }

    /// Handles everything that is there, waiting for the first; tells how many deliveries there were.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u32, Failure>> {
        let before = self.untold;
        while let Some((tag, confirm)) = self.pending.front_mut() {
            let Poll::Ready(confirmation) = confirm.poll_unpin(cx) else { break };
            confirmed(confirmation?)?;
            self.confirmed = *tag;
            self.untold += 1;
            self.pending.pop_front();
        }
        let mut received = 0;
        while let Poll::Ready(delivery) = self.consumer.poll_next_unpin(cx) {
            self.handle(&delivery.ok_or("the consumer ended")??)?;
            received += 1;
        }
        if received == 0 && self.untold == before { Poll::Pending } else { Poll::Ready(Ok(received)) }
    }

    fn handle(&mut self, delivery: &Delivery) -> Result<(), Failure> {
        let answer = serde_json::to_vec(&sms(email(serde_json::from_slice(&delivery.data)?)))?;
        let confirm = publish(&self.output, &self.exchange, &self.properties, answer);
        self.pending.push_back((delivery.delivery_tag, confirm));
        Ok(())
    }

    /// Acknowledges what is confirmed, many at once; all of it when there is nothing else to do.
    async fn tell(&mut self, idle: bool) -> Result<(), Failure> {
        if self.untold >= TOGETHER || (self.untold > 0 && idle && self.pending.is_empty()) {
            self.input.basic_ack(self.confirmed, BasicAckOptions { multiple: true }).await?;
            self.untold = 0;
        }
        Ok(())
    }
}
