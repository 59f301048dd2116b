//! Which headers an output writes: patterns in order, the first that fits decides.

use wellspring_functions::{Headers, header_names};

/// Patterns of names: `*` stands for anything, `!` in front leaves the header out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patterns(Vec<(bool, String)>);

impl Patterns {
    pub(super) fn new(written: &[String]) -> Self {
        let pattern = |text: &String| match text.strip_prefix('!') {
            Some(rest) => (false, rest.to_lowercase()),
            None => (true, text.to_lowercase()),
        };
        Self(written.iter().map(pattern).collect())
    }

    /// Takes away what is not to be written; what steers the output stays.
    pub(super) fn apply(&self, headers: &mut Headers) {
        let names = headers.iter().map(|(name, _)| name.to_owned());
        let left_out: Vec<_> = names.filter(|name| !self.takes(name) && !steers(name)).collect();
        for name in left_out {
            headers.remove(&name);
        }
        if !self.takes(header_names::CONTENT_TYPE) {
            headers.set_content_type(None);
        }
    }

    fn takes(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.0.iter().find(|(_, pattern)| fits(pattern, &name)).is_some_and(|(takes, _)| *takes)
    }
}

/// Whether a header is for the output itself.
fn steers(name: &str) -> bool {
    name.starts_with("kafka_") || name.eq_ignore_ascii_case(header_names::MESSAGE_KEY)
}

fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    ends.any(|at| fits(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_functions::ContentType;

    fn left(patterns: &[&str]) -> Vec<String> {
        let written: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let mut headers: Headers =
            ["one", "x-two", "x-Two-b", "kafka_messageKey"].map(|name| (name, "v")).into_iter().collect();
        headers.set_content_type(ContentType::JSON);
        Patterns::new(&written).apply(&mut headers);
        let content_type = headers.content_type().map(|_| "contentType".to_owned());
        headers.iter().map(|(name, _)| name.to_owned()).chain(content_type).collect()
    }

    #[test]
    fn the_first_pattern_that_fits_decides() {
        assert_eq!(left(&["*"]), ["one", "x-two", "x-Two-b", "kafka_messageKey", "contentType"]);
        assert_eq!(left(&["!x-*", "*"]), ["one", "kafka_messageKey", "contentType"]);
        assert_eq!(left(&["x-t*b", "contentType"]), ["x-Two-b", "kafka_messageKey", "contentType"]);
        assert_eq!(left(&["*two*", "!*"]), ["x-two", "x-Two-b", "kafka_messageKey"]);
    }
}
