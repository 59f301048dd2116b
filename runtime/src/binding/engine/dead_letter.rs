//! Dead letters: the original message, with headers that tell what happened.

use wellspring_functions::{EncodedMessage, Error, header_names};

use super::ledger::Open;

/// The dead letter of a delivery: its payload byte for byte, its headers, and why it failed.
pub(super) fn letter(open: &Open, error: &Error, binding: &str, destination: &str) -> EncodedMessage {
    let mut letter = open.message.clone();
    let headers = letter.headers_mut();
    headers.set(header_names::EXCEPTION_KIND, error.kind().as_str());
    // What an earlier pass has left would tell of another error.
    headers.remove(header_names::EXCEPTION_CLASS);
    if let Some(name) = error.name() {
        headers.set(header_names::EXCEPTION_CLASS, name);
    }
    headers.set(header_names::EXCEPTION_MESSAGE, error.to_string());
    headers.set(header_names::ORIGINAL_DESTINATION, destination);
    headers.set(header_names::ORIGINAL_PARTITION, open.partition);
    headers.set(header_names::ORIGINAL_OFFSET, open.position.cast_signed());
    headers.set(header_names::ATTEMPTS, open.calls);
    headers.set(header_names::BINDING, binding);
    if let Some(key) = &open.key {
        headers.set(header_names::MESSAGE_KEY, key.clone());
    }
    letter
}
