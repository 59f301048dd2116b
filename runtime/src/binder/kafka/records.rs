//! Records that were taken at once: copied into one buffer, their headers unread.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rdkafka::message::Timestamp;
use wellspring_functions::{ContentType, HeaderName, HeaderSource, HeaderValue, header_names};

use super::incoming;
use super::native::Received;
use super::outgoing::TYPES;

/// One partition while it is assigned to a consumer. Assigned again, it is another slot.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    /// The position to commit; negative while nothing is settled.
    pub(super) watermark: AtomicI64,
    /// The position that was committed last.
    pub(super) committed: AtomicI64,
    /// The end of what was taken to be delivered; negative while nothing was.
    pub(super) taken: AtomicI64,
    /// Whether the partition was taken away.
    pub(super) revoked: AtomicBool,
}

impl Slot {
    pub(super) fn new(id: u32, topic: &str, partition: i32) -> Self {
        Self {
            id,
            topic: topic.into(),
            partition,
            watermark: AtomicI64::new(-1),
            committed: AtomicI64::new(-1),
            taken: AtomicI64::new(-1),
            revoked: AtomicBool::new(false),
        }
    }

    /// Whether everything that was taken is settled.
    pub(super) fn is_settled(&self) -> bool {
        self.watermark.load(Ordering::Acquire) >= self.taken.load(Ordering::Acquire)
    }

    /// Whether a record is one of its partition.
    pub(super) fn is_of(&self, record: Received<'_>) -> bool {
        self.partition == record.partition() && self.topic.as_bytes() == record.topic()
    }
}

/// A part of the buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(super) fn of(self, buffer: &Bytes) -> Bytes {
        buffer.slice(self.start..self.end)
    }
}

/// One record; its bytes are in the buffer of its batch.
#[derive(Debug)]
pub(super) struct Record {
    /// Which of the batch's slots it came from.
    pub(super) slot: usize,
    pub(super) offset: i64,
    pub(super) timestamp: Timestamp,
    pub(super) key: Option<Span>,
    pub(super) value: Option<Span>,
    /// Empty where it has no header but a content type, and the list of types.
    pub(super) headers: Span,
    pub(super) content_type: Option<ContentType>,
}

/// Records that were there at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) buffer: Bytes,
    pub(super) records: Vec<Record>,
    pub(super) slots: Vec<Arc<Slot>>,
    pub(super) group: Arc<str>,
    /// The headers of each record, once somebody has read them.
    read: OnceLock<Box<[Read]>>,
}

/// The headers of a record, once somebody has read them.
type Read = OnceLock<Vec<(HeaderName, HeaderValue)>>;

impl HeaderSource for Batch {
    fn entries(&self, index: u32) -> &[(HeaderName, HeaderValue)] {
        let at = index as usize;
        let read = self.read.get_or_init(|| self.records.iter().map(|_| OnceLock::new()).collect());
        match (read.get(at), self.records.get(at)) {
            (Some(cell), Some(record)) => cell.get_or_init(|| incoming::read(self, record)),
            _ => &[],
        }
    }

    fn is_empty(&self, _: u32) -> bool {
        // There are always facts.
        false
    }

    fn contains(&self, index: u32, name: &str) -> bool {
        if self.is_plain(index) && !incoming::is_fact(name) {
            return false;
        }
        self.entries(index).iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }
}

impl Batch {
    /// Whether a record has no header but a content type, and the list of types.
    pub(super) fn is_plain(&self, index: u32) -> bool {
        self.records.get(index as usize).is_some_and(|record| record.headers.start == record.headers.end)
    }
}

/// Gathers records for a batch.
#[derive(Debug)]
pub(super) struct Gathering {
    buffer: Vec<u8>,
    records: Vec<Record>,
    slots: Vec<Arc<Slot>>,
    group: Arc<str>,
    /// The last content type and what it was read from: most records have the same.
    content_type: Option<(Vec<u8>, ContentType)>,
    /// How large the last batch was: most are like the one before.
    last: (usize, usize),
}

impl Gathering {
    pub(super) const fn new(group: Arc<str>) -> Self {
        Self {
            buffer: Vec::new(),
            records: Vec::new(),
            slots: Vec::new(),
            group,
            content_type: None,
            last: (0, 0),
        }
    }

    /// Copies a record that comes from a slot.
    pub(super) fn push(&mut self, record: Received<'_>, slot: &Arc<Slot>) {
        if self.records.is_empty() {
            self.buffer.reserve(self.last.0);
            self.records.reserve(self.last.1);
        }
        let key = record.key().map(|key| self.append(key));
        let value = record.value().map(|value| self.append(value));
        let (headers, content_type) = self.append_headers(record);
        let slot = self.slot(slot);
        let (offset, timestamp) = (record.offset(), record.timestamp());
        self.records.push(Record { slot, offset, timestamp, key, value, headers, content_type });
    }

    /// What was gathered, if anything.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.records.is_empty() {
            return None;
        }
        self.last = (self.buffer.len(), self.records.len());
        Some(Batch {
            buffer: std::mem::take(&mut self.buffer).into(),
            records: std::mem::take(&mut self.records),
            slots: std::mem::take(&mut self.slots),
            group: Arc::clone(&self.group),
            read: OnceLock::new(),
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Span {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        Span { start, end: self.buffer.len() }
    }

    /// Each header is the length of its name, its name, the length of its value with -1 for none, and its value.
    fn append_headers(&mut self, record: Received<'_>) -> (Span, Option<ContentType>) {
        let (start, mut content_type, mut is_plain) = (self.buffer.len(), None, true);
        for (name, value) in record.headers() {
            if name.eq_ignore_ascii_case(header_names::CONTENT_TYPE.as_bytes())
                && let Some(found) = value.and_then(|value| self.content_type(value))
            {
                content_type = Some(found);
                continue;
            }
            is_plain &= name == TYPES.as_bytes();
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(-1));
            self.buffer.extend_from_slice(&i32::try_from(name.len()).unwrap_or(0).to_ne_bytes());
            self.buffer.extend_from_slice(name);
            self.buffer.extend_from_slice(&length.to_ne_bytes());
            self.buffer.extend_from_slice(value.unwrap_or_default());
        }
        if is_plain {
            // Nothing is read from the list of types but the types of other headers.
            self.buffer.truncate(start);
        }
        (Span { start, end: self.buffer.len() }, content_type)
    }

    fn content_type(&mut self, value: &[u8]) -> Option<ContentType> {
        if let Some((text, known)) = &self.content_type
            && text == value
        {
            return Some(known.clone());
        }
        let text = std::str::from_utf8(value).ok()?.trim();
        // Some applications write the type as JSON.
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let read = ContentType::parse(text).ok()?;
        self.content_type = Some((value.to_vec(), read.clone()));
        Some(read)
    }

    fn slot(&mut self, slot: &Arc<Slot>) -> usize {
        let known = self.slots.iter().rposition(|known| known.id == slot.id);
        known.unwrap_or_else(|| {
            self.slots.push(Arc::clone(slot));
            self.slots.len() - 1
        })
    }
}
