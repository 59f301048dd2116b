//! One binding: its destination, group and content type, how it consumes and how it produces.

use std::collections::BTreeMap;
use std::time::Duration;

use super::delivery::{Ending, Guarantee, OnFailure, Order, failure, word};
use super::kind::{self, Kind, Wrong};
use super::settings::{Below, Settings};
use super::{Located, Origin, Problem, Problems};
use crate::expression::{Expression, KeyExpression};

/// `stream.bindings.<name>.*` over `stream.default.*` over the documented defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct BindingConfig {
    /// The name of the binding, such as `emailsms-in-0`.
    pub name: String,
    /// Topic, exchange or queue; an input may list several with commas.
    pub destination: Located<String>,
    /// The consumers that share the destination; anonymous if `None`.
    pub group: Option<Located<String>>,
    /// What the payload is encoded as when the message does not say.
    pub content_type: Option<Located<String>>,
    /// The binder, if not the default one.
    pub binder: Option<Located<String>>,
    /// How an input receives.
    pub consumer: ConsumerConfig,
    /// How an output sends, and how a supplier is called.
    pub producer: ProducerConfig,
}

/// `consumer.*` of a binding.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerConfig {
    /// Whether receiving starts with the application.
    pub auto_startup: bool,
    /// How many deliveries are worked on at a time.
    pub concurrency: Located<u32>,
    /// Within what deliveries keep their order, if anybody says so.
    pub order: Option<Located<Order>>,
    /// When a delivery is settled.
    pub delivery: Located<Guarantee>,
    /// How many deliveries may be unsettled at a time.
    pub max_in_flight: u32,
    /// How many bytes of payload may be unsettled at a time.
    pub max_in_flight_bytes: u64,
    /// The longest time of one call; zero if there is no limit.
    pub timeout: Duration,
    /// After how long a delivery in flight is named in the log; zero if never.
    pub stuck_after: Duration,
    /// Whether the function is called with many messages at once.
    pub batch_mode: Located<bool>,
    /// With how many at most.
    pub batch_size: u32,
    /// How long the first of them waits for others.
    pub batch_max_wait: Duration,
    /// Calls in all, the first included.
    pub max_attempts: Located<u32>,
    /// The pause before the second attempt.
    pub back_off_initial_interval: Duration,
    /// The longest pause between two attempts.
    pub back_off_max_interval: Duration,
    /// How much longer every further pause is.
    pub back_off_multiplier: f64,
    /// The share of each pause that is added to it at most, at random.
    pub back_off_jitter: f64,
    /// Whether messages that are tried again wait at their broker.
    pub durable_retry: bool,
    /// Whether errors that nobody names are tried again, as far as their kind allows it.
    pub default_retryable: bool,
    /// Whether an error is tried again, by its type or the name it gives itself.
    pub retryable_exceptions: BTreeMap<String, Located<bool>>,
    /// What follows a failure, by its kind or error.
    pub on_failure: BTreeMap<String, Located<OnFailure>>,
    /// What follows the last attempt, if anybody says so.
    pub on_exhausted: Option<Located<Ending>>,
    /// When the binding pauses because everything fails.
    pub circuit: CircuitConfig,
    /// Whether only the partitions of this instance are received.
    pub partitioned: Located<bool>,
    /// How many instances consume.
    pub instance_count: Located<u32>,
    /// Which of them this one is, from 0.
    pub instance_index: Located<u32>,
    /// The destination of deliveries whose attempts have ended.
    pub dead_letter: Option<Located<String>>,
}

/// When a binding pauses because everything fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitConfig {
    /// How many failures in a row make it pause; zero if it never does.
    pub failures: u32,
    /// How long it pauses until one delivery is tried.
    pub probe_after: Duration,
}

/// `producer.*` of a binding.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerConfig {
    /// Whether sending starts with the application.
    pub auto_startup: bool,
    /// Partitions of the destination.
    pub partition_count: Located<u32>,
    /// What of a message decides its partition; the binder chooses if `None`.
    pub partition_key_expression: Option<Located<Expression>>,
    /// The partition of a key, before the modulus; its Java hash code if `None`.
    pub partition_selector_expression: Option<Located<KeyExpression>>,
    /// Groups that get every message, even those sent before they first run.
    pub required_groups: Located<Vec<String>>,
    /// When the supplier is called.
    pub poller: PollerConfig,
}

/// When a supplier is called: after every `fixed_delay`, or at the times of `cron` if that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollerConfig {
    /// The pause between two calls.
    pub fixed_delay: Duration,
    /// The pause before the first call.
    pub initial_delay: Duration,
    /// The times to call at: five fields, or six with seconds in front.
    pub cron: Option<Located<String>>,
    /// Calls in a row at each time.
    pub max_messages_per_poll: u32,
}

