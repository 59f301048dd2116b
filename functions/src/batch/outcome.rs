//! What became of a batch.

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};

use crate::error::Error;
use crate::stage::{Output, Reply};

/// What became of a batch, item by item. An item that did not fail is done once what came of it is confirmed.
#[derive(Debug)]
pub struct BatchOutcome {
    /// The items that failed, by position; nothing that is to be sent came of them.
    pub failed: Vec<FailedItem>,
    /// What is to be sent.
    pub replies: BatchReplies,
}

/// One item of a batch that failed.
#[derive(Debug)]
pub struct FailedItem {
    /// Its position in the batch; the first is 0.
    pub index: usize,
    /// Why it failed.
    pub error: Error,
}

/// What a batch gives rise to.
#[derive(Debug)]
pub enum BatchReplies {
    /// Each message came of one item, whose position stands before it, in the order of the items. Of an item that is
    /// not among them and did not fail, nothing came.
    PerItem(Vec<(usize, Reply)>),
    /// From which items each message came is not known: all that did not fail are done when all of it is confirmed.
    Whole(Output),
}

impl BatchOutcome {
    /// What is to be sent, then the error of the first item that failed.
    pub(crate) fn into_stream(self) -> BoxStream<'static, Result<Reply, Error>> {
        let replies = match self.replies {
            BatchReplies::PerItem(replies) => stream::iter(replies).map(|(_, reply)| Ok(reply)).boxed(),
            BatchReplies::Whole(output) => output.into_stream(),
        };
        let failed = self.failed.into_iter().next().map(|item| Err(item.error));
        replies.chain(stream::iter(failed)).boxed()
    }
}
