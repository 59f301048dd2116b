//! Headers of a record, in the form that the library has them in.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};

use rdkafka::bindings as rd;

/// Headers for a record to be sent.
#[derive(Debug)]
pub(in super::super) struct RecordHeaders(NonNull<rd::rd_kafka_headers_t>);

// SAFETY: nothing but this value knows of the headers.
unsafe impl Send for RecordHeaders {}

impl RecordHeaders {
    /// Room for so many headers; nothing when the library has no memory.
    pub(in super::super) fn with_capacity(count: usize) -> Option<Self> {
        // SAFETY: makes a list that is ours.
        NonNull::new(unsafe { rd::rd_kafka_headers_new(count) }).map(Self)
    }

    /// Adds one. The name must not contain a zero byte.
    pub(in super::super) fn add(&mut self, name: &str, value: Option<&[u8]>) {
        let (value, length) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
        // No memory has so many bytes that its length would not fit.
        let [name_length, length] = [name.len(), length].map(|length| isize::try_from(length).unwrap_or(0));
        // SAFETY: the library copies what the pointers and lengths describe, which are those of slices. It fails only
        // for lists that must not be changed, which those of received records are.
        let _ = unsafe {
            let (name, value) = (name.as_ptr().cast::<c_char>(), value.cast::<c_void>());
            rd::rd_kafka_header_add(self.0.as_ptr(), name, name_length, value, length)
        };
    }

    /// Name and value of each.
    #[cfg(test)]
    pub(in super::super) fn iter(&self) -> Entries<'_> {
        // SAFETY: the list is valid as long as `self`.
        unsafe { Entries::of(self.0.as_ptr()) }
    }

    pub(super) const fn as_ptr(&self) -> *mut rd::rd_kafka_headers_t {
        self.0.as_ptr()
    }

    /// Takes over a list; nothing if it is null.
    ///
    /// # Safety
    /// The pointer is null or a list that the caller gives up.
    pub(super) const unsafe fn own(list: *mut rd::rd_kafka_headers_t) -> Option<Self> {
        match NonNull::new(list) {
            Some(list) => Some(Self(list)),
            None => None,
        }
    }
}

impl Drop for RecordHeaders {
    fn drop(&mut self) {
        // SAFETY: the list is ours; where the library has taken it over, this value was forgotten.
        unsafe { rd::rd_kafka_headers_destroy(self.as_ptr()) };
    }
}

/// Headers that came with a record and may go out with another, once.
#[derive(Debug, Default)]
pub(in super::super) struct SpareHeaders(AtomicPtr<rd::rd_kafka_headers_t>);

impl SpareHeaders {
    /// Takes them, if nobody has.
    pub(in super::super) fn take(&self) -> Option<RecordHeaders> {
        let list = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: the list was given up when it was put here, and whoever swaps it out is the only one who has it.
        unsafe { RecordHeaders::own(list) }
    }
}

impl From<RecordHeaders> for SpareHeaders {
    fn from(headers: RecordHeaders) -> Self {
        Self(AtomicPtr::new(ManuallyDrop::new(headers).as_ptr()))
    }
}

impl Drop for SpareHeaders {
    fn drop(&mut self) {
        if !self.0.get_mut().is_null() {
            drop(self.take());
        }
    }
}

/// Name and value of each header of a list.
#[derive(Debug)]
pub(in super::super) struct Entries<'a> {
    list: *const rd::rd_kafka_headers_t,
    next: usize,
    owner: PhantomData<&'a ()>,
}

impl Entries<'_> {
    /// The headers of a list, or none where it is null.
    ///
    /// # Safety
    /// The list is null or valid and unchanged for as long as `'a`.
    pub(super) const unsafe fn of(list: *const rd::rd_kafka_headers_t) -> Self {
        Self { list, next: 0, owner: PhantomData }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.list.is_null() {
            return None;
        }
        let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list is valid and the places to write to are ours.
        let found = unsafe {
            rd::rd_kafka_header_get_all(self.list, self.next, &raw mut name, &raw mut value, &raw mut length)
        };
        if found != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        self.next += 1;
        // SAFETY: the library ends names with a zero byte and describes the value by its length; both live as long as
        // the list.
        unsafe {
            let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), length));
            Some((CStr::from_ptr(name).to_bytes(), value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_added_in_order() {
        let mut headers = RecordHeaders::with_capacity(1).unwrap();
        headers.add("one", Some(b"1"));
        headers.add("none", None);
        headers.add("empty", Some(b""));
        headers.add("one", Some(b"a\0b"));
        let expected: [(&[u8], Option<&[u8]>); 4] =
            [(b"one", Some(b"1")), (b"none", None), (b"empty", Some(b"")), (b"one", Some(b"a\0b"))];
        assert_eq!(headers.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn spare_headers_are_taken_once() {
        let mut headers = RecordHeaders::with_capacity(1).unwrap();
        headers.add("one", Some(b"1"));
        let spare = SpareHeaders::from(headers);
        assert_eq!(spare.take().unwrap().iter().count(), 1);
        assert!(spare.take().is_none() && SpareHeaders::default().take().is_none());
    }

    #[test]
    fn a_record_without_headers_has_none() {
        // SAFETY: a null list is allowed.
        assert_eq!(unsafe { Entries::of(ptr::null()) }.count(), 0);
    }
}
