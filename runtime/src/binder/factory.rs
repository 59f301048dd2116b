//! How binders are made from configuration: typed for whoever writes one, dynamic inside.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::spring_keys::explain;
use super::{Binder, SpringKey};
use crate::config::{Problem, Problems, Section};

/// Makes binders of one type. Implement it, and add it to [`BINDERS`](super::BINDERS).
pub trait Factory {
    /// The name by which configuration chooses this type: `stream.default-binder: memory`.
    const NAME: &'static str;
    /// What becomes of Spring's keys for this kind of broker. A key that is refused is none of `Config`; whoever uses
    /// it reads what to use instead.
    const SPRING_KEYS: &'static [SpringKey] = &[];
    /// Its settings, with kebab-case names and `deny_unknown_fields`.
    type Config: DeserializeOwned;

    /// What is wrong with the settings beyond their types, a sentence each. No I/O.
    fn validate(config: &Self::Config) -> Vec<String>;

    /// Makes the binder of a name. No I/O.
    fn build(name: &str, config: Self::Config) -> Arc<dyn Binder>;
}

type Build = fn(&str, &Section) -> Result<Arc<dyn Binder>, Problems>;

/// A [`Factory`] whose types are erased.
#[derive(Debug, Clone, Copy)]
pub struct ErasedFactory {
    /// The name by which configuration chooses this type.
    pub name: &'static str,
    /// What becomes of Spring's keys for this kind of broker.
    pub spring_keys: &'static [SpringKey],
    build: Build,
}

impl ErasedFactory {
    /// Erases a factory.
    #[must_use]
    pub const fn of<F: Factory>() -> Self {
        Self { name: F::NAME, spring_keys: F::SPRING_KEYS, build: build::<F> }
    }

    /// Reads and checks the settings and makes the binder.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn build(&self, name: &str, settings: &Section) -> Result<Arc<dyn Binder>, Problems> {
        (self.build)(name, settings)
    }
}

fn build<F: Factory>(name: &str, settings: &Section) -> Result<Arc<dyn Binder>, Problems> {
    let config: F::Config =
        settings.deserialize().map_err(|problems| explain(F::SPRING_KEYS, settings, problems))?;
    let problems: Vec<_> = F::validate(&config)
        .into_iter()
        .map(|sentence| Problem::new(sentence).path(settings.path()))
        .collect();
    if problems.is_empty() { Ok(F::build(name, config)) } else { Err(problems.into_iter().collect()) }
}
