//! What the polling thread hands over: a batch of records in one buffer, their headers unread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _, Timestamp};
use wellspring_functions::{ContentType, HeaderName, HeaderSource, HeaderValue, header_names};

use super::incoming;
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
    /// Whether the partition was taken away.
    pub(super) revoked: AtomicBool,
    /// How often the partition was read again from an earlier offset.
    pub(super) epoch: AtomicU32,
}

impl Slot {
    pub(super) fn new(id: u32, topic: &str, partition: i32) -> Self {
        Self {
            id,
            topic: topic.into(),
            partition,
            watermark: AtomicI64::new(-1),
            committed: AtomicI64::new(-1),
            revoked: AtomicBool::new(false),
            epoch: AtomicU32::new(0),
        }
    }
}

/// A part of the buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn of(self, buffer: &Bytes) -> Bytes {
        buffer.slice(self.start as usize..self.end as usize)
    }
}

/// One record; its bytes are in the buffer of its batch.
#[derive(Debug)]
pub(super) struct Record {
    /// Which of the batch's slots it came from.
    pub(super) slot: u32,
    pub(super) epoch: u32,
    pub(super) offset: i64,
    pub(super) timestamp: Timestamp,
    pub(super) key: Option<Span>,
    pub(super) value: Option<Span>,
    pub(super) headers: Span,
    pub(super) content_type: Option<ContentType>,
    /// Whether it has no header but a content type, and the list of types.
    pub(super) is_plain: bool,
}

/// Records that were there at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) buffer: Bytes,
    pub(super) records: Vec<Record>,
    pub(super) slots: Vec<Arc<Slot>>,
    pub(super) group: Arc<str>,
    /// The headers of each record, once somebody has read them.
    read: Vec<OnceLock<Vec<(HeaderName, HeaderValue)>>>,
}

impl HeaderSource for Batch {
    fn entries(&self, index: u32) -> &[(HeaderName, HeaderValue)] {
        let at = index as usize;
        match (self.read.get(at), self.records.get(at)) {
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
        self.records.get(index as usize).is_some_and(|record| record.is_plain)
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
}

impl Gathering {
    pub(super) const fn new(group: Arc<str>) -> Self {
        Self { buffer: Vec::new(), records: Vec::new(), slots: Vec::new(), group, content_type: None }
    }

    pub(super) const fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Copies a record.
    pub(super) fn push(&mut self, message: &BorrowedMessage<'_>, slot: &Arc<Slot>, epoch: u32) {
        let key = message.key().map(|key| self.append(key));
        let value = message.payload().map(|value| self.append(value));
        let start = self.buffer.len();
        // The library panics at a name that is not UTF-8; whoever sends one shall not end the consumer.
        let copied = catch_unwind(AssertUnwindSafe(|| self.append_headers(message)));
        let (content_type, is_plain) = copied.unwrap_or_else(|_| {
            let (topic, offset) = (&*slot.topic, message.offset());
            tracing::warn!(topic, partition = slot.partition, offset, "dropped headers that cannot be read");
            self.buffer.truncate(start);
            (None, true)
        });
        let headers = span(start, self.buffer.len());
        let slot = self.slot(slot);
        let (offset, timestamp) = (message.offset(), message.timestamp());
        self.records.push(Record {
            slot,
            epoch,
            offset,
            timestamp,
            key,
            value,
            headers,
            content_type,
            is_plain,
        });
    }

    /// What was gathered.
    pub(super) fn take(&mut self) -> Batch {
        let records = std::mem::take(&mut self.records);
        Batch {
            buffer: std::mem::take(&mut self.buffer).into(),
            read: records.iter().map(|_| OnceLock::new()).collect(),
            records,
            slots: std::mem::take(&mut self.slots),
            group: Arc::clone(&self.group),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Span {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        span(start, self.buffer.len())
    }

    /// Each header is the length of its name, its name, the length of its value with -1 for none, and its value.
    fn append_headers(&mut self, message: &BorrowedMessage<'_>) -> (Option<ContentType>, bool) {
        let (mut content_type, mut is_plain) = (None, true);
        let Some(headers) = message.headers() else { return (None, true) };
        for header in headers.iter() {
            if header.key.eq_ignore_ascii_case(header_names::CONTENT_TYPE)
                && let Some(found) = header.value.and_then(|value| self.content_type(value))
            {
                content_type = Some(found);
                continue;
            }
            is_plain &= header.key == TYPES;
            let length = header.value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(-1));
            self.buffer.extend_from_slice(&i32::try_from(header.key.len()).unwrap_or(0).to_ne_bytes());
            self.buffer.extend_from_slice(header.key.as_bytes());
            self.buffer.extend_from_slice(&length.to_ne_bytes());
            self.buffer.extend_from_slice(header.value.unwrap_or_default());
        }
        (content_type, is_plain)
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

    fn slot(&mut self, slot: &Arc<Slot>) -> u32 {
        let known = self.slots.iter().rposition(|known| known.id == slot.id);
        let at = known.unwrap_or_else(|| {
            self.slots.push(Arc::clone(slot));
            self.slots.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

fn span(start: usize, end: usize) -> Span {
    Span { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
}
