//! What a configuration may say and hardly means, said at start and by `check`.

use super::binders::Binders;
use super::plan::{Plan, PlannedFunction, PlannedInput};
use crate::config::Order;

/// Something that a configuration may say, and hardly means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The binding that it is about.
    pub binding: String,
    /// What comes of it, and what to say instead.
    pub sentence: String,
}

impl Warning {
    /// Finds all there is to be said of a plan.
    pub(crate) fn all(plan: &Plan, binders: &Binders) -> Vec<Self> {
        plan.functions
            .iter()
            .flat_map(|function| without_keys(function, binders).chain(loops(function)))
            .collect()
    }

    /// Says it in the log.
    pub(crate) fn log(&self) {
        tracing::warn!(binding = self.binding, "{}", self.sentence);
    }
}

/// Inputs that are to keep the order of keys, on binders whose messages have none.
fn without_keys(function: &PlannedFunction, binders: &Binders) -> impl Iterator<Item = Warning> {
    let inputs = function.inputs.iter().filter(|input| input.order == Order::Key);
    inputs.filter(|input| binders.get(&input.binder).is_some_and(|binder| !binder.capabilities().keys)).map(
        |input| Warning {
            binding: input.binding.clone(),
            sentence: format!(
                "its deliveries keep no order among each other: `order` is `key`, and messages of `{}` have no keys; set \
                 `consumer.order` to `partition`, or to `none` if that is meant",
                input.binder
            ),
        },
    )
}

/// Outputs whose messages come back to the function that sends them.
fn loops(function: &PlannedFunction) -> impl Iterator<Item = Warning> {
    function.outputs.iter().filter_map(|output| {
        let reads = |input: &&PlannedInput| {
            input.binder == output.binder && input.destinations.contains(&output.destination)
        };
        let input = function.inputs.iter().find(reads)?;
        Some(Warning {
            binding: output.binding.clone(),
            sentence: format!(
                "everything that it sends comes back to its own function: it writes `{}`, which `{}` reads",
                output.destination, input.binding
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;
    use wellspring_functions::Catalog;

    use super::*;
    use crate::binder::memory::{Config as MemoryConfig, Memory};
    use crate::binder::{Binder, Capabilities, Error, Input, InputSpec, Output, OutputSpec};
    use crate::config::{Config, Sources};

    /// A memory binder whose messages have no keys.
    #[derive(Debug)]
    struct Keyless(Memory);

    impl Binder for Keyless {
        fn capabilities(&self) -> Capabilities {
            Capabilities { keys: false, ..self.0.capabilities() }
        }

        fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
            self.0.bind_input(spec)
        }

        fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
            self.0.bind_output(spec)
        }
    }

    /// What is said of a function whose consumer section and output are these.
    fn said(consumer: &str, output: &str) -> Vec<String> {
        let yaml = format!(
            "
function: {{ definition: same }}
stream:
  default-binder: keyless
  binders: {{ keyless: {{ type: memory }} }}
  bindings:
    same-in-0: {{ destination: in, group: g, consumer: {consumer} }}
    same-out-0: {output}
"
        );
        let config = Config::load(&Sources::new().built_in("application.yaml", yaml)).unwrap();
        let catalog = Catalog::builder().function("same", |n: u64| n).build().unwrap();
        let keyless = Keyless(Memory::new(MemoryConfig::default()));
        let memory = Memory::new(MemoryConfig::default());
        let binders = Binders::default().with("keyless", Arc::new(keyless)).with("memory", Arc::new(memory));
        let plan = Plan::new(&config, &catalog).unwrap();
        let warnings = Warning::all(&plan, &binders);
        warnings.iter().map(|warning| format!("{}: {}", warning.binding, warning.sentence)).collect()
    }

    #[test]
    fn says_that_without_keys_there_is_no_order_of_keys() {
        for consumer in ["{ order: key }", "{ concurrency: 4 }"] {
            let said = said(consumer, "{ destination: out }");
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with("same-in-0: its deliveries keep no order"), "{said:?}");
            assert!(said[0].contains("messages of `keyless` have no keys"), "{said:?}");
        }
        for consumer in ["{}", "{ order: none, concurrency: 4 }", "{ order: partition, concurrency: 4 }"] {
            assert_eq!(said(consumer, "{ destination: out }"), [""; 0], "{consumer}");
        }
    }

    #[test]
    fn says_that_a_function_sends_to_itself() {
        let expected = "same-out-0: everything that it sends comes back to its own function: it writes `in`, which `same-in-0` reads";
        assert_eq!(said("{}", "{ destination: in }"), [expected]);
        assert_eq!(said("{}", "{ destination: in, binder: memory }"), [""; 0]);
    }
}
