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
