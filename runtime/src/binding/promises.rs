//! What the binders add to the plan, and whether they can keep what it asks of them; a binding that asks for more is
//! refused before anything is bound.

use super::binders::Binders;
use super::engine::retry::MOST_WAITS;
use super::plan::{Plan, PlannedInput, PlannedOutput};
use super::warnings::Warning;
use crate::binder::{Binder, Capabilities};
use crate::config::{Ending, Guarantee, Problem, Problems};

/// Puts the destinations of dead letters into the plan that the settings of binders name, notes what is hardly meant, and compares the plan with what
/// each binder can promise.
///
/// # Errors
/// Every setting of a binding that its binder cannot honour, and every end of deliveries that cannot be.
pub(crate) fn check(plan: &mut Plan, binders: &Binders) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for input in plan.functions.iter_mut().flat_map(|function| &mut function.inputs) {
        if let Some(binder) = binders.get(&input.binder) {
            input.dead_letter = input.dead_letter.take().or_else(|| binder.dead_letters(&input.spec()));
            input.failure.dead_letters = input.dead_letter.is_some();
            problems.extend(of_input(input, binder.capabilities()));
            problems.extend(of_durable_retry(input, &**binder));
        }
    }
    for output in plan.all_outputs() {
        if let Some(binder) = binders.get(&output.binder) {
            problems.extend(of_output(output, binder.capabilities()));
        }
    }
    plan.warnings = Warning::all(plan, binders);
    problems.or(())
}

/// Says of each function over a stream what its stream is, and so when its messages are settled.
pub(crate) fn tell_of_streams(plan: &Plan) {
    for input in plan.all_inputs().filter(|input| input.is_stream) {
        match input.batching {
            None => tracing::info!(
                binding = input.binding,
                "each message is a stream of its own, and is settled when all that came of it is confirmed"
            ),
            Some(_) => tracing::info!(
                binding = input.binding,
                "each batch is a stream; from which of its messages an output came is not known, so that all of them are \
                 settled when everything that came of them is confirmed"
            ),
        }
    }
}

/// Says what is hardly meant, and of each input that nobody has told what becomes of a message that fails for good.
pub(crate) fn warn(plan: &Plan) {
    plan.warnings.iter().for_each(Warning::log);
    for input in plan.all_inputs() {
        if input.failure.last().is_none() {
            tracing::warn!(
                binding = input.binding,
                "a message that fails for good is dropped, counted and logged, unless its broker keeps it: the binding has \
                 neither `consumer.dead-letter` nor `consumer.on-exhausted`"
            );
        }
    }
}

fn of_input(input: &PlannedInput, can: Capabilities) -> Vec<Problem> {
    let broken = |key: &str, found: &str, lacks| broken(&input.binding, &input.binder, key, found, lacks);
    let mut problems = Vec::new();
    if let Some(group) = input.group.as_ref().filter(|_| !can.groups) {
        problems.push(broken("group", group, "groups"));
    } else if !can.requeue {
        // What is in flight when an input closes goes back to its group; without that it would be lost.
        problems.push(broken("binder", &input.binder, "redelivery, so that messages would be lost"));
    }
    for (key, ending) in input.failure.endings() {
        let key = format!("consumer.{key}");
        match ending {
            Ending::DeadLetter if input.dead_letter.is_none() => {
                problems.push(without_destination(input, &key))
            }
            Ending::Requeue | Ending::Pause | Ending::Stop if input.delivery == Guarantee::AtMostOnce => {
                problems.push(cannot_stay(input, &key, ending));
            }
            Ending::Requeue if !can.requeue => problems.push(broken(&key, "requeue", "redelivery")),
            Ending::DeadLetter | Ending::Drop | Ending::Requeue | Ending::Pause | Ending::Stop => {}
        }
    }
    problems.extend(letters_to_itself(input));
    problems
}

