//! The items of a batch while its call goes on: which have failed, and for which the values under way stand.

use super::{BatchError, BatchOutcome, BatchReplies, FailedItem};
use crate::error::{Error, Kind};
use crate::stage::{Output, Reply};

/// The items of one call with a batch, by their positions in it.
pub(crate) struct Items {
    size: usize,
    /// The stage whose input the positions below describe; that of any other is not known.
    stage: usize,
    positions: Vec<usize>,
    pub(crate) failed: Vec<FailedItem>,
    /// What is to be sent, where it is known for each message from which item it came.
    pub(crate) replies: Option<Vec<(usize, Reply)>>,
}

impl Items {
    pub(crate) const fn new(size: usize) -> Self {
        Self { size, stage: usize::MAX, positions: Vec::new(), failed: Vec::new(), replies: None }
    }

    /// The input of a stage has the items at these positions, in this order.
    pub(crate) fn stand(&mut self, stage: usize, positions: Vec<usize>) {
        (self.stage, self.positions) = (stage, positions);
    }

    /// The positions of the items that a stage has answered with so many outcomes; nothing when its items are not those
    /// of the batch, because a function before it made something else of them.
    pub(crate) fn take_positions(
        &mut self,
        stage: usize,
        outcomes: usize,
    ) -> Result<Option<Vec<usize>>, Error> {
        if self.stage != stage {
            return Ok(None);
        }
        let items = self.positions.len();
        if items != outcomes {
            let sentence = format!("answered {outcomes} outcomes for {items} items, expected one for each");
            return Err(Error::message(Kind::Fatal, sentence));
        }
        Ok(Some(std::mem::take(&mut self.positions)))
    }

    /// What became of the batch. `alone`: the function that failed is a consumer and the only function, so that its
    /// word on which items failed says all there is.
    pub(crate) fn conclude(
        mut self,
        result: Result<Output, Error>,
        alone: bool,
    ) -> Result<BatchOutcome, Error> {
        let replies = match result {
            _ if self.size > 0 && self.failed.len() == self.size => BatchReplies::Whole(Output::Nothing),
            Ok(output) => match self.replies.take() {
                Some(replies) => BatchReplies::PerItem(replies),
                None => BatchReplies::Whole(output),
            },
            Err(error) if alone => {
                self.blame(error)?;
                BatchReplies::Whole(Output::Nothing)
            }
            Err(error) => return Err(error),
        };
        self.failed.sort_by_key(|item| item.index);
        Ok(BatchOutcome { failed: self.failed, replies })
    }

    /// Takes down the items that a consumer names; gives the error back when it names none, or one that is not there.
    fn blame(&mut self, error: Error) -> Result<(), Error> {
        let known = |failed: &BatchError| failed.items.iter().all(|item| item.index < self.positions.len());
        if !error.downcast_ref::<BatchError>().is_some_and(|failed| !failed.is_empty() && known(failed)) {
            return Err(error);
        }
        let function = error.function().map(str::to_owned);
        let BatchError { mut items } = error.downcast()?;
        items.sort_by_key(|item| item.index);
        items.dedup_by_key(|item| item.index);
        for FailedItem { index, error } in items {
            let error = match &function {
                Some(function) => error.in_function(function),
                None => error,
            };
            self.failed.push(FailedItem { index: self.positions[index], error });
        }
        Ok(())
    }
}
