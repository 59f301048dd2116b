//! Dead letters on their way. A letter stays here until it is confirmed, however often it has to be sent.

use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll};

use wellspring_functions::{EncodedMessage, Error};

use super::publisher::Publisher;

/// The dead letters of one input.
#[derive(Default)]
pub(super) struct Letters {
    publisher: Option<Publisher>,
    /// By the numbers of their deliveries.
    letters: HashMap<u64, Letter>,
    /// What is to be sent as soon as there is room.
    waiting: VecDeque<u64>,
}

struct Letter {
    message: EncodedMessage,
    /// How often it was not accepted.
    failures: u32,
    is_sent: bool,
}

/// What became of the letter of a delivery.
pub(super) enum Told {
    /// It is confirmed.
    Confirmed(u64),
    /// It was not accepted, for the so-manieth time.
    Refused(u64, u32, Error),
}

impl Letters {
    pub(super) fn new(publisher: Option<Publisher>) -> Self {
        Self { publisher, ..Self::default() }
    }

    /// Whether there is a destination for dead letters.
    pub(super) const fn destination(&self) -> Option<&Publisher> {
        self.publisher.as_ref()
    }

    /// Whether every letter is confirmed.
    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Sends the letter of a delivery.
    pub(super) fn send(&mut self, number: u64, message: EncodedMessage) {
        self.letters.insert(number, Letter { message, failures: 0, is_sent: false });
        self.waiting.push_back(number);
    }

    /// Sends a letter once more that was not accepted.
    pub(super) fn send_again(&mut self, number: u64) {
        self.waiting.push_back(number);
    }

    /// Hands over what waits, and tells what became of letters.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, told: &mut Vec<Told>) {
        let Self { publisher: Some(publisher), letters, waiting } = self else { return };
        while let Some(number) = waiting.front().copied() {
            match publisher.poll_ready(cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => {
                    if let Some(letter) = letters.get_mut(&number) {
                        letter.is_sent = true;
                        publisher.send(letter.message.clone(), number);
                    }
                }
                Poll::Ready(Err(error)) => told.extend(refused(letters, number, error)),
            }
            waiting.pop_front();
        }
        loop {
            let polled = publisher.poll_confirmed(cx, |number, failure| match failure {
                Some(error) => told.extend(refused(letters, number, error)),
                None => told.extend(letters.remove(&number).map(|_| Told::Confirmed(number))),
            });
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return,
                Poll::Ready(Err(error)) => {
                    let sent: Vec<_> = letters
                        .iter()
                        .filter(|(_, letter)| letter.is_sent)
                        .map(|(number, _)| *number)
                        .collect();
                    let sentence = error.to_string();
                    let lost = |number| refused(letters, number, Error::message(error.kind(), &*sentence));
                    return told.extend(sent.into_iter().filter_map(lost));
                }
            }
        }
    }

    /// Where the letters go.
    pub(super) fn into_publisher(self) -> Option<Publisher> {
        self.publisher
    }
}

fn refused(letters: &mut HashMap<u64, Letter>, number: u64, error: Error) -> Option<Told> {
    let letter = letters.get_mut(&number)?;
    letter.is_sent = false;
    letter.failures += 1;
    Some(Told::Refused(number, letter.failures, error))
}
