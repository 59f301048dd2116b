//! Topics to measure with.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::brokers::{Ends, Reader, Writer, fresh_name, number};
use super::case::Case;
use crate::Failure;
use crate::story::{AccountsMsg, FIRST};

/// How long the broker has for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two topics on a broker.
pub(super) struct Topics {
    address: String,
    case: Case,
    input: String,
    output: String,
    group: String,
    meter: BaseConsumer,
    /// The numbers in each partition of the input, by offset.
    placed: Vec<Vec<u64>>,
}

impl Topics {
    /// Makes the topics, empty.
    ///
    /// # Errors
    /// When the broker does not do it.
    pub(super) fn make(address: &str, case: Case) -> Result<Self, Failure> {
        let name = fresh_name();
        let (input, output, group) = (format!("{name}.in"), format!("{name}.out"), format!("{name}.group"));
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let partitions = i32::try_from(case.partitions)?;
        let topics =
            [&input, &output].map(|name| NewTopic::new(name, partitions, TopicReplication::Fixed(1)));
        for made in tokio.block_on(admin(address)?.create_topics(&topics, &AdminOptions::new()))? {
            made.map_err(|(topic, code)| format!("{topic}: {code}"))?;
        }
        let meter = client(address).create()?;
        let placed = vec![Vec::new(); case.partitions];
        let topics = Self { address: address.to_owned(), case, input, output, group, meter, placed };
        topics.await_leaders()?;
        Ok(topics)
    }

    /// Waits until every partition has a leader, a moment after it was made.
    fn await_leaders(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        while let Err(error) = self.ends(&self.input).and_then(|_| self.ends(&self.output)) {
            if begun.elapsed() > PATIENCE {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How many messages all partitions of a topic have had.
    fn ends(&self, topic: &str) -> Result<u64, Failure> {
        let ends = (0..i32::try_from(self.case.partitions)?).map(|partition| {
            let (_, end) = self.meter.fetch_watermarks(topic, partition, PATIENCE)?;
            Ok(u64::try_from(end)?)
        });
        ends.sum()
    }

    fn producer(&self, linger: &str) -> Result<Filler, Failure> {
        let mut client = client(&self.address);
        client.set("linger.ms", linger).set("enable.idempotence", "true");
        let (topic, case) = (self.input.clone(), self.case);
        Ok(Filler { producer: client.create()?, topic, case })
    }

    /// Reads the output from its beginning, and tells where it ends if that is wanted.
    fn whole_output(&self, ends: bool) -> Result<BaseConsumer, Failure> {
        let mut client = client(&self.address);
        client.set("group.id", format!("{}.reader", self.group)).set("enable.auto.commit", "false");
        client.set("enable.partition.eof", ends.to_string());
        let consumer: BaseConsumer = client.create()?;
        let mut positions = TopicPartitionList::new();
        for partition in 0..self.case.partitions {
            positions.add_partition_offset(&self.output, i32::try_from(partition)?, Offset::Beginning)?;
        }
        consumer.assign(&positions)?;
        Ok(consumer)
    }
}

impl Ends for Topics {
    fn environment(&self) -> Vec<(&'static str, String)> {
        let Self { address, input, output, group, case, .. } = self;
        vec![
            ("BENCH_ADDRESS", address.clone()),
            ("BENCH_INPUT", input.clone()),
            ("BENCH_GROUP", group.clone()),
            ("BENCH_OUTPUT", output.clone()),
            ("BENCH_PARTITIONS", case.partitions.to_string()),
        ]
    }

    fn fill(&mut self, messages: u64) -> Result<(), Failure> {
        let mut filler = self.producer("20")?;
        for number in FIRST..FIRST + messages {
            filler.send(number)?;
            self.placed[self.case.partition(number)].push(number);
        }
        filler.producer.flush(2 * PATIENCE)?;
        Ok(())
    }

    fn count(&mut self) -> Result<u64, Failure> {
        self.ends(&self.output)
    }

    fn outputs(&mut self) -> Result<Vec<u64>, Failure> {
        let consumer = self.whole_output(true)?;
        // Not everything in a topic is a message: transactions leave marks.
        let (mut numbers, mut unread) = (Vec::new(), self.case.partitions);
        let mut heard = Instant::now();
        while unread > 0 {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => numbers.push(number(message.payload().unwrap_or_default())?),
                Some(Err(KafkaError::PartitionEOF(_))) => unread -= 1,
                Some(Err(error)) => return Err(error.into()),
                None if heard.elapsed() > PATIENCE => return Err("the outputs cannot be read".into()),
                None => continue,
            }
            heard = Instant::now();
        }
        Ok(numbers)
    }

    fn to_be_done(&mut self) -> Result<Vec<u64>, Failure> {
        let consumer: BaseConsumer = client(&self.address).set("group.id", &self.group).create()?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(&self.input, 0, i32::try_from(self.case.partitions)? - 1);
        let committed = consumer.committed_offsets(asked, PATIENCE)?;
        let mut open = Vec::new();
        for element in committed.elements() {
            let done = match element.offset() {
                Offset::Offset(offset) => usize::try_from(offset)?,
                _ => 0,
            };
            open.extend(self.placed[usize::try_from(element.partition())?].iter().skip(done));
        }
        Ok(open)
    }

    fn writer(&self) -> Result<Box<dyn Writer>, Failure> {
        Ok(Box::new(self.producer("0")?))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Failure> {
        Ok(Box::new(self.whole_output(false)?))
    }

    fn remove(&mut self) -> Result<(), Failure> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let topics = [self.input.as_str(), self.output.as_str()];
        tokio.block_on(admin(&self.address)?.delete_topics(&topics, &AdminOptions::new()))?;
        Ok(())
    }
}

struct Filler {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    case: Case,
}

impl Writer for Filler {
    fn send(&mut self, number: u64) -> Result<(), Failure> {
        let payload = serde_json::to_vec(&AccountsMsg::numbered(number, self.case.bytes))?;
        let key = self.case.key(number).map(|key| format!("account-{key}"));
        let mut record = BaseRecord::<str, [u8]>::to(&self.topic)
            .payload(&payload)
            .partition(i32::try_from(self.case.partition(number))?)
            .headers(headers());
        record.key = key.as_deref();
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            self.producer.flush(PATIENCE)?;
            record = back;
        }
        Ok(())
    }
}

impl Reader for BaseConsumer {
    fn receive(&mut self, patience: Duration) -> Result<Option<u64>, Failure> {
        let message = self.poll(patience).transpose()?;
        message.map(|message| number(message.payload().unwrap_or_default())).transpose()
    }
}

fn client(address: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", address);
    client
}

fn admin(address: &str) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
    client(address).create()
}

/// The headers that Spring writes and reads.
fn headers() -> OwnedHeaders {
    let header = |key, value| Header { key, value: Some(value) };
    OwnedHeaders::new_with_capacity(2)
        .insert(header("contentType", "application/json"))
        .insert(header("spring_json_header_types", r#"{"contentType":"java.lang.String"}"#))
}
