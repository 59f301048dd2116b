//! Dead letters that lie in topics: read from the beginning to the end, without a group. A topic keeps what was read, so
//! that it is noted beside it what is removed.

mod marks;
mod removed;

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use tokio::time::{Instant, timeout};
use wellspring_functions::{HeaderValue, Headers, Message, header_names};

use super::admin::{Admin, cannot_make};
use super::config::{Config, StartOffset};
use super::failure::{failed, note};
use super::health::Pulse;
use super::letters;
use super::names::TIMESTAMP;
use super::native::Intake;
use super::rebalance::Assignment;
use super::records::{Batch, Gathering};
use crate::binder::{
    Error, InputSpec, Kind, Letter, LetterPlace, Letters, LettersAt, Outgoing, Ticket, forget_failure,
};
use marks::{Asking, Marks};
use removed::{Removed, Seen};

/// How many bits of a ticket are the offset.
const OFFSET_BITS: u32 = 44;
/// How often it is looked for what the client has to say.
const LOOK: Duration = Duration::from_millis(100);
/// How many records are taken at once.
const AT_ONCE: usize = 256;

/// The topics of an input's dead letters, from their beginning to where they ended when they were opened.
pub(super) struct KeptLetters {
    config: Arc<Config>,
    binding: String,
    group: String,
    intake: Arc<Intake>,
    gathering: Gathering,
    places: Vec<LetterPlace>,
    parts: Vec<Part>,
    ready: VecDeque<Letter>,
    marks: Marks,
}

/// A partition that is read.
struct Part {
    topic: String,
    partition: i32,
    /// The offset behind what was read.
    next: i64,
    /// The offset to read up to.
    end: i64,
    removed: Removed,
    /// What was read and may be removed: when each was written.
    times: BTreeMap<i64, i64>,
    /// What was removed now.
    now: Vec<i64>,
}

impl Part {
    const fn is_read(&self) -> bool {
        self.next >= self.end
    }
}

/// Opens the letters of an input; nothing when it has none. Blocks.
pub(super) fn open(
    config: &Arc<Config>,
    spec: &InputSpec,
    at: LettersAt,
) -> Result<Option<Box<dyn Letters>>, Error> {
    let settings = config.consumer(&spec.binding);
    let topics = match at {
        LettersAt::Settings => letters::destination(&settings, spec),
        LettersAt::Destination(topics) | LettersAt::Place(topics) => Some(topics),
    };
    let Some(topics) = topics else { return Ok(None) };
    // It joins no group, commits nothing, and is called like the one whose letters these are.
    let group = spec.group.clone().unwrap_or_else(|| "anonymous".to_owned());
    let mut client = config.consumer_client(&spec.binding, &group, &settings, StartOffset::Earliest);
    // Little is read of each of several places: the broker answers at once also where nothing follows.
    client.set("enable.partition.eof", "true").set("fetch.wait.max.ms", "10");
    let cannot =
        |error| failed(cannot_make(&format!("consumer of the letters of `{}`", spec.binding), config), error);
    let asking = Asking { config, consumer: client.create().map_err(cannot)? };
    let (mut places, mut parts) = (Vec::new(), Vec::new());
    for topic in topics.split(',').map(str::trim) {
        let before = parts.len();
        parts.extend(parts_of(&asking, topic, &group)?);
        let count = parts[before..].iter().map(|part| part.removed.left(part.next, part.end)).sum();
        places.push(LetterPlace { name: topic.to_owned(), count });
    }
    drop(asking);
    let pulse = Pulse::of_consumer(StartOffset::Earliest);
    let consumer: BaseConsumer<Assignment> =
        client.create_with_context(Assignment::new(&spec.binding, None, pulse)).map_err(cannot)?;
    let intake = Intake::new(consumer).map_err(cannot)?;
    assign(&intake, &parts).map_err(cannot)?;
    let gathering = Gathering::new(group.as_str().into());
    let (config, binding) = (Arc::clone(config), spec.binding.clone());
    let (ready, marks) = (VecDeque::new(), Marks::default());
    Ok(Some(Box::new(KeptLetters { config, binding, group, intake, gathering, places, parts, ready, marks })))
}

/// The partitions of a topic, and what was removed of each.
fn parts_of(asking: &Asking<'_>, topic: &str, group: &str) -> Result<Vec<Part>, Error> {
    let Some(partitions) = asking.partitions(topic)? else {
        let at = asking.config.addresses();
        let sentence = format!(
            "the topic `{topic}` does not exist at {at}: it is made when an application that writes to it starts"
        );
        return Err(Error::new(Kind::Refused, sentence));
    };
    let mut marks = asking.marks(topic, group)?;
    let mut parts = Vec::new();
    for partition in 0..partitions {
        let (low, end) = asking.ends(topic, partition)?;
        let mut removed = marks.remove(&partition).unwrap_or_default();
        if !asking.recognizes(topic, partition, (low, end), &removed)? {
            tracing::warn!(topic, partition, "what was removed was removed of another topic of this name");
            removed = Removed::default();
        }
        // What the broker has deleted is gone.
        removed.add(0, low);
        let next = removed.until().min(end);
        let (times, now) = (BTreeMap::new(), Vec::new());
        parts.push(Part { topic: topic.to_owned(), partition, next, end, removed, times, now });
    }
    Ok(parts)
}

