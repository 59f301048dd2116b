//! Headers and query parameters: what reaches a function, and what of it comes back.

use std::collections::BTreeMap;

use wellspring::{Catalog, HeaderValue, Headers, Message};

use super::support::{call, start};

/// Answers the headers it was called with.
fn catalog() -> wellspring::CatalogBuilder {
    Catalog::builder()
        .function("headers", |_: String, headers: Headers| {
            let mut all = BTreeMap::<String, Vec<String>>::new();
            for (name, value) in headers.iter() {
                all.entry(name.to_owned()).or_default().push(value.to_string());
            }
            all.insert(
                "content type".to_owned(),
                headers.content_type().map(ToString::to_string).into_iter().collect(),
            );
            all
        })
        .function("copy", |message: Message<String>| message)
        .function("plain", |text: String| text)
        .function("many", |text: String| {
            let list = HeaderValue::List(vec!["a".into(), "b".into()]);
            Message::new(text)
                .with_header("x-many", list)
                .with_header("x-number", 7)
                .with_header("x-gone", HeaderValue::Null)
        })
}

#[tokio::test]
async fn headers_and_parameters_reach_the_function() {
    let server = start(catalog(), &["--http.ignored-headers=X-Drop"]).await;
    let headers = [
        ("Content-Type", "text/plain"),
        ("X-One", "1"),
        ("X-Two", "a"),
        ("x-two", "b"),
        ("X-Drop", "1"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("Keep-Alive", "5"),
        ("Proxy-Authorization", "x"),
        ("statusCode", "500"),
        ("http_request_param", "forged"),
        ("spring.cloud.function.definition", "copy"),
        ("spring.cloud.stream.sendto.destination", "elsewhere"),
    ];
    let answer = call(&server, "POST", "/headers?b=2&a=1&b=3", &headers, "x").await;
    let expected = serde_json::json!({
        "content type": ["text/plain"],
        "host": ["test.local"],
        "x-one": ["1"],
        "x-two": ["a", "b"],
        "http_request_param": ["b=2,a=1"],
    });
    assert_eq!(answer.json(), expected);
    let answer = call(&server, "GET", "/headers/x?q=%20", &[], "").await.json();
    assert_eq!(answer["http_request_param"], serde_json::json!(["q= "]));
    assert_eq!(answer["content type"], serde_json::json!(["text/plain;charset=UTF-8"]));
}

#[tokio::test]
async fn nothing_of_a_request_comes_back_unless_a_function_says_so() {
    let server = start(catalog(), &["--http.ignored-headers=x-drop"]).await;
    let headers = [
        ("Content-Type", "text/plain"),
        ("X-Foo", "bar"),
        ("X-Drop", "1"),
        ("Authorization", "Bearer secret"),
        ("Cookie", "session=secret"),
        ("User-Agent", "probe"),
        ("Accept", "*/*"),
        ("statusCode", "500"),
    ];
    let plain = call(&server, "POST", "/plain?a=1", &headers, "x").await;
    let names: Vec<_> = plain.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names, ["content-type", "content-length", "date"]);

    let copied = call(&server, "POST", "/copy?a=1", &headers, "x").await;
    assert_eq!((copied.status, copied.text()), (200, "x"));
    let names: Vec<_> = copied.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names, ["content-type", "x-foo", "content-length", "date"]);
    assert_eq!(copied.header("content-type"), Some("text/plain"));
}

#[tokio::test]
async fn a_list_repeats_its_header() {
    let server = start(catalog(), &[]).await;
    let answer = call(&server, "POST", "/many", &[], "x").await;
    assert_eq!((answer.all("x-many"), answer.all("x-number")), (vec!["a", "b"], vec!["7"]));
    assert_eq!(answer.header("x-gone"), None);
}
