//! What a call has answered, message by message.

use std::task::{Context, Poll, ready};
use std::vec;

use super::addressed::{self, is_addressed};
use super::sender::SenderOutputs;
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
    /// Where replies go that say so themselves.
    outputs: SenderOutputs,
}

impl Sends {
    /// Replies that are addressed go to `outputs` as the answer is read.
    pub(super) fn of(answer: Answer, outputs: &SenderOutputs) -> Self {
        let mut more = match answer {
            Answer::PerOutput(answers) => answers.into_iter(),
            Answer::Batch(outcome) => match (outcome.failed.into_iter().next(), outcome.replies) {
                (Some(failed), _) => return Self::single(stream::iter([Err(failed.error)]).boxed(), outputs),
                (None, BatchReplies::Whole(answer)) => return Self::of(answer, outputs),
                (None, BatchReplies::PerItem(replies)) => {
                    let replies = replies.into_iter().map(|(_, reply)| reply).collect();
                    return Self::of(Answer::Many(replies), outputs);
                }
            },
            single => return Self::single(routed(single, outputs), outputs),
        };
        let first = more.next().unwrap_or(Answer::Nothing);
        Self { replies: routed(first, outputs), output: 0, more, outputs: outputs.clone() }
    }

    fn single(replies: BoxStream<'static, Result<Reply, Error>>, outputs: &SenderOutputs) -> Self {
        Self { replies, output: 0, more: Vec::new().into_iter(), outputs: outputs.clone() }
    }

    /// The next message and its output.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(usize, Reply), Error>>> {
        loop {
            if let Some(reply) = ready!(self.replies.poll_next_unpin(cx)) {
                return Poll::Ready(Some(reply.map(|reply| (self.output, reply))));
            }
            let Some(next) = self.more.next() else { return Poll::Ready(None) };
            self.output += 1;
            self.replies = routed(next, &self.outputs);
        }
    }
}

/// The messages of an answer, but for those that are addressed: they are sent on the way.
fn routed(answer: Answer, outputs: &SenderOutputs) -> BoxStream<'static, Result<Reply, Error>> {
    match answer {
        Answer::One(reply) if !is_addressed(&reply) => Answer::One(reply).into_stream(),
        answer => {
            let outputs = outputs.clone();
            let route = move |reply| {
                let outputs = outputs.clone();
                async move {
                    match reply {
                        Ok(reply) => addressed::send(&outputs, reply).await,
                        Err(error) => Some(Err(error)),
                    }
                }
            };
            answer.into_stream().filter_map(route).boxed()
        }
    }
}
