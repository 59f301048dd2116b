//! From topic to topic, committing what has been confirmed.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::join_all;
use ruststream::runtime::{Outgoing as Sent, PublishContext};
use ruststream_rdkafka::PARTITION_KEY_HEADER;
use ruststream_rdkafka::prelude::*;
use serde::{Deserialize, Serialize};

use crate::story::{AccountNumber, AccountsMsg, EmailSms, email_sms};
use crate::{Given, Work};

pub async fn run(work: Work) -> Result<(), Box<dyn Error>> {
    if work.tuned { in_batches(work).await } else { one_by_one(work).await }
}

fn topic(work: &Work) -> KafkaTopic {
    KafkaTopic::new(&work.input).group(&work.group).start(StartOffset::Earliest).commit(Commit::Tracked)
}

/// As by default: a handler that replies, one message at a time.
async fn one_by_one(work: Work) -> Result<(), Box<dyn Error>> {
    let topic = topic(&work);
    let output = work.output.to_string();
    RustStream::new(AppInfo::new("contestant", "0.1.0"))
        .with_broker(KafkaBroker::new([work.address]), |broker| {
            broker
                .include(subscriber("accounts", EmailSms).reply().to(output).build().map_source(|_| topic))
                .out_reply(Publish::default())
                .transform(PassKey);
        })
        .run()
        .await?;
    Ok(())
}

/// Gives the reply the key of the record.
struct PassKey;

impl<C, Options> PublishTransform<ForReply<C>, Options> for PassKey {
    type Destination = Reads;

    fn apply(&self, out: &mut Sent<'_>, _: &mut Option<Options>, context: &PublishContext<'_, C>) {
        if let Some(key) = context.headers().get_shared(PARTITION_KEY_HEADER) {
            out.headers_mut().insert(PARTITION_KEY_HEADER, key);
        }
    }
}

/// The header in which the key of a record comes and goes.
#[derive(Debug, Serialize, Deserialize)]
struct Key {
    #[serde(rename = "kafka-partition-key", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// An answer with the key of its record.
#[derive(Debug, Serialize, Outgoing)]
#[serde(transparent)]
#[outgoing(headers = Key)]
struct Keyed(AccountNumber);

/// Sends the answers of a batch together, in order, and settles each when it is confirmed.
#[subscriber("accounts")]
async fn batch(
    messages: &[Message<Key, AccountsMsg>],
    State(output): State<Arc<str>>,
    Out(numbers): Out<impl Publisher>,
) -> Vec<HandlerOutcome> {
    let sent = messages.iter().map(|message| async {
        let number = Keyed(email_sms(&message.body));
        numbers.message(&number).to(&*output).with_headers(&message.headers).publish().await
    });
    let settled = join_all(sent).await.into_iter();
    settled.map(|sent| if sent.is_ok() { HandlerOutcome::ack() } else { HandlerOutcome::retry() }).collect()
}

/// Tuned: as many as the client has fetched at once, fetched again as soon as by the others on this client, and an
/// idempotent producer, as its guide to production advises.
async fn in_batches(work: Work) -> Result<(), Box<dyn Error>> {
    let topic = topic(&work);
    let given = Given { output: work.output.clone() };
    let broker = KafkaBroker::new([work.address])
        .config("fetch.queue.backoff.ms", "10")
        .producer_config("enable.idempotence", "true");
    RustStream::new(AppInfo::new("contestant", "0.1.0"))
        .on_startup(async move |()| given.at_start().await)
        .with_broker(broker, |broker| {
            broker
                .include(batch.map_source(|_| topic).batch(nonzero!(1000usize)))
                .out(DefaultSlot, Publish::default())
                .build();
        })
        .run()
        .await?;
    Ok(())
}
