//! What is wrong with a configuration: one `Problem` each, all of them in one report.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Origin;

/// One thing that is wrong, with its place, its path and what would be right.
///
/// ```
/// use wellspring::config::{Origin, Problem};
///
/// let problem = Problem::mismatch("three", "a whole number from 1 on")
///     .path("stream.bindings.email-in-0.consumer.max-attempts")
///     .at(Origin::file("application.yaml").at(6, 21));
/// assert_eq!(
///     problem.to_string(),
///     "application.yaml:6:21: `stream.bindings.email-in-0.consumer.max-attempts`: \
///      found `three`, expected a whole number from 1 on"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    origin: Option<Origin>,
    path: Option<String>,
    what: What,
    suggestion: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Mismatch { found: String, expected: String },
    Sentence(String),
}

const UNKNOWN_KEY: &str = "unknown key";

impl Problem {
    /// A problem in a sentence of its own: lowercase, names in backticks, no full stop.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self::of(What::Sentence(sentence.into()))
    }

    /// A value that is not what its key asks for. `found` is the value as written and is shown in backticks;
    /// it is hidden when the path or the value looks like a credential.
    pub fn mismatch(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::of(What::Mismatch { found: found.into(), expected: expected.into() })
    }

    pub(super) fn unknown_key() -> Self {
        Self::new(UNKNOWN_KEY)
    }

    fn of(what: What) -> Self {
        Self(Box::new(Parts { origin: None, path: None, what, suggestion: None }))
    }

    /// Says where the culprit is written.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.0.origin = Some(origin);
        self
    }

    /// Says which key is meant, such as `stream.bindings.email-in-0.group`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Adds what to do, as a clause that follows a semicolon.
    #[must_use]
    pub fn suggest(mut self, clause: impl Into<String>) -> Self {
        self.0.suggestion = Some(clause.into());
        self
    }

    /// Suggests the nearest of `names` if one is close to `wrong`; otherwise changes nothing.
    #[must_use]
    pub fn suggest_near<'a>(self, wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(wrong, names) {
            Some(name) => self.suggest(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Where the culprit is written, if it is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }

    /// The key that is meant, if the problem is about one.
    pub fn key(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// What was found and what was expected, for a value of the wrong sort.
    pub fn found_and_expected(&self) -> Option<(&str, &str)> {
        match &self.0.what {
            What::Mismatch { found, expected } => Some((found, expected)),
            What::Sentence(_) => None,
        }
    }

    /// Whether it is about a key that nobody knows.
    pub(crate) fn is_unknown_key(&self) -> bool {
        matches!(&self.0.what, What::Sentence(sentence) if sentence == UNKNOWN_KEY)
    }

    /// What to do, if there is something to say.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { origin, path, what, suggestion } = &*self.0;
        let mut text = String::new();
        if let Some(origin) = origin {
            text += &format!("{origin}: ");
        }
        if let Some(path) = path {
            text += &format!("`{path}`: ");
        }
        match what {
            What::Mismatch { found, expected } => {
                let found = shown(path.as_deref().unwrap_or_default(), found);
                text += &format!("found `{found}`, expected {expected}");
            }
            What::Sentence(sentence) => text += sentence,
        }
        if let Some(clause) = suggestion {
            text += &format!("; {clause}");
        }
        f.write_str(&printable(&text))
    }
}

impl std::error::Error for Problem {}

/// All the problems of a configuration, in the order they were found. As an error it holds at least one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// No problems yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The problems in report order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Puts the problems of one file next to each other and in its order; files stay in the order they were met.
    pub(super) fn sort(&mut self) {
        let mut files: Vec<Arc<str>> = Vec::new();
        for problem in &self.0 {
            if let Some(Origin::File { name, .. }) = &problem.0.origin
                && !files.contains(name)
            {
                files.push(Arc::clone(name));
            }
        }
        self.0.sort_by_key(|problem| match &problem.0.origin {
            Some(Origin::File { name, position }) => (files.iter().position(|file| file == name), *position),
            _ => (Some(files.len()), None),
        });
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// The problems themselves, if there is at least one.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            1 => write!(f, "1 problem in the configuration:")?,
            count => write!(f, "{count} problems in the configuration:")?,
        }
        for (index, problem) in self.iter().enumerate() {
            write!(f, "\n  {}. {problem}", index + 1)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.0.extend(problems);
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The candidate nearest to `wrong`, if it is near enough to be worth suggesting.
pub(super) fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(wrong, candidates, 0.6)
}

