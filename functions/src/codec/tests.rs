//! The conversion table, row by row.

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Person {
    name: String,
    age: u8,
}

fn decode<T: DeserializeOwned + 'static>(payload: &'static str, content_type: &str) -> Result<T, Error> {
    let content_type = (!content_type.is_empty()).then(|| ContentType::parse(content_type).unwrap());
    Codecs::default().decode(Cow::Owned(Bytes::from_static(payload.as_bytes())), content_type.as_ref())
}

#[test]
fn text_and_bytes_are_raw_whatever_the_content_type() {
    for content_type in ["application/json", "text/plain", "application/xml", ""] {
        assert_eq!(decode::<String>("\"x\"", content_type).unwrap(), "\"x\"");
        assert_eq!(decode::<Vec<u8>>("[1", content_type).unwrap(), b"[1");
        assert_eq!(decode::<Bytes>("[1", content_type).unwrap(), "[1");
        assert_eq!(decode::<Option<String>>("", content_type).unwrap(), Some(String::new()));
    }
}

#[test]
fn numbers_are_read_from_their_text() {
    assert_eq!(decode::<u64>(" 23 ", "text/plain").unwrap(), 23);
    assert_eq!(decode::<f64>("2.5", "application/json").unwrap(), 2.5);
    assert_eq!(decode::<i8>("-3", "application/octet-stream").unwrap(), -3);
    assert_eq!(
        decode::<u8>("300", "text/plain").unwrap_err().text(),
        "the payload cannot be read as `u8`: invalid value: integer `300`, expected u8 at line 1 column 3"
    );
}

#[test]
fn objects_are_json_and_the_error_says_where_and_what() {
    let bob = Person { name: "bob".to_owned(), age: 3 };
    for content_type in ["application/json", "application/vnd.x+json", "text/plain", ""] {
        assert_eq!(decode::<Person>("{\"name\":\"bob\",\"age\":3}", content_type).unwrap(), bob);
    }
    let error = decode::<Person>("{\"name\":\"bob\",\"age\":\"x\"}", "application/json").unwrap_err();
    assert_eq!(error.kind(), Kind::Undecodable);
    assert_eq!(
        error.text(),
        "the payload cannot be read as `Person`: invalid type: string \"x\", expected u8 at line 1 column 23"
    );
    assert_eq!(
        decode::<Person>(" ", "").unwrap_err().text(),
        "the payload is empty, expected `Person` as JSON"
    );
    let error = decode::<Person>("<a/>", "application/xml").unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(error.text(), "no codec reads `application/xml` as `Person`, expected `application/json`");
}

#[test]
fn values_are_written_as_their_type_says() {
    let codecs = Codecs::default();
    assert_eq!(codecs.encode("x".to_owned(), &ContentType::JSON).unwrap(), "x");
    assert_eq!(codecs.encode(b"x".to_vec(), &ContentType::JSON).unwrap(), "x");
    assert_eq!(codecs.encode(7, &ContentType::TEXT).unwrap(), "7");
    assert_eq!(codecs.encode(vec![1, 2], &ContentType::JSON).unwrap(), "[1,2]");
    assert_eq!(codecs.encode(vec![1], &ContentType::TEXT).unwrap_err().kind(), Kind::Unencodable);
    let error =
        codecs.encode(std::collections::BTreeMap::from([((1, 2), 3)]), &ContentType::JSON).unwrap_err();
    assert_eq!(error.kind(), Kind::Unencodable);
}

#[test]
fn null_is_read_by_an_option_only() {
    assert_eq!(Codecs::default().decode_null::<Option<Person>>().unwrap(), None);
    assert_eq!(Codecs::default().decode_null::<Option<String>>().unwrap(), None);
    let error = Codecs::default().decode_null::<Person>().unwrap_err();
    assert_eq!(error.text(), "the payload is null, expected `Person` (take an `Option` to accept null)");
}

/// `name=bob;age=3`, to prove that the registry is open.
struct Pairs;

impl Codec for Pairs {
    fn supports(&self, content_type: &ContentType) -> bool {
        content_type.essence() == "text/pairs"
    }

    fn decode(&self, payload: &[u8], read: ReadPayload<'_>) -> Result<(), erased_serde::Error> {
        use serde::de::value::MapDeserializer;
        let text = std::str::from_utf8(payload).map_err(serde::de::Error::custom)?;
        let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
        let numbers = pairs.map(|(k, v)| (k, v.parse::<serde_json::Value>().unwrap_or_else(|_| v.into())));
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(MapDeserializer::<_, serde_json::Error>::new(
            numbers,
        )))
    }

    fn encode(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, erased_serde::Error> {
        let value = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
        let fields = value.as_object().into_iter().flatten();
        Ok(fields
            .map(|(k, v)| format!("{k}={}", v.to_string().replace('"', "")))
            .collect::<Vec<_>>()
            .join(";")
            .into())
    }
}

#[test]
fn a_registered_codec_reads_and_writes_its_content_type() {
    let codecs = Codecs::new([Arc::new(Pairs) as Arc<dyn Codec>]);
    let pairs = ContentType::parse("text/pairs").unwrap();
    let bob: Person = codecs.decode(Cow::Owned("name=bob;age=3".into()), Some(&pairs)).unwrap();
    assert_eq!(bob, Person { name: "bob".to_owned(), age: 3 });
    assert_eq!(codecs.encode(bob, &pairs).unwrap(), "age=3;name=bob");
    assert!(codecs.can_encode::<Person>(&pairs) && !Codecs::default().can_encode::<Person>(&pairs));
    let error = codecs.decode::<Person>(Cow::Owned("name=bob".into()), Some(&pairs)).unwrap_err();
    assert_eq!(error.text(), "the payload cannot be read as `Person` in `text/pairs`: missing field `age`");
}

#[test]
fn type_names_lose_their_paths() {
    assert_eq!(
        short_name::<Vec<Option<std::collections::BTreeMap<String, Person>>>>(),
        "Vec<Option<BTreeMap<String, Person>>>"
    );
    assert_eq!(short_name::<(u8, &str)>(), "(u8, &str)");
}
