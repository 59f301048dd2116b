//! Whether the binders can keep what the plan asks of them; a binding that asks for more is refused before anything
//! is bound.

use super::binders::Binders;
use super::plan::{Plan, PlannedInput, PlannedOutput};
use crate::binder::Capabilities;
use crate::config::{Problem, Problems};

/// Compares the plan with what each binder can promise.
///
/// # Errors
/// Every setting of a binding that its binder cannot honour.
pub(crate) fn check(plan: &Plan, binders: &Binders) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for input in plan.all_inputs() {
        if let Some(binder) = binders.get(&input.binder) {
            problems.extend(of_input(input, binder.capabilities()));
        }
    }
    for output in plan.all_outputs() {
        if let Some(binder) = binders.get(&output.binder) {
            problems.extend(of_output(output, binder.capabilities()));
        }
    }
    problems.or(())
}

fn of_input(input: &PlannedInput, can: Capabilities) -> Option<Problem> {
    let broken = |key, found, lacks| broken(&input.binding, &input.binder, key, found, lacks);
    match &input.group {
        Some(group) if !can.groups => Some(broken("group", group, "groups")),
        // What is in flight when an input closes goes back to its group; without that it would be lost.
        _ if !can.requeue => {
            Some(broken("binder", &input.binder, "redelivery, so that messages would be lost"))
        }
        _ => None,
    }
}

fn of_output(output: &PlannedOutput, can: Capabilities) -> Vec<Problem> {
    let broken = |key, found: &str, lacks| broken(&output.binding, &output.binder, key, found, lacks);
    let mut problems = Vec::new();
    if output.partition_count > 1 && !can.partitions {
        let count = output.partition_count.to_string();
        problems.push(broken("producer.partition-count", &count, "partitions"));
    }
    if !output.required_groups.is_empty() && !can.durable_groups {
        let groups = output.required_groups.join(",");
        problems.push(broken("producer.required-groups", &groups, "groups that outlive their members"));
    }
    problems
}

fn broken(binding: &str, binder: &str, key: &str, found: &str, lacks: &str) -> Problem {
    Problem::new(format!("found `{found}`, but the binder `{binder}` has no {lacks}"))
        .path(format!("stream.bindings.{binding}.{key}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;
    use wellspring_functions::Catalog;

    use super::*;
    use crate::binder::{Binder, Error, Input, InputSpec, Output, OutputSpec, memory::Memory};
    use crate::config::{Config, Sources};

    /// A memory binder that promises less than it could keep.
    #[derive(Debug)]
    struct Modest(Memory, Capabilities);

    impl Binder for Modest {
        fn capabilities(&self) -> Capabilities {
            self.1
        }

        fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
            self.0.bind_input(spec)
        }

        fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
            self.0.bind_output(spec)
        }
    }

    fn checked(can: Capabilities) -> Result<(), Problems> {
        let yaml = "
function: { definition: same }
stream:
  bindings:
    same-in-0: { destination: in, group: g }
    same-out-0: { destination: out, producer: { partition-count: 4, required-groups: [a, b] } }
";
        let config = Config::load(&Sources::new().built_in("application.yaml", yaml)).unwrap();
        let catalog = Catalog::builder().function("same", |n: u64| n).build().unwrap();
        let plan = Plan::new(&config, &catalog).unwrap();
        let binder = Modest(Memory::new(crate::binder::memory::Config::default()), can);
        check(&plan, &Binders::default().with("memory", Arc::new(binder)))
    }

    #[test]
    fn a_binder_is_not_asked_for_what_it_cannot_keep() {
        let all = Capabilities {
            groups: true,
            durable_groups: true,
            partitions: true,
            requeue: true,
            tombstones: true,
        };
        assert_eq!(checked(all), Ok(()));
        let less = Capabilities { groups: false, durable_groups: false, partitions: false, ..all };
        let problems = checked(less).unwrap_err().to_string();
        for expected in [
            "`stream.bindings.same-in-0.group`: found `g`, but the binder `memory` has no groups",
            "`stream.bindings.same-out-0.producer.partition-count`: found `4`, but the binder `memory` has no partitions",
            "`stream.bindings.same-out-0.producer.required-groups`: found `a,b`, but the binder `memory` has no groups that outlive their members",
        ] {
            assert!(problems.contains(expected), "{problems}");
        }
        let losing = checked(Capabilities { requeue: false, ..all }).unwrap_err().to_string();
        assert!(losing.contains("has no redelivery"), "{losing}");
    }
}
