//! Configuration: files, environment and command line become one typed `Config`, or one report of all problems.
//!
//! Layers, later ones win: defaults, files built into the program, `application.{yaml,yml,toml,properties}`,
//! `application-<profile>.*`, environment variables, command line. Keys may be written in camelCase, kebab-case or
//! snake_case, with Spring's prefixes or without; every value remembers where it was written.
//!
//! A value takes this way: a reader (`yaml`, `toml`, `properties`, `json`, `arguments`) turns text into entries as
//! written; `layer` finds the key each entry means in the table (`keys`, `schema`); `settings` lays the layers over
//! each other and resolves placeholders; `validate` gives the result its types. Nothing behind this module sees a value
//! as written.

mod arguments;
mod binding;
mod book;
mod core_keys;
mod delivery;
mod environment;
mod files;
mod function;
mod http;
mod json;
mod keys;
mod kind;
mod layer;
mod load;
mod logging;
mod names;
mod node;
mod origin;
mod placeholder;
mod problem;
mod properties;
mod schema;
mod section;
mod settings;
mod sources;
mod spring;
pub(crate) mod spring_key;
mod stream;
mod suggestion;
mod toml;
mod tree;
mod validate;
mod yaml;

use std::time::Duration;

pub use binding::{BindingConfig, CircuitConfig, ConsumerConfig, PollerConfig, ProducerConfig};
pub(crate) use delivery::kind_of_failure;
pub use delivery::{Ending, Guarantee, OnFailure, Order};
pub use function::FunctionConfig;
pub use http::{HttpConfig, ManagementConfig, MethodsConfig};
pub use logging::{Level, LogFormat, LoggingConfig};
pub use origin::{Located, Origin};
pub use problem::{Problem, Problems};
pub use section::{Properties, Section, human};
pub use sources::{Sources, split_arguments};
pub use spring_key::{KeyState, SpringKey};
pub use stream::{BinderConfig, StreamConfig};

/// The configuration as meant: every value checked, every default put in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The name of this application in logs and metrics.
    pub application_name: Option<String>,
    /// The profiles that were loaded, in order.
    pub profiles: Vec<String>,
    /// Which functions run.
    pub function: FunctionConfig,
    /// Bindings and binders.
    pub stream: StreamConfig,
    /// Functions over HTTP.
    pub http: HttpConfig,
    /// Health and the catalogue.
    pub management: ManagementConfig,
    /// What is logged and how.
    pub logging: LoggingConfig,
    /// The longest time to finish what is in flight when stopping.
    pub shutdown_timeout: Duration,
    /// What was written but belongs to parts of Spring that are none of our business; worth a line in the log.
    pub ignored: Vec<Ignored>,
    app: Section,
    settings: settings::Settings,
}

/// One key that a configuration may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The path; `<binding>` and the like stand for names the user chooses, `**` for any subtree.
    pub path: String,
    /// What it takes, such as "a port from 0 to 65535".
    pub expected: &'static str,
    /// What is taken when nobody writes it, if anything is.
    pub default: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
}

/// Something written that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The key or the variable.
    pub path: String,
    /// Where it is written.
    pub origin: Origin,
}

impl Config {
    /// Reads and checks everything that `sources` names.
    ///
    /// # Errors
    /// Every problem there is, in one report: unreadable files, unknown keys, wrong values, what does not fit together.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        load::load(sources)
    }

    /// The settings of the application itself: everything below `app`.
    pub fn app(&self) -> &Section {
        &self.app
    }

    /// The value of a key in any spelling, with the place it comes from; credentials are hidden.
    ///
    /// `None` when the key is not known, or is not written and has no default.
    pub fn explain(&self, path: &str) -> Option<(String, Origin)> {
        self.settings.explain(path)
    }

    /// Every key there is, for documents and listings.
    pub fn keys() -> Vec<KeyInfo> {
        let schema = schema::Schema::new(&[]);
        let info = |key: &schema::Key| KeyInfo {
            path: key.path.clone(),
            expected: key.kind.expected(),
            default: key.default,
            doc: key.doc,
        };
        schema.keys().iter().map(info).collect()
    }

    /// The keys of Spring Cloud Function and Stream that belong to no binder, and what becomes of each.
    pub const fn spring_keys() -> &'static [SpringKey] {
        core_keys::CORE_KEYS
    }

    /// The reference configuration: every key with its default and what it does, as YAML.
    pub fn reference() -> &'static str {
        include_str!("reference.yaml")
    }
}
