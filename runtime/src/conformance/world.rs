//! What a case has at hand: binders, names of its own, ends, and a deadline for everything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wellspring_functions::{ContentType, EncodedMessage, Message};

use super::chaos::{Chaos, Trouble};
use super::ends::{Reader, Writer};
use super::found::{Outcome, same};
use super::random::Random;
use super::{Found, Raw, Settings, Subject, Tap, Wire};
use crate::binder::{
    Binder, Capabilities, Delivery, Error, InputSpec, Outgoing, Output, OutputSpec, Sharing,
};

/// The surroundings of one run of a case.
pub(super) struct World {
    pub(super) subject: Arc<dyn Subject>,
    pub(super) patience: Duration,
    prefix: String,
    trouble: Option<Trouble>,
    random: Mutex<Random>,
    ends: AtomicU64,
}

impl World {
    pub(super) fn new(
        subject: Arc<dyn Subject>,
        patience: Duration,
        seed: u64,
        trouble: Option<Trouble>,
    ) -> Self {
        // The seed is in the name; what repeats it must not meet what is left of the first time.
        let prefix = format!("wsc-{:016x}", seed ^ Random::fresh());
        let (random, ends) = (Mutex::new(Random::seeded(seed)), AtomicU64::new(0));
        Self { subject, patience, prefix, trouble, random, ends }
    }

    /// What every name of this run begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A name that nobody else uses.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// Whether deliveries may come more than once although nobody has asked for it.
    pub(super) fn may_repeat(&self) -> bool {
        self.trouble == Some(Trouble::Redelivery)
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.subject.binder(&Settings::default()).capabilities()
    }

    /// A binder such as another process would make.
    pub(super) fn binder(&self) -> Arc<dyn Binder> {
        self.binder_with(&Settings::default())
    }

    pub(super) fn binder_with(&self, settings: &Settings) -> Arc<dyn Binder> {
        let binder = self.subject.binder(settings);
        match self.trouble {
            None => binder,
            Some(trouble) => {
                let seed = self.random.lock().unwrap_or_else(PoisonError::into_inner).next();
                Arc::new(Chaos::new(binder, trouble, seed))
            }
        }
    }

    /// What must happen in time.
    pub(super) async fn in_time<T>(&self, what: &str, happens: impl Future<Output = T>) -> Outcome<T> {
        in_time(self.patience, what, happens).await
    }

    /// A destination that somebody else has made.
    pub(super) async fn create(&self, name: &str, partitions: u32) -> Outcome<String> {
        let destination = self.name(name);
        self.in_time("making a destination", self.subject.create(&destination, partitions)).await??;
        Ok(destination)
    }

    /// Writes with the bare client.
    pub(super) async fn publish(&self, destination: &str, messages: Vec<Raw>) -> Outcome {
        self.in_time("writing with the bare client", self.subject.publish(destination, messages)).await?
    }

    /// Numbers as payloads, written with the bare client.
    pub(super) async fn publish_numbers(&self, destination: &str, numbers: std::ops::Range<u64>) -> Outcome {
        self.publish(destination, numbers.map(|n| Raw::of(n.to_string())).collect()).await
    }

    /// Reads with the bare client.
    pub(super) async fn tap(&self, destination: &str) -> Outcome<Box<dyn Tap>> {
        self.in_time("reading with the bare client", self.subject.tap(destination)).await?
    }

    pub(super) async fn take(&self, tap: &mut dyn Tap, count: usize) -> Outcome<Vec<Raw>> {
        let what = format!("the bare client reads {count} messages");
        self.in_time(&what, tap.take(count)).await?
    }

    pub(super) async fn wire(&self) -> Outcome<Wire> {
        self.in_time("laying a wire", self.subject.wire()).await?
    }

    /// The input of a group as most cases want it.
    pub(super) fn input(&self, destination: &str, group: Option<&str>) -> InputSpec {
        let number = self.ends.fetch_add(1, Ordering::Relaxed);
        InputSpec {
            binding: format!("conformance{number}-in-0"),
            destinations: vec![destination.to_owned()],
            group: group.map(|group| self.name(group)),
            max_in_flight: 1000,
            sharing: Sharing::default(),
        }
    }

    pub(super) fn output(&self, destination: &str) -> OutputSpec {
        let number = self.ends.fetch_add(1, Ordering::Relaxed);
        OutputSpec {
            binding: format!("conformance{number}-out-0"),
            destination: destination.to_owned(),
            partition_count: 1,
            required_groups: Vec::new(),
        }
    }

    /// A member of a group, by a binder of its own.
    pub(super) async fn join(&self, destination: &str, group: &str) -> Outcome<Reader> {
        self.bind(&*self.binder(), self.input(destination, Some(group))).await
    }

    pub(super) async fn bind(&self, binder: &dyn Binder, spec: InputSpec) -> Outcome<Reader> {
        let what = format!("binding an input to {:?}", spec.destinations);
        let input = self.in_time(&what, binder.bind_input(spec)).await?;
        Ok(Reader::new(input.map_err(|error| Found::from(error).during(&what))?, self.patience))
    }

    /// An output, by a binder of its own.
    pub(super) async fn writer(&self, destination: &str) -> Outcome<Writer> {
        self.open(&*self.binder(), self.output(destination)).await
    }

    pub(super) async fn open(&self, binder: &dyn Binder, spec: OutputSpec) -> Outcome<Writer> {
        let destination = spec.destination.clone();
        self.ends_at(&destination, binder.bind_output(spec)).await
    }

    /// An output of whatever sort that is being bound.
    pub(super) async fn ends_at(
        &self,
        destination: &str,
        binding: impl Future<Output = Result<Box<dyn Output>, Error>>,
    ) -> Outcome<Writer> {
        let what = format!("binding an output to `{destination}`");
        let output = self.in_time(&what, binding).await?;
        Ok(Writer::new(output.map_err(|error| Found::from(error).during(&what))?, self.patience))
    }

    /// How many messages the broker still has for a group; waits until they are so many. Where the broker cannot tell,
    /// nothing is compared.
    pub(super) async fn until_unsettled(&self, destination: &str, group: &str, expected: u64) -> Outcome {
        let group = self.name(group);
        let mut last = None;
        let looks = async {
            let mut moments = tokio::time::interval(Duration::from_millis(20));
            loop {
                last = self.subject.unsettled(destination, &group).await?;
                if last.is_none_or(|count| count == expected) {
                    return Ok(());
                }
                moments.tick().await;
            }
        };
        match tokio::time::timeout(self.patience, looks).await {
            Ok(outcome) => outcome,
            Err(_) => same("messages that the group has not settled", &last, &Some(expected)),
        }
    }
}

/// What must happen in time.
pub(super) async fn in_time<T>(
    patience: Duration,
    what: &str,
    happens: impl Future<Output = T>,
) -> Outcome<T> {
    let happened = tokio::time::timeout(patience, happens).await;
    happened.map_err(|_| Found::new(format!("{what}: not within {patience:?}")))
}

/// The payloads of deliveries as text.
pub(super) fn payloads(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(payload).collect()
}

/// The payload of a delivery as text.
pub(super) fn payload(delivery: &Delivery) -> String {
    String::from_utf8_lossy(delivery.message.bytes()).into_owned()
}

/// Numbers as payloads.
pub(super) fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// A message whose payload is a text.
pub(super) fn message(text: impl Into<bytes::Bytes>) -> EncodedMessage {
    Message::encoded(text, ContentType::JSON)
}

/// A message to send, without key and partition.
pub(super) const fn plain(message: EncodedMessage) -> Outgoing {
    Outgoing { message, key: None, partition: None }
}
