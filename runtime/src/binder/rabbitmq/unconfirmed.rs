//! Messages that are sent and not confirmed, oldest first: on their way to the socket, or waiting for the broker.

use std::collections::VecDeque;
use std::future::Future;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::message::BasicReturnMessage;
use lapin::types::ShortString;
use lapin::{PublisherConfirm, Result};
use tokio::time::Instant;
use tokio_util::sync::ReusableBoxFuture;

use super::error::{blame, sentence};
use super::message_id::MessageId;
use crate::binder::Kind;

/// How many boxes are kept for the next messages.
const SPARE: usize = 256;
/// How many confirmations are waited for together: the task is woken by the last of them.
const TOGETHER: usize = 64;

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
#[derive(Default)]
pub(super) struct Unconfirmed {
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    /// How many at the front are told.
    told: usize,
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
pub(super) type Fate = std::result::Result<bool, Lost>;

/// Why the broker says nothing of a message.
pub(super) struct Lost {
    pub(super) why: String,
    /// What is wrong with it, or with another one on the same channel.
    pub(super) blame: Option<Kind>,
}

impl Lost {
    fn by(cause: &lapin::Error) -> Self {
        Self { why: sentence(cause), blame: blame(cause) }
    }
}

impl Unconfirmed {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are so few that they are waited for together.
    pub(super) fn is_small(&self) -> bool {
        (1..=TOGETHER).contains(&self.entries.len())
    }

    /// The number that the next message will have here.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// When the oldest was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entries.front().map(|entry| entry.since)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Sent> {
        self.entries.iter_mut().map(|entry| &mut entry.sent)
    }

    /// Starts to send; whether the frames are written is not waited for.
    ///
    /// # Errors
    /// When the client refuses at once.
    pub(super) fn push(
        &mut self,
        sent: Sent,
        publish: impl Future<Output = Result<PublisherConfirm>> + Send + 'static,
    ) -> Result<()> {
        let mut writing = match self.spare.pop() {
            Some(mut spare) => {
                spare.set(publish);
                spare
            }
            None => ReusableBoxFuture::new(publish),
        };
        // The first look hands the frames to the client.
        let stage = match writing.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Stage::Writing(writing),
            Poll::Ready(confirm) => Stage::Written(confirm?),
        };
        self.entries.push_back(Entry { sent, since: Instant::now(), stage });
        Ok(())
    }

    /// Notes what became of the oldest messages, as far as that is known; whether there is more than the last time.
    /// Messages that came back are put into `returned`.
    pub(super) fn advance(&mut self, returned: &mut Vec<BasicReturnMessage>) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let before = self.told;
        while let Some(entry) = self.entries.get_mut(self.told)
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
        let Some(last) = self.entries.len().checked_sub(1) else { return Poll::Pending };
        if self.watched < self.first {
            self.watched = self.first + last.min(TOGETHER - 1) as u64;
        }
        let watched = usize::try_from(self.watched - self.first).unwrap_or(last);
        for at in [watched, 0] {
            if let Some(entry) = self.entries.get_mut(at)
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
        for entry in &mut self.entries {
            let _ = entry.poll(&mut cx, &mut self.spare, returned);
            let is_told = match &entry.stage {
                Stage::Told(Err(lost)) => lost.blame.is_some(),
                Stage::Told(Ok(_)) => true,
                Stage::Writing(_) | Stage::Written(_) => false,
            };
            if !is_told {
                entry.stage = Stage::Told(Err(Lost { why: why.to_owned(), blame: None }));
            }
        }
        self.told = self.entries.len();
    }
}

impl Entry {
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
                    Err(error) => Stage::Told(Err(Lost::by(&error))),
                },
                Stage::Written(confirm) => Stage::Told(match ready!(confirm.poll_unpin(cx)) {
                    Ok(confirmation) => {
                        let taken = !confirmation.is_nack();
                        returned.extend(confirmation.take_message());
                        Ok(taken)
                    }
                    Err(error) => Err(Lost::by(&error)),
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
