//! Every refusal: its status, its sentence, and that nothing of the inside shows.

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use wellspring::{Catalog, Error, Kind, Message, Streaming};

use super::support::{Client, call, get, post, post_json, start, text_functions, texts, until};

#[derive(Debug, Serialize, Deserialize)]
struct Person {
    name: String,
    age: u8,
}

fn people() -> wellspring::CatalogBuilder {
    text_functions()
        .function("person", |person: Person| person)
        .function("name", |person: Person| person.name)
        .function("text", |text: String| text)
        .function("many", |numbers: Streaming<u64>| numbers.map(|n| n + 1))
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_400_and_says_where() {
    let server = start(people(), &[]).await;
    for (target, body, detail) in [
        (
            "/person",
            "{\"name\":",
            "the payload cannot be read as `Person`: EOF while parsing a value at line 1 column 8",
        ),
        ("/person", "", "the payload is empty, expected `Person` as JSON"),
        (
            "/person",
            "{\"name\":\"a\",\"age\":\"x\"}",
            "the payload cannot be read as `Person`: invalid type: string \"x\", expected u8 at line 1 column 21",
        ),
        (
            "/person",
            "[{\"name\":\"a\",\"age\":1}]",
            "the payload cannot be read as `Person`: invalid type: map, expected a string at line 1 column 1",
        ),
        ("/many", "[1,", "the payload is not a JSON array: EOF while parsing a value at line 1 column 3"),
        ("/many", "[1] x", "the payload is not a JSON array: trailing characters at line 1 column 5"),
        (
            "/many",
            "[\"a\"]",
            "the payload cannot be read as `u64`: invalid type: string \"a\", expected u64 at line 1 column 3",
        ),
    ] {
        let answer = post_json(&server, target, body).await;
        assert_eq!((answer.status, answer.detail()), (400, detail.to_owned()), "{target} {body}");
    }
}

#[tokio::test]
async fn an_unknown_name_is_404_with_the_nearest() {
    let server = start(people(), &[]).await;
    for (target, detail) in [
        ("/upercase", "no function has this name, did you mean `uppercase`?"),
        ("/zzz", "no function has this name"),
        ("/uppercase/extra", "no function has this name, did you mean `uppercase`?"),
        ("/uppercase,", "a member of the composition is no function, did you mean `uppercase`?"),
        ("/zzz|", "a member of the composition is no function"),
        ("/uppercase,revers", "a member of the composition is no function, did you mean `reverse`?"),
    ] {
        let answer = post(&server, target, "x").await;
        assert_eq!((answer.status, answer.detail()), (404, detail.to_owned()), "{target}");
    }
    for target in
        ["/Uppercase", "/uppercase%20x", "//uppercase", "/./uppercase", "/x/../uppercase", "/%3Cscript%3E"]
    {
        let answer = post(&server, target, "x").await;
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.detail().contains(&target[1..]), "{target} is echoed");
    }
}

