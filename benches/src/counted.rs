//! Work whose instructions and allocations are counted: one call by hand, one through the engine.

use std::hint::black_box;

use bytes::Bytes;
use wellspring::invocation::Invocation;
use wellspring::{ContentType, Incoming, Message, Output, Step, Wanted};

use crate::story::{AccountsMsg, PAYLOAD, email, functions};

/// What is counted.
pub const WORK: [&str; 4] = ["by-hand", "engine", "two-stages", "three-stages"];

/// Does one piece of work `times` times.
pub fn run(work: &str, times: u64) -> Result<(), Box<dyn std::error::Error>> {
    if work == "by-hand" {
        for _ in 0..times {
            black_box(by_hand(black_box(Bytes::from_static(PAYLOAD)))?);
        }
        return Ok(());
    }
    let invocation = invocation(work)?;
    for _ in 0..times {
        black_box(engine(&invocation, black_box(Bytes::from_static(PAYLOAD)))?);
    }
    Ok(())
}

/// A prepared invocation that runs where it is called.
pub fn invocation(work: &str) -> Result<Invocation, Box<dyn std::error::Error>> {
    let definition = match work {
        "engine" => "email",
        "two-stages" => "email|again",
        "three-stages" => "email|again|email",
        other => return Err(format!("`{other}` is not counted, expected one of {WORK:?}").into()),
    };
    let invocation = Invocation::new(functions().build()?.compose(definition)?, None);
    let tokio = tokio::runtime::Builder::new_current_thread().build()?;
    for _ in 0..8 {
        let message = Message::encoded(PAYLOAD, ContentType::JSON);
        tokio.block_on(invocation.call(Incoming::One(message), Wanted::Natural))?;
    }
    Ok(invocation)
}

/// Decode, call, encode, as anybody would write it.
pub fn by_hand(payload: Bytes) -> Result<Bytes, serde_json::Error> {
    let account: AccountsMsg = serde_json::from_slice(&payload)?;
    serde_json::to_vec(&email(account)).map(Bytes::from)
}

/// The same through an invocation.
pub fn engine(invocation: &Invocation, payload: Bytes) -> Result<Bytes, wellspring::Error> {
    let message = Message::encoded(payload, ContentType::JSON);
    match invocation.start(Incoming::One(message), Wanted::Labelled(ContentType::JSON)) {
        Step::Ready(Ok(Output::One(reply))) => Ok(reply.message.into_payload().unwrap_or_default()),
        Step::Ready(Err(error)) => Err(error),
        _ => Ok(Bytes::new()),
    }
}
