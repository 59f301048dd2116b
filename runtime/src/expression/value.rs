//! What a tree of Spring's forms gives for one message.

use std::borrow::Cow;

use wellspring_functions::HeaderValue;

use super::syntax::{Method, Step, Term};
use super::{Subject, java, payload};

/// Why an expression gives nothing for a message.
pub(super) type Why = Cow<'static, str>;

impl Term {
    pub(super) fn evaluate(&self, subject: &Subject<'_>) -> Result<HeaderValue, Why> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Header(name) => Ok(subject.header(name)),
            Self::Key => Ok(subject.key().cloned().unwrap_or(HeaderValue::Null)),
            Self::Payload(path) => subject.payload(path),
            Self::Inside(of, step) => inside(&of.evaluate(subject)?, step),
            Self::Joined(operator, left, right) => {
                let (left, right) = (left.evaluate(subject)?, right.evaluate(subject)?);
                java::join(*operator, &left, &right).ok_or_else(|| {
                    format!("`{}` and `{}` cannot be computed with", java::text(&left), java::text(&right))
                        .into()
                })
            }
            Self::Called(of, method) => call(of.evaluate(subject)?, *method),
        }
    }

    /// Whether the value is known to be something else than a number.
    pub(super) fn is_no_number(&self) -> bool {
        use super::syntax::Operator::Plus;
        match self {
            Self::Literal(value) => value.as_integer().is_none(),
            Self::Called(_, method) => *method != Method::HashCode,
            Self::Joined(Plus, left, right) => left.is_text() || right.is_text(),
            _ => false,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Literal(HeaderValue::Text(_)) | Self::Called(_, Method::ToString))
    }
}

impl Subject<'_> {
    /// A header; null if there is none.
    pub(super) fn header(&self, name: &str) -> HeaderValue {
        let Self::Message(message) = self else { return HeaderValue::Null };
        message.headers().value(name).unwrap_or(HeaderValue::Null)
    }

    pub(super) fn key(&self) -> Option<&HeaderValue> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }

    /// What lies in the payload at a path.
    pub(super) fn payload(&self, path: &[Step]) -> Result<HeaderValue, Why> {
        let Self::Message(message) = self else { return Ok(HeaderValue::Null) };
        match message.payload() {
            None => Ok(HeaderValue::Null),
            Some(_) if path.is_empty() => Ok(payload::whole(message)),
            Some(bytes) => {
                payload::at(bytes, path).map_err(|error| format!("the payload is no JSON: {error}").into())
            }
        }
    }
}

fn inside(value: &HeaderValue, step: &Step) -> Result<HeaderValue, Why> {
    let found = match (value, step) {
        (HeaderValue::Map(entries), Step::Name(name)) => {
            entries.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
        }
        (HeaderValue::List(values), Step::Index(index)) => values.get(*index).cloned(),
        (HeaderValue::Null, _) => None,
        (_, Step::Name(name)) => return Err(format!("a single value has no `{name}`").into()),
        (_, Step::Index(index)) => return Err(format!("a single value has no index {index}").into()),
    };
    Ok(found.unwrap_or(HeaderValue::Null))
}

fn call(value: HeaderValue, method: Method) -> Result<HeaderValue, Why> {
    match (method, value) {
        (_, HeaderValue::Null) => Err("a method is called on a value that is not there".into()),
        (Method::GetBytes, HeaderValue::Bytes(bytes)) => Ok(bytes.into()),
        (Method::GetBytes, value) => Ok(java::text(&value).into_owned().into_bytes().into()),
        (Method::ToString, HeaderValue::Text(text)) => Ok(text.into()),
        (Method::ToString, value) => Ok(java::text(&value).into_owned().into()),
        (Method::HashCode, value) => Ok(java::hash_code(&value).into()),
    }
}
