//! Payloads that are compressed on the wire: `compress` of an output, and what Spring's outputs have compressed.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use lapin::BasicProperties;
use lapin::types::AMQPValue;

use super::declare::short;
use crate::binder::{Error, Kind};

/// Tells a reader that it may unpack by itself.
pub(super) const AUTOMATIC: &str = "springAutoDecompress";

/// Packs a payload and says so in its properties, as Spring does.
///
/// # Errors
/// When the encodings before have such a long name that this one cannot be added.
pub(super) fn pack(
    payload: &[u8],
    level: u32,
    properties: BasicProperties,
) -> Result<(Bytes, BasicProperties), Error> {
    let failed =
        |cause: std::io::Error| Error::new(Kind::Refused, format!("the payload cannot be packed: {cause}"));
    let mut encoder = GzEncoder::new(Vec::with_capacity(payload.len() / 2), Compression::new(level));
    encoder.write_all(payload).map_err(failed)?;
    let packed = encoder.finish().map_err(failed)?;
    let encoding = match properties.content_encoding() {
        Some(before) if !before.as_str().is_empty() => format!("gzip, {before}"),
        _ => "gzip".to_owned(),
    };
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(AUTOMATIC.into(), AMQPValue::Boolean(true));
    let properties =
        properties.with_content_encoding(short("content encoding", &encoding)?).with_headers(headers);
    Ok((packed.into(), properties))
}

/// Unpacks what its sender asks to be unpacked; nothing when that is not so, and when a payload is not what its
/// properties say or takes more than `most` bytes: it stays as it came, and whoever decodes it tells.
pub(super) fn unpack(payload: &[u8], properties: &BasicProperties, most: u64) -> Option<Vec<u8>> {
    let table = properties.headers().as_ref()?;
    if table.inner().get(AUTOMATIC) != Some(&AMQPValue::Boolean(true)) {
        return None;
    }
    let encodings = properties.content_encoding().as_ref()?.as_str();
    match encodings.split(',').next()?.trim() {
        "gzip" => bounded(MultiGzDecoder::new(payload), most),
        "deflate" => bounded(ZlibDecoder::new(payload), most),
        _ => None,
    }
}

/// What is left of the encodings of a payload that is unpacked.
pub(super) fn left(encodings: &str) -> Option<&str> {
    encodings.split_once(',').map(|(_, rest)| rest.trim()).filter(|rest| !rest.is_empty())
}

fn bounded(packed: impl Read, most: u64) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let read = packed.take(most.saturating_add(1)).read_to_end(&mut unpacked).ok()?;
    (read as u64 <= most).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_can_be_unpacked_within_a_bound() {
        let payload = vec![b'x'; 100_000];
        let before = BasicProperties::default().with_content_encoding("utf-8".into());
        let (packed, properties) = pack(&payload, 1, before).unwrap();
        assert!(packed.len() < 1000);
        assert_eq!(properties.content_encoding().as_ref().unwrap().as_str(), "gzip, utf-8");
        assert_eq!(left("gzip, utf-8"), Some("utf-8"));
        assert_eq!(left("gzip"), None);
        assert_eq!(unpack(&packed, &properties, 100_000), Some(payload));
        assert_eq!(unpack(&packed, &properties, 99_999), None, "too large");
        assert_eq!(unpack(b"no gzip", &properties, 100_000), None);
    }

    #[test]
    fn what_nobody_asks_to_unpack_stays_as_it_is() {
        let (packed, _) = pack(b"1", 1, BasicProperties::default()).unwrap();
        let properties = BasicProperties::default().with_content_encoding("gzip".into());
        assert_eq!(unpack(&packed, &properties, 1000), None);
    }
}
