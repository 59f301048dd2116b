//! What a dead letter says of itself, in ours or Spring's headers.

use std::borrow::Cow;

use wellspring_functions::{HeaderValue, Headers, header_names};

const CAUSE_CLASS: &str = "x-exception-cause-fqcn";
const STACK_TRACE: &str = "x-exception-stacktrace";
/// Why the broker moved a message by itself.
const DEATH_REASON: &str = "x-first-death-reason";

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The kind of the error, or the name of its class, or why the broker moved the message.
    pub kind: Option<String>,
    /// The text of the error.
    pub message: Option<String>,
    /// Other names of the error: of its class and of its cause's.
    also: Vec<String>,
}

impl Failure {
    /// Whether one of its names or its text contains a text, in any case.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let said = self.kind.iter().chain(&self.message).chain(&self.also);
        said.into_iter().any(|said| said.to_lowercase().contains(&text))
    }
}

/// Why the message of a letter failed.
#[must_use]
pub fn failure(headers: &Headers) -> Failure {
    let get =
        |name: &str| headers.get(name).map(|value| text(value).into_owned()).filter(|said| !said.is_empty());
    // Of a stack trace the first line begins with the name of the class.
    let thrown = get(STACK_TRACE).and_then(|trace| {
        let (name, _) = trace.lines().next()?.split_once(':')?;
        (!name.contains(' ')).then(|| name.to_owned())
    });
    let names = [
        get(header_names::EXCEPTION_KIND),
        get(header_names::EXCEPTION_CLASS),
        thrown,
        get(DEATH_REASON),
        get(CAUSE_CLASS),
    ];
    let mut names = names.into_iter().flatten();
    Failure { kind: names.next(), message: get(header_names::EXCEPTION_MESSAGE), also: names.collect() }
}

/// How often a message was sent again already.
#[must_use]
pub fn passes(headers: &Headers) -> u32 {
    counted(headers, header_names::REDRIVES).unwrap_or(0)
}

/// How often its function was called, if the letter says so.
#[must_use]
pub fn attempts(headers: &Headers) -> Option<u32> {
    counted(headers, header_names::ATTEMPTS)
}

fn counted(headers: &Headers, name: &str) -> Option<u32> {
    let value = headers.get(name)?;
    match value.as_integer() {
        Some(number) => u32::try_from(number).ok(),
        None => text(value).parse().ok(),
    }
}

/// The text of a header; Kafka's are bytes where nothing says what they are.
pub(super) fn text(value: &HeaderValue) -> Cow<'_, str> {
    match value {
        HeaderValue::Text(text) => Cow::Borrowed(text),
        HeaderValue::Bytes(bytes) => String::from_utf8_lossy(bytes),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> Headers {
        entries.iter().map(|(name, value)| (*name, HeaderValue::from(*value))).collect()
    }

    #[test]
    fn a_failure_is_read_from_our_headers_and_from_springs() {
        let ours = headers(&[("x-exception-kind", "timeout"), ("x-exception-message", "took too long")]);
        let found = failure(&ours);
        assert_eq!(
            (found.kind.as_deref(), found.message.as_deref()),
            (Some("timeout"), Some("took too long"))
        );
        let rabbit = headers(&[("x-exception-stacktrace", "a.b.MessagingException: boom\n\tat x")]);
        assert_eq!(failure(&rabbit).kind.as_deref(), Some("a.b.MessagingException"));
        let kafka = headers(&[("x-exception-fqcn", "a.Outer"), ("x-exception-cause-fqcn", "a.Inner")]);
        assert_eq!(failure(&kafka).kind.as_deref(), Some("a.Outer"));
        assert!(failure(&kafka).mentions("inner") && !failure(&kafka).mentions("other"));
        let moved = headers(&[("x-first-death-reason", "expired")]);
        assert_eq!(failure(&moved).kind.as_deref(), Some("expired"));
        assert_eq!(failure(&Headers::new()), Failure::default());
    }

    #[test]
    fn passes_are_counted_as_number_text_or_bytes() {
        for value in [HeaderValue::from(2i32), "2".into(), HeaderValue::Bytes("2".into())] {
            assert_eq!(passes(&[("x-redrives", value)].into_iter().collect()), 2);
        }
        assert_eq!(passes(&headers(&[("x-redrives", "many")])), 0);
    }
}