/// The candidate nearest to `wrong`, if it is certainly meant: one or two letters differ.
pub(super) fn misspelled<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near(wrong, candidates, 0.75)
}

fn near<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>, least: f64) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (similarity(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= least)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// 1.0 for equal names; a name that was cut short is near, too.
fn similarity(wrong: &str, candidate: &str) -> f64 {
    let similarity = strsim::normalized_damerau_levenshtein(wrong, candidate);
    let cut_short = wrong.len() >= 4 && candidate.starts_with(wrong);
    if cut_short { similarity.max(0.7) } else { similarity }
}

/// The value as it may appear in a report: credentials hidden, length bounded.
pub(super) fn shown<'a>(path: &str, value: &'a str) -> Cow<'a, str> {
    const LONGEST: usize = 80;
    if is_secret(path) {
        return "******".into();
    }
    let value = match password_span(value) {
        Some((start, end)) => Cow::Owned(format!("{}******{}", &value[..start], &value[end..])),
        None => Cow::Borrowed(value),
    };
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]).into(),
        None => value,
    }
}

/// The text on one line and without anything that a terminal would obey.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect::<String>().into()
}

/// Whether the last name of `path` says that its value is a credential.
fn is_secret(path: &str) -> bool {
    const MARKS: [&str; 7] =
        ["password", "passphrase", "secret", "token", "credential", "apikey", "privatekey"];
    let name = super::names::normalised(path.rsplit('.').next().unwrap_or(path));
    MARKS.iter().any(|mark| name.contains(mark)) || name.contains("jaas")
}

/// The byte range of the password in `scheme://user:password@host`.
fn password_span(value: &str) -> Option<(usize, usize)> {
    let authority = value.find("://")? + 3;
    let end = value[authority..].find(['/', '?']).map_or(value.len(), |at| authority + at);
    let at = authority + value[authority..end].rfind('@')?;
    let colon = authority + value[authority..at].find(':')?;
    Some((colon + 1, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_the_problems_under_a_count() {
        let mut problems = Problems::from(Problem::new("first"));
        assert_eq!(problems.to_string(), "1 problem in the configuration:\n  1. first");
        problems.push(Problem::new("second").path("a.b").suggest("do this"));
        assert_eq!(
            problems.to_string(),
            "2 problems in the configuration:\n  1. first\n  2. `a.b`: second; do this"
        );
    }

    #[test]
    fn suggests_only_near_names() {
        let near = Problem::new("x").suggest_near("destinaton", ["group", "destination"]);
        assert_eq!(near.suggestion(), Some("did you mean `destination`?"));
        assert_eq!(Problem::new("x").suggest_near("zebra", ["group", "destination"]).suggestion(), None);
    }

    #[test]
    fn hides_credentials() {
        let cases = [
            ("stream.rabbitmq.password", "hunter2", "******"),
            ("app.api-key", "k", "******"),
            ("app.uri", "amqp://guest:hunter2@localhost:5672", "amqp://guest:******@localhost:5672"),
            ("app.uri", "amqp://localhost:5672/a:b@c", "amqp://localhost:5672/a:b@c"),
            ("app.name", "plain", "plain"),
        ];
        for (path, value, expected) in cases {
            assert_eq!(shown(path, value), expected, "{path} = {value}");
        }
        assert_eq!(shown("app.name", &"x".repeat(200)).chars().count(), 81);
    }

    #[test]
    fn stays_on_one_line() {
        let problem = Problem::mismatch("two\nlines \u{1b}[1m", "one").path("a\u{0}");
        assert_eq!(problem.to_string(), "`a\\u{0}`: found `two\\nlines \\u{1b}[1m`, expected one");
    }

    #[test]
    fn is_an_error_only_when_something_is_wrong() {
        assert_eq!(Problems::new().or(7), Ok(7));
        assert!(Problems::from(Problem::new("x")).or(7).is_err());
    }
}
