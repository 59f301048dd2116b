//! Functions by name, composed, with arguments; the answers of each kind.

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use wellspring::{Catalog, Many, Message, Streaming};

use super::support::{call, get, post, post_json, start, text_functions, texts};

#[tokio::test]
async fn a_function_answers_by_its_name() {
    let server = texts(&[]).await;
    let answer = post(&server, "/uppercase", "foo").await;
    assert_eq!((answer.status, answer.text()), (200, "FOO"));
    assert_eq!(answer.header("content-type"), Some("text/plain;charset=UTF-8"));
    let answer = post_json(&server, "/increment", "41").await;
    assert_eq!((answer.status, answer.text()), (200, "42"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(post(&server, "/deep/name", "x").await.text(), "deep(x)");
}

#[tokio::test]
async fn a_composition_may_be_written_in_every_way() {
    let server = texts(&[]).await;
    for target in [
        "/uppercase,reverse",
        "/uppercase|reverse",
        "/uppercase%7Creverse",
        "/uppercase%7creverse",
        "/uppercase%2Creverse",
        "/uppercase,%20reverse",
        "/%75ppercase,reverse?x=1",
    ] {
        let answer = post(&server, target, "foo").await;
        assert_eq!((answer.status, answer.text()), (200, "OOF"), "{target}");
    }
    assert_eq!(post(&server, "/deep%2Fname", "x").await.text(), "deep(x)");
}

#[tokio::test]
async fn consumers_accept_and_suppliers_supply() {
    let server = texts(&[]).await;
    for target in ["/sink", "/uppercase,sink", "/word,sink"] {
        let answer = post(&server, target, "foo").await;
        assert_eq!((answer.status, answer.text()), (202, ""), "{target}");
        assert_eq!(answer.header("content-type"), None);
    }
    assert_eq!(get(&server, "/word").await.text(), "foo");
    assert_eq!(get(&server, "/word,uppercase").await.text(), "FOO");
}

#[tokio::test]
async fn the_rest_of_a_path_is_the_argument() {
    let catalog = text_functions()
        .supplier("reverse/now", || "supplied".to_owned())
        .function("deep", |text: String| format!("shallow({text})"));
    let server = start(catalog, &[]).await;
    for (target, text) in [
        ("/uppercase/foo", "FOO"),
        ("/uppercase/a%2Fb%20c", "A/B C"),
        ("/uppercase/a/b", "A/B"),
        ("/uppercase/", ""),
        ("/uppercase/%C5%BC,x|y", "Ż,X|Y"),
        ("/increment/41", "42"),
        ("/uppercase,reverse/ab", "BA"),
        ("/word,uppercase", "FOO"),
        ("/reverse/now", "supplied"),
        ("/reverse/nowhere", "erehwon"),
        ("/deep/name/x", "deep(x)"),
        ("/deep/nam", "shallow(nam)"),
    ] {
        let answer = get(&server, target).await;
        assert_eq!((answer.status, answer.text()), (200, text), "{target}");
    }
}

#[tokio::test]
async fn nothing_to_send_is_204() {
    let catalog = Catalog::builder()
        .function("even", |n: u64| n.is_multiple_of(2).then_some(n))
        .supplier("empty", || None::<String>);
    let server = start(catalog, &[]).await;
    assert_eq!(post_json(&server, "/even", "2").await.text(), "2");
    for answer in [post_json(&server, "/even", "3").await, get(&server, "/empty").await] {
        assert_eq!((answer.status, answer.header("content-type")), (204, None));
    }
}

#[tokio::test]
async fn the_default_definition_is_at_the_root() {
    let server = texts(&["--function.definition=uppercase|reverse"]).await;
    assert_eq!(post(&server, "/", "foo").await.text(), "OOF");
    let server = start(Catalog::builder().supplier("only", || 7), &["--http.path=/functions"]).await;
    for target in ["/functions", "/functions/", "/functions/only"] {
        assert_eq!(get(&server, target).await.text(), "7", "{target}");
    }
    let server = texts(&[]).await;
    let detail = post(&server, "/", "foo").await.detail();
    assert_eq!(
        detail,
        "no function is at this path: name one (`/<name>`), or configure one (`function.definition`)"
    );
}

#[tokio::test]
async fn a_prefix_ends_at_a_segment() {
    let server = texts(&["--http.path=/functions"]).await;
    assert_eq!(post(&server, "/functions/uppercase", "foo").await.text(), "FOO");
    for target in ["/uppercase", "/functionsuppercase", "/functions/x/uppercase", "/function", "/"] {
        assert_eq!(post(&server, target, "foo").await.status, 404, "{target}");
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Person {
    name: String,
    age: u8,
}

fn streams() -> wellspring::CatalogBuilder {
    Catalog::builder()
        .supplier("words", || stream::iter(["foo", "b\"r"].map(str::to_owned)))
        .supplier("people", || stream::iter([Person { name: "bob".to_owned(), age: 3 }]))
        .supplier("nobody", stream::empty::<String>)
        .supplier("sentences", || stream::iter([vec!["go", "home"], vec!["come", "back"]]))
        .function("shout", |words: Streaming<String>| words.map(|word| word + "!"))
        .function("double", |numbers: Streaming<u64>| numbers.map(|n| n * 2))
        .function("older", |people: Streaming<Person>| people.map(|p| Person { age: p.age + 1, ..p }))
        .function("total", |numbers: Streaming<u64>| numbers.fold(0u64, |sum, n| async move { sum + n }))
        .function("split", |text: String| Many(text.split(' ').map(str::to_owned).collect()))
        .function("bytes", |texts: Streaming<String>| texts.map(String::into_bytes))
        .function("lists", |lists: Streaming<Vec<String>>| lists.map(|list| list.len()))
        .function("sum", |numbers: Vec<u64>| numbers.iter().sum::<u64>())
        .function("upper", |text: String| text.to_uppercase())
        .consumer("sink", |numbers: Streaming<u64>| async move { numbers.for_each(|_| async {}).await })
        .consumer("text", |_: String| ())
}

#[tokio::test]
async fn streams_go_in_and_out_as_json_arrays() {
    let server = start(streams(), &[]).await;
    for (target, body, expected) in [
        ("/shout", r#"["a","b\n"]"#, r#"["a!","b\n!"]"#),
        ("/shout", " [ \"a\" , {\"x\": 1} ] ", r#"["a!","{\"x\": 1}!"]"#),
        ("/shout", "[]", "[]"),
        ("/double", "[1, 2]", "[2,4]"),
        ("/double", "21", "[42]"),
        ("/older", r#"[{"name":"a","age":1}]"#, r#"[{"name":"a","age":2}]"#),
        ("/older", r#"{"name":"a","age":1}"#, r#"[{"name":"a","age":2}]"#),
        ("/total", "[1,2,3]", "6"),
        ("/sum", "[1,2,3]", "6"),
        ("/lists", r#"[["a","b"],[]]"#, "[2,0]"),
        ("/bytes", r#"["foo"]"#, r#"["Zm9v"]"#),
        ("/shout,upper", r#"["a"]"#, r#"["A!"]"#),
        ("/upper", r#"["a","b"]"#, r#"["A","B"]"#),
    ] {
        let answer = post_json(&server, target, body).await;
        assert_eq!((answer.status, answer.text()), (200, expected), "{target} {body}");
    }
    assert_eq!(post(&server, "/shout", "[\"a\"]").await.text(), r#"["[\"a\"]!"]"#);
    assert_eq!(post(&server, "/split", "a b").await.text(), r#"["a","b"]"#);
    assert_eq!(call(&server, "POST", "/double", &[], "[1,2]").await.text(), "[2,4]");
    for target in ["/sink", "/double,sink"] {
        assert_eq!(post_json(&server, target, "[1,2]").await.status, 202, "{target}");
    }
}

#[tokio::test]
async fn suppliers_of_streams_answer_json_arrays() {
    let server = start(streams(), &[]).await;
    for (target, expected) in [
        ("/words", r#"["foo","b\"r"]"#),
        ("/people", r#"[{"name":"bob","age":3}]"#),
        ("/nobody", "[]"),
        ("/sentences", r#"[["go","home"],["come","back"]]"#),
        ("/words,upper", r#"["FOO","B\"R"]"#),
        ("/double/123", "[246]"),
    ] {
        let answer = get(&server, target).await;
        assert_eq!((answer.status, answer.text()), (200, expected), "{target}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_consumer_after_a_list_runs_for_every_element() {
    let (seen, mut received) = tokio::sync::mpsc::unbounded_channel();
    let catalog = streams().consumer("note", move |text: String| seen.send(text).unwrap());
    let server = start(catalog, &[]).await;
    assert_eq!(post_json(&server, "/shout,note", r#"["a","b"]"#).await.status, 202);
    assert_eq!(post(&server, "/words,note", "").await.status, 202);
    let mut all = Vec::new();
    while let Ok(text) = received.try_recv() {
        all.push(text);
    }
    assert_eq!(all, ["a!", "b!", "foo", "b\"r"]);
}

#[tokio::test]
async fn an_answer_may_set_its_status_and_headers() {
    let catalog = Catalog::builder()
        .function("status", |status: i64| Message::new("body".to_owned()).with_header("statusCode", status))
        .function("typed", |html: String| {
            let html_type = wellspring::ContentType::parse("text/html").unwrap();
            Message::new(html).with_content_type(html_type)
        })
        .function("located", |id: u64| {
            Message::new(id).with_header("statusCode", 201).with_header("Location", format!("/items/{id}"))
        })
        .supplier("listed", || stream::iter([1, 2]).map(|n| Message::new(n).with_header("x-n", n)));
    let server = start(catalog, &[]).await;
    for (asked, got) in [("201", 201), ("404", 404), ("599", 599), ("600", 200), ("100", 200), ("-1", 200)] {
        let answer = post_json(&server, "/status", asked).await;
        assert_eq!((answer.status, answer.text()), (got, "body"), "{asked}");
        assert_eq!(answer.header("statusCode"), None);
    }
    assert_eq!(post_json(&server, "/status", "204").await.status, 204);
    let located = post_json(&server, "/located", "7").await;
    assert_eq!((located.status, located.header("location")), (201, Some("/items/7")));
    let typed = call(&server, "POST", "/typed", &[("Accept", "application/json")], "<p>").await;
    assert_eq!((typed.text(), typed.header("content-type")), ("<p>", Some("text/html")));
    let listed = get(&server, "/listed").await;
    assert_eq!((listed.text(), listed.all("x-n")), ("[1,2]", vec!["1"]));
}

#[tokio::test]
async fn head_and_options_tell_without_a_body() {
    let server = start(streams(), &[]).await;
    for target in ["/words", "/upper/foo"] {
        let (full, head) = (get(&server, target).await, call(&server, "HEAD", target, &[], "").await);
        assert_eq!((head.status, head.text()), (200, ""));
        assert_eq!(head.header("content-length"), full.header("content-length"));
        assert_eq!(head.header("content-type"), full.header("content-type"));
    }
    for (target, allow) in [
        ("/words", "GET, HEAD, OPTIONS"),
        ("/upper", "POST, OPTIONS"),
        ("/text", "POST, OPTIONS"),
        ("/upper/foo", "GET, HEAD, OPTIONS"),
        ("/words,text", "POST, OPTIONS"),
        ("*", "GET, HEAD, POST, OPTIONS"),
    ] {
        let answer = call(&server, "OPTIONS", target, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allow)), "{target}");
    }
    assert_eq!(call(&server, "OPTIONS", "/nope", &[], "").await.status, 404);
    let head = call(&server, "HEAD", "/nope", &[], "").await;
    assert_eq!((head.status, head.text()), (404, ""));
}
