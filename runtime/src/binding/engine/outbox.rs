//! Messages that must not be lost, on their way: each stays here until it is confirmed, however often it has to be sent.

use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll};

use wellspring_functions::{EncodedMessage, Error};

use crate::binding::publisher::Publisher;

/// An output, and the messages that are to be confirmed by it.
#[derive(Default)]
pub(in crate::binding) struct Outbox {
    publisher: Option<Publisher>,
    /// By their numbers.
    kept: HashMap<u64, Kept>,
    /// What is to be sent as soon as there is room.
    waiting: VecDeque<u64>,
}

struct Kept {
    message: EncodedMessage,
    /// How often it was not accepted.
    failures: u32,
    is_sent: bool,
}

/// What became of a message.
pub(in crate::binding) enum Told {
    /// It is confirmed.
    Confirmed(u64),
    /// It was not accepted, for the so-manieth time.
    Refused(u64, u32, Error),
}

impl Outbox {
    pub(in crate::binding) fn new(publisher: Option<Publisher>) -> Self {
        Self { publisher, ..Self::default() }
    }

    /// Where the messages go, if anywhere.
    pub(in crate::binding) const fn destination(&self) -> Option<&Publisher> {
        self.publisher.as_ref()
    }

    /// Whether every message is confirmed.
    pub(in crate::binding) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether a message is not confirmed.
    pub(in crate::binding) fn has(&self, number: u64) -> bool {
        self.kept.contains_key(&number)
    }

    /// Sends a message, whose number stands for it from now on.
    pub(in crate::binding) fn send(&mut self, number: u64, message: EncodedMessage) {
        self.kept.insert(number, Kept { message, failures: 0, is_sent: false });
        self.waiting.push_back(number);
    }

    /// How many messages are not confirmed.
    pub(in crate::binding) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Gives a message up.
    pub(in crate::binding) fn forget(&mut self, number: u64) {
        self.kept.remove(&number);
    }

    /// Sends a message once more that was not accepted.
    pub(in crate::binding) fn send_again(&mut self, number: u64) {
        self.waiting.push_back(number);
    }

    /// Hands over what waits, and tells what became of messages.
    pub(in crate::binding) fn poll(&mut self, cx: &mut Context<'_>, told: &mut Vec<Told>) {
        let Self { publisher: Some(publisher), kept, waiting } = self else { return };
        while let Some(number) = waiting.front().copied() {
            match publisher.poll_ready(cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => {
                    if let Some(kept) = kept.get_mut(&number) {
                        kept.is_sent = true;
                        publisher.send(kept.message.clone(), number);
                    }
                }
                Poll::Ready(Err(error)) => told.extend(refused(kept, number, error)),
            }
            waiting.pop_front();
        }
        loop {
            let polled = publisher.poll_confirmed(cx, |number, failure| match failure {
                Some(error) => told.extend(refused(kept, number, error)),
                None => told.extend(kept.remove(&number).map(|_| Told::Confirmed(number))),
            });
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return,
                Poll::Ready(Err(error)) => {
                    let sent: Vec<_> =
                        kept.iter().filter(|(_, kept)| kept.is_sent).map(|(number, _)| *number).collect();
                    let sentence = error.to_string();
                    let lost = |number| refused(kept, number, Error::message(error.kind(), &*sentence));
                    return told.extend(sent.into_iter().filter_map(lost));
                }
            }
        }
    }

    /// The output alone.
    pub(in crate::binding) fn into_publisher(self) -> Option<Publisher> {
        self.publisher
    }
}

fn refused(kept: &mut HashMap<u64, Kept>, number: u64, error: Error) -> Option<Told> {
    let kept = kept.get_mut(&number)?;
    kept.is_sent = false;
    kept.failures += 1;
    Some(Told::Refused(number, kept.failures, error))
}
