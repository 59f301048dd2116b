//! Functions over HTTP: by name, composed, beside the application's own routes; and the management listener.
//!
//! | request | calls |
//! |---|---|
//! | `POST /<name>` | a function or consumer with the body |
//! | `POST /a,b`, `POST /a\|b` | a composition |
//! | `GET /<name>` | a supplier, alone or first of a composition |
//! | `GET /<name>/<argument>` | a function with the rest of the path as text; the longest name wins |
//! | `POST /` | the default definition |
//!
//! A path is decoded before it is looked up. A function answers 200, a consumer 202, nothing to send is 204, and a
//! header `statusCode` of the answer sets any other status. Streams go in and out as JSON arrays. Everything else is
//! `application/problem+json` (RFC 9457), which never shows the inside of the application: that is in the log.
//!
//! Functions are called straight from the connection, without a router, a task or a lock in between; an application's
//! own routes are axum's, with the functions as their fallback. A request of 150 bytes of JSON, decoded and encoded,
//! takes some 23,500 instructions in user mode where the same handler in bare axum takes 28,400 (callgrind), although
//! here its headers, its body and its time are bounded. Two thirds of the processor time are the kernel's, though, so
//! under load (`wrk`, 32 connections) both serve the same number of requests per second, give or take the noise.
//! `./bench/run` compares the two on your machine.

mod accept;
mod answer;
mod body;
mod directory;
mod edge;
mod error;
mod gate;
mod headers;
mod health;
mod incoming;
mod list;
mod listener;
mod management;
mod methods;
mod path;
mod problem;
mod response;
mod server;
mod socket;

pub use error::Error;
pub use health::{Component, Health, Observed, Status};
pub use listener::Drained;
pub use management::{BoundManagement, Management, RunningManagement};
pub use server::{Bound, Running, Server};
