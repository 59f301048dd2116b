//! What a call has answered, message by message.

use std::task::{Context, Poll, ready};
use std::vec;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use wellspring_functions::{BatchReplies, Error, Output as Answer, Reply};

/// The messages of an answer, each with the output that it goes to. Those of one output are read to their end before
/// those of the next.
pub(super) struct Sends {
    replies: BoxStream<'static, Result<Reply, Error>>,
    /// Where they go.
    output: usize,
    /// What further outputs send.
    more: vec::IntoIter<Answer>,
}

impl Sends {
    pub(super) fn of(answer: Answer) -> Self {
        let mut more = match answer {
            Answer::PerOutput(outputs) => outputs.into_iter(),
            Answer::Batch(outcome) => match (outcome.failed.into_iter().next(), outcome.replies) {
                (Some(failed), _) => return Self::single(stream::iter([Err(failed.error)]).boxed()),
                (None, BatchReplies::Whole(answer)) => return Self::of(answer),
                (None, BatchReplies::PerItem(replies)) => {
                    return Self::single(stream::iter(replies).map(|(_, reply)| Ok(reply)).boxed());
                }
            },
            single => return Self::single(single.into_stream()),
        };
        let first = more.next().unwrap_or(Answer::Nothing);
        Self { replies: first.into_stream(), output: 0, more }
    }

    fn single(replies: BoxStream<'static, Result<Reply, Error>>) -> Self {
        Self { replies, output: 0, more: Vec::new().into_iter() }
    }

    /// The next message and its output.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(usize, Reply), Error>>> {
        loop {
            if let Some(reply) = ready!(self.replies.poll_next_unpin(cx)) {
                return Poll::Ready(Some(reply.map(|reply| (self.output, reply))));
            }
            let Some(next) = self.more.next() else { return Poll::Ready(None) };
            self.output += 1;
            self.replies = next.into_stream();
        }
    }
}
