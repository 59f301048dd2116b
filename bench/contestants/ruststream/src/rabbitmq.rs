//! From queue to exchange, acknowledging what has been confirmed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ruststream_lapin::prelude::*;

use crate::story::{AccountsMsg, EmailSms, email_sms};
use crate::{Given, Work};

pub async fn run(work: Work) -> Result<(), Box<dyn Error>> {
    if work.tuned { in_batches(work).await } else { one_by_one(work).await }
}

fn queue(work: &Work) -> RabbitQueue {
    RabbitQueue::new(format!("{}.{}", work.input, work.group)).durable(true)
}

fn confirmed(work: &Work) -> TransactionalPublish {
    TransactionalPublish::default().exchange(&*work.output)
}

/// As by default: a handler that replies, one message at a time.
async fn one_by_one(work: Work) -> Result<(), Box<dyn Error>> {
    let (queue, confirmed) = (queue(&work), confirmed(&work));
    let output = work.output.to_string();
    RustStream::new(AppInfo::new("contestant", "0.1.0"))
        .with_broker(LapinBroker::new(work.address), |broker| {
            broker
                .include(subscriber("accounts", EmailSms).reply().to(output).build().map_source(|_| queue))
                .out_reply(confirmed);
        })
        .run()
        .await?;
    Ok(())
}

/// Sends the answers of a batch together, in order, and settles each when it is confirmed.
#[subscriber("accounts")]
async fn batch(
    accounts: &[AccountsMsg],
    State(output): State<Arc<str>>,
    Out(numbers): Out<impl Publisher>,
) -> Vec<HandlerOutcome> {
    let sent = accounts.iter().map(|account| async {
        let number = email_sms(account);
        numbers.message(&number).to(&*output).publish().await
    });
    let settled = join_all(sent).await.into_iter();
    settled.map(|sent| if sent.is_ok() { HandlerOutcome::ack() } else { HandlerOutcome::retry() }).collect()
}

/// Tuned: batches, which close early when nothing more comes, beneath a prefetch of the same size.
async fn in_batches(work: Work) -> Result<(), Box<dyn Error>> {
    let (queue, confirmed) = (queue(&work), confirmed(&work));
    let queue = queue.prefetch(nonzero!(250)).batch_wait(Duration::from_millis(2));
    let given = Given { output: work.output.clone() };
    RustStream::new(AppInfo::new("contestant", "0.1.0"))
        .on_startup(async move |()| given.at_start().await)
        .with_broker(LapinBroker::new(work.address), |broker| {
            broker
                .include(batch.map_source(|_| queue).batch(nonzero!(125usize)))
                .out(DefaultSlot, confirmed)
                .build();
        })
        .run()
        .await?;
    Ok(())
}
