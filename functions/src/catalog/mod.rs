//! The catalog: the functions of this process, by name.

mod builder;
mod composition;
mod definition;
mod error;

use std::collections::HashMap;
use std::sync::Arc;

pub use builder::CatalogBuilder;
pub use composition::{Composition, Incoming};
pub use definition::{Definition, InvalidDefinition, check_name};
pub use error::{CatalogError, CatalogErrors, CompositionError, Joint};

use crate::codec::Codecs;
use crate::inputs::Door;
use crate::signature::{FunctionKind, Location, Signature};
use crate::stage::Stage;

/// How many names a wrong one is compared with at most.
const COMPARED: usize = 256;

/// The functions of this process, by name.
///
/// ```
/// use wellspring_functions::Catalog;
///
/// let catalog = Catalog::builder()
///     .function("uppercase", |text: String| text.to_uppercase())
///     .function("reverse", |text: String| text.chars().rev().collect::<String>())
///     .build()?;
/// let composition = catalog.compose("uppercase|reverse")?;
/// assert_eq!(composition.signature().to_string(), "String → String");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Catalog {
    functions: Arc<HashMap<Arc<str>, Function>>,
    /// Every name, in order.
    names: Arc<[Arc<str>]>,
    codecs: Codecs,
    max_stages: usize,
}

/// One function of the catalog.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: Arc<str>,
    /// Which of the three kinds it is.
    pub kind: FunctionKind,
    /// What it does, in the words of its documentation; may be empty.
    pub description: String,
    /// Where it was registered.
    pub location: Location,
    /// What goes in and out.
    pub signature: Signature,
    pub(crate) doors: Vec<Door>,
    pub(crate) stage: Arc<dyn Stage>,
}

impl Catalog {
    /// Starts a catalog.
    #[must_use]
    pub fn builder() -> CatalogBuilder {
        CatalogBuilder::default()
    }

    /// A function by its exact name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// Every function, by name.
    #[must_use]
    pub fn functions(&self) -> Vec<&Function> {
        self.names.iter().filter_map(|name| self.functions.get(name)).collect()
    }

    /// How many functions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The codecs that every composition reads and writes with.
    #[must_use]
    pub const fn codecs(&self) -> &Codecs {
        &self.codecs
    }

    /// Resolves a definition given as text.
    ///
    /// # Errors
    /// When the text is no definition, a name is unknown, or the functions do not fit together.
    pub fn compose(&self, definition: &str) -> Result<Composition, CompositionError> {
        let too_long = definition.split(['|', ',']).nth(self.max_stages).is_some();
        if too_long {
            let found = definition.split(['|', ',']).count();
            return Err(CompositionError::TooLong { found, expected: self.max_stages });
        }
        self.resolve(&Definition::parse(definition)?)
    }

    /// Resolves a definition: every name is looked up and every joint is checked, once.
    ///
    /// # Errors
    /// When a name is unknown or the functions do not fit together.
    pub fn resolve(&self, definition: &Definition) -> Result<Composition, CompositionError> {
        let found = definition.names().len();
        if found > self.max_stages {
            return Err(CompositionError::TooLong { found, expected: self.max_stages });
        }
        let functions = definition.names().map(|name| {
            self.function(name).ok_or_else(|| CompositionError::Unknown {
                name: name.to_owned(),
                near: self.near(name),
                empty: self.is_empty(),
            })
        });
        Composition::new(definition.clone(), &functions.collect::<Result<Vec<_>, _>>()?, &self.codecs)
    }

    /// Up to three names close to one that does not exist, the closest first. Of very many names only those are
    /// compared that stand next to it in order, so that whoever asks for what does not exist costs little.
    #[must_use]
    pub fn near(&self, name: &str) -> Vec<String> {
        let at = self.names.partition_point(|known| **known < *name);
        let first = at.saturating_sub(COMPARED / 2).min(self.names.len().saturating_sub(COMPARED));
        let short: String = name.chars().take(64).collect::<String>().to_lowercase();
        let around = self.names.iter().skip(first).take(COMPARED);
        let mut near: Vec<_> = around
            .map(|known| (strsim::jaro_winkler(&short, &known.to_lowercase()), known))
            .filter(|(likeness, _)| *likeness > 0.75)
            .collect();
        near.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
        near.into_iter().take(3).map(|(_, known)| known.to_string()).collect()
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`: {} at {}", self.kind, self.name, self.signature, self.location)
    }
}
