//! Reading paths and query strings: percent-decoding.

use std::borrow::Cow;
use std::collections::HashSet;

/// Why a text is not percent-encoded UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undecodable {
    #[error("a `%` is not followed by two hexadecimal digits")]
    Escape,
    #[error("the text is not UTF-8")]
    Utf8,
}

/// The text behind percent-encoding; costs nothing when there is none.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, Undecodable> {
    if !text.as_bytes().contains(&b'%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        decoded.extend_from_slice(&rest[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(hexadecimal).ok_or(Undecodable::Escape)?;
        decoded.push(byte);
        rest = &rest[at + 3..];
    }
    decoded.extend_from_slice(rest);
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Undecodable::Utf8)
}

/// The parameters of a query string, in order, the first value of each name; what cannot be decoded stays as it is.
pub(super) fn parameters(query: &str) -> Vec<(String, String)> {
    let mut seen = HashSet::new();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = form_decode(name);
            seen.insert(name.clone()).then(|| (name, form_decode(value)))
        })
        .collect()
}

fn form_decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    match decode(&spaced) {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => text.to_owned(),
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*digits.first()?)? << 4 | digit(*digits.get(1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_escapes_and_leaves_the_rest() {
        for (text, decoded) in [
            ("a/b", "a/b"),
            ("a%7Cb%2cc", "a|b,c"),
            ("%C5%BC%20", "ż "),
            ("", ""),
            ("100%25", "100%"),
            ("a+b", "a+b"),
        ] {
            assert_eq!(decode(text).unwrap(), decoded, "{text}");
        }
    }

    #[test]
    fn refuses_broken_escapes_and_text_that_is_not_utf8() {
        for text in ["%", "%4", "a%zz", "%%41", "%+1"] {
            assert_eq!(decode(text), Err(Undecodable::Escape), "{text}");
        }
        assert_eq!(decode("%ff%fe"), Err(Undecodable::Utf8));
    }

    #[test]
    fn reads_the_first_value_of_every_parameter() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(
            parameters("a=1&b=x+y%21&a=2&c&&d=%zz"),
            pairs(&[("a", "1"), ("b", "x y!"), ("c", ""), ("d", "%zz")])
        );
        assert!(parameters("").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn decoding_undoes_encoding(text in ".{0,40}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            proptest::prop_assert_eq!(decode(&encoded).unwrap(), text);
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in "[%0-9a-fz&=+]{0,40}") {
            let _ = decode(&text);
            let _ = parameters(&text);
        }
    }
}
