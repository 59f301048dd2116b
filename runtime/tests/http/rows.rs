//! Spring Cloud Function's own HTTP tests, row by row, where no recorded answer covers them.
//!
//! A row names the test by its number in our list, the request, and what we answer; `differs` says why where that is
//! not what Spring's test expects.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wellspring::{Catalog, CatalogBuilder, Error, HeaderValue, Headers, Message, Streaming};

use super::support::{call, start};

struct Row {
    id: &'static str,
    request: (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    /// An empty text for an error, whose sentence is tested elsewhere.
    answer: &'static str,
    differs: Option<&'static str>,
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const TEXT: (&str, &str) = ("Content-Type", "text/plain");

const fn row(
    id: &'static str,
    request: (&'static str, &'static str),
    status: u16,
    answer: &'static str,
) -> Row {
    Row { id, request, headers: &[], body: "", status, answer, differs: None }
}

impl Row {
    const fn with(self, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Self {
        Self { headers, body, ..self }
    }

    const fn but(self, why: &'static str) -> Self {
        Self { differs: Some(why), ..self }
    }
}

const ROWS: &[Row] = &[
    row("H-030", ("GET", "/words"), 200, r#"["foo","bar"]"#),
    row("H-008", ("GET", "/get/more"), 200, r#"["foo","bar"]"#),
    row("H-010", ("GET", "/timeout"), 200, r#"["foo"]"#).with(&[("Accept", "application/json")], ""),
    row("H-012", ("GET", "/sentences"), 200, r#"[["go","home"],["come","back"]]"#),
    row("H-013", ("GET", "/sentences"), 200, r#"[["go","home"],["come","back"]]"#)
        .with(&[("Accept", "*/*")], ""),
    row("H-016", ("GET", "/bang"), 500, "").but("an element that fails is not dropped"),
    row("H-017", ("GET", "/uppercase/foo"), 200, r#"["(FOO)"]"#),
    row("H-018", ("GET", "/uppercase/foo"), 406, "")
        .with(&[("Accept", "text/plain")], "")
        .but("a list is JSON, which is not accepted"),
    row("H-020", ("GET", "/wrap/123"), 200, r#"["..123.."]"#),
    row("H-021", ("GET", "/entity/321"), 200, r#"[{"value":321}]"#),
    row("H-022", ("GET", "/not/a/function"), 200, r#"["hello"]"#),
    row("H-024", ("GET", "/foos,bareUpFoos"), 200, r#"[{"value":"FOO"},{"value":"BAR"}]"#),
    row("H-042", ("POST", "/post/more"), 200, r#"["(FOO)","(BAR)"]"#).with(&[JSON], r#"["foo","bar"]"#),
    row("H-044", ("POST", "/uppercase"), 200, "[\"(FOO\\nBAR)\"]").with(&[TEXT], "foo\nbar"),
    row("H-046", ("POST", "/bareUppercase"), 200, r#"(["FOO","BAR"])"#)
        .with(&[JSON], r#"["foo","bar"]"#)
        .but("an array is split for a function over a stream only"),
    row("H-048", ("POST", "/bareUppercase"), 200, "(FOO)").with(&[TEXT, ("Accept", "text/plain")], "foo"),
    row("H-049", ("POST", "/upFoos"), 200, r#"[{"value":"A"},{"value":"B"}]"#)
        .with(&[JSON], r#"[{"value":"a"},{"value":"b"}]"#),
    row("H-050", ("POST", "/upFoos"), 200, r#"[{"value":"A"}]"#).with(&[JSON], r#"{"value":"a"}"#),
    row("H-052", ("POST", "/bareUpFoos"), 200, r#"{"value":"FOO"}"#).with(&[JSON], r#"{"value":"foo"}"#),
    row("H-053", ("POST", "/wrap"), 200, r#"["..123.."]"#).with(&[TEXT], "123"),
    row("H-054", ("POST", "/doubler"), 200, "[246]").with(&[TEXT], "123"),
    row("H-056", ("POST", "/count"), 200, r#"{"A":2,"B":1}"#)
        .with(&[JSON, ("Accept", "application/json")], r#"["A","B","A"]"#),
    row("H-057", ("POST", "/flatten"), 400, "")
        .with(&[JSON], r#"["A","B","A"]"#)
        .but("an array is one item per element, also where the items are lists"),
    row("H-057 as list of lists", ("POST", "/flatten"), 200, r#"["A","B","A"]"#)
        .with(&[JSON], r#"[["A","B"],["A"]]"#),
    row("H-060", ("POST", "/updates"), 202, "").with(&[JSON], r#"["one","two"]"#),
    row("H-061", ("POST", "/addFoos"), 202, "").with(&[JSON], r#"[{"value":"a"},{"value":"b"}]"#),
    row("H-064", ("POST", "/echo"), 200, "hello]").with(&[TEXT], "hello]"),
    row("H-065", ("POST", "/echo"), 200, "[hello]").with(&[TEXT], "[hello]"),
    row("H-066", ("POST", "/echo"), 200, "[\"a\"]").with(&[TEXT], "[\"a\"]"),
    row("H-072", ("POST", "/bareUpFoos"), 400, "")
        .with(&[JSON], "{broken}")
        .but("the client's fault is 400, not 500"),
    row("H-073", ("POST", "/bareUpFoos"), 400, "")
        .with(&[JSON], "\"hello\"")
        .but("the client's fault is 400, not 500"),
    row("H-092", ("POST", "/headers"), 200, r#"["(FOO)","(BAR)"]"#).with(&[JSON], r#"["foo","bar"]"#),
    row("H-094", ("POST", "/employee"), 200, r#"{"age":25,"name":"Bob"}"#)
        .with(&[JSON], r#"{"name":"Bob","age":25}"#),
    row("H-026", ("GET", "/parameters/foo?nome=Doe&prenome=John"), 200, r#"["Doe","John"]"#),
    row("H-120", ("DELETE", "/updates/123"), 404, "").but("DELETE calls nothing"),
    row("H-136", ("POST", "/set"), 200, "2").with(&[JSON], r#"[{"value":"a"},{"value":"b"}]"#),
    row("H-180", ("POST", "/echo"), 200, "[1,2]")
        .with(&[("Content-Type", "text/plain;charset=UTF-8")], "[1,2]"),
    row("H-184", ("GET", "/foos%2CbareUpFoos"), 200, r#"[{"value":"FOO"},{"value":"BAR"}]"#),
    row("H-190", ("POST", "/list"), 200, "x").with(&[TEXT], "x"),
    row("H-192", ("POST", "/echo"), 200, "[\"a\"]").with(&[JSON, ("payload", "[\"x\"]")], "[\"a\"]"),
    row("H-196", ("GET", "/nil"), 204, "").but("nothing to send is 204"),
    row("H-197", ("POST", "/length"), 200, "4").with(&[("Content-Type", "application/octet-stream")], "żó"),
];

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Foo {
    value: String,
}

impl Foo {
    fn new(value: &str) -> Self {
        Self { value: value.to_owned() }
    }

    fn upper(self) -> Self {
        Self { value: self.value.to_uppercase() }
    }
}

fn shout(text: &str) -> String {
    format!("({})", text.trim().to_uppercase())
}

fn suppliers(builder: CatalogBuilder) -> CatalogBuilder {
    let words = || stream::iter(["foo", "bar"].map(str::to_owned));
    builder
        .supplier("words", words)
        .supplier("get/more", words)
        .supplier("foos", || stream::iter(["foo", "bar"].map(Foo::new)))
        .supplier("timeout", || stream::iter(["foo"]))
        .supplier("sentences", || stream::iter([["go", "home"], ["come", "back"]]))
        .supplier("bang", || stream::iter([Ok("foo"), Err(Error::fatal("bang"))]))
        .supplier("not/a/function", || stream::iter(["hello"]))
        .supplier("nil", || None::<String>)
}

fn streams(builder: CatalogBuilder) -> CatalogBuilder {
    let uppercase = |words: Streaming<String>| words.map(|word| shout(&word));
    builder
        .function("uppercase", uppercase)
        .function("post/more", uppercase)
        .function("not/a", |words: Streaming<String>| words.map(|_| "bye"))
        .function("wrap", |numbers: Streaming<i64>| numbers.map(|n| format!("..{n}..")))
        .function("entity", |numbers: Streaming<i64>| numbers.map(|n| BTreeMap::from([("value", n)])))
        .function("doubler", |numbers: Streaming<i64>| numbers.map(|n| n * 2))
        .function("upFoos", |foos: Streaming<Foo>| foos.map(Foo::upper))
        .function("flatten", |lists: Streaming<Vec<String>>| lists.flat_map(stream::iter))
        .function("count", |words: Streaming<String>| {
            words.fold(BTreeMap::new(), |mut counts, word| async move {
                *counts.entry(word).or_insert(0) += 1;
                counts
            })
        })
        .function("headers", |words: Streaming<Message<String>>| {
            words.map(|word| word.map(|text| shout(&text)).with_header("foo", "bar"))
        })
        .consumer("updates", |words: Streaming<String>| words.for_each(|_| async {}))
        .consumer("addFoos", |foos: Streaming<Foo>| foos.for_each(|_| async {}))
}

fn values(builder: CatalogBuilder) -> CatalogBuilder {
    builder
        .function("bareUppercase", |text: String| shout(&text))
        .function("bareUpFoos", Foo::upper)
        .function("echo", |text: String| text)
        .function("set", |foos: Vec<Foo>| foos.len())
        .function("length", |bytes: Vec<u8>| bytes.len())
        .function("employee", |message: Message<Map<String, Value>>| {
            message.with_header("X-Content-Type", "application/xml").with_header("foo", "bar")
        })
        .function("list", |text: String| {
            Message::new(text).with_header("x-list", HeaderValue::List(vec!["a".into(), "b".into()]))
        })
        .function("parameters", |_: String, headers: Headers| match headers.get("http_request_param") {
            Some(HeaderValue::Map(parameters)) => parameters.iter().map(|(_, v)| v.to_string()).collect(),
            _ => Vec::new(),
        })
}

#[tokio::test]
async fn every_row_answers_as_written() {
    let server = start(values(streams(suppliers(Catalog::builder()))), &[]).await;
    for row in ROWS {
        let (method, target) = row.request;
        let answer = call(&server, method, target, row.headers, row.body).await;
        assert_eq!(answer.status, row.status, "{}: {:?}", row.id, answer.text());
        assert!(row.status >= 400 || answer.text() == row.answer, "{}: {}", row.id, answer.text());
        assert!(row.differs.is_none_or(|why| !why.is_empty()));
        match row.id {
            "H-092" => assert_eq!((answer.header("foo"), answer.header("id")), (Some("bar"), None)),
            "H-094" => assert_eq!(answer.header("x-content-type"), Some("application/xml")),
            "H-190" => assert_eq!(answer.all("x-list"), ["a", "b"]),
            _ => {}
        }
    }
}
