//! Expressions of the configuration: what of a message is its key, its partition, its routing key or its delay.
//!
//! The forms of Spring's expression language that people write into bindings mean the same here: `headers['x']`,
//! `headers.x`, `payload`, `payload.a.b`, `payload['a']`, `'literal'`, numbers, these joined by `+ - * / %`, `hashCode()`,
//! `getBytes()`, `toString()` and getters. With the feature `cel` everything else is CEL over `headers` and `payload`.
//!
//! An expression is compiled once, when the configuration is read; none is ever taken from a message. What it does not
//! ask for is not read, and of a payload no more than the path needs.
//!
//! ```
//! use wellspring::{ContentType, Message};
//! use wellspring::expression::Expression;
//!
//! let expression: Expression = "'account.' + payload.account.number".parse()?;
//! let message = Message::encoded(r#"{"account": {"number": 7}}"#, ContentType::JSON);
//! assert_eq!(expression.evaluate(&message)?, "account.7".into());
//!
//! let wrong = "T(java.lang.Math).random()".parse::<Expression>().unwrap_err();
//! assert!(wrong.to_string().contains("expected `headers['name']`"), "{wrong}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "cel")]
mod cel;
mod java;
mod payload;
mod syntax;
mod value;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _};
use wellspring_functions::{EncodedMessage, HeaderValue};

pub use java::hash_code;
use syntax::{Term, Unread};
use value::Why;

/// The longest expression, in bytes.
const LONGEST: usize = 2000;
/// How many characters of one are shown when it is wrong.
const SHOWN: usize = 120;
/// What an expression may be besides the usual forms.
#[cfg(feature = "cel")]
const MORE: &str = ", or CEL of these";
#[cfg(not(feature = "cel"))]
const MORE: &str = " (the feature `cel` adds everything else)";

/// What an expression of the configuration makes of a message.
///
/// Two are equal when they are written the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Compiled);

/// What an expression of the configuration makes of a partition's key, which it calls `#root` or `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyExpression(Compiled);

/// What an expression of the configuration makes of a message, where that must be a whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberExpression(Expression);

/// A text that is no expression: what is wrong with it, where, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no expression: {why}, expected {expected}")]
pub struct Malformed {
    text: String,
    why: String,
    expected: String,
}

/// An expression that has no value for a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the expression `{text}` has no value: {why}")]
pub struct Failed {
    text: Arc<str>,
    why: Why,
}

/// Where an expression begins to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Message,
    Key,
}

/// What an expression is evaluated for.
enum Subject<'a> {
    Message(&'a EncodedMessage),
    Key(&'a HeaderValue),
}

#[derive(Clone)]
struct Compiled {
    text: Arc<str>,
    form: Arc<Form>,
}

enum Form {
    Spring(Term),
    #[cfg(feature = "cel")]
    Cel(cel::Program),
}

impl Expression {
    /// The value for a message; null where a header or a path is not there.
    ///
    /// # Errors
    /// When the payload is not what the expression takes it for, or its parts cannot be joined.
    pub fn evaluate(&self, message: &EncodedMessage) -> Result<HeaderValue, Failed> {
        self.0.evaluate(&Subject::Message(message))
    }

    /// The expression as it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The header whose value it gives, if it asks for nothing else.
    #[cfg(feature = "kafka")]
    pub(crate) fn header(&self) -> Option<&str> {
        match &*self.0.form {
            Form::Spring(Term::Header(name)) => Some(name),
            _ => None,
        }
    }
}

impl NumberExpression {
    /// The number for a message; nothing where a header or a path is not there.
    ///
    /// # Errors
    /// When the value is no whole number, or there is none.
    pub fn evaluate(&self, message: &EncodedMessage) -> Result<Option<i64>, Failed> {
        let value = self.0.evaluate(message)?;
        match value.as_integer() {
            None if value != HeaderValue::Null => Err(self.0.0.gives_no_number(&value)),
            number => Ok(number),
        }
    }
}

impl KeyExpression {
    /// The partition for a key, before the modulus.
    ///
    /// # Errors
    /// When the key is not what the expression takes it for, or the value is no whole number of 32 bits.
    pub fn evaluate(&self, key: &HeaderValue) -> Result<i32, Failed> {
        let value = self.0.evaluate(&Subject::Key(key))?;
        let number = value.as_integer().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| self.0.gives_no_number(&value))
    }
}

impl Malformed {
    /// What is wrong, without the text and what is expected of it.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl Compiled {
    fn new(text: &str, root: Root) -> Result<Self, Malformed> {
        let text = text.trim();
        let wrong = |why: String| {
            let more = if text.chars().count() > SHOWN { "…" } else { "" };
            let text = text.chars().take(SHOWN).chain(more.chars()).collect();
            Malformed { text, why, expected: format!("{}{MORE}", root.expected()) }
        };
        if text.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        if text.len() > LONGEST {
            return Err(wrong(format!("it has {} bytes, more than the {LONGEST} that are read", text.len())));
        }
        let form = match syntax::parse(text, root) {
            Ok(term) => Form::Spring(term),
            Err(unread) => other_form(text, root, &unread).map_err(wrong)?,
        };
        Ok(Self { text: text.into(), form: Arc::new(form) })
    }

    fn evaluate(&self, subject: &Subject<'_>) -> Result<HeaderValue, Failed> {
        let value = match &*self.form {
            Form::Spring(term) => term.evaluate(subject),
            #[cfg(feature = "cel")]
            Form::Cel(program) => program.evaluate(subject),
        };
        value.map_err(|why| Failed { text: Arc::clone(&self.text), why })
    }

    fn gives_no_number(&self, value: &HeaderValue) -> Failed {
        let why = format!("it gives `{}`, expected a whole number", java::text(value));
        Failed { text: Arc::clone(&self.text), why: why.into() }
    }

    /// Refuses what is known to give something else than a number.
    fn number(self) -> Result<Self, Malformed> {
        let is_no_number = match &*self.form {
            Form::Spring(term) => term.is_no_number(),
            #[cfg(feature = "cel")]
            Form::Cel(program) => program.is_no_number(),
        };
        if is_no_number {
            let (why, expected) = ("it gives no number".to_owned(), "a whole number".to_owned());
            return Err(Malformed { text: self.text.to_string(), why, expected });
        }
        Ok(self)
    }
}

#[cfg(feature = "cel")]
fn other_form(text: &str, root: Root, _: &Unread) -> Result<Form, String> {
    cel::Program::compile(text, root).map(Form::Cel)
}

#[cfg(not(feature = "cel"))]
fn other_form(text: &str, _: Root, unread: &Unread) -> Result<Form, String> {
    let place = text.get(..unread.at).unwrap_or_default().chars().count() + 1;
    Err(format!("{} is missing at character {place}", unread.expected))
}

impl Root {
    /// What an expression may be made of.
    fn expected(self) -> &'static str {
        match self {
            Self::Message => "`headers['name']`, `payload`, `payload.path` or a `'literal'`",
            Self::Key => "`#root`, `hashCode()` or a number",
        }
    }
}

impl FromStr for Expression {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Compiled::new(text, Root::Message).map(Self)
    }
}

impl FromStr for KeyExpression {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Compiled::new(text, Root::Key)?.number().map(Self)
    }
}

impl FromStr for NumberExpression {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Compiled::new(text, Root::Message)?.number().map(Expression).map(Self)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for NumberExpression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl PartialEq for Compiled {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Compiled {}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests;
