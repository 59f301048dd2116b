//! The same function over HTTP: in bare axum, and in Wellspring.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use axum::routing::post;
use axum::{Json, Router};
use wellspring::Runtime;
use wellspring::config::Sources;

use crate::Failure;
use crate::process::Server;
use crate::story::{self, AccountsMsg, PAYLOAD, email};

/// Serves `POST /email` with axum alone.
///
/// # Errors
/// When the port cannot be listened on.
pub async fn serve_bare(port: u16) -> Result<(), Failure> {
    let router =
        Router::new().route("/email", post(async |Json(account): Json<AccountsMsg>| Json(email(account))));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    Ok(axum::serve(listener, router).await?)
}

/// Serves `POST /email` with Wellspring.
///
/// # Errors
/// When it cannot start.
pub async fn serve_wellspring(port: u16) -> Result<(), Failure> {
    let sources = Sources::new()
        .arg("--http.address=127.0.0.1")
        .arg(format!("--http.port={port}"))
        .arg("--management.enabled=false");
    let functions = |catalog: wellspring::CatalogBuilder| story::add_functions(catalog);
    let running = Runtime::builder().functions(functions).sources(sources).build()?.start().await?;
    std::future::pending::<()>().await;
    running.stop().await;
    Ok(())
}

/// One measurement under load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests answered per second.
    pub per_second: f64,
    /// Processor time of the server per request, in microseconds.
    pub micros: f64,
}

/// The request that a server answers first.
#[must_use]
pub fn request() -> Vec<u8> {
    let head = format!(
        "POST /email HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        PAYLOAD.len()
    );
    [head.as_bytes(), PAYLOAD].concat()
}

/// Puts 32 connections of `wrk` on a server.
///
/// # Errors
/// When `wrk` is not installed or anything but 200 is answered.
pub fn load(serve: &Path, contestant: &str, seconds: u32) -> Result<Load, Failure> {
    let script = std::env::temp_dir().join(format!("wellspring-{}.lua", std::process::id()));
    let body = String::from_utf8_lossy(PAYLOAD);
    std::fs::write(
        &script,
        format!(
            "wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['content-type'] = 'application/json'\n\
             function done(summary, latency, requests)\n\
             io.write('RESULT ', summary.requests, ' ', summary.duration, ' ', summary.errors.status, '\\n')\nend\n"
        ),
    )?;
    let server = Server::start(serve, &[contestant, "{port}"], &request())?;
    let before = server.processor_time()?;
    let output = Command::new("wrk")
        .args(["-t1", "-c32", &format!("-d{seconds}s"), "-s"])
        .arg(&script)
        .arg(format!("http://{}/email", server.address))
        .output()
        .map_err(|error| format!("`wrk` cannot be run ({error}), expected it to be installed"))?;
    let used = server.processor_time()? - before;
    std::fs::remove_file(&script)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT ")).ok_or("wrk printed no result")?;
    let numbers = result.split(' ').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?;
    match numbers.as_slice() {
        [requests, micros, 0.0] if *requests > 0.0 => {
            Ok(Load { per_second: requests / micros * 1e6, micros: used.as_secs_f64() * 1e6 / requests })
        }
        _ => Err(format!("`{contestant}` did not answer every request: {result}").into()),
    }
}