fn assign(intake: &Intake, parts: &[Part]) -> Result<(), KafkaError> {
    let mut own = TopicPartitionList::new();
    for part in parts.iter().filter(|part| !part.is_read()) {
        own.add_partition_offset(&part.topic, part.partition, Offset::Offset(part.next))?;
    }
    intake.consumer().context().assigned(&mut own)?;
    intake.consumer().assign(&own)
}

impl KeptLetters {
    async fn next(&mut self) -> Result<Option<Letter>, Error> {
        let mut until = Instant::now() + self.config.bind_timeout;
        loop {
            if let Some(letter) = self.ready.pop_front() {
                return Ok(Some(letter));
            }
            if self.parts.iter().all(Part::is_read) {
                return Ok(None);
            }
            let intake = Arc::clone(&self.intake);
            let came = poll_fn(|cx| {
                // Looks once more after having said whom to wake.
                for is_waiting in [false, true] {
                    if is_waiting {
                        intake.register(cx.waker());
                    }
                    match self.take() {
                        Ok(false) => {}
                        taken => return Poll::Ready(taken),
                    }
                }
                Poll::Pending
            });
            match timeout(LOOK, came).await {
                Ok(taken) => {
                    taken?;
                    until = Instant::now() + self.config.bind_timeout;
                }
                Err(_) if Instant::now() >= until => {
                    let after = self.config.bind_timeout;
                    let sentence =
                        format!("no letter came from Kafka at {} within {after:?}", self.config.addresses());
                    return Err(Error::new(Kind::Unreachable, sentence));
                }
                Err(_) => self.listen()?,
            }
        }
    }

    /// What the client has to say beside records.
    fn listen(&self) -> Result<(), Error> {
        match self.intake.consumer().poll(Duration::ZERO) {
            Some(Err(error)) => note(&self.binding, error),
            _ => Ok(()),
        }
    }

    /// Takes records that are there; tells whether anything was.
    fn take(&mut self) -> Result<bool, Error> {
        let Self { intake, gathering, parts, .. } = self;
        let (mut any, mut failures, mut ended) = (false, Vec::new(), Vec::new());
        intake.consumer().context().with_slots(|slots| {
            intake.take(AT_ONCE, |taken| {
                for mut record in taken.records() {
                    any = true;
                    let Some(slot) = slots.iter().find(|slot| slot.is_of(&record)) else { continue };
                    match record.failure() {
                        None => gathering.push(&mut record, slot),
                        Some(RDKafkaErrorCode::PartitionEOF) => {
                            let is_it =
                                |part: &Part| part.partition == slot.partition && *part.topic == *slot.topic;
                            ended.extend(parts.iter().position(is_it));
                        }
                        Some(code) => failures.push(KafkaError::MessageConsumption(code)),
                    }
                }
            });
        });
        while let Some(batch) = self.gathering.take() {
            self.read(&Arc::new(batch));
        }
        // Behind the last letter, which may have come together with the end, there may be offsets without one.
        for at in ended {
            if let Some(part) = self.parts.get_mut(at) {
                part.next = part.end;
            }
        }
        failures.into_iter().try_for_each(|failure| note(&self.binding, failure))?;
        Ok(any)
    }

    fn read(&mut self, batch: &Arc<Batch>) {
        for (index, record) in (0..).zip(&batch.records) {
            let Some(slot) = batch.slots.get(record.slot()) else { continue };
            let is_it = |part: &Part| part.partition == slot.partition && *part.topic == *slot.topic;
            let Some(at) = self.parts.iter().position(is_it) else { continue };
            let part = &mut self.parts[at];
            if record.offset >= part.end || record.offset < part.next {
                part.next = part.next.max(record.offset.min(part.end));
                continue;
            }
            part.removed.add(part.next, record.offset);
            part.next = record.offset + 1;
            if part.removed.contains(record.offset) {
                continue;
            }
            part.times.insert(record.offset, record.timestamp.to_millis().unwrap_or(-1));
            let headers = Headers::received(record.content_type.clone(), batch.clone(), index);
            let message = Message::from_parts(record.value(&batch.buffer), headers);
            let headers = message.headers();
            let mut original = message.clone();
            forget_failure(original.headers_mut());
            let key = record.key(&batch.buffer);
            self.ready.push_back(Letter {
                origin: text(headers, header_names::ORIGINAL_DESTINATION),
                original: Outgoing { message: original, key: key.clone(), partition: partition(headers) },
                place: part.topic.clone(),
                partition: u32::try_from(part.partition).unwrap_or_default(),
                position: u64::try_from(record.offset).unwrap_or_default(),
                key,
                time: headers.integer(TIMESTAMP),
                ticket: ticket(at, record.offset),
                message,
            });
        }
    }

