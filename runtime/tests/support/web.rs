//! Asks an application over HTTP, as an operator does.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, interval, timeout};

/// Longer than anything takes that is going to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// The status and the document at a path.
pub(crate) async fn get(address: SocketAddr, target: &str) -> (u16, Value) {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// Asks until the answer is as it should be.
pub(crate) async fn until(address: SocketAddr, target: &str, is: impl Fn(u16, &Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let mut turns = interval(Duration::from_millis(20));
    loop {
        turns.tick().await;
        let (status, document) = get(address, target).await;
        if is(status, &document) {
            return document;
        }
        assert!(Instant::now() < deadline, "{target} stays {status}: {document:#}");
    }
}
