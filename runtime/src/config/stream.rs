//! Bindings, binders and what they share.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::binding::{BindingConfig, check, exclusive};
use super::problem::nearest;
use super::settings::Settings;
use super::{Located, Problem, Problems, Section, kind};

/// `stream.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamConfig {
    /// Whether bindings are started.
    pub enabled: bool,
    /// The binder of every binding that names none.
    pub default_binder: Located<String>,
    /// Named binders; a binder that is not named here is known by its type.
    pub binders: BTreeMap<String, BinderConfig>,
    /// The bindings that are configured, with all defaults put in.
    pub bindings: BTreeMap<String, BindingConfig>,
    /// New names of bindings, by the name they would have.
    pub renames: BTreeMap<String, Located<String>>,
    /// The longest pause between tries to reach a broker at start.
    pub binding_retry_interval: Duration,
    /// Whether a broker that cannot be reached ends start-up.
    pub fail_fast: bool,
    /// How many bytes of payload all inputs may have in flight together.
    pub max_in_flight_bytes: u64,
    /// Destinations that code may send to without a binding, or their beginnings with a `*` after it.
    pub dynamic_destinations: Located<Vec<String>>,
    /// How many instances of this application run.
    pub instance_count: Located<u32>,
    /// Which of them this one is, from 0.
    pub instance_index: Located<u32>,
    unconfigured: BindingConfig,
    /// How bindings are spelled, by their names in lower case.
    spellings: HashMap<String, String>,
    sections: BTreeMap<String, Section>,
}

/// `stream.binders.<name>.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinderConfig {
    /// The type: `memory`, `kafka`, `rabbitmq` or that of a binder linked into the program.
    pub kind: Located<String>,
    /// The settings of the type, unless they are not inherited, with those of this binder on top.
    pub environment: Section,
    /// Whether it can be the default binder without being named as such.
    pub default_candidate: bool,
}

impl StreamConfig {
    /// The binding of this name; one that nobody configured gets `stream.default` and the documented defaults.
    ///
    /// Case does not matter, as in Spring.
    pub fn binding(&self, name: &str) -> BindingConfig {
        let found = self.bindings.get(name).or_else(|| {
            let spelled = self.spellings.get(&name.to_lowercase())?;
            self.bindings.get(spelled)
        });
        found.map_or_else(|| self.unconfigured.renamed(name), |binding| binding.renamed(name))
    }

