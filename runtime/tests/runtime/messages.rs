//! Messages that no function can read, and names that nobody expects.

use wellspring::{ContentType, Headers, Kind, Message, header_names};

use super::app::{App, eventually, next, text};

const DOUBLE: &str = "
function: { definition: double }
stream:
  bindings:
    double-in-0: { destination: in, group: g, consumer: { dead-letter: failed } }
    double-out-0: { destination: out }
";

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_becomes_a_dead_letter_byte_for_byte_and_the_rest_goes_on() {
    let app = App::start(DOUBLE, |catalog| catalog.function("double", |n: u64| n * 2)).await;
    let (mut failed, mut out) = (app.reader("failed").await, app.reader("out").await);
    let payloads: [Vec<u8>; 9] = [
        b"".to_vec(),
        b"{".to_vec(),
        b"{\"number\": 1".to_vec(),
        b"\"5\"".to_vec(),
        b"5 6".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"-1".to_vec(),
        b"[".repeat(100_000),
        vec![b'7'; 1_000_000],
    ];
    for (number, payload) in payloads.into_iter().enumerate() {
        app.send("in", payload.clone()).await;
        let letter = next(&mut failed).await.message;
        assert!(letter.bytes() == payload, "the payload of message {number} has changed");
        assert_eq!(letter.headers().text(header_names::EXCEPTION_KIND), Some(Kind::Undecodable.as_str()));
        let said = letter.headers().text(header_names::EXCEPTION_MESSAGE).unwrap();
        assert!(said.starts_with("`double`: the payload ") && said.len() < 300, "{said}");
        assert_eq!(letter.headers().integer(header_names::ATTEMPTS), Some(1));
        app.send("in", number.to_string()).await;
        assert_eq!(text(&mut out).await, (2 * number).to_string());
    }
    assert_eq!(app.stats("double-in-0").dead_lettered.get(), 9);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_keeps_the_headers_and_the_key_of_the_message() {
    let app = App::start(DOUBLE, |catalog| catalog.function("double", |n: u64| n * 2)).await;
    let mut failed = app.reader("failed").await;
    let mut message = Message::encoded("x", ContentType::TEXT).with_header("naïve", "€");
    for n in 0..1000 {
        message.headers_mut().append(format!("header-{n}"), n);
    }
    app.destinations.send_keyed("in", Some("key".into()), message).await.unwrap();
    let letter = next(&mut failed).await;
    let headers = letter.message.headers();
    assert_eq!((headers.text("naïve"), headers.integer("header-999")), (Some("€"), Some(999)));
    assert_eq!(letter.key.as_deref(), Some(&b"key"[..]), "the key goes along");
    assert_eq!(headers.content_type(), Some(&ContentType::TEXT));
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_is_a_dead_letter_unless_the_function_takes_an_option() {
    let yaml = "
function: { definition: double;seen }
stream:
  bindings:
    double-in-0: { destination: in, group: double, consumer: { dead-letter: failed } }
    seen-in-0: { destination: in, group: seen }
    seen-out-0: { destination: out }
";
    let app = App::start(yaml, |catalog| {
        catalog.function("double", |n: u64| n * 2).function("seen", |n: Option<u64>| format!("{n:?}"))
    })
    .await;
    let (mut failed, mut out) = (app.reader("failed").await, app.reader("out").await);
    app.destinations.send("in", Message::new(None)).await.unwrap();
    let letter = next(&mut failed).await.message;
    assert!(letter.payload().is_none(), "a tombstone stays one");
    assert_eq!(text(&mut out).await, "None");
    app.send("in", "null").await;
    assert_eq!(text(&mut out).await, "None");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_pass_through_functions_of_bytes() {
    let yaml = "
function: { definition: reverse }
stream: { bindings: { reverse-in-0: { destination: in, group: g }, reverse-out-0: { destination: out } } }
";
    let app = App::start(yaml, |catalog| {
        catalog.function("reverse", |bytes: Vec<u8>| bytes.into_iter().rev().collect::<Vec<_>>())
    })
    .await;
    let mut out = app.reader("out").await;
    app.send("in", &b"\x00\xff\x80a"[..]).await;
    assert_eq!(next(&mut out).await.message.bytes(), b"a\x80\xff\x00");
    app.running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn names_in_any_script_work_everywhere() {
    let yaml = "
function: { definition: größe|数 }
stream:
  bindings:
    größe数-in-0: { destination: ein gang/你好, group: grüppe }
    größe数-out-0: { destination: '🚀' }
";
    let app = App::start(yaml, |catalog| {
        catalog
            .function("größe", |text: String| text.chars().count() as u64)
            .function("数", |n: u64| format!("{n} 个"))
    })
    .await;
    let mut out = app.reader("🚀").await;
    app.send("ein gang/你好", "日本語").await;
    assert_eq!(text(&mut out).await, "3 个");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_content_type_that_no_codec_reads_is_a_dead_letter() {
    let app = App::start(DOUBLE, |catalog| {
        catalog.function("double", |list: Vec<u64>| list.iter().map(|n| n * 2).collect::<Vec<_>>())
    })
    .await;
    let (mut failed, mut out) = (app.reader("failed").await, app.reader("out").await);
    let protobuf = ContentType::parse("application/x-protobuf").unwrap();
    app.destinations.send("in", Message::encoded("[1]", protobuf)).await.unwrap();
    let headers: Headers = next(&mut failed).await.message.headers().clone();
    assert_eq!(
        headers.text(header_names::EXCEPTION_MESSAGE),
        Some("`double`: no codec reads `application/x-protobuf` as `Vec<u64>`, expected `application/json`")
    );
    app.send("in", "[1]").await;
    assert_eq!(text(&mut out).await, "[2]");
    app.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_member_counts() {
    const MESSAGES: u64 = 20_000;
    let yaml = "
function: { definition: take }
stream: { bindings: { take-in-0: { destination: in, group: g, consumer: { concurrency: 4 } } } }
";
    let app = App::start(yaml, |catalog| catalog.consumer("take", |_: u64| {})).await;
    for number in 0..MESSAGES {
        app.send("in", number.to_string()).await;
    }
    eventually("all taken", || app.stats("take-in-0").succeeded.get() == MESSAGES).await;
    assert_eq!(app.stats("take-in-0").received.get(), MESSAGES);
    assert_eq!(app.running.stop().await, 0);
}
