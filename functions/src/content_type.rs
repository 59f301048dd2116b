//! Content types: what encodes a payload, as RFC 9110 §8.3.1 writes it.

use std::fmt;
use std::sync::Arc;

/// What encodes a payload: `application/json`, `text/plain;charset=UTF-8`, …
///
/// The three common types cost nothing to copy or compare; any other is shared text.
///
/// ```
/// use wellspring_functions::ContentType;
///
/// let vendor = ContentType::parse("application/vnd.orders+json; version=2")?;
/// assert!(vendor.is_json());
/// assert_eq!(vendor.essence(), "application/vnd.orders+json");
/// assert_eq!(vendor.parameter("version"), Some("2"));
/// # Ok::<(), wellspring_functions::InvalidContentType>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContentType(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Json,
    Text,
    Bytes,
    /// A thin pointer: a content type travels with every message.
    Other(Arc<Box<str>>),
}

/// A text that is no content type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a content type, expected `type/subtype` such as `application/json`")]
pub struct InvalidContentType(String);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain;charset=UTF-8";
const BYTES: &str = "application/octet-stream";

impl ContentType {
    /// `application/json`.
    pub const JSON: Self = Self(Repr::Json);
    /// `text/plain;charset=UTF-8`.
    pub const TEXT: Self = Self(Repr::Text);
    /// `application/octet-stream`.
    pub const BYTES: Self = Self(Repr::Bytes);

    /// Reads a content type. Type and subtype become lower case; parameters stay as they are.
    ///
    /// # Errors
    /// When the text is not `type/subtype` of RFC 9110 token characters, optionally followed by parameters.
    pub fn parse(text: &str) -> Result<Self, InvalidContentType> {
        if text == JSON {
            return Ok(Self::JSON);
        }
        let invalid = || InvalidContentType(text.chars().take(120).collect());
        let (essence, parameters) = match text.split_once(';') {
            Some((essence, parameters)) => (essence.trim(), parameters.trim()),
            None => (text.trim(), ""),
        };
        let (kind, subtype) = essence.split_once('/').ok_or_else(invalid)?;
        if !is_token(kind) || !is_token(subtype) || parameters.contains(|c: char| c.is_control()) {
            return Err(invalid());
        }
        let essence = essence.to_ascii_lowercase();
        Ok(match (essence.as_str(), parameters) {
            (JSON, "") => Self::JSON,
            (BYTES, "") => Self::BYTES,
            ("text/plain", p) if p.eq_ignore_ascii_case("charset=utf-8") => Self::TEXT,
            (_, "") => Self(Repr::Other(Arc::new(essence.into()))),
            (_, p) => Self(Repr::Other(Arc::new(format!("{essence};{p}").into()))),
        })
    }

    /// The whole text, parameters included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Json => JSON,
            Repr::Text => TEXT,
            Repr::Bytes => BYTES,
            Repr::Other(text) => text,
        }
    }

    /// `type/subtype` without parameters.
    #[must_use]
    pub fn essence(&self) -> &str {
        let text = self.as_str();
        text.split_once(';').map_or(text, |(essence, _)| essence)
    }

    /// The value of a parameter, its name compared without case, quotes removed.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.as_str().split(';').skip(1).find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// Whether the payload is JSON: `application/json` or any `+json` type (RFC 6839 §3.1).
    #[must_use]
    #[inline]
    pub fn is_json(&self) -> bool {
        match &self.0 {
            Repr::Json => true,
            Repr::Text | Repr::Bytes => false,
            Repr::Other(_) => self.other_is_json(),
        }
    }

    #[cold]
    fn other_is_json(&self) -> bool {
        self.essence() == JSON || self.essence().ends_with("+json")
    }

    /// Whether the payload is text: any `text/*` type.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.0, Repr::Text) || self.as_str().starts_with("text/")
    }

    /// Whether this type falls under a media range such as `*/*`, `text/*` or `application/json`.
    /// Parameters other than those of the range are ignored.
    #[must_use]
    pub fn falls_under(&self, range: &Self) -> bool {
        let (range, own) = (range.essence(), self.essence());
        range == "*/*"
            || range == own
            || range
                .strip_suffix("/*")
                .is_some_and(|kind| own.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/')))
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl std::str::FromStr for ContentType {
    type Err = InvalidContentType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ContentType {
        ContentType::parse(text).unwrap()
    }

    #[test]
    fn common_types_are_recognised_in_any_spelling() {
        assert_eq!(parse("Application/JSON"), ContentType::JSON);
        assert_eq!(parse("text/plain; charset=utf-8"), ContentType::TEXT);
        assert_eq!(parse("application/octet-stream"), ContentType::BYTES);
        assert!(parse("text/plain").is_text());
    }

    #[test]
    fn refuses_what_is_no_type() {
        for text in ["", "json", "a/", "/b", "a b/c", "text/plain\n", "a/b/c", "ä/b"] {
            let error = ContentType::parse(text);
            // a trailing line break is trimmed like other white space around the essence
            assert!(error.is_err() || text == "text/plain\n", "{text:?}");
        }
        assert_eq!(
            ContentType::parse("json").unwrap_err().to_string(),
            "`json` is not a content type, expected `type/subtype` such as `application/json`"
        );
    }

    #[test]
    fn ranges_cover_their_types() {
        assert!(parse("text/html").falls_under(&parse("text/*")));
        assert!(parse("text/html").falls_under(&parse("*/*")));
        assert!(!parse("text/html").falls_under(&parse("application/*")));
        assert!(!parse("textual/html").falls_under(&parse("text/*")));
        assert!(parse("text/plain").falls_under(&ContentType::TEXT));
    }

    #[test]
    fn json_suffix_counts_as_json() {
        assert!(parse("application/problem+json").is_json());
        assert!(!parse("application/jsonp").is_json());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,60}") {
            if let Ok(parsed) = ContentType::parse(&text) {
                proptest::prop_assert_eq!(ContentType::parse(parsed.as_str()), Ok(parsed.clone()));
            }
        }
    }
}
