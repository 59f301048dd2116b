//! Reads a TOML file into nodes with line and column.

use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::node::{Field, Node, Scalar, Sort, Value};
use super::{Origin, Problem, Problems};

/// Reads `text`, the content of `file`.
///
/// # Errors
/// Everything that is wrong with the syntax; TOML itself refuses a key that is given twice.
pub(super) fn read(text: &str, file: &Origin) -> Result<Node, Problems> {
    let lines = Lines::new(text, file);
    let (table, errors) = DeTable::parse_recoverable(text);
    let problems: Problems = errors
        .into_iter()
        .map(|error| {
            let place = error.span().map_or_else(|| file.clone(), |span| lines.place(&span));
            Problem::new(format!("not valid TOML: {}", error.message())).at(place)
        })
        .collect();
    let origin = lines.place(&table.span());
    problems.or(Node::new(Value::Map(fields(table.into_inner(), &lines)), origin))
}

fn fields(table: DeTable<'_>, lines: &Lines<'_>) -> Vec<Field> {
    let mut fields: Vec<(usize, Field)> = table
        .into_iter()
        .map(|(key, value)| {
            let origin = lines.place(&key.span());
            (
                key.span().start,
                Field { name: key.into_inner().into_owned(), origin, node: node(value, lines) },
            )
        })
        .collect();
    // The table is sorted by name; reports follow the file.
    fields.sort_by_key(|(start, _)| *start);
    fields.into_iter().map(|(_, field)| field).collect()
}

fn node(value: Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let origin = lines.place(&value.span());
    let scalar = |text: String, sort| Value::Scalar(Scalar { text, sort });
    let value = match value.into_inner() {
        DeValue::String(text) => scalar(text.into_owned(), Sort::Text),
        DeValue::Integer(number) => scalar(number.to_string(), Sort::Number),
        DeValue::Float(number) => scalar(number.to_string(), Sort::Number),
        DeValue::Boolean(value) => scalar(value.to_string(), Sort::Bool),
        DeValue::Datetime(datetime) => scalar(datetime.to_string(), Sort::Text),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(table) => Value::Map(fields(table, lines)),
    };
    Node::new(value, origin)
}

/// Turns byte offsets into lines and columns.
struct Lines<'a> {
    text: &'a str,
    file: &'a Origin,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, file: &'a Origin) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, file, starts: std::iter::once(0).chain(breaks).collect() }
    }

    fn place(&self, span: &Range<usize>) -> Origin {
        let line = self.starts.partition_point(|start| *start <= span.start).max(1);
        let before = self.text.get(self.starts[line - 1]..span.start).unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.file.at(number(line), number(before.chars().count() + 1))
    }
}
