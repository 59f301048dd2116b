//! The RabbitMQ binder: exchanges, queues and messages exactly as Spring Cloud Stream has them.
//!
//! Every group of a destination has a durable queue `<destination>.<group>`, bound to the exchange of the destination;
//! an anonymous group has one that goes with its reader. Deliveries of a queue are one partition and keep their order.
//! Messages are confirmed by the broker and must reach a queue, unless the output says `allow-unroutable`. A lost
//! connection is made again, with waits that grow up to a bound, for as long as it takes: what is unsettled is delivered
//! again, what is unconfirmed fails and may be sent again.

mod compression;
mod computed;
mod config;
mod connection;
mod declaration;
mod declare;
mod error;
mod health;
mod host;
mod input;
mod kept;
mod later;
mod letter;
mod message_id;
mod outgoing;
mod output;
mod partition;
mod parts;
mod patterns;
mod pulse;
mod queue;
mod random;
mod received;
pub mod settings;
mod socket;
mod source;
mod spring_keys;
mod stream;
mod suspects;
mod tls;
pub mod topology;
mod unconfirmed;
mod unsettled;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::sleep;

use super::changed::changed;
use super::{
    Binder, Capabilities, Delayed, Error, Factory, Input, InputSpec, Kind, LettersAt, Output, OutputSpec,
    SpringKey, Together,
};
pub use config::{Config, Ends};
use connection::{Link, Links};
use declaration::Declaration;
use kept::{Freshener, KeptLetters};
use later::Waiting;
use letter::Letters;
use outgoing::Mapper;
use output::{RabbitOutput, Writer};
use partition::Partitions;
use pulse::Pulse;
use settings::{DeliveryMode, Producer, Wait};
use source::Reader;
pub use tls::Ssl;
use topology::{LetterTopology, OutputTopology};

/// How long to wait before a queue that is refused is tried again, where that is asked for: Spring's default.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The RabbitMQ binder: a connection for writing, some for reading, and some for functions that do both, as many as the
/// machine can run threads at once; a connection is made when the first binding needs it.
///
/// A broker that is short of memory or disk stops reading from connections that write. Inputs of functions with an output
/// have to wait then anyway; others do not, which is why they are on connections that nobody writes to.
pub struct RabbitMq {
    config: Arc<Config>,
    writing: Arc<Link>,
    reading: Links,
    working: Links,
}

impl RabbitMq {
    /// A binder of a name, not connected.
    #[must_use]
    pub fn new(name: &str, config: Config) -> Self {
        let config = Arc::new(config);
        let link = |end: &str| {
            let prefix = &config.connection_name_prefix;
            Arc::new(Link::new(Arc::clone(&config), format!("{prefix}:{name}.{end}")))
        };
        let links = |end: &str| Links::new(|number| link(&format!("{end}-{number}")));
        Self { writing: link("producer"), reading: links("consumer"), working: links("function"), config }
    }

    async fn input(&self, link: &Arc<Link>, spec: InputSpec, delayed: bool) -> Result<Box<dyn Input>, Error> {
        let consumer = self.config.consumer(&spec.binding);
        let topology = topology::input(&consumer, &spec, &random::unique())?;
        let link = Arc::clone(link);
        let reader = Arc::new(Reader {
            link,
            binding: spec.binding,
            consumer,
            topology,
            pulse: Pulse::default(),
            concurrency: spec.sharing.concurrency,
            is_delayed: delayed,
        });
        let mut left = reader.consumer.queue_declaration_retries.unwrap_or(0);
        let wait =
            reader.consumer.failed_declaration_retry_interval.map_or(RETRY_INTERVAL, |Wait(wait)| wait);
        loop {
            match input::RabbitInput::open(&reader, spec.max_in_flight).await {
                Err(error) if error.kind() == Kind::Refused && left > 0 => {
                    tracing::warn!(binding = reader.binding, left, ?wait, %error, "cannot be read yet");
                    sleep(wait).await;
                    left -= 1;
                }
                opened => return Ok(Box::new(opened?)),
            }
        }
    }

    async fn output(&self, link: &Arc<Link>, spec: OutputSpec) -> Result<Box<dyn Output>, Error> {
        let producer = self.config.producer(&spec.binding);
        let topology = topology::output(&producer, &spec)?;
        let link = Arc::clone(link);
        let pulse = Arc::default();
        let writer = Writer { link, binding: spec.binding, producer, topology, pulse };
        Ok(Box::new(RabbitOutput::open(writer, spec.partition_count).await?))
    }

