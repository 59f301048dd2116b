//! What a hostile or broken client may send: a clear answer, and the server goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use wellspring::http::Running;
use wellspring::{Catalog, Message};

use super::support::{Client, call, call_at, post, post_json, start, text_functions, texts, until};

#[derive(Debug, Serialize, Deserialize)]
struct Nested {
    #[serde(default)]
    inner: Option<Box<Self>>,
}

async fn still_works(server: &Running) {
    assert_eq!(post(server, "/uppercase", "foo").await.text(), "FOO");
}

#[tokio::test]
async fn deep_json_is_refused_without_a_stack_overflow() {
    let catalog = text_functions()
        .function("nested", |nested: Nested| nested)
        .function("any", |any: serde_json::Value| any)
        .function("stream", |any: wellspring::Streaming<serde_json::Value>| any);
    let server = start(catalog, &[]).await;
    let depth = 100_000;
    let (objects, lists) = ("{\"inner\":".repeat(depth), "[".repeat(depth) + &"]".repeat(depth));
    for (target, body) in [("/nested", &objects), ("/any", &objects), ("/any", &lists), ("/stream", &lists)] {
        let answer = post_json(&server, target, body).await;
        assert_eq!(answer.status, 400, "{target}");
        assert!(answer.detail().contains("recursion limit exceeded"), "{}", answer.detail());
    }
    still_works(&server).await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let server = start(text_functions().function("any", |any: serde_json::Value| any), &[]).await;
    let invalid = b"{\"name\":\"\xff\xfe\"}";
    let headers = [("Content-Type", "application/json")];
    let answer = call_at(server.address(), "POST", "/uppercase", &headers, invalid).await;
    assert_eq!(
        (answer.status, &*answer.detail()),
        (400, "the payload is not UTF-8 text: invalid byte at position 9")
    );
    let answer = call_at(server.address(), "POST", "/any", &headers, invalid).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().contains("invalid unicode code point"), "{}", answer.detail());
    still_works(&server).await;
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused() {
    let server = texts(&[]).await;
    for (target, detail) in [
        ("/uppercase%ff", "the path cannot be decoded: the text is not UTF-8"),
        ("/uppercase%", "the path cannot be decoded: a `%` is not followed by two hexadecimal digits"),
        ("/%zz", "the path cannot be decoded: a `%` is not followed by two hexadecimal digits"),
    ] {
        let answer = post(&server, target, "x").await;
        assert_eq!((answer.status, answer.detail()), (400, detail.to_owned()), "{target}");
    }
    let mut client = Client::connect(server.address()).await;
    client.send(b"POST /upper\xff\xfecase HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
    still_works(&server).await;
}

#[tokio::test]
async fn names_of_every_sort_are_found_or_not() {
    let server = start(text_functions().function("żółć/ü.x-y_z", |text: String| text), &[]).await;
    for target in [
        "/%C5%BC%C3%B3%C5%82%C4%87/%C3%BC.x-y_z",
        "/żółć/ü.x-y_z",
        "/żółć%2Fü.x-y_z",
        "/żółć/ü.x-y_z|żółć/ü.x-y_z",
    ] {
        assert_eq!(post(&server, target, "x").await.text(), "x", "{target}");
    }
    for (target, status) in [
        ("/uppercase;reverse", 404),
        ("/uppercase;v=1", 404),
        ("/|", 404),
        ("/,", 404),
        ("/;", 404),
        ("/%00", 404),
        ("/%0d%0aSet-Cookie:x", 404),
        ("/uppercase%0a", 200),
        ("/%20", 404),
        ("/%20uppercase%20", 200),
        ("/..%2f..%2fetc%2fpasswd", 404),
    ] {
        assert_eq!(post(&server, target, "x").await.status, status, "{target}");
    }
}

#[tokio::test]
async fn a_definition_of_ten_thousand_stages_is_refused() {
    let server = texts(&[]).await;
    for separator in ["|", ",", "%7C"] {
        let target = format!("/{}", vec!["reverse"; 10_000 / separator.len()].join(separator));
        let answer = post(&server, &target, "x").await;
        assert!([400, 414, 431].contains(&answer.status), "{}", answer.status);
    }
    let target = format!("/{}", vec!["reverse"; 5_000].join(","));
    let detail = post(&server, &target, "x").await.detail();
    assert_eq!(detail, "the composition is too long, expected at most 64 functions");
    let target = format!("/{}", vec!["reverse"; 64].join(","));
    assert_eq!(post(&server, &target, "ab").await.text(), "ab");
    for target in
        ["/a".repeat(30_000), "/reverse/".repeat(5_000), format!("/reverse/{}", ",/".repeat(20_000))]
    {
        assert!(call(&server, "GET", &target, &[], "").await.status < 500);
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let server = texts(&["--http.max-header-size=16KB"]).await;
    for flood in [
        format!("X-Long: {}\r\n", "x".repeat(64 << 10)),
        (0..2_000).map(|n| format!("X-{n}: {n}\r\n")).collect(),
        (0..101).map(|n| format!("X-{n}: {n}\r\n")).collect(),
    ] {
        let mut client = Client::connect(server.address()).await;
        let head = format!("POST /uppercase HTTP/1.1\r\nHost: x\r\n{flood}\r\n");
        // The server may refuse before it has read everything.
        let _ = client.stream.write_all(head.as_bytes()).await;
        let answer = client.try_answer(false).await;
        assert!(answer.is_none_or(|answer| answer.status == 431), "expected 431 or an end");
    }
    still_works(&server).await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let server = texts(&[]).await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"POST /uppercase HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /uppercase HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /uppercase HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /uppercase HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame at all",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\r\n\r\n\r\n\r\n",
    ] {
        let mut client = Client::connect(server.address()).await;
        client.send(garbage).await;
        client.stream.shutdown().await.unwrap();
        let status = client.try_answer(false).await.map(|answer| answer.status);
        assert!(status.is_none_or(|status| (400..=505).contains(&status)), "{garbage:?}: {status:?}");
    }
    still_works(&server).await;
}

/// Writes until the server has had enough; tells how much it took.
async fn pour(client: &mut Client, length: usize, framed: bool) -> usize {
    let piece = vec![b'x'; 64 << 10];
    let mut poured = 0;
    while poured < length {
        let written = if framed {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.extend_from_slice(&piece);
            chunk.extend_from_slice(b"\r\n");
            client.stream.write_all(&chunk).await
        } else {
            client.stream.write_all(&piece).await
        };
        if written.is_err() {
            break;
        }
        poured += piece.len();
    }
    poured
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_before_it_is_read() {
    let called = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&called);
    let catalog =
        text_functions().consumer("bytes", move |_: bytes::Bytes| seen.store(true, Ordering::Relaxed));
    let server = start(catalog, &["--http.max-body-size=1MB"]).await;
    let length = 100 << 20;

    let mut client = Client::connect(server.address()).await;
    client.send(format!("POST /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.detail()), (413, "the body is longer than 1048576 bytes"));
    assert_eq!(answer.header("connection"), Some("close"));

    // A client that writes everything before it reads gets to see the answer too.
    let mut client = Client::connect(server.address()).await;
    client.send(format!("POST /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")).await;
    pour(&mut client, 16 << 20, false).await;
    assert_eq!(client.answer().await.status, 413);

    let mut client = Client::connect(server.address()).await;
    client.send("POST /bytes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    pour(&mut client, 16 << 20, true).await;
    assert_eq!(client.answer().await.status, 413);

    assert!(!called.load(Ordering::Relaxed));
    still_works(&server).await;
}

#[tokio::test]
async fn a_body_of_the_greatest_length_is_read_in_any_pieces() {
    let server = start(
        text_functions().function("length", |bytes: bytes::Bytes| bytes.len()),
        &["--http.max-body-size=1MB"],
    )
    .await;
    let whole = vec![b'x'; 1 << 20];
    let answer = call_at(server.address(), "POST", "/length", &[], &whole).await;
    assert_eq!((answer.status, answer.text()), (200, "1048576"));
    let answer = call_at(server.address(), "POST", "/length", &[], &vec![b'x'; (1 << 20) + 1]).await;
    assert_eq!(answer.status, 413);
    let mut client = Client::connect(server.address()).await;
    client.send("POST /uppercase HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for piece in ["3\r\nfoo\r\n", "1\r\nb\r\n", "2\r\nar\r\n", "0\r\n\r\n"] {
        client.send(piece).await;
    }
    assert_eq!(client.answer().await.text(), "FOOBAR");
}

#[tokio::test]
async fn slow_clients_are_sent_away() {
    let server = texts(&["--http.header-read-timeout=100ms", "--http.timeout=100ms"]).await;
    for head in
        ["", "P", "PRI * HT", "POST /uppercase HTTP/1.1\r\nHost: x\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let mut client = Client::connect(server.address()).await;
        client.send(head).await;
        if head.contains("SM") {
            // The preface is answered by settings; what follows is the end.
            while client.stream.read_u8_or_end().await {}
        } else {
            let answer = client.try_answer(false).await;
            assert!(answer.is_none_or(|answer| answer.status == 408), "{head:?}");
        }
    }
    // The same for the second request of a connection.
    let mut client = Client::connect(server.address()).await;
    client.request("POST", "/uppercase", &[], b"foo").await;
    assert_eq!(client.answer().await.status, 200);
    client.send("POST /upper").await;
    assert!(client.try_answer(false).await.is_none_or(|answer| answer.status == 408));
    still_works(&server).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_sent_away() {
    let length = 64 << 20;
    let catalog = text_functions().supplier("long", move || "x".repeat(length));
    let server = start(catalog, &["--http.timeout=100ms"]).await;
    let mut client = Client::connect(server.address()).await;
    client.request("GET", "/long", &[], b"").await;
    assert!(client.stream.read_u8_or_end().await, "the answer begins");
    // The end of a drain is the end of the connection, which nobody reads.
    let drained =
        tokio::time::timeout(super::support::PATIENCE, server.drain(super::support::PATIENCE * 2)).await;
    assert_eq!(drained.expect("the connection to end in time").abandoned, 0);
    let mut received = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut client.stream, &mut received).await;
    assert!((1..length).contains(&received.len()), "{}", received.len());
}

trait ReadToEnd {
    async fn read_u8_or_end(&mut self) -> bool;
}

impl ReadToEnd for tokio::net::TcpStream {
    /// Whether there was another byte.
    async fn read_u8_or_end(&mut self) -> bool {
        use tokio::io::AsyncReadExt;
        let read = tokio::time::timeout(super::support::PATIENCE, self.read_u8()).await;
        read.expect("the connection to end in time").is_ok()
    }
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_call() {
    struct Guard(Arc<AtomicBool>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (started, cancelled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begun, gone) = (Arc::clone(&started), Arc::clone(&cancelled));
    let catalog = text_functions().function("hang", move |_: String| {
        let guard = Guard(Arc::clone(&gone));
        begun.store(true, Ordering::Relaxed);
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            String::new()
        }
    });
    let server = start(catalog, &[]).await;
    let mut client = Client::connect(server.address()).await;
    client.request("POST", "/hang", &[], b"x").await;
    until("the call has begun", || started.load(Ordering::Relaxed)).await;
    drop(client);
    until("the call is cancelled", || cancelled.load(Ordering::Relaxed)).await;
    until("nothing is in flight", || server.in_flight() == 0).await;

    // In the middle of a body as well.
    let mut client = Client::connect(server.address()).await;
    client.send("POST /uppercase HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc").await;
    until("the body is being read", || server.in_flight() == 1).await;
    drop(client);
    until("nothing is in flight", || server.in_flight() == 0).await;
    still_works(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_panic_hang_or_never_yield_cost_only_their_callers() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let catalog = text_functions().function("hangs", |_: String| std::future::pending::<String>()).function(
        "blocks",
        move |text: String| {
            let _ = wait.lock().map(|wait| wait.recv());
            text
        },
    );
    let server = start(catalog, &["--http.timeout=100ms"]).await;
    // To print where a panic came from may take longer than that.
    let panics = |text: String| -> String { panic!("{text}") };
    let patient = start(text_functions().function("panics", panics), &[]).await;
    for _ in 0..8 {
        assert_eq!(post(&patient, "/panics", "x").await.status, 500);
        still_works(&patient).await;
        assert_eq!(post(&server, "/hangs", "x").await.status, 504);
        assert_eq!(post(&server, "/blocks", "x").await.status, 504);
        still_works(&server).await;
    }
    drop(release);
}

#[tokio::test]
async fn a_header_cannot_split_the_answer() {
    let catalog = Catalog::builder()
        .function("echo", |text: String| Message::new(text.clone()).with_header("x-echo", text));
    let server = start(catalog, &[]).await;
    let answer = post(&server, "/echo", "a\r\nSet-Cookie: b=c").await;
    assert_eq!((answer.status, answer.header("x-echo"), answer.header("set-cookie")), (200, None, None));
    assert_eq!(post(&server, "/echo", "żółć").await.header("x-echo"), Some("żółć"));
}
