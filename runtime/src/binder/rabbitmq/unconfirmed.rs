//! Messages that are sent and not confirmed, oldest first: on their way to the socket, or waiting for the broker.

use std::collections::VecDeque;
use std::future::Future;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::message::BasicReturnMessage;
use lapin::types::ShortString;
use lapin::{PublisherConfirm, Result};
use tokio::time::{Duration, Instant};
use tokio_util::sync::ReusableBoxFuture;

use super::error::sentence;
use super::message_id::MessageId;

/// How many boxes are kept for the next messages.
const SPARE: usize = 256;
/// How many confirmations are waited for together: the task is woken by the last of them. At most as many messages are
/// handed to the client together.
const TOGETHER: usize = 64;

/// How long a message is held, if another follows.
const PATIENCE: Duration = Duration::from_millis(1);

/// A message, and what tells it from others when it comes back.
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) partition: Option<u32>,
    /// The routing key, where it is not that of the partition.
    pub(super) key: Option<ShortString>,
    pub(super) id: Option<MessageId>,
    pub(super) payload: Bytes,
    /// Why it came back.
    pub(super) returned: Option<Box<str>>,
}

/// The messages that are not confirmed.
///
/// A publish of the client is a future of some kilobytes that ends when its frames are written. Its box is used again
/// for a later message; what waits for the broker is small.
///
/// The client's thread sleeps when it has nothing to write, so that each of several publishes with some work between
/// them wakes it and becomes a write of its own. While messages are [held](Self::hold), they are handed over in one go.
#[derive(Default)]
pub(super) struct Unconfirmed {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    /// How many at the front are told.
    told: usize,
    /// Whether messages may wait for others.
    holds: bool,
    /// How many at the end are not handed to the client.
    held: usize,
    /// The number of the entry that wakes the task.
    watched: u64,
    spare: Vec<Writing>,
}

type Writing = ReusableBoxFuture<'static, Result<PublisherConfirm>>;

struct Entry {
    sent: Sent,
    since: Instant,
    stage: Stage,
}

enum Stage {
    Writing(Writing),
    Written(PublisherConfirm),
    Told(Fate),
}

/// Whether the broker took a message, or why that is not known.
pub(super) type Fate = std::result::Result<bool, String>;

impl Unconfirmed {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are so few that they are waited for together.
    pub(super) fn is_small(&self) -> bool {
        (1..=TOGETHER).contains(&self.begun())
    }

    /// The number that the next message will have here that is handed to the client.
    pub(super) fn end(&self) -> u64 {
        self.first + self.begun() as u64
    }

    /// How many are handed to the client.
    fn begun(&self) -> usize {
        self.entries.len() - self.held
    }

