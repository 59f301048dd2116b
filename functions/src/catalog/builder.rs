//! Building a catalog, with or without the attributes.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

use super::{Catalog, CatalogError, CatalogErrors, Function, check_name};
use crate::codec::{Codec, Codecs};
use crate::entry::{Entry, Registration};
use crate::function::{IntoFunction, IntoSupplier};
use crate::inject::State;
use crate::resources::Resources;

/// Collects functions, state and codecs; [`build`](Self::build) checks them all and reports every problem.
///
/// ```
/// use wellspring_functions::{Catalog, State};
///
/// let catalog = Catalog::builder()
///     .state(String::from("hello, "))
///     .function("greet", |name: String, State(greeting): State<String>| greeting + &name)
///     .supplier("answer", || 42)
///     .consumer("forget", |_: String| ())
///     .build()?;
/// assert_eq!(catalog.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CatalogBuilder {
    entries: Vec<Entry>,
    resources: Resources,
    codecs: Vec<Arc<dyn Codec>>,
    max_stages: usize,
}

impl Default for CatalogBuilder {
    fn default() -> Self {
        Self { entries: Vec::new(), resources: Resources::new(), codecs: Vec::new(), max_stages: 64 }
    }
}

impl CatalogBuilder {
    /// Adds every function that carries an attribute, in every crate that is linked.
    #[must_use]
    pub fn registered(self) -> Self {
        inventory::iter::<Registration>()
            .fold(self, |builder, registration| builder.entry((registration.0)()))
    }

    /// Adds a function.
    #[must_use]
    #[track_caller]
    pub fn function<M, F: IntoFunction<M>>(self, name: &str, function: F) -> Self {
        self.entry(Entry::function(name, Location::caller().into(), function))
    }

    /// Adds a supplier.
    #[must_use]
    #[track_caller]
    pub fn supplier<M, F: IntoSupplier<M>>(self, name: &str, supplier: F) -> Self {
        self.entry(Entry::supplier(name, Location::caller().into(), supplier))
    }

    /// Adds a consumer: a function that returns nothing.
    #[must_use]
    #[track_caller]
    pub fn consumer<M, F: IntoFunction<M>>(self, name: &str, consumer: F) -> Self {
        self.entry(Entry::consumer(name, Location::caller().into(), consumer))
    }

    /// Adds a function as it was registered.
    #[must_use]
    pub fn entry(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Provides application state, which functions take as `State<S>`.
    #[must_use]
    pub fn state<S: Clone + Send + Sync + 'static>(self, state: S) -> Self {
        self.resource(State(state))
    }

    /// Provides something that injected arguments look up by type.
    #[must_use]
    pub fn resource<R: Send + Sync + 'static>(mut self, resource: R) -> Self {
        self.resources.insert(resource);
        self
    }

    /// Adds a codec; those added first are asked first.
    #[must_use]
    pub fn codec(mut self, codec: impl Codec) -> Self {
        self.codecs.push(Arc::new(codec));
        self
    }

    /// How many functions one composition may have at most; 64 unless said otherwise.
    #[must_use]
    pub const fn max_stages(mut self, max_stages: usize) -> Self {
        self.max_stages = max_stages;
        self
    }

    /// The codecs added so far, beside the built-in ones.
    #[must_use]
    pub fn codecs(&self) -> Codecs {
        Codecs::new(self.codecs.iter().cloned())
    }

    /// Checks everything and makes the catalog.
    ///
    /// # Errors
    /// Every name given twice, every name that no definition could use, every injected argument that is missing.
    pub fn build(self) -> Result<Catalog, CatalogErrors> {
        let codecs = self.codecs();
        let (mut functions, mut errors) = (HashMap::<Arc<str>, Function>::new(), Vec::new());
        for entry in self.entries {
            match resolve(entry, &self.resources) {
                Ok(function) => match functions.get(&function.name) {
                    Some(first) => errors.push(CatalogError::Duplicate {
                        name: function.name.to_string(),
                        first: first.location,
                        second: function.location,
                    }),
                    None => {
                        functions.insert(Arc::clone(&function.name), function);
                    }
                },
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            let mut names: Vec<_> = functions.keys().cloned().collect();
            names.sort_unstable();
            let (functions, names) = (Arc::new(functions), names.into());
            Ok(Catalog { functions, names, codecs, max_stages: self.max_stages })
        } else {
            errors.sort_by_key(ToString::to_string);
            Err(CatalogErrors(errors))
        }
    }
}

fn resolve(entry: Entry, resources: &Resources) -> Result<Function, CatalogError> {
    let Entry { name, kind, description, location, signature, doors, threads, make } = entry;
    if let Err(source) = check_name(&name) {
        return Err(CatalogError::InvalidName { location, source });
    }
    match (kind, &signature.output) {
        (crate::FunctionKind::Consumer, Some(output)) => {
            let output = output.to_string();
            return Err(CatalogError::ConsumerReturns { name, location, output });
        }
        (crate::FunctionKind::Supplier | crate::FunctionKind::Function, None) => {
            return Err(CatalogError::ReturnsNothing { name, location, kind });
        }
        _ => {}
    }
    match make(resources, threads) {
        Ok(stage) => Ok(Function { name: name.into(), kind, description, location, signature, doors, stage }),
        Err(source) => Err(CatalogError::Missing { name, location, source }),
    }
}

impl std::fmt::Debug for CatalogBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogBuilder").field("entries", &self.entries).finish_non_exhaustive()
    }
}