    /// The longest pause between tries to reach a broker at start; without one, start-up ends when a broker cannot be
    /// reached.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        Some(self.binding_retry_interval).filter(|longest| !self.fail_fast && !longest.is_zero())
    }

    /// The settings of a type of binder: `stream.<type>`.
    pub fn section(&self, binder_type: &str) -> Section {
        let found = self.sections.get(binder_type).cloned();
        found.unwrap_or_else(|| Section::empty(format!("stream.{binder_type}")))
    }

    /// The type and the settings of the binder of this name, whether it is named in `stream.binders` or is a type.
    pub fn binder(&self, name: &str) -> BinderConfig {
        let named = self.binders.get(name).cloned();
        named.unwrap_or_else(|| BinderConfig {
            kind: Located::default_value(ours(name)),
            environment: self.section(&ours(name)),
            default_candidate: false,
        })
    }

    pub(super) fn read(settings: &Settings, types: &[String], problems: &mut Problems) -> Self {
        let sections: BTreeMap<String, Section> =
            types.iter().map(|name| (name.clone(), settings.section(&["stream", name]))).collect();
        let binders: BTreeMap<String, BinderConfig> = settings
            .names(&["stream", "binders"])
            .into_iter()
            .map(|name| {
                let binder = BinderConfig::read(settings, &name, types, &sections, problems);
                (name, binder)
            })
            .collect();
        let bindings: BTreeMap<String, BindingConfig> = settings
            .names(&["stream", "bindings"])
            .into_iter()
            .map(|name| {
                check(settings, &["stream", "bindings", &name], problems);
                let binding = BindingConfig::read(settings, &name);
                (name, binding)
            })
            .collect();
        let spellings = bindings.keys().map(|name| (name.to_lowercase(), name.clone())).collect();
        let renames = settings.names(&["stream", "function", "bindings"]).into_iter().filter_map(|name| {
            let path = ["stream", "function", "bindings", &name];
            Some((name.clone(), settings.optional(&path, kind::name)?))
        });
        let stream = Self {
            enabled: settings.required(&["stream", "enabled"], kind::boolean).value,
            default_binder: default_binder(settings, &binders),
            binders,
            bindings,
            renames: renames.collect(),
            binding_retry_interval: settings
                .required(&["stream", "binding-retry-interval"], kind::seconds)
                .value,
            fail_fast: settings.required(&["stream", "fail-fast"], kind::boolean).value,
            max_in_flight_bytes: settings.required(&["stream", "max-in-flight-bytes"], kind::size).value,
            dynamic_destinations: settings
                .list(&["stream", "dynamic-destinations"], ',')
                .unwrap_or_else(|| Located::default_value(Vec::new())),
            instance_count: settings.required(&["stream", "instance-count"], kind::count),
            instance_index: settings.required(&["stream", "instance-index"], kind::index),
            unconfigured: BindingConfig::read(settings, ""),
            spellings,
            sections,
        };
        stream.check(settings, types, problems);
        stream
    }

    fn check(&self, settings: &Settings, types: &[String], problems: &mut Problems) {
        check(settings, &["stream", "default"], problems);
        exclusive("stream.poller", &["fixed-delay", "cron"], problems, |name| {
            settings.origin(&["stream", "poller", name]).cloned()
        });
        self.check_binder("stream.default-binder", &self.default_binder, types, problems);
        self.check_candidates(problems);
        if let Some(binder) = &self.unconfigured.binder {
            self.check_binder("stream.default.binder", binder, types, problems);
        }
        for (name, binding) in &self.bindings {
            let path = |key: &str| format!("stream.bindings.{name}.{key}");
            if let Some(binder) = &binding.binder
                && settings.origin(&["stream", "bindings", name, "binder"]).is_some()
            {
                self.check_binder(&path("binder"), binder, types, problems);
            }
            let consumer = &binding.consumer;
            if settings
                .names(&["stream", "bindings", name, "consumer"])
                .iter()
                .any(|key| key.starts_with("instance-"))
            {
                check_instance(
                    &path("consumer.instance-index"),
                    &consumer.instance_index,
                    &consumer.instance_count,
                    problems,
                );
            }
            if consumer.back_off_initial_interval > consumer.back_off_max_interval {
                let origin =
                    settings.origin(&["stream", "bindings", name, "consumer", "back-off-initial-interval"]);
                let origin = origin.or_else(|| {
                    settings.origin(&["stream", "bindings", name, "consumer", "back-off-max-interval"])
                });
                if let Some(origin) = origin {
                    problems.push(
                        too_long_a_pause(&path("consumer.back-off-initial-interval"), consumer)
                            .at(origin.clone()),
                    );
                }
            }
        }
        check_instance("stream.instance-index", &self.instance_index, &self.instance_count, problems);
    }

    /// Several named binders could be the default, none is said to be, and a binding asks for it.
    fn check_candidates(&self, problems: &mut Problems) {
        let names: Vec<_> = candidates(&self.binders).map(|name| format!("`{name}`")).collect();
        let asks = |binding: &BindingConfig| binding.binder.is_none();
        if names.len() > 1
            && self.default_binder.origin.is_default()
            && let Some(binding) = self.bindings.values().find(|binding| asks(binding))
        {
            let names = names.join(", ");
            let sentence =
                format!("`{}` names no binder, and several could be the default: {names}", binding.name);
            problems.push(
                Problem::new(sentence)
                    .path("stream.default-binder")
                    .suggest("name one, or set `default-candidate: false`"),
            );
        }
    }

    fn check_binder(&self, path: &str, binder: &Located<String>, types: &[String], problems: &mut Problems) {
        if self.binders.contains_key(&binder.value) || types.contains(&ours(binder)) {
            return;
        }
        let names: Vec<&str> =
            self.binders.keys().map(String::as_str).chain(types.iter().map(String::as_str)).collect();
        problems.push(no_binder(path, binder, &names));
    }
}

