//! What the client accepts: media ranges with their weights, as RFC 9110 §12.5.1 writes them.
//!
//! No header, an empty one and `*/*` ask for nothing, and nothing is parsed. A header of which nothing can be
//! understood is answered with 406, as Spring does, rather than with something the client may not have meant.

use std::cmp::Reverse;
use std::sync::{Arc, LazyLock};

use hyper::StatusCode;
use hyper::header::{ACCEPT, HeaderMap};
use wellspring_functions::{ContentType, Wanted};

use super::problem::Problem;

/// Types that say more than "text": those a browser runs, and a stream of events. Text is never relabelled as one of
/// these because a client asks for it; a function that means it says so by the content type of its message.
const MEANINGFUL: &[&str] = &[
    "application/javascript",
    "application/xhtml+xml",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/event-stream",
    "text/html",
    "text/javascript",
    "text/xml",
];

/// Ranges behind this many are not looked at.
const MOST_RANGES: usize = 64;

/// What a client accepts.
#[derive(Debug, Default)]
pub(super) struct Accept {
    /// The preferred first; `None` is anything.
    ranges: Option<Arc<[ContentType]>>,
    /// Types with a weight of zero.
    refused: Vec<ContentType>,
}

static JSON_ONLY: LazyLock<Arc<[ContentType]>> = LazyLock::new(|| Arc::new([ContentType::JSON]));

impl Accept {
    /// Reads what a request accepts; a header that accepts nothing at all is a problem.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        match headers.get(ACCEPT).map(|value| value.as_bytes()) {
            None | Some(b"*/*" | b"") => Ok(Self::default()),
            Some(b"application/json") if headers.get_all(ACCEPT).iter().nth(1).is_none() => {
                Ok(Self { ranges: Some(Arc::clone(&JSON_ONLY)), refused: Vec::new() })
            }
            Some(_) => {
                let lines = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
                Self::parse(lines).ok_or_else(|| {
                    Problem::new(
                        StatusCode::NOT_ACCEPTABLE,
                        "`accept` names no media range, expected one such as `*/*`",
                    )
                })
            }
        }
    }

    fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let ranges = lines.flat_map(|line| line.split(',')).filter_map(range);
        let mut weighted: Vec<_> = ranges.take(MOST_RANGES).collect();
        // Stable: of equals, the first named is preferred.
        weighted.sort_by_key(|(range, weight)| Reverse((*weight, specificity(range))));
        let (accepted, refused): (Vec<_>, Vec<_>) = weighted.into_iter().partition(|(_, weight)| *weight > 0);
        if accepted.is_empty() {
            return None;
        }
        let ranges = accepted.into_iter().map(|(range, _)| range).collect();
        Some(Self { ranges: Some(ranges), refused: refused.into_iter().map(|(range, _)| range).collect() })
    }

    /// What to ask of a function that answers one payload.
    pub(super) fn wanted(&self) -> Wanted {
        match &self.ranges {
            None => Wanted::Natural,
            Some(ranges) if !ranges.iter().any(is_meaningful) => Wanted::AnyOf(Arc::clone(ranges)),
            Some(ranges) => {
                let labels = ranges.iter().filter(|range| !is_meaningful(range)).cloned();
                // Nothing left is a list of nothing, which no type fits.
                Wanted::AnyOf(labels.collect())
            }
        }
    }

    /// Whether a content type may be sent.
    pub(super) fn admits(&self, content_type: &ContentType) -> bool {
        let fits = |ranges: &[ContentType]| ranges.iter().any(|range| content_type.falls_under(range));
        self.ranges.as_deref().is_none_or(fits) && !self.refuses(content_type)
    }

    /// Whether anything is excluded.
    pub(super) fn refuses_any(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether a content type is excluded.
    pub(super) fn refuses(&self, content_type: &ContentType) -> bool {
        self.refused.iter().any(|refused| {
            let more_specific = |range: &ContentType| specificity(range) > specificity(refused);
            content_type.falls_under(refused)
                && !self
                    .ranges
                    .iter()
                    .flat_map(|ranges| ranges.iter())
                    .any(|range| more_specific(range) && content_type.falls_under(range))
        })
    }
}

/// A media range and its weight in thousandths; `None` when it is neither.
fn range(text: &str) -> Option<(ContentType, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let mut range = parts.next()?.to_owned();
    let mut weight = 1000;
    for parameter in parts.filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => {
                weight = thousandths(value.trim())?
            }
            _ => {
                range.push(';');
                range.push_str(parameter);
            }
        }
    }
    let range = ContentType::parse(&range).ok()?;
    let essence = range.essence();
    let sane = essence == "*/*"
        || (!essence.starts_with('*') && (essence.ends_with("/*") || !essence.contains('*')));
    sane.then_some((range, weight))
}

fn thousandths(text: &str) -> Option<u16> {
    let weight: f32 = text.parse().ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to 1000 is a u16"
    )]
    (0.0..=1.0).contains(&weight).then_some((weight * 1000.0) as u16)
}

fn specificity(range: &ContentType) -> u8 {
    match range.essence() {
        "*/*" => 0,
        essence if essence.ends_with("/*") => 1,
        _ => 2,
    }
}

fn is_meaningful(range: &ContentType) -> bool {
    MEANINGFUL.contains(&range.essence())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Accept> {
        Accept::parse(std::iter::once(text))
    }

    fn order(text: &str) -> Vec<String> {
        let accept = parse(text).unwrap();
        accept.ranges.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_heaviest_then_the_most_specific_range_comes_first() {
        assert_eq!(
            order("text/*;q=0.5, */*;q=0.1, application/json;q=0.5, text/plain"),
            ["text/plain", "application/json", "text/*", "*/*"]
        );
        assert_eq!(order("*/*, a/b;version=2;q=1.0"), ["a/b;version=2", "*/*"]);
    }

    #[test]
    fn what_is_no_range_is_left_out() {
        assert_eq!(order("nonsense, a/b;q=x, a/b;q=2, */json, a/*b, c/d"), ["c/d"]);
        assert!(parse("nonsense").is_none());
        assert!(parse("a/b;q=0").is_none());
        assert!(parse("").is_none());
    }

    #[test]
    fn a_weight_of_zero_refuses_unless_something_more_specific_accepts() {
        let accept = parse("*/*, application/json;q=0").unwrap();
        assert!(!accept.admits(&ContentType::JSON) && accept.admits(&ContentType::TEXT));
        let accept = parse("text/*;q=0, text/plain").unwrap();
        assert!(accept.admits(&ContentType::TEXT));
    }

    #[test]
    fn text_is_never_asked_for_as_something_that_means_more() {
        let Wanted::AnyOf(ranges) = parse("text/html, image/svg+xml, */*;q=0.1").unwrap().wanted() else {
            panic!("expected ranges")
        };
        assert_eq!(ranges.iter().map(ContentType::as_str).collect::<Vec<_>>(), ["*/*"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[a-z*/;=q0-9., \"]{0,60}") {
            let _ = parse(&text);
        }
    }
}
