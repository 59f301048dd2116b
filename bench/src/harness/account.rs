//! What became of the messages: at least once is checked, not believed.

use std::collections::HashSet;

/// What is known after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Outputs that came more than once.
    pub twice: usize,
    /// Inputs that the broker holds as done without their output being there.
    pub lost: usize,
    /// Outputs of no input.
    pub strange: usize,
}

impl Account {
    /// Compares the numbers that came out with those that went in and those of them that are still to be done.
    #[must_use]
    pub fn of(went_in: impl Iterator<Item = u64>, came_out: &[u64], to_be_done: &[u64]) -> Self {
        let out: HashSet<_> = came_out.iter().copied().collect();
        let open: HashSet<_> = to_be_done.iter().copied().collect();
        let (mut known, mut lost) = (0, 0);
        for number in went_in {
            match out.contains(&number) {
                true => known += 1,
                false => lost += usize::from(!open.contains(&number)),
            }
        }
        Self { twice: came_out.len() - out.len(), lost, strange: out.len() - known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_lost_and_what_came_twice() {
        let account = Account::of(0..6, &[0, 1, 1, 3, 9], &[3, 4]);
        assert_eq!(account, Account { twice: 1, lost: 2, strange: 1 });
    }

    #[test]
    fn is_content_when_what_is_not_out_is_still_to_be_done() {
        let account = Account::of(0..4, &[1, 0], &[1, 2, 3]);
        assert_eq!(account, Account { twice: 0, lost: 0, strange: 0 });
    }
}
