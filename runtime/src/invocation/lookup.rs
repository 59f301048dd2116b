//! The functions of an application as the edges call them: one shared invocation per definition.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use wellspring_functions::{Catalog, Composition, CompositionError, Definition};

use super::Invocation;

/// How many compositions that nobody configured are kept, so that names from outside cannot fill the memory.
const KEPT: usize = 1024;

/// Every function of the catalog, the configured definitions, and the compositions that were asked for.
///
/// Whoever calls the same definition calls the same [`Invocation`], so that what is learned about a composition (how
/// quick it is) is learned once. Cheap to copy.
///
/// ```
/// use wellspring::invocation::Functions;
/// use wellspring::{Catalog, Definition};
///
/// let catalog = Catalog::builder()
///     .function("uppercase", |text: String| text.to_uppercase())
///     .function("reverse", |text: String| text.chars().rev().collect::<String>())
///     .build()?;
/// let functions = Functions::new(catalog, &["uppercase|reverse".parse()?], None)?;
/// assert_eq!(functions.get("uppercase, reverse")?.composition().definition().to_string(), "uppercase|reverse");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Functions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalog: Catalog,
    deadline: Option<Duration>,
    default: Option<Invocation>,
    /// One per function, by its exact name; never changes.
    named: HashMap<Arc<str>, Invocation>,
    /// Compositions by the text that asked for them: the configured ones, then up to [`KEPT`] others.
    composed: RwLock<HashMap<Box<str>, Invocation>>,
    capacity: usize,
}

impl Functions {
    /// Prepares every function of the catalog and the configured definitions.
    ///
    /// The default definition is the only one configured; with none configured, the only function there is.
    /// A call that takes longer than `deadline` fails.
    ///
    /// # Errors
    /// When a definition cannot be resolved.
    pub fn new(
        catalog: Catalog,
        definitions: &[Definition],
        deadline: Option<Duration>,
    ) -> Result<Self, CompositionError> {
        let mut named = HashMap::with_capacity(catalog.len());
        for function in catalog.functions() {
            let composition = catalog.compose(&function.name)?;
            named.insert(Arc::clone(&function.name), Invocation::new(composition, deadline));
        }
        let mut composed = HashMap::new();
        let mut configured = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let composition = catalog.resolve(definition)?;
            let invocation = prepared(&named, &mut composed, composition, deadline);
            configured.push(invocation);
        }
        let default = match configured.as_slice() {
            [only] => Some(only.clone()),
            [] if named.len() == 1 => named.values().next().cloned(),
            _ => None,
        };
        let capacity = composed.len() + KEPT;
        let composed = RwLock::new(composed);
        Ok(Self(Arc::new(Inner { catalog, deadline, default, named, composed, capacity })))
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The default definition, if there is one.
    #[must_use]
    pub fn default_invocation(&self) -> Option<&Invocation> {
        self.0.default.as_ref()
    }

    /// A function by its exact name; takes no lock.
    #[must_use]
    #[inline]
    pub fn named(&self, name: &str) -> Option<&Invocation> {
        self.0.named.get(name)
    }

    /// A function or a composition.
    ///
    /// # Errors
    /// When the text is no definition, a name is unknown, or the functions do not fit together.
    pub fn get(&self, definition: &str) -> Result<Invocation, CompositionError> {
        if let Some(invocation) = self.named(definition).or(self.kept(definition).as_ref()) {
            return Ok(invocation.clone());
        }
        let composition = self.0.catalog.compose(definition)?;
        let mut composed = self.0.composed.write().unwrap_or_else(PoisonError::into_inner);
        if composed.len() + 1 >= self.0.capacity {
            let canonical = composition.definition().to_string();
            let known = self.named(&canonical).or_else(|| composed.get(canonical.as_str()));
            return Ok(known.cloned().unwrap_or_else(|| Invocation::new(composition, self.0.deadline)));
        }
        let invocation = prepared(&self.0.named, &mut composed, composition, self.0.deadline);
        composed.insert(definition.into(), invocation.clone());
        Ok(invocation)
    }

    fn kept(&self, definition: &str) -> Option<Invocation> {
        self.0.composed.read().unwrap_or_else(PoisonError::into_inner).get(definition).cloned()
    }
}

/// The invocation of a composition under its canonical text, made when it is not there yet.
fn prepared(
    named: &HashMap<Arc<str>, Invocation>,
    composed: &mut HashMap<Box<str>, Invocation>,
    composition: Composition,
    deadline: Option<Duration>,
) -> Invocation {
    let canonical = composition.definition().to_string();
    match named.get(canonical.as_str()) {
        Some(invocation) => invocation.clone(),
        None => {
            composed.entry(canonical.into()).or_insert_with(|| Invocation::new(composition, deadline)).clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(definitions: &[&str]) -> Functions {
        let catalog = Catalog::builder()
            .function("a", |text: String| text)
            .function("b", |text: String| text)
            .build()
            .unwrap();
        let definitions: Vec<_> = definitions.iter().map(|text| text.parse().unwrap()).collect();
        Functions::new(catalog, &definitions, None).unwrap()
    }

    fn same(one: &Invocation, other: &Invocation) -> bool {
        Arc::ptr_eq(&one.0, &other.0)
    }

    #[test]
    fn every_spelling_of_a_definition_shares_one_invocation() {
        let functions = functions(&["a|b"]);
        let canonical = functions.get("a|b").unwrap();
        for spelling in ["a,b", " a | b ", "a,b"] {
            assert!(same(&functions.get(spelling).unwrap(), &canonical), "{spelling}");
        }
        assert!(same(functions.default_invocation().unwrap(), &canonical));
        assert!(same(&functions.get(" a ").unwrap(), functions.named("a").unwrap()));
    }

    #[test]
    fn the_default_is_the_only_definition_or_the_only_function() {
        assert!(functions(&[]).default_invocation().is_none());
        assert!(functions(&["a", "b"]).default_invocation().is_none());
        let single = Catalog::builder().function("a", |text: String| text).build().unwrap();
        let single = Functions::new(single, &[], None).unwrap();
        assert!(same(single.default_invocation().unwrap(), single.named("a").unwrap()));
    }

    #[test]
    fn names_from_outside_cannot_fill_the_memory() {
        let functions = functions(&["a|b"]);
        let canonical = functions.get("a|b").unwrap();
        for spaces in 0..2 * KEPT {
            assert!(same(&functions.get(&format!("a|{}b", " ".repeat(spaces))).unwrap(), &canonical));
            assert!(functions.get(&format!("unknown{spaces}")).is_err());
        }
        assert!(functions.get("b|a").is_ok());
        assert!(functions.0.composed.read().unwrap().len() <= KEPT + 1);
    }
}
