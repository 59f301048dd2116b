//! What the stages of a call leave for its end to find: the error that ended a stream, the items of a batch
//! that failed, what is to be sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::Items;
use crate::error::Error;
use crate::posting::Post;

/// The notes of one call, shared by everything that belongs to it. Most calls have none.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    failure: Option<Error>,
    items: Option<Items>,
    /// What is to be sent when the call succeeds; nothing as long as nobody waits for it.
    posts: Option<Vec<Post>>,
}

impl Notes {
    /// The notes of a call with so many messages.
    pub(crate) fn of_batch(size: usize) -> Self {
        let items = Some(Items::new(size));
        Self(Arc::new(Mutex::new(Noted { items, ..Noted::default() })))
    }

    /// A stream has ended early; the first error counts.
    pub(crate) fn fail(&self, error: Error) {
        self.noted().failure.get_or_insert(error);
    }

    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.noted().failure.take()
    }

    /// Looks at the items, if the call is one with a batch.
    pub(crate) fn items<R>(&self, look: impl FnOnce(&mut Items) -> R) -> Option<R> {
        self.noted().items.as_mut().map(look)
    }

    pub(crate) fn take_items(&self) -> Option<Items> {
        self.noted().items.take()
    }

    /// From now on the call takes posts; false if it does already.
    pub(crate) fn begin_posts(&self) -> bool {
        let mut noted = self.noted();
        let begins = noted.posts.is_none();
        noted.posts.get_or_insert_default();
        begins
    }

    /// Takes a post; false if the call is over.
    pub(crate) fn post(&self, post: Post) -> bool {
        let mut noted = self.noted();
        let posts = noted.posts.as_mut();
        posts.map(|posts| posts.push(post)).is_some()
    }

    /// Everything that was posted; the call takes no more.
    pub(crate) fn take_posts(&self) -> Vec<Post> {
        self.noted().posts.take().unwrap_or_default()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