impl BindingConfig {
    /// The destinations: the parts of [`destination`](Self::destination) between commas.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.destination.split(',').map(str::trim).filter(|name| !name.is_empty())
    }

    /// The binding as configured, or as `stream.default` has it for a name that is not.
    pub(super) fn read(settings: &Settings, name: &str) -> Self {
        let layers = Layers::new(settings, name);
        Self {
            name: name.to_owned(),
            destination: layers
                .optional(&["destination"], kind::name)
                .unwrap_or_else(|| Located::default_value(name.to_owned())),
            group: layers.optional(&["group"], kind::name),
            content_type: layers.optional(&["content-type"], kind::content_type),
            binder: layers.optional(&["binder"], kind::name),
            consumer: ConsumerConfig::read(&layers),
            producer: ProducerConfig::read(&layers),
        }
    }

    /// The same settings for another binding that has none of its own.
    pub(super) fn renamed(&self, name: &str) -> Self {
        let mut binding = Self { name: name.to_owned(), ..self.clone() };
        if binding.destination.origin.is_default() {
            name.clone_into(&mut binding.destination.value);
        }
        binding
    }
}

impl ConsumerConfig {
    fn read(layers: &Layers<'_>) -> Self {
        let instance = |name| {
            layers
                .optional(&["consumer", name], kind::index)
                .unwrap_or_else(|| layers.settings.required(&["stream", name], kind::index))
        };
        let retryable_exceptions = layers.map(&["consumer", "retryable-exceptions"], kind::boolean);
        // As in Spring, naming what is tried again makes a list of all that is.
        let is_list = retryable_exceptions.values().any(|retryable| retryable.value);
        let default_retryable = layers.optional(&["consumer", "default-retryable"], kind::boolean);
        Self {
            auto_startup: layers.required(&["consumer", "auto-startup"], kind::boolean).value,
            concurrency: layers.required(&["consumer", "concurrency"], kind::count),
            order: layers.optional(&["consumer", "order"], word),
            delivery: layers
                .optional(&["consumer", "delivery"], word)
                .unwrap_or_else(|| Located::default_value(Guarantee::AtLeastOnce)),
            max_in_flight: layers.required(&["consumer", "max-in-flight"], kind::count).value,
            max_in_flight_bytes: layers.required(&["consumer", "max-in-flight-bytes"], kind::size).value,
            timeout: layers.required(&["consumer", "timeout"], kind::duration).value,
            stuck_after: layers.required(&["consumer", "stuck-after"], kind::duration).value,
            batch_mode: layers.required(&["consumer", "batch-mode"], kind::boolean),
            batch_size: layers.required(&["consumer", "batch-size"], kind::count).value,
            batch_max_wait: layers.required(&["consumer", "batch-max-wait"], kind::duration).value,
            max_attempts: layers.required(&["consumer", "max-attempts"], kind::count),
            back_off_initial_interval: layers
                .required(&["consumer", "back-off-initial-interval"], kind::duration)
                .value,
            back_off_max_interval: layers
                .required(&["consumer", "back-off-max-interval"], kind::duration)
                .value,
            back_off_multiplier: layers.required(&["consumer", "back-off-multiplier"], kind::factor).value,
            back_off_jitter: layers.required(&["consumer", "back-off-jitter"], kind::share).value,
            durable_retry: layers.required(&["consumer", "durable-retry"], kind::boolean).value,
            default_retryable: default_retryable.map_or(!is_list, |written| written.value),
            retryable_exceptions,
            on_failure: layers.map(&["consumer", "on-failure"], word),
            on_exhausted: layers.optional(&["consumer", "on-exhausted"], word),
            circuit: CircuitConfig {
                failures: layers.required(&["consumer", "circuit", "failures"], kind::index).value,
                probe_after: layers.required(&["consumer", "circuit", "probe-after"], kind::duration).value,
            },
            partitioned: layers.required(&["consumer", "partitioned"], kind::boolean),
            instance_count: instance("instance-count"),
            instance_index: instance("instance-index"),
            dead_letter: layers.optional(&["consumer", "dead-letter"], kind::name),
        }
    }
}

impl ProducerConfig {
    fn read(layers: &Layers<'_>) -> Self {
        Self {
            auto_startup: layers.required(&["producer", "auto-startup"], kind::boolean).value,
            partition_count: layers.required(&["producer", "partition-count"], kind::count),
            partition_key_expression: layers
                .optional(&["producer", "partition-key-expression"], kind::expression),
            partition_selector_expression: layers
                .optional(&["producer", "partition-selector-expression"], kind::key_expression),
            required_groups: layers.list(&["producer", "required-groups"]),
            poller: PollerConfig::read(layers),
        }
    }
}

