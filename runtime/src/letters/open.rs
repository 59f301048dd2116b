//! The dead letters of one input, opened.

use std::fmt;
use std::sync::Arc;

use super::Error;
use super::filter::Filter;
use crate::binder::{Binder, InputSpec, Letter, LetterPlace, Letters};

/// The dead letters of one input that were there when they were opened.
pub struct OpenLetters {
    pub(super) letters: Box<dyn Letters>,
    pub(super) binder: Arc<dyn Binder>,
    pub(super) input: InputSpec,
    /// How many were given out.
    given: u64,
    /// How many were read.
    read: u64,
}

impl OpenLetters {
    pub(super) const fn new(letters: Box<dyn Letters>, binder: Arc<dyn Binder>, input: InputSpec) -> Self {
        Self { letters, binder, input, given: 0, read: 0 }
    }

    /// Where they are, and how many.
    #[must_use]
    pub fn places(&self) -> &[LetterPlace] {
        self.letters.places()
    }

    /// How many there are, as far as the broker tells, and how many were read already.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.read, self.places().iter().map(|place| place.count).sum())
    }

    /// The next letter that is meant; nothing when there is none, or enough were given out.
    ///
    /// # Errors
    /// When the broker does not hand it out.
    pub async fn next(&mut self, filter: &Filter) -> Result<Option<Letter>, Error> {
        if filter.max.is_some_and(|max| self.given >= max) {
            return Ok(None);
        }
        while let Some(letter) = self.letters.next().await? {
            self.read += 1;
            if filter.fits(&letter) {
                self.given += 1;
                return Ok(Some(letter));
            }
        }
        Ok(None)
    }

    /// Gives back what was read; nothing is changed.
    ///
    /// # Errors
    /// When the broker may not know of it.
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.letters.close().await?)
    }

    /// Whether the input reads a destination.
    pub(super) fn reads(&self, destination: &str) -> bool {
        self.input.destinations.iter().any(|own| own == destination)
    }
}

impl fmt::Debug for OpenLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenLetters").field("input", &self.input).finish_non_exhaustive()
    }
}
