//! The loop that an expert would write by hand: publishes that do not wait for the socket, confirms looked at oldest
//! first, acknowledgements of many at once, never past a message that is not confirmed. It puts the same properties on
//! the wire as the bindings, which the broker has to read and store.

use std::collections::VecDeque;
use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer};

use super::pass::Clocks;
use super::{Broker, Cost};
use crate::Failure;
use crate::story::{email, sms};

/// Acknowledgements told together.
const TOGETHER: u32 = 64;
/// How many deliveries at once are load.
const LOAD: u32 = 8;

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
    done: u32,
}

type Confirm = BoxFuture<'static, lapin::Result<Confirmation>>;

/// Passes so many messages through the function by hand, publishing on the connection that reads or `apart` on another.
/// With `gather`, deliveries that come under load are let gather for so long before they are handled.
pub(super) async fn run(
    broker: &Broker,
    messages: u32,
    apart: bool,
    gather: Option<Duration>,
) -> Result<Cost, Failure> {
    let reading = broker.connect().await?;
    let writing = if apart { Some(broker.connect().await?) } else { None };
    let mut one = Loop::open(broker, &reading, writing.as_ref().unwrap_or(&reading)).await?;
    let first = one.consumer.next().await.ok_or("the consumer ended")??;
    let clocks = Clocks::start()?;
    one.handle(&first)?;
    while one.done < messages {
        let received = poll_fn(|cx| one.poll(cx)).await?;
        one.tell(received == 0).await?;
        if let Some(gather) = gather
            && received >= LOAD
        {
            tokio::time::sleep(gather).await;
        }
    }
    one.tell(true).await?;
    let cost = clocks.stop(messages)?;
    one.input.close(200, "done".into()).await?;
    Ok(cost)
}

impl Loop {
    async fn open(broker: &Broker, reading: &Connection, writing: &Connection) -> Result<Self, Failure> {
        let input = reading.create_channel().await?;
        input.basic_qos(broker.prefetch, BasicQosOptions::default()).await?;
        let output = writing.create_channel().await?;
        output.confirm_select(ConfirmSelectOptions::default()).await?;
        let (queue, options) = (broker.queue_from().as_str().into(), BasicConsumeOptions::default());
        let consumer = input.basic_consume(queue, "".into(), options, FieldTable::default()).await?;
        Ok(Self {
            input,
            consumer,
            output: Arc::new(output),
            exchange: broker.to.as_str().into(),
            properties: BasicProperties::default()
                .with_content_type("application/json".into())
                .with_headers(FieldTable::default())
                .with_priority(0)
                .with_timestamp(1_700_000_000)
                .with_message_id("0cc175b9-c0f1-b6a8-31c3-99e269772661".into())
                .with_delivery_mode(2),
            pending: VecDeque::new(),
            confirmed: 0,
            untold: 0,
            done: 0,
        })
    }

    /// Handles everything that is there, waiting for the first; tells how many deliveries there were.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u32, Failure>> {
        let before = self.done;
        while let Some((tag, confirm)) = self.pending.front_mut() {
            let Poll::Ready(confirmation) = confirm.poll_unpin(cx) else { break };
            let confirmation = confirmation?;
            if !confirmation.is_ack() || confirmation.take_message().is_some() {
                return Poll::Ready(Err("a message was not stored".into()));
            }
            self.confirmed = *tag;
            self.untold += 1;
            self.done += 1;
            self.pending.pop_front();
        }
        let mut received = 0;
        while let Poll::Ready(delivery) = self.consumer.poll_next_unpin(cx) {
            self.handle(&delivery.ok_or("the consumer ended")??)?;
            received += 1;
        }
        if received == 0 && self.done == before { Poll::Pending } else { Poll::Ready(Ok(received)) }
    }

    fn handle(&mut self, delivery: &Delivery) -> Result<(), Failure> {
        let answer = serde_json::to_vec(&sms(email(serde_json::from_slice(&delivery.data)?)))?;
        let confirm = self.publish(answer);
        self.pending.push_back((delivery.delivery_tag, confirm));
        Ok(())
    }

    /// Starts to send without waiting for the socket.
    fn publish(&self, answer: Vec<u8>) -> Confirm {
        let (output, exchange) = (Arc::clone(&self.output), self.exchange.clone());
        let (key, properties) = (self.exchange.clone(), self.properties.clone());
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let mut publish =
            async move { output.basic_publish(exchange, key, options, &answer, properties).await?.await }
                .boxed();
        match publish.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => ready(result).boxed(),
            Poll::Pending => publish,
        }
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