impl PollerConfig {
    fn read(layers: &Layers<'_>) -> Self {
        let settings = layers.settings;
        let fixed_delay = layers.optional(&["producer", "poller", "fixed-delay"], kind::duration);
        let cron = layers.optional(&["producer", "poller", "cron"], kind::cron);
        // A fixed delay of the binding itself ends what the whole stream says about times.
        let global_cron = || settings.optional(&["stream", "poller", "cron"], kind::cron);
        let cron = match (&cron, &fixed_delay) {
            (None, None) => global_cron(),
            _ => cron,
        };
        let or_global = |name: &'static str, value: Option<Located<Duration>>| {
            value.unwrap_or_else(|| settings.required(&["stream", "poller", name], kind::duration)).value
        };
        Self {
            fixed_delay: or_global("fixed-delay", fixed_delay),
            initial_delay: or_global(
                "initial-delay",
                layers.optional(&["producer", "poller", "initial-delay"], kind::duration),
            ),
            cron,
            max_messages_per_poll: layers
                .optional(&["producer", "poller", "max-messages-per-poll"], kind::count)
                .unwrap_or_else(|| {
                    settings.required(&["stream", "poller", "max-messages-per-poll"], kind::count)
                })
                .value,
        }
    }
}

/// The places a binding's key is looked up in: its own, then that of all bindings.
struct Layers<'a> {
    settings: &'a Settings,
    name: &'a str,
    own: Below<'a>,
    shared: Below<'a>,
}

const SHARED: [&str; 2] = ["stream", "default"];

impl<'a> Layers<'a> {
    fn new(settings: &'a Settings, name: &'a str) -> Self {
        let (own, shared) = (settings.below(&["stream", "bindings", name]), settings.below(&SHARED));
        Self { settings, name, own, shared }
    }

    fn optional<T>(&self, path: &[&str], read: fn(&str) -> Result<T, Wrong>) -> Option<Located<T>> {
        self.own.optional(path, read).or_else(|| self.shared.optional(path, read))
    }

    fn required<T: Default>(&self, path: &[&str], read: fn(&str) -> Result<T, Wrong>) -> Located<T> {
        let default = || self.settings.default(&[&SHARED, path].concat(), read);
        self.optional(path, read).unwrap_or_else(|| Located::default_value(default()))
    }

    /// The values below `path` by the names users chose; the binding's own prevail one by one.
    fn map<T>(&self, path: &[&str], read: fn(&str) -> Result<T, Wrong>) -> BTreeMap<String, Located<T>> {
        let mut names = self.settings.names(&[&["stream", "bindings", self.name], path].concat());
        names.extend(self.settings.names(&[&SHARED, path].concat()));
        let value = |name: String| {
            let value = self.optional(&[path, &[&name]].concat(), read)?;
            Some((name, value))
        };
        names.into_iter().filter_map(value).collect()
    }

    fn list(&self, path: &[&str]) -> Located<Vec<String>> {
        let separator = Kind::List.separator();
        let list = self.own.list(path, separator).or_else(|| self.shared.list(path, separator));
        list.unwrap_or_else(|| Located::default_value(Vec::new()))
    }
}

const FAILURE: &str = "a kind of failure such as `timeout`, the type of an error such as `shop::OrderError`, or the name it gives itself";

/// What cannot be said together about one binding, `place` being `stream.default` or the binding's own path.
pub(super) fn check(settings: &Settings, place: &[&str], problems: &mut Problems) {
    let origin = |path: &[&str]| settings.origin(&[place, path].concat()).cloned();
    exclusive(&place.join("."), &["producer.poller.fixed-delay", "producer.poller.cron"], problems, |name| {
        origin(&name.split('.').collect::<Vec<_>>())
    });
    for key in ["retryable-exceptions", "on-failure"] {
        for name in settings.names(&[place, &["consumer", key]].concat()) {
            let Err(Wrong(advice)) = failure(&name) else { continue };
            let problem =
                Problem::mismatch(&name, FAILURE).path(format!("{}.consumer.{key}", place.join(".")));
            let problem = advice.into_iter().fold(problem, Problem::suggest);
            problems.extend(origin(&["consumer", key, &name]).map(|origin| problem.at(origin)));
        }
    }
    let size = "a size of at least one byte";
    refuse_zero(settings, place, "consumer.max-in-flight-bytes", kind::size, size, problems);
    let pause = "a pause of at least `1ms`";
    refuse_zero(settings, place, "consumer.circuit.probe-after", kind::duration, pause, problems);
}

/// Refuses a value of nothing where nothing would ever happen.
fn refuse_zero<T: Default + PartialEq>(
    settings: &Settings,
    place: &[&str],
    key: &str,
    read: fn(&str) -> Result<T, Wrong>,
    expected: &str,
    problems: &mut Problems,
) {
    let path: Vec<&str> = place.iter().copied().chain(key.split('.')).collect();
    if let Some(zero) = settings.optional(&path, read).filter(|found| found.value == T::default()) {
        problems.push(Problem::mismatch("0", expected).path(path.join(".")).at(zero.origin));
    }
}

/// Refuses two keys that exclude one another.
pub(super) fn exclusive(
    place: &str,
    names: &[&str; 2],
    problems: &mut Problems,
    origin: impl Fn(&str) -> Option<Origin>,
) {
    if let (Some(first), Some(second)) = (origin(names[0]), origin(names[1])) {
        let sentence = format!("excludes `{place}.{}`, which is set at {first}", names[0]);
        problems.push(
            Problem::new(sentence)
                .path(format!("{place}.{}", names[1]))
                .at(second)
                .suggest("keep one of them"),
        );
    }
}
