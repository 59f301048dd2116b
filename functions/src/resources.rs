//! What an application provides to its functions, found by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;

use crate::codec::short_name;

/// Values that functions can ask for by type: application state, the sender, more later.
#[derive(Default)]
pub struct Resources {
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

/// A function asks for something that the application does not provide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is missing, expected {hint}")]
pub struct MissingResource {
    what: String,
    hint: String,
}

impl MissingResource {
    /// States what is missing and how it is provided.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }

    pub(crate) fn state<S>() -> Self {
        let name = short_name::<S>();
        Self::new(
            format!("state of type `{name}`"),
            format!("`.state(…)` with a `{name}` where the application is built"),
        )
    }
}

impl Resources {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Provides a value; one of the same type is replaced.
    pub fn insert<R: Send + Sync + 'static>(&mut self, resource: R) {
        self.by_type.insert(TypeId::of::<R>(), Box::new(resource));
    }

    /// The value of a type.
    #[must_use]
    pub fn get<R: 'static>(&self) -> Option<&R> {
        self.by_type.get(&TypeId::of::<R>())?.downcast_ref()
    }
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resources({})", self.by_type.len())
    }
}
