//! What a function posts while it is called: it is sent when the call succeeds, and the call is over when it is confirmed.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, stream};

use crate::error::Error;
use crate::next::Next;
use crate::notes::Notes;
use crate::stage::{Input, Output, Stage, Step};

/// A message that is to be sent.
pub(crate) type Post = BoxFuture<'static, Result<(), Error>>;

/// A stage that may post.
pub(crate) struct PostingStage(pub(crate) Arc<dyn Stage>);

impl Stage for PostingStage {
    fn call(&self, input: Input<'_>, mut next: Next<'_>) -> Step {
        let notes = next.call_mut().notes_mut().get_or_insert_default().clone();
        if !notes.begin_posts() {
            // A stage before this one sends what both have posted.
            return self.0.call(input, next);
        }
        match self.0.call(input, next) {
            Step::Ready(result) => send(&notes, result),
            Step::Pending(call) => Step::Pending(Box::pin(async move { send(&notes, call.await).await })),
        }
    }
}

/// Ends a call that has come to a result: sends what was posted, unless it has failed.
fn send(notes: &Notes, result: Result<Output, Error>) -> Step {
    match result {
        Ok(Output::Stream(replies)) => {
            // Reading is what runs the function.
            let notes = notes.clone();
            let posts = stream::once(async move { try_join_all(notes.take_posts()).await });
            let failure = posts.filter_map(|sent| async { sent.err().map(Err) });
            Step::Ready(Ok(Output::Stream(replies.chain(failure).boxed())))
        }
        Ok(output) => {
            let posts = notes.take_posts();
            if posts.is_empty() {
                return Step::Ready(Ok(output));
            }
            Step::Pending(Box::pin(async move { try_join_all(posts).await.map(|_| output) }))
        }
        Err(error) => {
            drop(notes.take_posts());
            Step::Ready(Err(error))
        }
    }
}
