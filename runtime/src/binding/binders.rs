//! The binders that a plan uses, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::plan::Plan;
use crate::binder::{Binder, factories, factory};
use crate::config::{Problem, Problems, StreamConfig};

/// The binders that a plan uses, made but not connected.
#[derive(Debug, Clone, Default)]
pub struct Binders {
    by_name: BTreeMap<String, Arc<dyn Binder>>,
}

impl Binders {
    /// Makes every binder that the plan names, unless it is there already. No I/O.
    ///
    /// # Errors
    /// Every binder whose type is not linked into this program or whose settings are wrong.
    pub fn make(mut self, plan: &Plan, config: &StreamConfig) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        for name in plan.binders() {
            if self.by_name.contains_key(name) {
                continue;
            }
            let binder = config.binder(name);
            match factory(&binder.kind) {
                None => problems.push(not_linked(name, &binder.kind.value).at(binder.kind.origin.clone())),
                Some(factory) => match factory.build(name, &binder.environment) {
                    Ok(made) => {
                        self.by_name.insert(name.to_owned(), made);
                    }
                    Err(wrong) => problems.extend(wrong),
                },
            }
        }
        problems.or(self)
    }

    /// Uses a binder of one's own under a name.
    #[must_use]
    pub fn with(mut self, name: &str, binder: Arc<dyn Binder>) -> Self {
        self.by_name.insert(name.to_owned(), binder);
        self
    }

    /// The binder of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Binder>> {
        self.by_name.get(name)
    }
}

fn not_linked(name: &str, kind: &str) -> Problem {
    let linked: Vec<_> = factories().iter().map(|factory| format!("`{}`", factory.name)).collect();
    let expected = format!("a type linked into this program: {}", linked.join(", "));
    Problem::mismatch(kind, expected).path(format!("stream.binders.{name}.type"))
}
