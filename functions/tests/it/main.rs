//! The programming model from outside: register by builder, compose, call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

mod batches;
mod calls;
mod composition;
mod registration;
mod streams;

use futures_util::FutureExt;
use wellspring_functions::{
    Catalog, ContentType, EncodedMessage, Error, Incoming, Message, Output, Reply, Wanted,
};

/// Calls a definition with one JSON payload and expects the call to be over at once.
fn call(catalog: &Catalog, definition: &str, payload: &str) -> Result<Output, Error> {
    call_message(catalog, definition, Message::encoded(payload.to_owned(), ContentType::JSON))
}

fn call_message(catalog: &Catalog, definition: &str, message: EncodedMessage) -> Result<Output, Error> {
    let composition = catalog.compose(definition).unwrap_or_else(|error| panic!("{definition}: {error}"));
    let step = composition.call(Incoming::One(message), &Wanted::Natural);
    step.now_or_never().expect("the call is over at once")
}

fn one(output: Output) -> Reply {
    match output {
        Output::One(reply) => reply,
        other => panic!("expected one message, found {other:?}"),
    }
}

fn text(output: Result<Output, Error>) -> String {
    String::from_utf8(one(output.unwrap()).message.bytes().to_vec()).unwrap()
}

/// Reads a stream to its end; every message's text, and the error if it ended with one.
fn texts(output: Output) -> (Vec<String>, Option<Error>) {
    let replies =
        futures_util::StreamExt::collect::<Vec<_>>(output.into_stream()).now_or_never().expect("ready");
    let (mut texts, mut failure) = (Vec::new(), None);
    for reply in replies {
        match reply {
            Ok(reply) => texts.push(String::from_utf8(reply.message.bytes().to_vec()).unwrap()),
            Err(error) => failure = Some(error),
        }
    }
    (texts, failure)
}