    async fn remove(&mut self, tickets: Vec<Ticket>) -> Result<(), Error> {
        let mut changed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for ticket in tickets {
            let number = ticket.into_number();
            let at = usize::try_from(number >> OFFSET_BITS).unwrap_or(usize::MAX);
            let offset = (number & ((1 << OFFSET_BITS) - 1)).cast_signed();
            let Some(part) = self.parts.get_mut(at) else { continue };
            let Some(time) = part.times.remove(&offset) else { continue };
            part.removed.remove(Seen { offset, time });
            part.now.push(offset);
            let all = changed.entry(part.topic.clone()).or_default();
            if !all.contains(&at) {
                all.push(at);
            }
        }
        for (topic, parts) in changed {
            if !self.marks.is_ready(&topic) {
                let (config, binding, letters) =
                    (Arc::clone(&self.config), self.binding.clone(), topic.clone());
                let output = super::blocking(move || marks::output(&config, &binding, &letters)).await?;
                self.marks.set(&topic, output);
            }
            let mut marks = Vec::with_capacity(parts.len());
            for part in parts.iter().filter_map(|at| self.parts.get(*at)) {
                let text = part.removed.write().map_err(|error| {
                    Error::new(Kind::Refused, "what is removed cannot be written").because(error)
                })?;
                marks.push((format!("{}/{}", self.group, part.partition), text));
            }
            self.marks.write(&topic, marks).await?;
        }
        Ok(())
    }

    /// Deletes everything before the first letter that stays; tells how many that were removed now are behind it.
    async fn erase(&mut self) -> Result<u64, Error> {
        let mut places = TopicPartitionList::new();
        let (mut behind, mut all) = (0, 0);
        for part in self.parts.iter().filter(|part| !part.now.is_empty()) {
            let until = part.removed.until();
            all += part.now.len() as u64;
            behind += part.now.iter().filter(|offset| **offset >= until).count() as u64;
            places
                .add_partition_offset(&part.topic, part.partition, Offset::Offset(until))
                .map_err(cannot_erase)?;
        }
        let (config, place) = (Arc::clone(&self.config), self.places.first().map(|place| place.name.clone()));
        let erased = super::blocking(move || {
            let admin = Admin::new(&config)?;
            let deleted = admin.client.delete_records(&places, &admin.options());
            let deleted = admin.wait(&place.unwrap_or_default(), deleted)?;
            deleted.elements().iter().try_for_each(|one| one.error()).map_err(cannot_erase)
        });
        match erased.await {
            Ok(()) => Ok(behind),
            Err(error) => {
                tracing::warn!(binding = self.binding, %error, "the removed letters stay in their topic for now");
                Ok(all)
            }
        }
    }
}

fn cannot_erase(error: KafkaError) -> Error {
    failed("removed letters cannot be deleted", error)
}

fn ticket(part: usize, offset: i64) -> Ticket {
    Ticket::new((part as u64) << OFFSET_BITS | offset.cast_unsigned())
}

/// Spring's headers of dead letters are bytes.
fn text(headers: &Headers, name: &str) -> Option<String> {
    match headers.get(name)? {
        HeaderValue::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok(),
        other => Some(other.to_string()),
    }
}

/// The partition that a letter came from.
fn partition(headers: &Headers) -> Option<u32> {
    match headers.get(header_names::ORIGINAL_PARTITION)? {
        HeaderValue::Bytes(bytes) => {
            let number = bytes.as_ref().try_into().ok().map(i32::from_be_bytes)?;
            u32::try_from(number).ok()
        }
        other => other.as_integer().and_then(|number| u32::try_from(number).ok()),
    }
}

impl Letters for KeptLetters {
    fn places(&self) -> &[LetterPlace] {
        &self.places
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Option<Letter>, Error>> {
        Self::next(self).boxed()
    }

    fn remove(&mut self, tickets: Vec<Ticket>) -> BoxFuture<'_, Result<(), Error>> {
        Self::remove(self, tickets).boxed()
    }

    fn erase(&mut self) -> BoxFuture<'_, Result<u64, Error>> {
        Self::erase(self).boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            let Self { intake, marks, .. } = *self;
            marks.close().await;
            super::blocking(move || {
                // To leave a client blocks.
                drop(intake);
                Ok(())
            })
            .await
        }
        .boxed()
    }
}
