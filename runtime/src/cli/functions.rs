//! `functions`: the catalog as a table or as JSON.

use std::process::ExitCode;

use serde_json::{Value, json};
use wellspring_functions::{Function, Port};

use super::output::print;
use crate::runtime::Runtime;

pub(super) fn list(runtime: &Runtime, as_json: bool) -> ExitCode {
    let functions = runtime.functions().catalog().functions();
    if as_json {
        let all: Vec<_> = functions.iter().map(|function| to_json(function)).collect();
        return print(&format!("{:#}\n", Value::Array(all)));
    }
    let mut rows = vec![["NAME", "KIND", "TYPES", "DEFINED", "DESCRIPTION"].map(String::from)];
    rows.extend(functions.iter().map(|function| {
        let summary = function.description.lines().next().unwrap_or_default();
        [
            function.name.to_string(),
            function.kind.to_string(),
            function.signature.to_string(),
            function.location.to_string(),
            summary.to_owned(),
        ]
    }));
    print(&table(&rows))
}

/// Columns as wide as their widest cell.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn to_json(function: &Function) -> Value {
    json!({
        "name": &*function.name,
        "kind": function.kind.to_string(),
        "description": function.description,
        "location": function.location.to_string(),
        "input": function.signature.input.as_ref().map(port),
        "output": function.signature.output.as_ref().map(port),
    })
}

fn port(port: &Port) -> Value {
    if port.several.is_empty() {
        return json!({ "type": port.to_string(), "schema": port.schema() });
    }
    json!({ "type": port.to_string(), "several": port.several.iter().map(self::port).collect::<Vec<_>>() })
}
