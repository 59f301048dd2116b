//! The error of a consumer that names the items which failed.

use std::fmt;

use super::FailedItem;
use crate::error::Error;

/// Names the items of a batch that failed; all others are done.
///
/// It counts for a consumer that is bound alone. Anywhere else it fails the whole batch: what came of the items that
/// did not fail would be lost with it. A function with an output answers a `Vec` of `Result`s, or [`PerItem`](crate::PerItem).
///
/// ```
/// use wellspring_functions::{BatchError, Error};
///
/// fn store(orders: Vec<u64>) -> Result<(), BatchError> {
///     let mut failed = BatchError::new();
///     for (item, order) in orders.into_iter().enumerate() {
///         if order == 0 {
///             failed.push(item, Error::invalid("an order has a number"));
///         }
///     }
///     failed.into_result()
/// }
/// assert_eq!(store(vec![1, 0, 2]).unwrap_err().to_string(), "1 item failed, the first is item 1: an order has a number");
/// ```
#[derive(Debug, Default)]
pub struct BatchError {
    pub(crate) items: Vec<FailedItem>,
}

impl BatchError {
    /// Names no item yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// Names an item by its position in the list that the function was called with; the first is 0.
    pub fn push(&mut self, index: usize, error: impl Into<Error>) {
        self.items.push(FailedItem { index, error: error.into() });
    }

    /// Whether no item is named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items that are named.
    #[must_use]
    pub fn items(&self) -> &[FailedItem] {
        &self.items
    }

    /// Success when no item is named.
    ///
    /// # Errors
    /// Itself, when it names any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl<E: Into<Error>> FromIterator<(usize, E)> for BatchError {
    fn from_iter<I: IntoIterator<Item = (usize, E)>>(items: I) -> Self {
        let mut failed = Self::new();
        items.into_iter().for_each(|(index, error)| failed.push(index, error));
        failed
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.items.first() else { return f.write_str("no item failed") };
        let plural = if self.items.len() == 1 { "" } else { "s" };
        let (count, FailedItem { index, error }) = (self.items.len(), first);
        write!(f, "{count} item{plural} failed, the first is item {index}: {error}")
    }
}

impl std::error::Error for BatchError {}
