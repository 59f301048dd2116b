//! One binding: its destination, group and content type, how it consumes and how it produces.

use std::time::Duration;

use super::kind::{self, Kind, Wrong};
use super::settings::Settings;
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
    /// Calls in all, the first included.
    pub max_attempts: Located<u32>,
    /// The pause before the second attempt.
    pub back_off_initial_interval: Duration,
    /// The longest pause between two attempts.
    pub back_off_max_interval: Duration,
    /// How much longer every further pause is.
    pub back_off_multiplier: f64,
    /// Whether only the partitions of this instance are received.
    pub partitioned: Located<bool>,
    /// How many instances consume.
    pub instance_count: Located<u32>,
    /// Which of them this one is, from 0.
    pub instance_index: Located<u32>,
    /// The destination of deliveries whose attempts have ended.
    pub dead_letter: Option<Located<String>>,
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
        let layers = Layers { settings, name };
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
        Self {
            auto_startup: layers.required(&["consumer", "auto-startup"], kind::boolean).value,
            concurrency: layers.required(&["consumer", "concurrency"], kind::count),
            max_attempts: layers.required(&["consumer", "max-attempts"], kind::count),
            back_off_initial_interval: layers
                .required(&["consumer", "back-off-initial-interval"], kind::duration)
                .value,
            back_off_max_interval: layers
                .required(&["consumer", "back-off-max-interval"], kind::duration)
                .value,
            back_off_multiplier: layers.required(&["consumer", "back-off-multiplier"], kind::factor).value,
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

/// The places a binding's key is looked up in.
struct Layers<'a> {
    settings: &'a Settings,
    name: &'a str,
}

impl Layers<'_> {
    fn own<'p>(&'p self, path: &[&'p str]) -> Vec<&'p str> {
        [&["stream", "bindings", self.name], path].concat()
    }

    fn shared<'p>(&self, path: &[&'p str]) -> Vec<&'p str> {
        [&["stream", "default"], path].concat()
    }

    fn optional<T>(&self, path: &[&str], read: fn(&str) -> Result<T, Wrong>) -> Option<Located<T>> {
        let own = self.settings.optional(&self.own(path), read);
        own.or_else(|| self.settings.optional(&self.shared(path), read))
    }

    fn required<T: Default>(&self, path: &[&str], read: fn(&str) -> Result<T, Wrong>) -> Located<T> {
        self.settings
            .optional(&self.own(path), read)
            .unwrap_or_else(|| self.settings.required(&self.shared(path), read))
    }

    fn list(&self, path: &[&str]) -> Located<Vec<String>> {
        let separator = Kind::List.separator();
        let own = self.settings.list(&self.own(path), separator);
        let list = own.or_else(|| self.settings.list(&self.shared(path), separator));
        list.unwrap_or_else(|| Located::default_value(Vec::new()))
    }
}

/// What cannot be said together about one binding, `place` being `stream.default` or the binding's own path.
pub(super) fn check(settings: &Settings, place: &[&str], problems: &mut Problems) {
    let origin = |path: &[&str]| settings.origin(&[place, path].concat()).cloned();
    exclusive(&place.join("."), &["producer.poller.fixed-delay", "producer.poller.cron"], problems, |name| {
        origin(&name.split('.').collect::<Vec<_>>())
    });
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