impl BinderConfig {
    fn read(
        settings: &Settings,
        name: &str,
        types: &[String],
        sections: &BTreeMap<String, Section>,
        problems: &mut Problems,
    ) -> Self {
        let path = format!("stream.binders.{name}");
        let own = settings.section(&["stream", "binders", name, "environment"]);
        let written = settings.optional(&["stream", "binders", name, "type"], kind::name);
        let kind = match written {
            Some(kind) => kind.map(|kind| ours(&kind)),
            // As in Spring a binder may carry the name of its type.
            None => Located::default_value(ours(name)),
        };
        if !types.contains(&kind.value) {
            let names: Vec<&str> = types.iter().map(String::as_str).collect();
            problems.push(no_binder(&format!("{path}.type"), &kind, &names));
        }
        let shared = sections.get(&kind.value).cloned();
        let shared = shared.unwrap_or_else(|| Section::empty(format!("stream.{}", kind.value)));
        let is = |key| settings.required(&["stream", "binders", name, key], kind::boolean).value;
        let environment = if is("inherit-environment") { shared.overlaid(&own) } else { own };
        Self { environment, kind, default_candidate: is("default-candidate") }
    }
}

/// The binder that is said to be the default; or, as in Spring, the only named one that could be.
fn default_binder(settings: &Settings, binders: &BTreeMap<String, BinderConfig>) -> Located<String> {
    let written = settings.required(&["stream", "default-binder"], kind::name).map(|name| ours(&name));
    let mut candidates = candidates(binders);
    match (candidates.next(), candidates.next()) {
        (Some(only), None) if written.origin.is_default() => Located::default_value(only.clone()),
        _ => written,
    }
}

fn candidates(binders: &BTreeMap<String, BinderConfig>) -> impl Iterator<Item = &String> {
    binders.iter().filter(|(_, binder)| binder.default_candidate).map(|(name, _)| name)
}

/// Spring calls the RabbitMQ binder `rabbit`.
fn ours(binder: &str) -> String {
    if binder == "rabbit" { "rabbitmq".to_owned() } else { binder.to_owned() }
}

/// Binder types that a feature of this crate brings, each named as its feature.
const FEATURES: [&str; 2] = ["kafka", "rabbitmq"];

fn no_binder(path: &str, binder: &Located<String>, names: &[&str]) -> Problem {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let expected = format!("a binder of this program: {}", quoted.join(", "));
    let problem = Problem::mismatch(&binder.value, expected).path(path);
    let problem = if binder.origin.is_default() { problem } else { problem.at(binder.origin.clone()) };
    let wrong = ours(binder);
    let known = names.iter().copied().chain(FEATURES);
    match nearest(&wrong, known) {
        Some(feature) if FEATURES.contains(&feature) && !names.contains(&feature) => {
            let meant = if feature == wrong { String::new() } else { format!("did you mean `{feature}`? ") };
            problem.suggest(format!("{meant}its feature is off: `cargo add wellspring --features {feature}`"))
        }
        Some(name) => problem.suggest(format!("did you mean `{name}`?")),
        None => problem,
    }
}

fn check_instance(path: &str, index: &Located<u32>, count: &Located<u32>, problems: &mut Problems) {
    if index.value >= count.value {
        let expected = format!("less than the instance count, which is {} ({})", count.value, count.origin);
        problems.push(Problem::mismatch(index.to_string(), expected).path(path).at(index.origin.clone()));
    }
}

fn too_long_a_pause(path: &str, consumer: &super::ConsumerConfig) -> Problem {
    let found = format!("{}ms", consumer.back_off_initial_interval.as_millis());
    let most = consumer.back_off_max_interval.as_millis();
    Problem::mismatch(found, format!("at most `back-off-max-interval`, which is {most}ms")).path(path)
}