    /// The ends of a function, all on one connection.
    async fn function(
        &self,
        input: InputSpec,
        outputs: Vec<OutputSpec>,
        letters: Option<String>,
    ) -> Result<Together, Error> {
        let link = self.working.next();
        let mut sending = Vec::with_capacity(outputs.len());
        for output in outputs {
            sending.push(self.output(link, output).await?);
        }
        let dead_letters = match letters {
            Some(to) => Some(self.letters(input.clone(), to).await?),
            None => None,
        };
        Ok(Together { input: self.input(link, input, false).await?, outputs: sending, dead_letters })
    }
}

impl RabbitMq {
    /// The dead letters of an input go to the exchange that its settings name, or, where the binding names a
    /// destination of its own, to that.
    async fn letters(&self, spec: InputSpec, destination: String) -> Result<Box<dyn Output>, Error> {
        let consumer = self.config.consumer(&spec.binding);
        let own = topology::letters(&consumer, &spec)?.filter(|own| own.exchange == destination);
        let mode = consumer.republish_delivery_mode;
        let producer = Producer { allow_unroutable: None, ..self.config.producer(&spec.binding) };
        let (topology, queues, partitions) = match own {
            Some(LetterTopology { declarations, exchange, keys }) => {
                let (queues, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
                let topology = OutputTopology { declarations, exchange, routing_key: String::new() };
                (topology, queues, Partitions::of_keys(&keys)?)
            }
            None => {
                let binding = spec.binding.clone();
                let spec =
                    OutputSpec { binding, destination, partition_count: 1, required_groups: Vec::new() };
                let topology = topology::output(&producer, &spec)?;
                let partitions = Partitions::new(&topology.routing_key, 1)?;
                (topology, Vec::new(), partitions)
            }
        };
        let mapper = Mapper::as_received(mode.unwrap_or_default());
        let (link, pulse) = (Arc::clone(&self.writing), Arc::default());
        let writer = Writer { link, binding: spec.binding, producer, topology, pulse };
        let output = RabbitOutput::with(writer, partitions, mapper).await?;
        let letters = Letters::new(&output, queues, consumer.frame_max_headroom);
        Ok(changed(output, move |letter| letters.address(letter)))
    }
}

impl RabbitMq {
    /// An input whose messages may wait, and an output for each wait.
    async fn delayed(&self, spec: InputSpec, waits: Vec<Duration>) -> Result<Delayed, Error> {
        let consumer = self.config.consumer(&spec.binding);
        later::check(&consumer, &waits)?;
        let queues = later::queues(&consumer, &spec)?;
        let mut delays: Vec<Box<dyn Output>> = Vec::with_capacity(waits.len());
        for wait in waits {
            let Waiting { declarations, names } = later::waiting(&queues, wait);
            let topology =
                OutputTopology { declarations, exchange: String::new(), routing_key: String::new() };
            let producer = Producer { allow_unroutable: None, ..self.config.producer(&spec.binding) };
            let (link, pulse, binding) = (Arc::clone(&self.writing), Arc::default(), spec.binding.clone());
            let writer = Writer { link, binding, producer, topology, pulse };
            let mapper = Mapper::as_received(DeliveryMode::Persistent);
            let output = RabbitOutput::with(writer, Partitions::of_keys(&names)?, mapper).await?;
            let queues = queues.clone();
            delays.push(changed(output, move |outgoing| later::put_off(outgoing, &queues)));
        }
        Ok(Delayed { input: self.input(self.reading.next(), spec, true).await?, delays })
    }

    /// The queues of an input's dead letters, opened.
    async fn kept(&self, spec: InputSpec, at: LettersAt) -> Result<Option<Box<dyn super::Letters>>, Error> {
        let consumer = self.config.consumer(&spec.binding);
        let queues = match at {
            LettersAt::Settings => topology::kept(&consumer, &spec),
            LettersAt::Place(queue) => vec![queue],
            LettersAt::Destination(exchange) => {
                let own = topology::letters(&consumer, &spec)?.is_some_and(|own| own.exchange == exchange);
                if !own {
                    return Err(unknown_queue(&spec.binding, &exchange));
                }
                topology::kept(&consumer, &spec)
            }
        };
        if queues.is_empty() {
            return Ok(None);
        }
        let producer = self.as_they_lie(&spec.binding);
        let (link, binding) = (Arc::clone(&self.writing), spec.binding);
        let freshener = Freshener { link, binding, consumer, producer, output: None };
        Ok(Some(Box::new(KeptLetters::open(self.reading.next(), queues, freshener).await?)))
    }

