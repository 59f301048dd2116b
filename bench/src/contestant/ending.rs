//! Programs run until they are told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;

/// Becomes true when the process is told to end.
#[derive(Debug, Clone)]
pub(super) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Listens on a thread of its own, which rests until then.
    pub(super) fn listen() -> Result<Self, Failure> {
        let ending = Self(Arc::default());
        let told = ending.clone();
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut terminate = tokio.block_on(async { signal(SignalKind::terminate()) })?;
        std::thread::spawn(move || {
            tokio.block_on(terminate.recv());
            told.0.store(true, Ordering::Release);
        });
        Ok(ending)
    }

    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
