//! Headers: named metadata of a message, in order, compared without case.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::content_type::ContentType;
use crate::header_names;
use crate::header_value::HeaderValue;

/// Named metadata of a message: in order, names compared without case, several values per name allowed.
///
/// The content type has a place of its own, so that a message which carries nothing else needs no allocation;
/// looked up as `contentType` or `content-type` it reads like any header. Copies share their entries until one
/// of them is changed. Headers received from a broker or over HTTP stay as they arrived until somebody reads them.
///
/// ```
/// use wellspring_functions::Headers;
///
/// let mut headers = Headers::new();
/// headers.set("Trace-Id", "7f");
/// assert_eq!(headers.text("trace-id"), Some("7f"));
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    content_type: Option<ContentType>,
    entries: Entries,
}

/// Headers as a transport received them, read only when somebody asks.
///
/// One source may serve a whole batch of messages; `index` tells which message is meant. A source keeps what it has
/// read, so that asking again is cheap.
pub trait HeaderSource: Any + Send + Sync {
    /// The headers of one message, in the order received, the content type left out.
    fn entries(&self, index: u32) -> &[(HeaderName, HeaderValue)];

    /// Whether one message has no headers; worth saying without reading them, where that is possible.
    fn is_empty(&self, index: u32) -> bool {
        self.entries(index).is_empty()
    }

    /// Whether one message has a header; worth saying without reading them, where that is possible.
    fn contains(&self, index: u32, name: &str) -> bool {
        self.entries(index).iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The first value of one header of one message; worth giving without reading the others, where that is possible.
    fn value(&self, index: u32, name: &str) -> Option<HeaderValue> {
        self.entries(index)
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
    }
}

/// A header's name, as it was spelled.
pub type HeaderName = Arc<str>;

type Entry = (HeaderName, HeaderValue);

#[derive(Clone, Default)]
enum Entries {
    #[default]
    None,
    Read(Arc<Vec<Entry>>),
    Received(Arc<dyn HeaderSource>, u32),
}

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { content_type: None, entries: Entries::None }
    }

    /// Nothing but a content type.
    #[must_use]
    #[inline]
    pub const fn of(content_type: ContentType) -> Self {
        Self { content_type: Some(content_type), entries: Entries::None }
    }

    /// Headers that stay with their source until somebody reads them.
    #[must_use]
    pub fn received(content_type: Option<ContentType>, source: Arc<dyn HeaderSource>, index: u32) -> Self {
        Self { content_type, entries: Entries::Received(source, index) }
    }

    /// What encodes the payload, if it is said.
    #[must_use]
    pub const fn content_type(&self) -> Option<&ContentType> {
        self.content_type.as_ref()
    }

    /// Says what encodes the payload.
    pub fn set_content_type(&mut self, content_type: impl Into<Option<ContentType>>) {
        self.content_type = content_type.into();
    }

    /// The first value of a header other than the content type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.entries().iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value of a header, the content type included, for who wants this one alone: received headers may stay
    /// unread.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<HeaderValue> {
        match &self.entries {
            _ if is_content_type(name) => self.content_type.as_ref().map(|own| own.as_str().into()),
            Entries::Received(source, index) => source.value(*index, name),
            Entries::None | Entries::Read(_) => self.get(name).cloned(),
        }
    }

    /// Every value of a header, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a HeaderValue> + 'a {
        self.entries().iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first value of a header when it is text; the content type included.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        if is_content_type(name) {
            return self.content_type.as_ref().map(ContentType::as_str);
        }
        self.get(name).and_then(HeaderValue::as_text)
    }

    /// The first value of a header as a whole number; text that spells one counts.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(HeaderValue::as_integer)
    }

    /// Whether a header is present, the content type included.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match &self.entries {
            _ if is_content_type(name) => self.content_type.is_some(),
            Entries::Received(source, index) => source.contains(*index, name),
            Entries::None | Entries::Read(_) => self.get(name).is_some(),
        }
    }

    /// Replaces every value of a header by one.
    ///
    /// Under the name `contentType` or `content-type` the text becomes the content type; text that is none is
    /// kept out, as it could not be read by anyone.
    pub fn set(&mut self, name: impl Into<HeaderName>, value: impl Into<HeaderValue>) {
        let (name, value) = (name.into(), value.into());
        if is_content_type(&name) {
            self.content_type = value.as_text().and_then(|text| ContentType::parse(text).ok());
            return;
        }
        self.edit(|entries| {
            let Some(first) = entries.iter().position(|(own, _)| own.eq_ignore_ascii_case(&name)) else {
                return entries.push((name, value));
            };
            entries[first].1 = value;
            let mut index = 0;
            entries.retain(|(own, _)| {
                index += 1;
                index <= first + 1 || !own.eq_ignore_ascii_case(&name)
            });
        });
    }

    /// Adds a value beside those a header already has.
    pub fn append(&mut self, name: impl Into<HeaderName>, value: impl Into<HeaderValue>) {
        let name = name.into();
        if is_content_type(&name) {
            self.set(name, value);
        } else {
            let value = value.into();
            self.edit(|entries| entries.push((name, value)));
        }
    }

    /// Removes every value of a header; tells whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        if is_content_type(name) {
            return self.content_type.take().is_some();
        }
        if !self.contains(name) {
            return false;
        }
        self.edit(|entries| entries.retain(|(own, _)| !own.eq_ignore_ascii_case(name)));
        true
    }

    /// Lays other headers over these: their content type and values replace those of the same name.
    pub fn overlay(&mut self, other: Self) {
        if other.content_type.is_some() {
            self.content_type.clone_from(&other.content_type);
        }
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.entries = other.entries;
            return;
        }
        let theirs = other.entries();
        self.edit(|own| {
            own.retain(|(name, _)| !theirs.iter().any(|(their, _)| their.eq_ignore_ascii_case(name)));
            own.extend(theirs.iter().cloned());
        });
    }

    /// Name and value of every header but the content type, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.entries().iter().map(|(name, value)| (&**name, value))
    }

    /// How many values there are, the content type not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is nothing but perhaps a content type.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.entries {
            Entries::None => true,
            Entries::Read(entries) => entries.is_empty(),
            Entries::Received(source, index) => source.is_empty(*index),
        }
    }

    /// The source these headers were received from, as long as nobody changed them.
    #[must_use]
    pub fn source(&self) -> Option<(&dyn HeaderSource, u32)> {
        match &self.entries {
            Entries::Received(source, index) => Some((&**source, *index)),
            Entries::None | Entries::Read(_) => None,
        }
    }

    fn entries(&self) -> &[Entry] {
        match &self.entries {
            Entries::None => &[],
            Entries::Read(entries) => entries,
            Entries::Received(source, index) => source.entries(*index),
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut Vec<Entry>)) {
        let mut read = match std::mem::take(&mut self.entries) {
            Entries::None => Arc::default(),
            Entries::Read(entries) => entries,
            Entries::Received(source, index) => Arc::new(source.entries(index).to_vec()),
        };
        change(Arc::make_mut(&mut read));
        self.entries = Entries::Read(read);
    }
}

