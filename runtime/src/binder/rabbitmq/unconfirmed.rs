//! Messages that are sent and not confirmed, oldest first: on their way to the socket, or waiting for the broker.

use std::collections::VecDeque;
use std::future::Future;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use lapin::{Confirmation, PublisherConfirm, Result};
use tokio::time::Instant;
use tokio_util::sync::ReusableBoxFuture;

use super::message_id::MessageId;

/// How many boxes are kept for the next messages.
const SPARE: usize = 256;
/// How many confirmations are waited for together: the task is woken by the last of them.
const TOGETHER: usize = 64;

/// What tells a message from others when it comes back.
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) partition: Option<u32>,
    pub(super) id: MessageId,
    pub(super) payload: Bytes,
    /// Why it came back.
    pub(super) returned: Option<Box<String>>,
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
    /// Seldom kept: what is told is taken out, but for one that is told before those sent earlier.
    Told(Box<Result<Confirmation>>),
}

impl Unconfirmed {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
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

    /// Takes the oldest message, if it is known what became of it.
    pub(super) fn next(&mut self) -> Option<(Sent, Result<Confirmation>)> {
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(result) = self.entries.front_mut()?.poll(&mut cx, &mut self.spare) else {
            return None;
        };
        self.first += 1;
        self.entries.pop_front().map(|entry| (entry.sent, result))
    }

    /// Waits until it makes sense to ask for the [`next`](Self::next) again.
    ///
    /// The last of a group wakes the task, since those before it are told before it or with it, as a rule. When it is
    /// told earlier, the oldest is waited for.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(last) = self.entries.len().checked_sub(1) else { return Poll::Pending };
        if self.watched < self.first {
            self.watched = self.first + last.min(TOGETHER - 1) as u64;
        }
        let watched = usize::try_from(self.watched - self.first).unwrap_or(last);
        for at in [watched, 0] {
            let Some(entry) = self.entries.get_mut(at) else { continue };
            if matches!(entry.stage, Stage::Told(_)) {
                continue;
            }
            let Poll::Ready(result) = entry.poll(cx, &mut self.spare) else { return Poll::Pending };
            entry.stage = Stage::Told(Box::new(result));
        }
        Poll::Ready(())
    }

    /// Takes everything out, with what became of it if that is known.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = (Sent, Option<Result<Confirmation>>)> {
        self.first += self.entries.len() as u64;
        let spare = &mut self.spare;
        std::mem::take(&mut self.entries).into_iter().map(move |mut entry| {
            let mut cx = Context::from_waker(Waker::noop());
            let known = match entry.poll(&mut cx, spare) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            };
            (entry.sent, known)
        })
    }
}

impl Entry {
    /// What became of the message; asked for again only when that was not known.
    fn poll(&mut self, cx: &mut Context<'_>, spare: &mut Vec<Writing>) -> Poll<Result<Confirmation>> {
        loop {
            match &mut self.stage {
                Stage::Writing(writing) => {
                    let confirm = ready!(writing.poll(cx))?;
                    if let Stage::Writing(done) = std::mem::replace(&mut self.stage, Stage::Written(confirm))
                        && spare.len() < SPARE
                    {
                        spare.push(done);
                    }
                }
                Stage::Written(confirm) => return confirm.poll_unpin(cx),
                Stage::Told(result) => {
                    let gone = Err(lapin::ErrorKind::FutureCompleted.into());
                    return Poll::Ready(std::mem::replace(&mut **result, gone));
                }
            }
        }
    }
}