    /// When the oldest was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.since)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sent> {
        self.entries.iter_mut().map(|entry| &mut entry.sent)
    }

    /// Starts to send, unless messages are held; whether the frames are written is not waited for.
    pub(super) fn push(
        &mut self,
        sent: Sent,
        publish: impl Future<Output = Result<PublisherConfirm>> + Send + 'static,
    ) {
        let writing = match self.spare.pop() {
            Some(mut spare) => {
                spare.set(publish);
                spare
            }
            None => ReusableBoxFuture::new(publish),
        };
        let since = Instant::now();
        self.entries.push_back(Entry { sent, since, stage: Stage::Writing(writing) });
        self.held += 1;
        let is_late = self.entries.get(self.begun()).is_some_and(|first| since - first.since > PATIENCE);
        if !self.holds || self.held >= TOGETHER || is_late {
            self.hand_over();
        }
    }

    /// Holds what is sent from now on, so that it is handed to the client together.
    pub(super) const fn hold(&mut self) {
        self.holds = true;
    }

    /// Hands over what was held, and from now on every message at once; tells whether any was held.
    pub(super) fn release(&mut self) -> bool {
        self.holds = false;
        let any = self.held > 0;
        self.hand_over();
        any
    }

    fn hand_over(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let begun = self.entries.len() - std::mem::take(&mut self.held);
        self.entries.range_mut(begun..).for_each(|entry| entry.start(&mut cx));
    }

    /// Notes what became of the oldest messages, as far as that is known; whether there is more than the last time.
    /// Messages that came back are put into `returned`.
    pub(super) fn advance(&mut self, returned: &mut Vec<BasicReturnMessage>) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let before = self.told;
        let begun = self.begun();
        while self.told < begun
            && let Some(entry) = self.entries.get_mut(self.told)
            && entry.poll(&mut cx, &mut self.spare, returned).is_ready()
        {
            self.told += 1;
        }
        self.told > before
    }

    /// Takes out the messages that [`advance`](Self::advance) has passed.
    pub(super) fn take_told(&mut self) -> impl Iterator<Item = (Sent, Fate)> {
        let count = std::mem::take(&mut self.told);
        self.first += count as u64;
        self.entries.drain(..count).filter_map(Entry::into_told)
    }

    /// Waits until it makes sense to [`advance`](Self::advance) again; everything told was taken out.
    ///
    /// The last of a group wakes the task, since those before it are told before it or with it, as a rule. When it is
    /// told earlier, the oldest is waited for.
    pub(super) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        returned: &mut Vec<BasicReturnMessage>,
    ) -> Poll<()> {
        // Whoever holds messages looks again when they are released.
        let begun = self.begun();
        let Some(last) = begun.checked_sub(1) else { return Poll::Pending };
        if self.watched < self.first {
            self.watched = self.first + last.min(TOGETHER - 1) as u64;
        }
        let watched = usize::try_from(self.watched - self.first).unwrap_or(last);
        for at in [watched, 0] {
            if at < begun
                && let Some(entry) = self.entries.get_mut(at)
                && entry.poll(cx, &mut self.spare, returned).is_pending()
            {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Passes every message; of those that nothing is known of, it tells why.
    pub(super) fn give_up(&mut self, why: &str, returned: &mut Vec<BasicReturnMessage>) {
        let mut cx = Context::from_waker(Waker::noop());
        let begun = self.entries.len() - std::mem::take(&mut self.held);
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let known = at < begun && entry.poll(&mut cx, &mut self.spare, returned).is_ready();
            if !known || matches!(entry.stage, Stage::Told(Err(_))) {
                entry.stage = Stage::Told(Err(why.to_owned()));
            }
        }
        self.told = self.entries.len();
    }
}

impl Entry {
    /// Hands the message to the client, which the first look at its publish does.
    fn start(&mut self, cx: &mut Context<'_>) {
        if let Stage::Writing(writing) = &mut self.stage
            && let Poll::Ready(written) = writing.poll(cx)
        {
            self.stage = match written {
                Ok(confirm) => Stage::Written(confirm),
                Err(error) => Stage::Told(Err(sentence(&error))),
            };
        }
    }

    /// Waits until it is known what became of the message.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        spare: &mut Vec<Writing>,
        returned: &mut Vec<BasicReturnMessage>,
    ) -> Poll<()> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Writing(writing) => match ready!(writing.poll(cx)) {
                    Ok(confirm) => {
                        let written = std::mem::replace(&mut self.stage, Stage::Written(confirm));
                        if let (Stage::Writing(done), true) = (written, spare.len() < SPARE) {
                            spare.push(done);
                        }
                        continue;
                    }
                    Err(error) => Stage::Told(Err(sentence(&error))),
                },
                Stage::Written(confirm) => Stage::Told(match ready!(confirm.poll_unpin(cx)) {
                    Ok(confirmation) => {
                        let taken = !confirmation.is_nack();
                        returned.extend(confirmation.take_message());
                        Ok(taken)
                    }
                    Err(error) => Err(sentence(&error)),
                }),
                Stage::Told(_) => return Poll::Ready(()),
            };
        }
    }

    fn into_told(self) -> Option<(Sent, Fate)> {
        match self.stage {
            Stage::Told(result) => Some((self.sent, result)),
            Stage::Writing(_) | Stage::Written(_) => None,
        }
    }
}
