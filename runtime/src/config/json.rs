//! Reads a JSON document out of an environment variable.

use super::node::{Field, Node, Scalar, Sort, Value};
use super::{Origin, Problem};

/// Reads `text`, the value of a variable.
///
/// # Errors
/// When the text is no JSON object.
pub(super) fn read(text: &str, origin: &Origin) -> Result<Node, Problem> {
    match serde_json::from_str(text) {
        Ok(value @ serde_json::Value::Object(_)) => Ok(node(value, origin)),
        Ok(_) => {
            Err(Problem::new("found JSON that is no object, expected an object of settings")
                .at(origin.clone()))
        }
        Err(error) => Err(Problem::new(format!("not valid JSON: {error}")).at(origin.clone())),
    }
}

fn node(value: serde_json::Value, origin: &Origin) -> Node {
    use serde_json::Value as Json;
    let scalar = |text: String, sort| Value::Scalar(Scalar { text, sort });
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(value) => scalar(value.to_string(), Sort::Bool),
        Json::Number(number) => scalar(number.to_string(), Sort::Number),
        Json::String(text) => scalar(text, Sort::Text),
        Json::Array(items) => Value::List(items.into_iter().map(|item| node(item, origin)).collect()),
        Json::Object(fields) => Value::Map(
            fields
                .into_iter()
                .map(|(name, value)| Field { name, origin: origin.clone(), node: node(value, origin) })
                .collect(),
        ),
    };
    Node::new(value, origin.clone())
}
