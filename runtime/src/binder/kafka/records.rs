//! Records that were taken at once: copied into one buffer, their headers unread.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rdkafka::error::KafkaError;
use rdkafka::message::Timestamp;
use wellspring_functions::{ContentType, HeaderName, HeaderSource, HeaderValue, header_names};

use super::incoming::{self, Facts};
use super::names::{TYPES, TYPES_OF_PLAIN, is_fact, is_received_key};
use super::native::{Received, RecordHeaders, SpareHeaders, Taken};
use super::slot::Slot;

/// One record; its bytes are in the buffer of its batch: key, value and headers, one behind the other.
#[derive(Debug)]
pub(super) struct Record {
    start: usize,
    /// How many bytes each has; negative where there is none.
    key: i32,
    value: i32,
    /// None where it has no header but a content type, and the list of types.
    headers: i32,
    /// Which of the batch's slots it came from.
    slot: u32,
    pub(super) offset: i64,
    pub(super) timestamp: Timestamp,
    pub(super) content_type: Option<ContentType>,
    /// The headers as they came, where they are what would be written for the content type.
    spare: SpareHeaders,
}

impl Record {
    pub(super) fn key(&self, buffer: &Bytes) -> Option<Bytes> {
        part(buffer, self.start, self.key)
    }

    pub(super) fn value(&self, buffer: &Bytes) -> Option<Bytes> {
        part(buffer, self.start + length(self.key), self.value)
    }

    pub(super) fn headers(&self, buffer: &Bytes) -> Bytes {
        let start = self.start + length(self.key) + length(self.value);
        part(buffer, start, self.headers).unwrap_or_default()
    }

    /// Which of the batch's slots it came from.
    pub(super) const fn slot(&self) -> usize {
        self.slot as usize
    }
}

fn length(length: i32) -> usize {
    usize::try_from(length).unwrap_or(0)
}

fn part(buffer: &Bytes, start: usize, length: i32) -> Option<Bytes> {
    usize::try_from(length).ok().map(|length| buffer.slice(start..start + length))
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
            (Some(cell), Some(record)) => cell.get_or_init(|| self.headers(record)),
            _ => &[],
        }
    }

    fn is_empty(&self, _: u32) -> bool {
        // There are always facts.
        false
    }

    fn contains(&self, index: u32, name: &str) -> bool {
        if self.is_plain(index) && !is_fact(name) {
            return false;
        }
        self.entries(index).iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    fn value(&self, index: u32, name: &str) -> Option<HeaderValue> {
        let record = self.records.get(index as usize)?;
        if is_received_key(name)
            && let Some(key) = record.key(&self.buffer)
        {
            return Some(HeaderValue::Bytes(key));
        }
        if self.is_plain(index) && !is_fact(name) {
            return None;
        }
        self.entries(index)
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
    }
}

impl Batch {
    fn headers(&self, record: &Record) -> Vec<(HeaderName, HeaderValue)> {
        let slot = self.slots.get(record.slot());
        let facts = Facts {
            place: slot.map(|slot| (&slot.topic, slot.partition)),
            offset: record.offset,
            timestamp: record.timestamp,
            group: &self.group,
            key: record.key(&self.buffer),
        };
        incoming::read(record.headers(&self.buffer), facts)
    }

    /// Whether a record has no header but a content type, and the list of types.
    pub(super) fn is_plain(&self, index: u32) -> bool {
        self.records.get(index as usize).is_some_and(|record| record.headers < 0)
    }

    /// The key of a record, if it has one.
    pub(super) fn key(&self, index: u32) -> Option<&[u8]> {
        let record = self.records.get(index as usize)?;
        let length = usize::try_from(record.key).ok()?;
        self.buffer.get(record.start..record.start + length)
    }

    /// The headers of a record as the library has them, where they are what would be written for a content type and
    /// nobody has taken them.
    pub(super) fn spare(&self, index: u32, content_type: &ContentType) -> Option<RecordHeaders> {
        let record = self.records.get(index as usize)?;
        if record.content_type.as_ref() == Some(content_type) { record.spare.take() } else { None }
    }
}

/// From how many bytes on a batch takes no further record: buffers that are much larger are given back to the system when
/// they are freed, and each new one is made of new pages.
const FULL: usize = 64 * 1024;

