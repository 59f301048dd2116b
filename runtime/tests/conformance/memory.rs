//! The memory binder; from outside it is seen through its API for users' tests.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wellspring::binder::Binder;
use wellspring::conformance::{Exclusion, Found, Raw, Settings, Subject, Tap};
use wellspring::testing::{Destinations, Reader};
use wellspring::{ContentType, HeaderValue, Message};

#[derive(Default)]
pub(crate) struct MemoryUnderTest {
    destinations: Destinations,
}

impl Subject for MemoryUnderTest {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn binder(&self, _: &Settings) -> Arc<dyn Binder> {
        self.destinations.binder()
    }

    fn create<'a>(&'a self, destination: &'a str, partitions: u32) -> BoxFuture<'a, Result<(), Found>> {
        async move { Ok(self.destinations.create(destination, partitions).await?) }.boxed()
    }

    fn publish<'a>(&'a self, destination: &'a str, messages: Vec<Raw>) -> BoxFuture<'a, Result<(), Found>> {
        async move {
            for raw in messages {
                let partition = raw.partition;
                let key = raw.key.clone();
                self.destinations.send_to(destination, partition, key, written(raw)).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn tap<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Box<dyn Tap>, Found>> {
        async move {
            let reader = self.destinations.reader(destination, "tap").await?;
            Ok(Box::new(MemoryTap(reader)) as Box<dyn Tap>)
        }
        .boxed()
    }

    fn exclusions(&self) -> &'static [Exclusion] {
        const NO_BROKER: &str = "there is no broker to connect to";
        const NO_WIRE: &str = "there is no connection that could be cut or slowed";
        &[
            Exclusion { id: "A5", reason: "there is no limit: a payload stays where it is" },
            Exclusion { id: "A10", reason: "what is sent before the first group waits for it" },
            Exclusion { id: "H8", reason: "the binder adds no headers of its own" },
            Exclusion { id: "E1", reason: NO_BROKER },
            Exclusion { id: "E14", reason: NO_BROKER },
            Exclusion { id: "E2", reason: NO_WIRE },
            Exclusion { id: "E3", reason: NO_WIRE },
            Exclusion { id: "E4", reason: NO_WIRE },
            Exclusion { id: "E5", reason: NO_WIRE },
            Exclusion { id: "E15", reason: NO_WIRE },
        ]
    }
}

struct MemoryTap(Reader);

impl Tap for MemoryTap {
    fn take(&mut self, count: usize) -> BoxFuture<'_, Result<Vec<Raw>, Found>> {
        async move {
            let mut all = Vec::new();
            while all.len() < count {
                let received = self.0.next().await?;
                let headers = received.message.headers();
                all.push(Raw {
                    payload: received.message.payload().clone(),
                    key: received.key,
                    partition: Some(received.partition),
                    content_type: headers.content_type().map(|one| one.as_str().to_owned()),
                    headers: headers.iter().map(|(name, value)| (name.to_owned(), bytes(value))).collect(),
                });
            }
            Ok(all)
        }
        .boxed()
    }
}

fn written(raw: Raw) -> wellspring::EncodedMessage {
    let mut message = Message::new(raw.payload);
    let content_type = raw.content_type.and_then(|text| ContentType::parse(&text).ok());
    message.headers_mut().set_content_type(content_type);
    raw.headers.into_iter().fold(message, |message, (name, value)| match std::str::from_utf8(&value) {
        Ok(text) => message.with_header(name.as_str(), text),
        Err(_) => message.with_header(name.as_str(), value),
    })
}

fn bytes(value: &HeaderValue) -> Bytes {
    match value {
        HeaderValue::Bytes(bytes) => bytes.clone(),
        other => other.to_string().into(),
    }
}