fn is_content_type(name: &str) -> bool {
    name.eq_ignore_ascii_case(header_names::CONTENT_TYPE) || name.eq_ignore_ascii_case("content-type")
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.content_type == other.content_type && self.entries() == other.entries()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        if let Some(content_type) = &self.content_type {
            map.entry(&header_names::CONTENT_TYPE, content_type);
        }
        map.entries(self.iter()).finish()
    }
}

impl<N: Into<HeaderName>, V: Into<HeaderValue>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let mut headers = Self::new();
        headers.extend(entries);
        headers
    }
}

impl<N: Into<HeaderName>, V: Into<HeaderValue>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, entries: I) {
        for (name, value) in entries {
            self.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_keep_their_spelling() {
        let mut headers: Headers = [("X-One", "1"), ("x-two", "2")].into_iter().collect();
        headers.set("x-one", "3");
        assert_eq!(headers.text("X-ONE"), Some("3"));
        assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["X-One", "x-two"]);
    }

    #[test]
    fn set_leaves_one_value_and_append_adds() {
        let mut headers = Headers::new();
        headers.append("a", "1");
        headers.append("b", "x");
        headers.append("A", "2");
        assert_eq!(headers.get_all("a").count(), 2);
        headers.set("a", "3");
        assert_eq!(headers.get_all("a").map(|v| v.as_text().unwrap()).collect::<Vec<_>>(), ["3"]);
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn the_content_type_reads_like_a_header_and_is_not_counted() {
        let mut headers = Headers::new();
        headers.set("Content-Type", "application/json");
        assert_eq!(headers.content_type(), Some(&ContentType::JSON));
        assert_eq!(headers.text("contentType"), Some("application/json"));
        assert_eq!(headers.value("contentType"), Some("application/json".into()));
        assert!(headers.is_empty() && headers.contains("content-type"));
        assert!(headers.remove("contenttype") && !headers.contains("content-type"));
    }

    #[test]
    fn received_headers_are_read_once_and_only_when_asked() {
        #[derive(Default)]
        struct Counting(std::sync::atomic::AtomicU32, std::sync::OnceLock<Vec<Entry>>);
        impl HeaderSource for Counting {
            fn entries(&self, index: u32) -> &[Entry] {
                self.1.get_or_init(|| {
                    self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    vec![("n".into(), i64::from(index).into())]
                })
            }
        }
        let source = Arc::new(Counting::default());
        let mut headers = Headers::received(None, source.clone(), 7);
        assert_eq!(source.0.load(std::sync::atomic::Ordering::Relaxed), 0);
        assert_eq!(headers.value("N"), Some(7i64.into()));
        assert_eq!(headers.integer("n"), Some(7));
        headers.set("m", 1);
        assert_eq!((headers.integer("n"), headers.len()), (Some(7), 2));
        assert_eq!(source.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }

    #[test]
    fn copies_are_independent() {
        let mut one: Headers = [("a", "1")].into_iter().collect();
        let two = one.clone();
        one.set("a", "2");
        assert_eq!(two.text("a"), Some("1"));
    }

    #[test]
    fn overlay_replaces_by_name() {
        let mut below: Headers = [("a", "1"), ("b", "2"), ("B", "3")].into_iter().collect();
        below.overlay([("B", "4"), ("c", "5")].into_iter().collect());
        let all: Vec<_> = below.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(all, ["a=1", "B=4", "c=5"]);
    }
}
