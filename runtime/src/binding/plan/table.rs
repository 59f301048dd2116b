//! The plan as a table, as `check` prints it.

use std::fmt;

use super::{Plan, PlannedInput, PlannedOutput};
use crate::binding::warnings::Warning;
use crate::config::Ending;

/// The binding table, a line for each end.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            ["BINDING", "FUNCTION", "DIRECTION", "DESTINATION", "GROUP", "BINDER", "NOTES"].map(String::from),
        ];
        for function in &self.functions {
            let definition = function.composition.definition().to_string();
            rows.extend(function.inputs.iter().map(|input| input_row(&definition, input)));
            let notes = function.schedule.as_ref().map(|schedule| format!("called {schedule}"));
            let notes = notes.unwrap_or_default();
            rows.extend(function.outputs.iter().map(|output| output_row(&definition, output, notes.clone())));
        }
        rows.extend(self.inactive.iter().map(|name| inactive_row(name)));
        rows.extend(self.outputs.iter().map(|output| output_row("(sent from code)", output, String::new())));
        let widths: [usize; 7] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for row in rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        self.warnings
            .iter()
            .try_for_each(|Warning { binding, sentence }| writeln!(f, "warning: `{binding}`: {sentence}"))
    }
}

fn input_row(definition: &str, input: &PlannedInput) -> [String; 7] {
    let attempts = match input.failure.retry.max_attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let between = if input.durable_retry { " that wait at the broker" } else { "" };
    [
        input.binding.clone(),
        definition.to_owned(),
        "in".to_owned(),
        input.destinations.join(","),
        input.group.clone().unwrap_or_else(|| "(anonymous)".to_owned()),
        input.binder.clone(),
        format!("{}{attempts}{between}, then {}", called_with(input), ends(input)),
    ]
}

/// With what the function is called, unless it is one message.
fn called_with(input: &PlannedInput) -> String {
    match (input.batching, input.is_stream) {
        (None, false) => String::new(),
        (None, true) => "a stream for each message, ".to_owned(),
        (Some(batching), false) => format!("batches of {}, ", batching.max_size),
        (Some(batching), true) => format!("streams of {}, each settled as a whole, ", batching.max_size),
    }
}

/// What becomes of a delivery after its last attempt, and what the configuration says of certain failures.
fn ends(input: &PlannedInput) -> String {
    let last = match input.failure.last() {
        Some(Ending::DeadLetter) => format!("to `{}`", input.dead_letter.as_deref().unwrap_or_default()),
        Some(Ending::Drop) | None => "dropped and logged".to_owned(),
        Some(Ending::Requeue) => "back to its group".to_owned(),
        Some(Ending::Pause) => "the binding pauses".to_owned(),
        Some(Ending::Stop) => "the binding stops".to_owned(),
    };
    input.failure.endings().fold(last, |text, (key, ending)| match key.strip_prefix("on-failure.") {
        Some(failure) => format!("{text}; {failure}: {ending}"),
        None => text,
    })
}

fn output_row(definition: &str, output: &PlannedOutput, notes: String) -> [String; 7] {
    [
        output.binding.clone(),
        definition.to_owned(),
        "out".to_owned(),
        output.destination.clone(),
        String::new(),
        output.binder.clone(),
        notes,
    ]
}

fn inactive_row(name: &str) -> [String; 7] {
    let row = ["", "(not run)", "", "", "", "", "its function is not in `function.definition`"];
    let mut row = row.map(str::to_owned);
    name.clone_into(&mut row[0]);
    row
}

#[cfg(test)]
mod tests {
    use wellspring_functions::Catalog;

    use super::*;
    use crate::config::{Config, Sources};

    /// What the table says beside the input of a binding with this consumer section.
    fn note(consumer: &str) -> String {
        let yaml = format!(
            "{{ function: {{ definition: f }}, stream: {{ bindings: {{ f-in-0: {{ consumer: {consumer} }} }} }} }}"
        );
        let config = Config::load(&Sources::new().built_in("application.yaml", yaml)).unwrap();
        let catalog = Catalog::builder().consumer("f", |_: u64| ()).build().unwrap();
        let table = Plan::new(&config, &catalog).unwrap().to_string();
        let (_, note) = table.lines().nth(1).unwrap().split_once("memory  ").unwrap();
        note.to_owned()
    }

    #[test]
    fn says_what_becomes_of_a_message_that_fails_for_good() {
        for (consumer, expected) in [
            ("{}", "3 attempts, then dropped and logged"),
            ("{ durable-retry: true, dead-letter: d }", "3 attempts that wait at the broker, then to `d`"),
            ("{ max-attempts: 1, dead-letter: d }", "1 attempt, then to `d`"),
            ("{ dead-letter: d, on-exhausted: drop }", "3 attempts, then dropped and logged"),
            ("{ on-exhausted: requeue }", "3 attempts, then back to its group"),
            ("{ on-exhausted: pause }", "3 attempts, then the binding pauses"),
            (
                "{ on-exhausted: stop, on-failure: { timeout: requeue, OrderError: drop, panic: retry } }",
                "3 attempts, then the binding stops; timeout: requeue; OrderError: drop",
            ),
        ] {
            assert_eq!(note(consumer), expected, "{consumer}");
        }
    }
}
