//! Work whose instructions and allocations are counted: one call by hand, one through the engine.

use std::hint::black_box;

use bytes::Bytes;
use wellspring::invocation::Invocation;
use wellspring::{ContentType, Incoming, Message, Output, Step, Wanted};

use crate::Failure;
use crate::story::{AccountsMsg, PAYLOAD, email, functions};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Decode, call, encode, as anybody would write it.
    ByHand,
    /// The same through an invocation of so many stages.
    Engine(usize),
}

/// Does the work once: payload in, payload out.
pub type Once = Box<dyn Fn(Bytes) -> Result<Bytes, Failure>>;

impl Work {
    /// The work of a name: `by-hand`, or the number of stages.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn named(name: &str) -> Result<Self, Failure> {
        if name == "by-hand" { Ok(Self::ByHand) } else { Ok(Self::Engine(name.parse()?)) }
    }

    /// Makes the work ready; what is returned does it once.
    ///
    /// # Errors
    /// When the functions do not compose.
    pub fn prepare(self) -> Result<Once, Failure> {
        match self {
            Self::ByHand => Ok(Box::new(|payload| Ok(by_hand(payload)?))),
            Self::Engine(stages) => {
                let invocation = invocation(stages)?;
                Ok(Box::new(move |payload| Ok(engine(&invocation, payload)?)))
            }
        }
    }

    /// Does the work `times` times on the message of the story.
    ///
    /// # Errors
    /// When a call fails.
    pub fn repeat(self, times: u64) -> Result<(), Failure> {
        let once = self.prepare()?;
        for _ in 0..times {
            black_box(once(black_box(Bytes::from_static(PAYLOAD)))?);
        }
        Ok(())
    }
}

/// A prepared invocation that runs where it is called.
///
/// # Errors
/// When the functions do not compose.
pub fn invocation(stages: usize) -> Result<Invocation, Failure> {
    let definition = vec!["email"; stages].join("|");
    let invocation = Invocation::new(functions().build()?.compose(&definition)?, None);
    let tokio = tokio::runtime::Builder::new_current_thread().build()?;
    // The first calls prove that the functions are quick.
    for _ in 0..8 {
        let message = Message::encoded(PAYLOAD, ContentType::JSON);
        tokio.block_on(invocation.call(Incoming::One(message), Wanted::Natural))?;
    }
    Ok(invocation)
}

/// Decode, call, encode.
///
/// # Errors
/// When the payload is not the story's message.
pub fn by_hand(payload: Bytes) -> Result<Bytes, serde_json::Error> {
    let account: AccountsMsg = serde_json::from_slice(&payload)?;
    drop(payload);
    serde_json::to_vec(&email(account)).map(Bytes::from)
}

/// The same through an invocation.
///
/// # Errors
/// When the call fails.
pub fn engine(invocation: &Invocation, payload: Bytes) -> Result<Bytes, wellspring::Error> {
    let message = Message::encoded(payload, ContentType::JSON);
    match invocation.start(Incoming::One(message), Wanted::Labelled(ContentType::JSON)) {
        Step::Ready(Ok(Output::One(reply))) => Ok(reply.message.into_payload().unwrap_or_default()),
        Step::Ready(Err(error)) => Err(error),
        Step::Ready(Ok(_)) => Ok(Bytes::new()),
        // On a busy machine a call may seem slow, and the next ones are not made here.
        Step::Pending(_) => Err(wellspring::Error::retryable("the call was not made where it was asked for")),
    }
}
