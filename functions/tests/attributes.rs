//! The attributes from outside: what they register and how it is called. All functions of this binary are in one
//! catalog; each test looks at its own.
#![cfg(feature = "macros")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "attributes/batches.rs"]
mod batches;
#[path = "attributes/composes.rs"]
mod composes;
#[path = "attributes/errors.rs"]
mod errors;
#[path = "attributes/inputs.rs"]
mod inputs;
#[path = "attributes/outputs.rs"]
mod outputs;
#[path = "attributes/places.rs"]
mod places;
#[path = "attributes/registers.rs"]
mod registers;
#[path = "attributes/shapes.rs"]
mod shapes;

use std::task::{Context, Poll, Waker};

use futures_util::{FutureExt, StreamExt};
use wellspring_functions::{Catalog, ContentType, Error, Incoming, Message, Output, Step, Wanted};

/// Everything that is registered, with the state that any of it needs.
fn catalog() -> Catalog {
    let catalog = Catalog::builder().registered().state(10u64).state(shapes::Greeting("hello, ")).build();
    catalog.unwrap_or_else(|errors| panic!("{errors}"))
}

fn start(definition: &str, incoming: Incoming) -> Step {
    let composition = catalog().compose(definition).unwrap_or_else(|error| panic!("{definition}: {error}"));
    composition.call(incoming, &Wanted::Natural)
}

/// Calls a definition with one JSON payload.
fn call(definition: &str, payload: &str) -> Result<Output, Error> {
    let message = Message::encoded(payload.to_owned(), ContentType::JSON);
    start(definition, Incoming::One(message)).now_or_never().expect("nothing waits")
}

/// What a definition answers to a payload: the text of each message.
fn answers(definition: &str, payload: &str) -> Vec<String> {
    let output = call(definition, payload).unwrap_or_else(|error| panic!("{definition}: {error}"));
    let replies: Vec<_> = output.into_stream().collect().now_or_never().expect("nothing waits");
    let text = |reply: Result<wellspring_functions::Reply, Error>| {
        String::from_utf8(reply.expect("a reply").message.bytes().to_vec()).expect("text")
    };
    replies.into_iter().map(text).collect()
}

/// Whether a call is over when it returns, and so has boxed no future.
fn is_over_at_once(definition: &str, incoming: Incoming) -> bool {
    match start(definition, incoming) {
        Step::Ready(_) => true,
        Step::Pending(mut future) => {
            let step = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(step, Poll::Ready(_)), "`{definition}` waits");
            false
        }
    }
}
