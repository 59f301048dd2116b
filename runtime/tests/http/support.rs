//! A server on a free port and a client that speaks HTTP/1.1 byte by byte, so that wrong requests can be sent too.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wellspring::config::{Config, Sources};
use wellspring::http::{Running, Server};
use wellspring::invocation::Functions;
use wellspring::{Catalog, CatalogBuilder};

/// Nothing in these tests takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration of a free local port and these flags.
pub(crate) fn config(flags: &[&str]) -> Config {
    let local = "{ http: { port: 0, address: 127.0.0.1 }, management: { port: 0 } }";
    let sources = Sources::new().built_in("application.yaml", local);
    Config::load(&sources.args(flags.iter().copied())).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A server of these functions, without routes, with these flags.
pub(crate) fn server(builder: CatalogBuilder, flags: &[&str]) -> Server {
    let config = config(flags);
    let definitions = config.function.definition.as_ref().map(|text| text.value.clone()).unwrap_or_default();
    let definitions = wellspring::Definition::parse_list(&definitions).unwrap();
    let functions =
        Functions::new(builder.build().unwrap(), &definitions, Some(config.http.timeout)).unwrap();
    Server::new(functions, config.http)
}

/// A running server.
pub(crate) async fn start(builder: CatalogBuilder, flags: &[&str]) -> Running {
    server(builder, flags).bind().await.unwrap().start()
}

/// A running server of a few functions on text.
pub(crate) async fn texts(flags: &[&str]) -> Running {
    start(text_functions(), flags).await
}

pub(crate) fn text_functions() -> CatalogBuilder {
    Catalog::builder()
        .function("uppercase", |text: String| text.to_uppercase())
        .function("reverse", |text: String| text.chars().rev().collect::<String>())
        .function("increment", |n: u64| n + 1)
        .function("deep/name", |text: String| format!("deep({text})"))
        .supplier("word", || "foo".to_owned())
        .consumer("sink", |_: String| ())
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// The detail of a problem, whose other fields must agree with the status.
    pub(crate) fn detail(&self) -> String {
        let json = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(json["status"], self.status);
        assert_eq!(json["type"], "about:blank");
        assert!(json["title"].as_str().is_some_and(|title| !title.is_empty()));
        json["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let own = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        own.map(|(_, value)| value.as_str()).collect()
    }
}

/// A connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), received: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a request with a body of known length.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: test.local\r\n").into_bytes();
        for (name, value) in headers {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        head.extend_from_slice(body);
        self.send(head).await;
    }

    /// The next answer; `is_head` when it has no body whatever its headers say.
    pub(crate) async fn try_answer(&mut self, is_head: bool) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer(is_head)).await.expect("an answer in time")
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer(false).await.expect("an answer before the connection ends")
    }

    /// Whether the server closes the connection, without sending anything more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
        matches!(read.expect("the connection to end in time"), Ok(0) | Err(_)) && self.received.is_empty()
    }

    async fn read_answer(&mut self, is_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end;
            }
            if self.stream.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        self.received.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !is_head && status >= 200 && status != 204 && status != 304 {
            answer.body = self.read_body(&answer).await;
        }
        Some(answer)
    }

    async fn read_body(&mut self, answer: &Answer) -> Vec<u8> {
        if answer.header("transfer-encoding") == Some("chunked") {
            let mut body = Vec::new();
            loop {
                let line = self.read_until(b"\r\n").await;
                let length = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
                body.extend(self.read_exact(length).await);
                self.read_until(b"\r\n").await;
                if length == 0 {
                    return body;
                }
            }
        }
        match answer.header("content-length") {
            Some(length) => self.read_exact(length.parse().unwrap()).await,
            None => {
                while self.stream.read_buf(&mut self.received).await.unwrap_or(0) > 0 {}
                std::mem::take(&mut self.received)
            }
        }
    }

    async fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = find(&self.received, end) {
                let line = self.received[..at].to_vec();
                self.received.drain(..at + end.len());
                return line;
            }
            assert!(self.stream.read_buf(&mut self.received).await.unwrap() > 0, "the answer broke off");
        }
    }

    async fn read_exact(&mut self, length: usize) -> Vec<u8> {
        while self.received.len() < length {
            assert!(self.stream.read_buf(&mut self.received).await.unwrap() > 0, "the answer broke off");
        }
        self.received.drain(..length).collect()
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// One request on a connection of its own.
pub(crate) async fn call(
    server: &Running,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    call_at(server.address(), method, target, headers, body.as_bytes()).await
}

pub(crate) async fn call_at(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut client = Client::connect(address).await;
    client.request(method, target, headers, body).await;
    client.try_answer(method == "HEAD").await.expect("an answer before the connection ends")
}

/// A POST of text.
pub(crate) async fn post(server: &Running, target: &str, body: &str) -> Answer {
    call(server, "POST", target, &[("Content-Type", "text/plain")], body).await
}

/// A POST of JSON.
pub(crate) async fn post_json(server: &Running, target: &str, body: &str) -> Answer {
    call(server, "POST", target, &[("Content-Type", "application/json")], body).await
}

pub(crate) async fn get(server: &Running, target: &str) -> Answer {
    call(server, "GET", target, &[], "").await
}

/// Waits until something holds, polling it.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
    }
}