fn without_destination(input: &PlannedInput, key: &str) -> Problem {
    let binding = &input.binding;
    Problem::new("found `dead-letter`, but there is no destination for dead letters")
        .path(format!("stream.bindings.{binding}.{key}"))
        .suggest(format!("set `stream.bindings.{binding}.consumer.dead-letter`"))
}

/// What is settled before its call cannot stay, or come again.
fn cannot_stay(input: &PlannedInput, key: &str, ending: Ending) -> Problem {
    Problem::new(format!(
        "found `{ending}`, but `delivery: at-most-once` settles messages before their calls"
    ))
    .path(format!("stream.bindings.{}.{key}", input.binding))
    .suggest("say `dead-letter` or `drop`")
}

/// A message that fails for good would fail again, and again.
fn letters_to_itself(input: &PlannedInput) -> Option<Problem> {
    let letters = input.dead_letter.as_ref()?;
    let sentence = format!("found `{letters}`, which the binding reads itself, expected another destination");
    let path = format!("stream.bindings.{}.consumer.dead-letter", input.binding);
    input.destinations.contains(letters).then(|| Problem::new(sentence).path(path))
}

/// Why messages of an input cannot wait at their broker to be tried again.
fn of_durable_retry(input: &PlannedInput, binder: &dyn Binder) -> Option<Problem> {
    if !input.durable_retry {
        return None;
    }
    let waits = input.failure.retry.durable_waits();
    let why = if input.group.is_none() {
        "an anonymous group ends with its member, and what waits for it would never come; set a `group`"
            .to_owned()
    } else if input.delivery == Guarantee::AtMostOnce {
        "with `delivery: at-most-once` nothing is tried again".to_owned()
    } else if waits.len() > MOST_WAITS {
        format!(
            "each wait is a place at the broker, and there are more than {MOST_WAITS}; raise `back-off-multiplier` \
             or lower `max-attempts`"
        )
    } else {
        binder.check_delays(&input.spec(), &waits).err()?.to_string()
    };
    let path = format!("stream.bindings.{}.consumer.durable-retry", input.binding);
    Some(Problem::new(format!("found `true`, but {why}")).path(path))
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
    struct Modest(Memory, Capabilities, Option<&'static str>);

    impl Binder for Modest {
        fn capabilities(&self) -> Capabilities {
            self.1
        }

        fn dead_letters(&self, _: &InputSpec) -> Option<String> {
            self.2.map(str::to_owned)
        }

        fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
            self.0.bind_input(spec)
        }

        fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
            self.0.bind_output(spec)
        }
    }

    const ALL: Capabilities = Capabilities {
        groups: true,
        durable_groups: true,
        partitions: true,
        keys: true,
        requeue: true,
        tombstones: true,
    };

    fn checked(can: Capabilities) -> Result<(), Problems> {
        planned("{}", can, None).map(drop)
    }

    /// The input of a plan whose consumer section and whose binder's own dead letters are these.
    fn planned(
        consumer: &str,
        can: Capabilities,
        letters: Option<&'static str>,
    ) -> Result<PlannedInput, Problems> {
        let yaml = format!(
            "
function: {{ definition: same }}
stream:
  bindings:
    same-in-0: {{ destination: in, group: g, consumer: {consumer} }}
    same-out-0: {{ destination: out, producer: {{ partition-count: 4, required-groups: [a, b] }} }}
"
        );
        let config = Config::load(&Sources::new().built_in("application.yaml", yaml)).unwrap();
        let catalog = Catalog::builder().function("same", |n: u64| n).build().unwrap();
        let mut plan = Plan::new(&config, &catalog).unwrap();
        let memory = Memory::new(crate::binder::memory::Config::default());
        check(&mut plan, &Binders::default().with("memory", Arc::new(Modest(memory, can, letters))))?;
        Ok(plan.functions.remove(0).inputs.remove(0))
    }

    #[test]
    fn a_binder_is_not_asked_for_what_it_cannot_keep() {
        assert_eq!(checked(ALL), Ok(()));
        let less = Capabilities { groups: false, durable_groups: false, partitions: false, ..ALL };
        let problems = checked(less).unwrap_err().to_string();
        for expected in [
            "`stream.bindings.same-in-0.group`: found `g`, but the binder `memory` has no groups",
            "`stream.bindings.same-out-0.producer.partition-count`: found `4`, but the binder `memory` has no partitions",
            "`stream.bindings.same-out-0.producer.required-groups`: found `a,b`, but the binder `memory` has no groups that outlive their members",
        ] {
            assert!(problems.contains(expected), "{problems}");
        }
        let losing = checked(Capabilities { requeue: false, ..ALL }).unwrap_err().to_string();
        assert!(losing.contains("has no redelivery"), "{losing}");
    }

    fn refusals(consumer: &str, can: Capabilities) -> String {
        planned(consumer, can, None).unwrap_err().to_string()
    }

    #[test]
    fn what_is_settled_first_cannot_stay() {
        for (key, ending) in
            [("on-exhausted", "pause"), ("on-failure.timeout", "requeue"), ("on-failure.fatal", "stop")]
        {
            let (outer, inner) =
                key.split_once('.').map_or((key, None), |(outer, inner)| (outer, Some(inner)));
            let value = inner.map_or_else(|| ending.to_owned(), |inner| format!("{{ {inner}: {ending} }}"));
            let said = refusals(&format!("{{ delivery: at-most-once, {outer}: {value} }}"), ALL);
            let expected = format!(
                "consumer.{key}`: found `{ending}`, but `delivery: at-most-once` settles messages before"
            );
            assert!(said.contains(&expected), "{said}");
        }
        assert!(planned("{ delivery: at-most-once, on-exhausted: drop }", ALL, None).is_ok());
    }

    #[test]
    fn dead_letters_need_a_destination_and_not_the_input_itself() {
        for key in ["on-exhausted", "on-failure.timeout", "on-failure.OrderError"] {
            let consumer = match key.split_once('.') {
                Some((_, failure)) => format!("{{ on-failure: {{ {failure}: dead-letter }} }}"),
                None => format!("{{ {key}: dead-letter }}"),
            };
            let told = refusals(&consumer, ALL);
            let expected = format!(
                "`stream.bindings.same-in-0.consumer.{key}`: found `dead-letter`, but there is no destination for dead letters; \
                 set `stream.bindings.same-in-0.consumer.dead-letter`"
            );
            assert!(told.contains(&expected), "{told}");
            assert!(planned(&consumer, ALL, Some("d")).is_ok());
        }
        let told = refusals("{ dead-letter: in }", ALL);
        assert!(told.contains("found `in`, which the binding reads itself"), "{told}");
    }

    #[test]
    fn messages_wait_only_at_a_broker_that_keeps_them() {
        let told = refusals("{ durable-retry: true }", ALL);
        let expected = "`stream.bindings.same-in-0.consumer.durable-retry`: found `true`, but its binder keeps nothing for later";
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn nothing_goes_back_to_a_group_that_does_not_deliver_it_again() {
        let losing = Capabilities { requeue: false, ..ALL };
        let told = refusals("{ on-failure: { timeout: requeue } }", losing);
        assert!(
            told.contains(
                "consumer.on-failure.timeout`: found `requeue`, but the binder `memory` has no redelivery"
            ),
            "{told}"
        );
    }

    #[test]
    fn the_settings_of_a_binder_name_a_destination_as_well() {
        let end = |consumer, letters| {
            let input = planned(consumer, ALL, letters).unwrap();
            (input.failure.last(), input.dead_letter)
        };
        let letters = |name: &str| (Some(Ending::DeadLetter), Some(name.to_owned()));
        assert_eq!(end("{}", None), (None, None));
        assert_eq!(end("{}", Some("error.in.g")), letters("error.in.g"));
        assert_eq!(end("{ dead-letter: d }", Some("error.in.g")), letters("d"));
        let dropped = (Some(Ending::Drop), Some("error.in.g".to_owned()));
        assert_eq!(end("{ on-exhausted: drop }", Some("error.in.g")), dropped);
    }
}