#[tokio::test]
async fn a_composition_that_does_not_fit_is_400_without_source_places() {
    let server = start(people(), &[]).await;
    for (target, detail) in [
        ("/sink,uppercase", "`sink` is a consumer, expected as the last of a composition"),
        ("/uppercase,word", "`word` is a supplier, expected as the first of a composition"),
        (
            "/increment,person",
            "what `increment` returns cannot be read by `person`: a number, expected an object",
        ),
    ] {
        let answer = post(&server, target, "x").await;
        assert_eq!((answer.status, answer.detail()), (400, detail.to_owned()), "{target}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let server = start(people(), &[]).await;
    for (method, target, allow) in [
        ("GET", "/uppercase", "POST, OPTIONS"),
        ("GET", "/sink", "POST, OPTIONS"),
        ("POST", "/word", "GET, HEAD, OPTIONS"),
        ("POST", "/word,uppercase", "GET, HEAD, OPTIONS"),
        ("GET", "/word,sink", "POST, OPTIONS"),
        ("PUT", "/uppercase", "POST, OPTIONS"),
        ("DELETE", "/word", "GET, HEAD, OPTIONS"),
        ("PATCH", "/uppercase/foo", "GET, HEAD, OPTIONS"),
        ("BREW", "/uppercase", "POST, OPTIONS"),
    ] {
        let answer = call(&server, method, target, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {target}");
        assert!(!answer.detail().is_empty());
    }
    let detail = get(&server, "/uppercase").await.detail();
    assert!(detail.contains("takes an argument"), "{detail}");
    assert_eq!(get(&server, "/sink/foo").await.status, 404);
    assert_eq!(call(&server, "PUT", "/nope", &[], "").await.status, 404);
}

#[tokio::test]
async fn what_the_client_does_not_accept_is_406() {
    let server = start(people().supplier("words", || stream::iter(["a".to_owned()])), &[]).await;
    let person = r#"{"name":"a","age":1}"#;
    for (method, target, accept, body, status, content_type) in [
        ("POST", "/person", "application/xml", person, 406, "application/problem+json"),
        ("POST", "/person", "text/html, application/*;q=0.1", person, 200, "application/json"),
        ("POST", "/person", "*/*, application/json;q=0", person, 406, "application/problem+json"),
        ("POST", "/person", "", person, 200, "application/json"),
        ("POST", "/text", "nonsense", "x", 406, "application/problem+json"),
        ("POST", "/text", "text/*", "x", 200, "text/plain;charset=UTF-8"),
        ("POST", "/text", "text/html", "x", 406, "application/problem+json"),
        ("POST", "/text", "text/html,application/xml;q=0.9,*/*;q=0.8", "x", 200, "text/plain;charset=UTF-8"),
        ("POST", "/text", "application/json", "x", 200, "application/json"),
        ("POST", "/text", "image/png;q=0.1, text/plain;q=0.2", "x", 200, "text/plain;charset=UTF-8"),
        ("GET", "/words", "text/plain", "", 406, "application/problem+json"),
        ("GET", "/words", "application/*", "", 200, "application/json"),
    ] {
        let json = ("Content-Type", "application/json");
        let answer = call(&server, method, target, &[json, ("Accept", accept)], body).await;
        let found = (answer.status, answer.header("content-type").unwrap_or_default());
        assert_eq!(found, (status, content_type), "{target} {accept}");
    }
}

#[tokio::test]
async fn a_content_type_that_no_codec_reads_is_415() {
    let server = start(people(), &[]).await;
    for (target, content_type, status) in [
        ("/person", "application/xml", 415),
        ("/person", "application/vnd.person+json; version=1", 200),
        ("/person", "nonsense", 415),
        ("/text", "application/xml", 200),
    ] {
        let answer =
            call(&server, "POST", target, &[("Content-Type", content_type)], r#"{"name":"a","age":1}"#).await;
        assert_eq!(answer.status, status, "{target} {content_type}");
    }
    let gzip = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    assert_eq!(call(&server, "POST", "/text", &gzip, "x").await.status, 415);
    let identity = [("Content-Encoding", "identity")];
    assert_eq!(call(&server, "POST", "/text", &identity, "x").await.status, 200);
}

#[derive(Debug, thiserror::Error)]
#[error("password=hunter2 at db.internal:5432")]
struct Secret;

#[tokio::test]
async fn a_function_that_fails_shows_nothing_of_itself() {
    let catalog = Catalog::builder()
        .function("invalid", |_: String| Err::<String, _>(Error::invalid("the name is taken")))
        .function("fatal", |_: String| Err::<String, _>(Error::fatal(Secret)))
        .function("retryable", |_: String| Err::<String, _>(Error::retryable(Secret)))
        .function("panicking", |text: String| -> String { panic!("hunter2: {text}") })
        .function(
            "later",
            |text: String| async move { if text.is_empty() { text } else { panic!("hunter2") } },
        )
        .function("overload", |_: String| Err::<String, _>(Error::message(Kind::Overload, "hunter2")))
        .function("unwritable", |_: String| std::collections::BTreeMap::from([((1, 2), 3)]))
        .function("mislabelled", |_: String| {
            let xml = wellspring::ContentType::parse("application/xml").unwrap();
            Message::new(Person { name: String::new(), age: 1 }).with_content_type(xml)
        })
        .function("json", |_: String| "no json".to_owned())
        .function("person", |person: Person| person)
        .supplier("broken", || stream::iter([Ok(1), Err(Error::fatal(Secret)), Ok(3)]));
    let server = start(catalog, &[]).await;
    for (target, status) in [
        ("/invalid", 422),
        ("/fatal", 500),
        ("/retryable", 500),
        ("/panicking", 500),
        ("/later", 500),
        ("/overload", 503),
        ("/unwritable", 500),
        ("/mislabelled", 500),
        ("/json,person", 500),
    ] {
        let answer = post(&server, target, "x").await;
        assert_eq!(answer.status, status, "{target}");
        assert!(!answer.detail().contains("hunter2"), "{target}");
    }
    assert_eq!(post(&server, "/invalid", "x").await.detail(), "the name is taken");
    assert_eq!(post(&server, "/overload", "x").await.header("retry-after"), Some("1"));
    let broken = get(&server, "/broken").await;
    assert_eq!((broken.status, broken.detail()), (500, "the function failed".to_owned()));
    assert_eq!(post(&server, "/later", "").await.status, 200);
}

#[tokio::test]
async fn a_deadline_that_passes_is_504() {
    let catalog = Catalog::builder()
        .function("hang", |_: String| std::future::pending::<String>())
        .supplier("never", stream::pending::<String>)
        .supplier("endless", || stream::repeat("x".repeat(1000)));
    let server = start(catalog, &["--http.timeout=100ms"]).await;
    for answer in [post(&server, "/hang", "x").await, get(&server, "/never").await] {
        assert_eq!((answer.status, answer.detail()), (504, "the function did not answer in time".to_owned()));
    }
    let endless = get(&server, "/endless").await.status;
    assert!([500, 504].contains(&endless), "{endless}");
}

#[tokio::test]
async fn more_requests_than_allowed_are_503() {
    let (release, wait) = tokio::sync::watch::channel(false);
    let catalog = Catalog::builder().function("wait", move |text: String| {
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|released| *released).await.unwrap();
            text
        }
    });
    let server = start(catalog, &["--http.max-concurrency=1"]).await;
    let mut first = Client::connect(server.address()).await;
    first.request("POST", "/wait", &[], b"x").await;
    until("the first request is in flight", || server.in_flight() == 1).await;
    let second = post(&server, "/wait", "y").await;
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
    release.send_replace(true);
    assert_eq!(first.answer().await.status, 200);
    until("the first request is over", || server.in_flight() == 0).await;
    assert_eq!(post(&server, "/wait", "y").await.status, 200);
}

#[tokio::test]
async fn a_function_that_is_not_listed_is_as_if_absent() {
    let flags =
        ["--http.methods.get=word;uppercase", "--http.methods.post=uppercase;reverse,uppercase;sink;reverse"];
    let server = texts(&flags).await;
    for (method, target, status) in [
        ("POST", "/uppercase", 200),
        ("POST", "/reverse|uppercase", 200),
        ("POST", "/reverse,%20uppercase", 200),
        ("POST", "/uppercase,reverse", 404),
        ("POST", "/increment", 404),
        ("POST", "/increment,sink", 404),
        ("POST", "/sink,increment", 404),
        ("POST", "/word", 404),
        ("GET", "/word", 200),
        ("GET", "/uppercase/x", 200),
        ("GET", "/uppercase", 405),
        ("GET", "/reverse/x", 404),
        ("GET", "/word,uppercase", 404),
        ("GET", "/sink", 404),
        ("PUT", "/increment", 404),
        ("PUT", "/sink,increment", 404),
        ("OPTIONS", "/increment", 404),
    ] {
        assert_eq!(call(&server, method, target, &[], "x").await.status, status, "{method} {target}");
    }
    let options = call(&server, "OPTIONS", "/uppercase/x", &[], "").await;
    assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
    let (absent, hidden) = (post(&server, "/incremend", "1").await, post(&server, "/increment", "1").await);
    assert_eq!(absent.detail(), "no function has this name");
    assert_eq!(hidden.detail(), absent.detail());
}

#[tokio::test]
async fn an_allow_list_that_names_nothing_does_not_start() {
    let server = super::support::server(text_functions(), &["--http.methods.post=uppercase;nope"]);
    let error = server.bind().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`http.methods.post` (flag `--http.methods.post`) names a definition that cannot be called"
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "no function is named `nope`");
}

#[tokio::test]
async fn waiting_for_a_body_ends() {
    let server = texts(&["--http.timeout=100ms"]).await;
    let mut client = Client::connect(server.address()).await;
    client.send("POST /uppercase HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert!(client.is_closed().await);
}
