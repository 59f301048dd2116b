//! A bar that moves while letters are read, where somebody watches.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::cli::output::print_prompt;

/// How wide the bar is.
const WIDTH: u64 = 30;
/// How often it moves at most.
const PAUSE: Duration = Duration::from_millis(100);

/// A bar on standard error, if that is a terminal.
pub(super) struct Progress {
    is_watched: bool,
    moved: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_watched: std::io::stderr().is_terminal(), moved: None }
    }

    /// Shows how many were read of how many.
    pub(super) fn show(&mut self, (read, all): (u64, u64)) {
        if self.is_watched && self.moved.is_none_or(|moved| moved.elapsed() >= PAUSE) {
            self.moved = Some(Instant::now());
            print_prompt(&format!("\r{}", bar(read, all)));
        }
    }

    /// Makes room for something else.
    pub(super) fn clear(&mut self) {
        if self.moved.take().is_some() {
            print_prompt("\r\u{1b}[K");
        }
    }
}

fn bar(read: u64, all: u64) -> String {
    let all = all.max(read);
    let full = usize::try_from((read * WIDTH).checked_div(all).unwrap_or(0)).unwrap_or(0);
    let rest = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(full);
    format!("[{}{}] {read} of {all}", "#".repeat(full), ".".repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(bar(0, 0), format!("[{}] 0 of 0", ".".repeat(30)));
        assert_eq!(bar(1, 2), format!("[{}{}] 1 of 2", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(5, 2), format!("[{}] 5 of 5", "#".repeat(30)));
    }
}