    /// How letters are sent again: what lies packed is not packed once more.
    fn as_they_lie(&self, binding: &str) -> Producer {
        Producer { allow_unroutable: None, compress: None, ..self.config.producer(binding) }
    }

    /// An output for letters that go back to the exchange they came from, each with its own routing key.
    async fn redrive(&self, spec: InputSpec, destination: &str) -> Result<Box<dyn Output>, Error> {
        let consumer = self.config.consumer(&spec.binding);
        let exchange = format!("{}{destination}", consumer.prefix.as_deref().unwrap_or_default());
        let declarations = vec![Declaration::Expected { exchange: exchange.clone() }];
        let topology = OutputTopology { declarations, exchange, routing_key: destination.to_owned() };
        let producer = self.as_they_lie(&spec.binding);
        let mapper = Mapper::as_received(consumer.republish_delivery_mode.unwrap_or_default());
        let (link, pulse) = (Arc::clone(&self.writing), Arc::default());
        let partitions = Partitions::new(&topology.routing_key, 1)?;
        let writer = Writer { link, binding: spec.binding, producer, topology, pulse };
        let output = RabbitOutput::with(writer, partitions, mapper).await?;
        Ok(Box::new(output.keyed_by(kept::ROUTING_KEY)))
    }
}

/// Where only the broker knows which queues are bound.
fn unknown_queue(binding: &str, exchange: &str) -> Error {
    let sentence = format!(
        "the dead letters of `{binding}` go to the exchange `{exchange}`, and only the broker knows the queues behind it; \
         name the one to look into with `--from`"
    );
    Error::new(Kind::Refused, sentence)
}

impl Binder for RabbitMq {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            groups: true,
            durable_groups: true,
            partitions: true,
            keys: false,
            requeue: true,
            tombstones: false,
        }
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        self.input(self.reading.next(), spec, false).boxed()
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        self.output(&self.writing, spec).boxed()
    }

    fn bind_together(
        &self,
        input: &InputSpec,
        outputs: &[OutputSpec],
        dead_letters: Option<&str>,
    ) -> Option<BoxFuture<'_, Result<Together, Error>>> {
        if outputs.is_empty() {
            return None;
        }
        let letters = dead_letters.map(str::to_owned);
        Some(self.function(input.clone(), outputs.to_vec(), letters).boxed())
    }

    fn check_delays(&self, input: &InputSpec, waits: &[Duration]) -> Result<(), Error> {
        later::check(&self.config.consumer(&input.binding), waits)
    }

    fn bind_delayed(&self, input: InputSpec, waits: Vec<Duration>) -> BoxFuture<'_, Result<Delayed, Error>> {
        self.delayed(input, waits).boxed()
    }

    fn dead_letters(&self, input: &InputSpec) -> Option<String> {
        // What is wrong with the settings shows when the input is bound.
        let letters = topology::letters(&self.config.consumer(&input.binding), input).ok().flatten();
        letters.map(|letters| letters.exchange)
    }

    fn bind_dead_letters(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        self.letters(input, destination).boxed()
    }

    fn bind_letters(
        &self,
        input: InputSpec,
        at: LettersAt,
    ) -> BoxFuture<'_, Result<Option<Box<dyn super::Letters>>, Error>> {
        self.kept(input, at).boxed()
    }

    fn bind_redrive(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move { self.redrive(input, &destination).await }.boxed()
    }
}

impl fmt::Debug for RabbitMq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMq").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Makes RabbitMQ binders.
#[derive(Debug)]
pub struct RabbitMqFactory;

impl Factory for RabbitMqFactory {
    const NAME: &'static str = "rabbitmq";
    const SPRING_KEYS: &'static [SpringKey] = &spring_keys::ALL;
    type Config = Config;

    fn validate(config: &Config) -> Vec<String> {
        config.problems()
    }

    fn build(name: &str, config: Config) -> Arc<dyn Binder> {
        Arc::new(RabbitMq::new(name, config))
    }
}
