//! Programs run until they are told to end, by SIGTERM or at their terminal.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;

/// The code of a process that was told twice: that of a shell for an interrupt.
const IMPATIENT: i32 = 130;

/// Whether this process was told to end.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Shows that the process listens, and whether it is to end.
#[derive(Debug, Clone, Copy)]
pub struct Ending(());

impl Ending {
    /// Listens on a thread of its own, which rests until then. Told once more, the process ends at once.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub fn listen() -> Result<Self, Failure> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt) = {
            let _guard = tokio.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        std::thread::spawn(move || {
            tokio.block_on(async {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    if TOLD.swap(true, Ordering::AcqRel) {
                        std::process::exit(IMPATIENT);
                    }
                }
            });
        });
        Ok(Self(()))
    }

    /// Whether the process is to end.
    #[must_use]
    pub fn has_come(self) -> bool {
        TOLD.load(Ordering::Acquire)
    }
}

/// Fails once the process is to end, where it listens for that.
///
/// # Errors
/// When it has been told to.
pub fn check() -> Result<(), Failure> {
    if Ending(()).has_come() { Err("it was told to end".into()) } else { Ok(()) }
}
