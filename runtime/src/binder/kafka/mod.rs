//! The Kafka binder: topics and groups of a Kafka cluster, on the wire as Spring Cloud Stream has them.
//!
//! Each input has a consumer and a thread that polls it and hands over whole batches; what is settled is committed as
//! the end of the settled prefix of each partition. Each output has an idempotent producer whose messages are confirmed
//! by all replicas.

mod admin;
mod apart;
mod client;
mod config;
mod consumer;
mod failure;
mod health;
mod inbox;
mod incoming;
mod input;
mod java;
mod kept;
mod later;
mod letters;
mod logging;
mod names;
mod native;
mod offsets;
mod outgoing;
mod output;
mod patterns;
mod positions;
mod provision;
mod rebalance;
mod records;
mod replacing;
mod reports;
mod slot;
mod spring_keys;
mod subscription;
mod topics;
mod transaction;
mod transactional;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rdkafka::ClientConfig;

use super::changed::changed;
use super::{
    Binder, Capabilities, Delayed, Error, Factory, Input, InputSpec, Kind, Letters, LettersAt, Output,
    OutputSpec, SpringKey, Together,
};
pub use config::{
    AckMode, BindingSettings, BootAdmin, BootConsumer, BootProducer, Compression, Config, ConsumerSettings,
    Isolation, Jaas, Listener, ProducerSettings, Security, Ssl, StandardHeaders, StartOffset, TopicSettings,
    TransactionProducer, TransactionSettings,
};
use failure::failed;
use provision::{Provisioner, Wanted};
pub use spring_keys::SPRING_KEYS;

/// A Kafka cluster.
#[derive(Clone)]
pub struct Kafka {
    config: Arc<Config>,
}

impl Kafka {
    /// A binder for the cluster that the settings name. Does not connect.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config) }
    }

    /// The group of an input; without a name, one that only this input is in.
    fn group(spec: &InputSpec) -> String {
        spec.group.clone().unwrap_or_else(subscription::anonymous)
    }
}

impl Binder for Kafka {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            groups: true,
            durable_groups: true,
            partitions: true,
            keys: true,
            requeue: true,
            tombstones: true,
        }
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        let config = Arc::clone(&self.config);
        let group = Self::group(&spec);
        if config.transaction_prefix().is_some() {
            let binding = spec.binding.as_str();
            tracing::info!(
                binding,
                "this input is part of no transaction: what comes of it goes elsewhere or nowhere, or it is settled first"
            );
        }
        blocking(move || subscription::bind(&config, &spec, &group, None, later::Waits::new()))
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        let config = Arc::clone(&self.config);
        if config.transaction_prefix().is_some() {
            let binding = spec.binding.as_str();
            tracing::info!(
                binding,
                "what suppliers, code and functions with an input elsewhere send here is part of no transaction"
            );
        }
        blocking(move || bind_output(&config, &spec))
    }

    fn bind_together(
        &self,
        input: &InputSpec,
        outputs: &[OutputSpec],
        dead_letters: Option<&str>,
    ) -> Option<BoxFuture<'_, Result<Together, Error>>> {
        self.config.transaction_prefix()?;
        if outputs.is_empty() && dead_letters.is_none() {
            return None;
        }
        let (config, group) = (Arc::clone(&self.config), Self::group(input));
        let (input, outputs, to) = (input.clone(), outputs.to_vec(), dead_letters.map(str::to_owned));
        Some(blocking(move || transactional::bind(&config, &input, &group, &outputs, to.as_deref())))
    }

    fn check_delays(&self, input: &InputSpec, _waits: &[Duration]) -> Result<(), Error> {
        later::check(&self.config, &self.config.consumer(&input.binding), input)
    }

    fn bind_delayed(&self, input: InputSpec, waits: Vec<Duration>) -> BoxFuture<'_, Result<Delayed, Error>> {
        let (config, group) = (Arc::clone(&self.config), Self::group(&input));
        blocking(move || bind_delayed(&config, &input, &group, &waits))
    }

    fn dead_letters(&self, input: &InputSpec) -> Option<String> {
        letters::destination(&self.config.consumer(&input.binding), input)
    }

    fn bind_dead_letters(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        let config = Arc::clone(&self.config);
        blocking(move || bind_dead_letters(&config, &input, &destination))
    }

    fn bind_letters(
        &self,
        input: InputSpec,
        at: LettersAt,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Letters>>, Error>> {
        let config = Arc::clone(&self.config);
        blocking(move || kept::open(&config, &input, at))
    }

    fn bind_redrive(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        let config = Arc::clone(&self.config);
        blocking(move || bind_redrive(&config, &input, &destination))
    }
}

