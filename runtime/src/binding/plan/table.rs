//! The plan as a table, as `check` prints it.

use std::fmt;

use super::{Plan, PlannedInput, PlannedOutput};

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
        Ok(())
    }
}

fn input_row(definition: &str, input: &PlannedInput) -> [String; 7] {
    let end = match &input.dead_letter {
        Some(destination) => format!("then to `{destination}`"),
        None => "then dropped and logged".to_owned(),
    };
    let attempts = match input.failure.retry.max_attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    [
        input.binding.clone(),
        definition.to_owned(),
        "in".to_owned(),
        input.destinations.join(","),
        input.group.clone().unwrap_or_else(|| "(anonymous)".to_owned()),
        input.binder.clone(),
        match input.batching {
            Some(batching) => format!("batches of {}, {attempts}, {end}", batching.max_size),
            None => format!("{attempts}, {end}"),
        },
    ]
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
