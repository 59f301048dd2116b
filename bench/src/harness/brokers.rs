//! What a measurement asks of a broker, whichever it is.

use std::time::Duration;

use crate::Failure;

/// The input and the output of one pass on a broker, made for it and removed after it. Numbers are account numbers.
pub trait Ends {
    /// What the contestant is told, besides the work.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// Writes so many messages to the input and waits until the broker has them.
    ///
    /// # Errors
    /// When it has not.
    fn fill(&mut self, messages: u64) -> Result<(), Failure>;

    /// How many outputs there are. Costs the broker next to nothing, since nobody reads them.
    ///
    /// # Errors
    /// When the broker does not tell.
    fn count(&mut self) -> Result<u64, Failure>;

    /// The numbers of all outputs, as often as they are there.
    ///
    /// # Errors
    /// When they cannot be read.
    fn outputs(&mut self) -> Result<Vec<u64>, Failure>;

    /// The numbers of the inputs that the broker would give out again.
    ///
    /// # Errors
    /// When the broker does not tell.
    fn to_be_done(&mut self) -> Result<Vec<u64>, Failure>;

    /// What writes to the input one by one.
    ///
    /// # Errors
    /// When the broker does not answer.
    fn writer(&self) -> Result<Box<dyn Writer>, Failure>;

    /// What reads the output as it comes.
    ///
    /// # Errors
    /// When the broker does not answer.
    fn reader(&self) -> Result<Box<dyn Reader>, Failure>;

    /// Removes both.
    ///
    /// # Errors
    /// When the broker refuses.
    fn remove(&mut self) -> Result<(), Failure>;
}

/// Writes to an input.
pub trait Writer: Send {
    /// Starts to send the message of a number, at once and without waiting.
    ///
    /// # Errors
    /// When it cannot be sent.
    fn send(&mut self, number: u64) -> Result<(), Failure>;
}

/// Reads an output.
pub trait Reader {
    /// Waits for the next output so long.
    ///
    /// # Errors
    /// When it cannot be read.
    fn receive(&mut self, patience: Duration) -> Result<Option<u64>, Failure>;
}

/// The number that an output carries: the answer of the functions, or an account as it was sent.
pub(super) fn number(payload: &[u8]) -> Result<u64, Failure> {
    let read = match payload.first() {
        Some(b'{') => {
            serde_json::from_slice(payload).map(|account: crate::story::AccountsMsg| account.account_number())
        }
        _ => serde_json::from_slice(payload),
    };
    read.map_err(|error| {
        let found = String::from_utf8_lossy(&payload[..payload.len().min(80)]).into_owned();
        format!("`{found}` came out, expected an account number ({error})").into()
    })
}

/// A name that nothing else on the broker has.
pub(super) fn fresh_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    format!("bench-{since:x}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
