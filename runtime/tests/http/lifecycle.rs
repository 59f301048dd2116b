//! Starting, stopping, and living with the application's own routes; both versions of HTTP.

use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::watch;
use wellspring::http::Server;
use wellspring::invocation::Functions;

use super::support::{
    Client, PATIENCE, call, config, get, post, server, start, text_functions, texts, until,
};

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let first = texts(&[]).await;
    let port = first.address().port();
    let error = server(text_functions(), &[&format!("--http.port={port}")]).bind().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on 127.0.0.1:{port}: the address is in use; stop the other program, or set `http.port` to \
             another port (0 takes any free one)"
        )
    );
    let error = server(text_functions(), &["--http.address=192.0.2.1"]).bind().await.unwrap_err();
    assert!(error.to_string().contains("set `http.address` to one it has"), "{error}");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = texts(&[]).await;
    let mut client = Client::connect(server.address()).await;
    for n in 0..10 {
        client.request("POST", "/increment", &[], n.to_string().as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!((answer.text(), answer.header("connection")), (&*(n + 1).to_string(), None));
    }
    // Errors do not end it, nor do bodies that nobody asked for.
    client.request("POST", "/nope", &[], b"x").await;
    assert_eq!(client.answer().await.status, 404);
    client.request("GET", "/word", &[], b"x").await;
    assert_eq!(client.answer().await.text(), "foo");
    // Two requests in one piece are answered in order.
    let request = |n: u8| format!("POST /increment HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{n}");
    client.send(request(1) + &request(2)).await;
    assert_eq!((client.answer().await.text(), client.answer().await.text()), ("2", "3"));
    client.request("POST", "/uppercase", &[("Connection", "close")], b"x").await;
    assert_eq!(client.answer().await.header("connection"), Some("close"));
    assert!(client.is_closed().await);
}

/// A function that waits to be released.
fn waiting() -> (wellspring::CatalogBuilder, watch::Sender<bool>) {
    let (release, wait) = watch::channel(false);
    let catalog = text_functions().function("wait", move |text: String| {
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|released| *released).await.unwrap();
            text
        }
    });
    (catalog, release)
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight() {
    let (catalog, release) = waiting();
    let server = start(catalog, &[]).await;
    let address = server.address();
    let (mut busy, mut idle) = (Client::connect(address).await, Client::connect(address).await);
    idle.request("POST", "/uppercase", &[], b"x").await;
    idle.answer().await;
    busy.request("POST", "/wait", &[], b"foo").await;
    until("the request is in flight", || server.in_flight() == 1).await;
    let (drained, answer) = tokio::join!(server.drain(PATIENCE), async {
        assert!(idle.is_closed().await);
        assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
        release.send_replace(true);
        busy.answer().await
    });
    assert_eq!((answer.status, answer.text(), answer.header("connection")), (200, "foo", Some("close")));
    assert!(busy.is_closed().await);
    assert_eq!(drained.abandoned, 0);
}