/// Does what blocks on a thread that may.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> BoxFuture<'static, Result<T, Error>> {
    async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(Error::new(Kind::Closed, "the binding was not made").because(error)))
    }
    .boxed()
}

fn bind_output(config: &Config, spec: &OutputSpec) -> Result<Box<dyn Output>, Error> {
    let settings = config.producer(&spec.binding);
    let (options, limit) = provision_output(config, &Provisioner::new(config)?, spec)?;
    let client = config.producer_client(&spec.binding, &settings, limit);
    Ok(Box::new(output(config, &spec.binding, &spec.destination, &client, options)?))
}

/// Makes the topic of an output ready; tells what the output does and how large a batch the topic takes.
fn provision_output(
    config: &Config,
    provisioner: &Provisioner<'_>,
    spec: &OutputSpec,
) -> Result<(output::Options, Option<u32>), Error> {
    let settings = config.producer(&spec.binding);
    let partitions = provisioner.ready(&Wanted {
        topic: &spec.destination,
        partitions: spec.partition_count,
        settings: &settings.topic,
        strict: true,
    })?;
    let options = output::Options { partitions, ..output::Options::from(&settings) };
    Ok((options, provisioner.limit(&spec.destination)))
}

fn bind_delayed(
    config: &Config,
    spec: &InputSpec,
    group: &str,
    waits: &[Duration],
) -> Result<Delayed, Error> {
    let settings = config.consumer(&spec.binding);
    later::check(config, &settings, spec)?;
    let topics = later::provisioned(config, spec, group, waits)?;
    let limit = {
        let provisioner = Provisioner::new(config)?;
        topics.keys().filter_map(|topic| provisioner.limit(topic)).min()
    };
    let settings = settings.dlq_producer_properties;
    let client = config.producer_client(&spec.binding, &settings, limit);
    let delay = |wait: &Duration| {
        let options = output::Options { use_topic_header: true, ..output::Options::default() };
        let name = format!("{}.{group}.retry-{}", spec.destinations.join(","), wait.as_millis());
        let output = output(config, &spec.binding, &name, &client, options)?;
        let (group, wait) = (group.to_owned(), *wait);
        Ok(changed(output, move |outgoing| later::put_off(outgoing, &group, wait)))
    };
    let delays = waits.iter().map(delay).collect::<Result<_, Error>>()?;
    Ok(Delayed { input: subscription::bind(config, spec, group, None, topics)?, delays })
}

fn bind_dead_letters(config: &Config, spec: &InputSpec, to: &str) -> Result<Box<dyn Output>, Error> {
    let settings = config.consumer(&spec.binding).dlq_producer_properties;
    let routes = letters::provisioned(config, spec, to)?;
    let client = config.producer_client(&spec.binding, &settings, routes.limit());
    let options = output::Options { use_topic_header: true, ..output::Options::from(&settings) };
    let output = output(config, &spec.binding, routes.name(), &client, options)?;
    Ok(changed(output, move |letter| routes.address(letter)))
}

/// An output for letters that go back: to a topic that is there, with the keys and partitions that they had.
fn bind_redrive(config: &Config, spec: &InputSpec, to: &str) -> Result<Box<dyn Output>, Error> {
    let settings = config.consumer(&spec.binding).dlq_producer_properties;
    let provisioner = Provisioner::new(config)?;
    let partitions = provisioner.partitions(to)?;
    let client = config.producer_client(&spec.binding, &settings, provisioner.limit(to));
    let options = output::Options { partitions, ..output::Options::default() };
    Ok(Box::new(output(config, &spec.binding, to, &client, options)?))
}

fn output(
    config: &Config,
    binding: &str,
    topic: &str,
    client: &ClientConfig,
    options: output::Options,
) -> Result<output::KafkaOutput, Error> {
    let recipe = replacing::Recipe::new(client.clone(), binding, topic);
    output::KafkaOutput::new(recipe, options).map_err(|error| {
        let what = format!("producer of `{binding}`");
        failed(admin::cannot_make(&what, config), error)
    })
}

/// Makes Kafka binders.
#[derive(Debug)]
pub struct KafkaFactory;

impl Factory for KafkaFactory {
    const NAME: &'static str = "kafka";
    const SPRING_KEYS: &'static [SpringKey] = SPRING_KEYS;
    type Config = Config;

    fn validate(config: &Config) -> Vec<String> {
        config.problems()
    }

    fn build(_: &str, config: Config) -> Arc<dyn Binder> {
        Arc::new(Kafka::new(config))
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("config", &self.config).finish_non_exhaustive()
    }
}