/// Gathers records for batches.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Those that are full.
    full: VecDeque<Batch>,
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
            full: VecDeque::new(),
            buffer: Vec::new(),
            records: Vec::new(),
            slots: Vec::new(),
            group,
            content_type: None,
            last: (0, 0),
        }
    }

    /// Copies a record that comes from a slot.
    pub(super) fn push(&mut self, record: &mut Received<'_>, slot: &Arc<Slot>) {
        if self.buffer.len() >= FULL
            && let Some(batch) = self.end()
        {
            self.full.push_back(batch);
        }
        if self.records.is_empty() {
            // A little more than the last batch had.
            self.buffer.reserve(self.last.0 + self.last.0 / 8);
            self.records.reserve(self.last.1);
        }
        let start = self.buffer.len();
        let (key, value) = (self.append(record.key()), self.append(record.value()));
        let (headers, content_type, is_as_written) = self.append_headers(record);
        let spare = if is_as_written { record.take_headers() } else { None };
        let slot = self.slot(slot);
        self.records.push(Record {
            start,
            key,
            value,
            headers,
            slot,
            offset: record.offset(),
            timestamp: record.timestamp(),
            content_type,
            spare: spare.map(SpareHeaders::from).unwrap_or_default(),
        });
    }

    /// The next batch of what was gathered, if there is any.
    pub(super) fn take(&mut self) -> Option<Batch> {
        self.full.pop_front().or_else(|| self.end())
    }

    fn end(&mut self) -> Option<Batch> {
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

    /// Tells the length, which on the wire has 32 bits, too.
    fn append(&mut self, bytes: Option<&[u8]>) -> i32 {
        let Some(bytes) = bytes else { return -1 };
        self.buffer.extend_from_slice(bytes);
        i32::try_from(bytes.len()).unwrap_or(i32::MAX)
    }

    /// Each header is the length of its name, its name, the length of its value with -1 for none, and its value. Tells
    /// their length, the content type, and whether they are just what would be written for it.
    fn append_headers(&mut self, record: &mut Received<'_>) -> (i32, Option<ContentType>, bool) {
        let (start, mut content_type) = (self.buffer.len(), None);
        let (mut is_plain, mut count, mut as_written) = (true, 0, 0);
        for (at, (name, value)) in record.headers().enumerate() {
            count += 1;
            if name.eq_ignore_ascii_case(header_names::CONTENT_TYPE.as_bytes())
                && let Some(found) = value.and_then(|value| self.content_type(value))
            {
                let is_first = at == 0 && name == header_names::CONTENT_TYPE.as_bytes();
                as_written += usize::from(is_first && value == Some(found.as_str().as_bytes()));
                content_type = Some(found);
                continue;
            }
            let is_types = name == TYPES.as_bytes();
            as_written += usize::from(is_types && at == 1 && value == Some(TYPES_OF_PLAIN));
            is_plain &= is_types;
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap_or(-1));
            self.buffer.extend_from_slice(&i32::try_from(name.len()).unwrap_or(0).to_ne_bytes());
            self.buffer.extend_from_slice(name);
            self.buffer.extend_from_slice(&length.to_ne_bytes());
            self.buffer.extend_from_slice(value.unwrap_or_default());
        }
        if is_plain {
            // Nothing is read from the list of types but the types of other headers.
            self.buffer.truncate(start);
            return (-1, content_type, count == 2 && as_written == 2);
        }
        (i32::try_from(self.buffer.len() - start).unwrap_or(i32::MAX), content_type, false)
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

/// Gathers what was taken, each record under its slot.
pub(super) fn gather(
    taken: &mut Taken,
    slots: &[Arc<Slot>],
    gathering: &mut Gathering,
    failures: &mut Vec<KafkaError>,
) {
    let mut last: Option<(Received<'_>, &Arc<Slot>)> = None;
    for mut record in taken.records() {
        if let Some(code) = record.failure() {
            failures.push(KafkaError::MessageConsumption(code));
            continue;
        }
        // Most come from where the one before came from.
        let slot = match &last {
            Some((before, slot)) if record.is_beside(before) => Some(*slot),
            _ => slots.iter().find(|slot| slot.is_of(&record)),
        };
        // Without a slot the partition is about to go.
        let Some(slot) = slot else { continue };
        gathering.push(&mut record, slot);
        if let Some((before, other)) = last.replace((record, slot))
            && !Arc::ptr_eq(other, slot)
        {
            other.taken.store(before.offset() + 1, Ordering::Release);
        }
    }
    if let Some((record, slot)) = last {
        slot.taken.store(record.offset() + 1, Ordering::Release);
    }
}