#[tokio::test]
async fn a_drain_gives_up_at_its_deadline() {
    let (catalog, _release) = waiting();
    let server = start(catalog, &[]).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(server.address()).await;
        client.request("POST", "/wait", &[], b"foo").await;
        clients.push(client);
    }
    // This one is in the middle of its headers, which is no request yet.
    let mut slow = Client::connect(server.address()).await;
    slow.send("POST /up").await;
    until("the requests are in flight", || server.in_flight() == 3).await;
    assert_eq!(server.drain(Duration::from_millis(50)).await.abandoned, 3);
    for client in &mut clients {
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_request_that_comes_while_draining_is_503() {
    let (catalog, release) = waiting();
    let server = start(catalog, &[]).await;
    let address = server.address();
    let (mut busy, mut late) = (Client::connect(address).await, Client::connect(address).await);
    busy.request("POST", "/wait", &[], b"foo").await;
    late.send("POST /upper").await;
    until("the request is in flight", || server.in_flight() == 1).await;
    let (_, answer) = tokio::join!(server.drain(PATIENCE), async {
        while TcpStream::connect(address).await.is_ok() {}
        late.send("case HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
        let answer = late.answer().await;
        release.send_replace(true);
        answer
    });
    assert_eq!((answer.status, &*answer.detail()), (503, "the server is stopping, try another instance"));
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_at_once() {
    let server = texts(&[]).await;
    let mut client = Client::connect(server.address()).await;
    client.request("POST", "/uppercase", &[], b"x").await;
    client.answer().await;
    drop(server);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn http2_is_spoken_without_encryption() {
    let (catalog, release) = waiting();
    let server = start(catalog, &["--http.max-body-size=1KB"]).await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    let conversation = async {
        for (path, body, status, text) in [
            ("/uppercase", "foo".to_owned(), 200, Some("FOO")),
            ("/nope", "foo".to_owned(), 404, None),
            ("/uppercase", "x".repeat(2000), 413, None),
            ("/uppercase,reverse", "foo".to_owned(), 200, Some("OOF")),
        ] {
            let (found, body) = exchange(&mut sender, path, body).await;
            assert_eq!(found, status, "{path}");
            assert!(text.is_none_or(|text| body == text), "{body}");
        }
        let mut other = sender.clone();
        let waits = exchange(&mut sender, "/wait", "foo".to_owned());
        let drains = async {
            until("the request is in flight", || server.in_flight() == 1).await;
            let (drained, ()) = tokio::join!(server.drain(PATIENCE), async {
                // A client that has heard of the end opens no stream; until then it is told so.
                while other.is_ready() {
                    let (status, _) = exchange(&mut other, "/uppercase", "x".to_owned()).await;
                    assert!([0, 503].contains(&status), "{status}");
                }
                release.send_replace(true);
            });
            drained
        };
        let ((status, body), drained) = tokio::join!(waits, drains);
        assert_eq!((status, &*body, drained.abandoned), (200, "foo", 0));
    };
    let (ended, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(connection, conversation) }).await.unwrap();
    ended.unwrap();
}

/// Status and text of an answer; status 0 when the stream was not served.
async fn exchange(
    sender: &mut hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    path: &str,
    body: String,
) -> (u16, String) {
    let request =
        Request::post(format!("http://test.local{path}")).body(Full::new(Bytes::from(body))).unwrap();
    let Ok(response) = sender.send_request(request).await else { return (0, String::new()) };
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn routes_of_the_application_come_first() {
    let routes = Router::new()
        .route("/uppercase", route(async || "a route"))
        .route(
            "/hello/{name}",
            route(async |axum::extract::Path(name): axum::extract::Path<String>| format!("hello {name}")),
        )
        .route("/stream", route(async || axum::body::Body::from_stream(pieces())))
        .route("/panic", route(async || -> String { panic!("a route") }));
    let server = server(text_functions(), &[]).routes(routes).bind().await.unwrap().start();
    assert_eq!(get(&server, "/uppercase").await.text(), "a route");
    assert_eq!(get(&server, "/hello/you").await.text(), "hello you");
    assert_eq!(get(&server, "/stream").await.text(), "onetwo");
    assert_eq!(post(&server, "/uppercase", "x").await.status, 405);
    assert_eq!(post(&server, "/reverse", "ab").await.text(), "ba");
    assert_eq!(post(&server, "/reverse,uppercase", "ab").await.text(), "BA");
    assert_eq!(get(&server, "/uppercase/x").await.text(), "X");
    assert_eq!(call(&server, "HEAD", "/word", &[], "").await.header("content-length"), Some("3"));
    assert_eq!(post(&server, "/nope", "x").await.detail(), "no function has this name");
    let panicked = get(&server, "/panic").await;
    assert_eq!((panicked.status, panicked.detail()), (500, "the route failed".to_owned()));
    until("nothing is in flight", || server.in_flight() == 0).await;
}

fn pieces() -> impl futures_util::Stream<Item = Result<&'static str, std::convert::Infallible>> {
    futures_util::stream::iter([Ok("one"), Ok("two")])
}

#[tokio::test]
async fn an_address_is_known_before_anything_is_served() {
    let config = config(&["--http.address=::1"]);
    let functions = Functions::new(text_functions().build().unwrap(), &[], None).unwrap();
    let bound = Server::new(functions, config.http).bind().await.unwrap();
    let address = bound.address();
    assert!(address.port() != 0 && address.is_ipv6());
    let mut early = Client::connect(address).await;
    early.request("POST", "/uppercase", &[], b"x").await;
    let running = bound.start();
    assert_eq!(early.answer().await.text(), "X");
    assert_eq!(running.address(), address);
}
