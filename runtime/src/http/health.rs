//! Whether the process is well: what its parts report, and whether it drains.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde::Serialize;
use serde_json::{Map, Value};

/// The health of the process: named components that report, and whether it drains. Copies share it.
///
/// ```
/// use wellspring::http::{Component, Health, Status};
///
/// let health = Health::new();
/// health.report("kafka", Component::down("no broker answers"));
/// assert_eq!(health.status(), Status::Down);
/// health.report("kafka", Component::up());
/// assert_eq!(health.status(), Status::Up);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<State>);

#[derive(Debug, Default)]
struct State {
    components: RwLock<BTreeMap<Box<str>, Component>>,
    observed: OnceLock<Arc<dyn Observed>>,
    draining: AtomicBool,
}

/// Parts of the process that are looked at when somebody asks, instead of reporting.
pub trait Observed: fmt::Debug + Send + Sync {
    /// How each part is, by name. Must not block.
    fn components(&self) -> BTreeMap<Box<str>, Component>;

    /// The same, with what takes a moment to find out, such as how much waits.
    fn measured(&self) -> BoxFuture<'_, BTreeMap<Box<str>, Component>> {
        ready(self.components()).boxed()
    }
}

/// What one component reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Facts, by name.
    #[serde(flatten)]
    facts: Map<String, Value>,
}

/// How the process or a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It works.
    Up,
    /// It does not.
    Down,
    /// It finishes what it began and takes nothing new.
    Draining,
}

impl Component {
    /// It works.
    #[must_use]
    pub fn up() -> Self {
        Self { status: Status::Up, detail: None, facts: Map::new() }
    }

    /// It does not work, and why.
    #[must_use]
    pub fn down(why: impl Into<String>) -> Self {
        Self { status: Status::Down, detail: Some(why.into()), facts: Map::new() }
    }

    /// Adds a sentence for the reader.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds a fact for programs that read this.
    #[must_use]
    pub fn with_fact(mut self, name: &str, fact: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), fact.into());
        self
    }

    /// Whether it works.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.status == Status::Up
    }
}

impl Health {
    /// No components, not draining: up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of how a component is; replaces what it reported before.
    pub fn report(&self, component: &str, is: Component) {
        let mut components = self.0.components.write().unwrap_or_else(PoisonError::into_inner);
        components.insert(component.into(), is);
    }

    /// Looks at these parts too, from now on. The first ones stay.
    pub fn observe(&self, parts: Arc<dyn Observed>) {
        let _ = self.0.observed.set(parts);
    }

    /// Takes note that the process drains; there is no way back.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// How the process is: draining, or down when a component is.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.0.draining.load(Ordering::Relaxed) {
            return Status::Draining;
        }
        let all_up = self.components().values().all(Component::is_up);
        if all_up { Status::Up } else { Status::Down }
    }

    /// How every component is, by name.
    #[must_use]
    pub fn components(&self) -> BTreeMap<Box<str>, Component> {
        let mut components = self.reported();
        components.extend(self.0.observed.get().map(|parts| parts.components()).into_iter().flatten());
        components
    }

    /// How every component is, by name, with what takes a moment to find out.
    pub async fn measured(&self) -> BTreeMap<Box<str>, Component> {
        let mut components = self.reported();
        if let Some(parts) = self.0.observed.get() {
            components.extend(parts.measured().await);
        }
        components
    }

    fn reported(&self) -> BTreeMap<Box<str>, Component> {
        self.0.components.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_as_well_as_its_worst_component_until_it_drains() {
        let health = Health::new();
        assert_eq!(health.status(), Status::Up);
        health.report("a", Component::up().with_detail("3 connections"));
        health.report("b", Component::down("gone"));
        assert_eq!(health.status(), Status::Down);
        health.clone().drain();
        assert_eq!(health.status(), Status::Draining);
        let json = serde_json::to_value(health.components()).unwrap();
        assert_eq!(json["b"], serde_json::json!({"status": "down", "detail": "gone"}));
    }
}
