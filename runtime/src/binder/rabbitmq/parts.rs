//! Messages that Spring's outputs send several of in one (`batching-enabled`): each part is a delivery.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::AMQPValue;

/// Says how the parts are put together.
pub(super) const FORMAT: &str = "springBatchFormat";
/// Says how many there are.
pub(super) const COUNT: &str = "amqp_batchSize";

/// The parts of a payload that holds several; nothing when it is one, or not what its header says.
pub(super) fn split(payload: &Bytes, properties: &BasicProperties) -> Option<Vec<Bytes>> {
    let format = properties.headers().as_ref()?.inner().get(FORMAT)?;
    if !matches!(format, AMQPValue::LongString(text) if text.as_bytes() == b"lengthHeader4") {
        return None;
    }
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < payload.len() {
        let length = payload.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)?;
        let (start, end) = (at + 4, (at + 4).checked_add(usize::try_from(length).ok()?)?);
        payload.get(start..end)?;
        parts.push(payload.slice(start..end));
        at = end;
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldTable;

    use super::*;

    #[test]
    fn a_payload_is_split_only_where_it_is_what_its_header_says() {
        let mut table = FieldTable::default();
        table.insert(FORMAT.into(), AMQPValue::LongString("lengthHeader4".into()));
        let properties = BasicProperties::default().with_headers(table);
        let two = Bytes::from_static(b"\0\0\0\x03foo\0\0\0\0");
        assert_eq!(split(&two, &properties).unwrap(), [&b"foo"[..], b""]);
        assert_eq!(split(&two, &BasicProperties::default()), None);
        for wrong in [&b""[..], b"\0\0\0\x04foo", b"\0\0", b"\xff\xff\xff\xfffoo"] {
            assert_eq!(split(&Bytes::from_static(wrong), &properties), None, "{wrong:?}");
        }
    }
}
