//! Which deliveries of a channel are not settled yet, and which settlements to tell the broker now.

use std::collections::VecDeque;

use crate::binder::Settlement;

/// The deliveries of one channel, in order. Acknowledgements are told together, up to the last that has no unsettled
/// one before it; a lone one is told at once.
pub(super) struct Unsettled {
    /// The number of the first entry.
    first: u64,
    entries: VecDeque<Entry>,
    open: usize,
    /// Acknowledged and not told.
    waiting: usize,
    /// How many may wait.
    patience: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Open(u64),
    Acknowledged(u64),
    Told,
}

/// What to tell the broker about a delivery tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    Ack {
        tag: u64,
        /// All up to this one.
        multiple: bool,
    },
    Requeue(u64),
    Reject(u64),
}

impl Unsettled {
    pub(super) const fn new(patience: usize) -> Self {
        Self { first: 0, entries: VecDeque::new(), open: 0, waiting: 0, patience }
    }

    /// How many are not settled.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// How many the broker knows nothing of yet.
    pub(super) const fn untold(&self) -> usize {
        self.open + self.waiting
    }

    /// Notes a delivery; its number settles it.
    pub(super) fn add(&mut self, tag: u64) -> u64 {
        self.entries.push_back(Entry::Open(tag));
        self.open += 1;
        self.first + self.entries.len() as u64 - 1
    }

    /// Settles a delivery. One of a channel that is gone is not known any more: the broker delivers it again.
    pub(super) fn settle(&mut self, number: u64, settlement: Settlement) -> Option<Notice> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get_mut(index)?;
        let Entry::Open(tag) = *entry else { return None };
        self.open -= 1;
        match settlement {
            Settlement::Ack => {
                *entry = Entry::Acknowledged(tag);
                self.waiting += 1;
                if self.open == 0 || self.waiting >= self.patience { self.prefix() } else { None }
            }
            Settlement::Requeue => {
                *entry = Entry::Told;
                Some(Notice::Requeue(tag))
            }
            Settlement::Reject => {
                *entry = Entry::Told;
                Some(Notice::Reject(tag))
            }
        }
    }

    /// Everything that waits to be told.
    pub(super) fn flush(&mut self) -> Vec<Notice> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let mut notices: Vec<_> = self.prefix().into_iter().collect();
        for entry in &mut self.entries {
            if let Entry::Acknowledged(tag) = *entry {
                notices.push(Notice::Ack { tag, multiple: false });
                *entry = Entry::Told;
            }
        }
        self.waiting = 0;
        notices
    }

    /// Forgets everything: the channel is gone.
    pub(super) fn forget(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
        self.open = 0;
        self.waiting = 0;
    }

    fn prefix(&mut self) -> Option<Notice> {
        let (mut last, mut count) = (None, 0);
        while let Some(entry) = self.entries.front() {
            match *entry {
                Entry::Open(_) => break,
                Entry::Acknowledged(tag) => {
                    last = Some(tag);
                    count += 1;
                }
                Entry::Told => {}
            }
            self.entries.pop_front();
            self.first += 1;
        }
        self.waiting -= count;
        last.map(|tag| Notice::Ack { tag, multiple: count > 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(tag: u64, multiple: bool) -> Notice {
        Notice::Ack { tag, multiple }
    }

    #[test]
    fn tells_a_lone_one_at_once_and_many_together() {
        let mut unsettled = Unsettled::new(64);
        let one = unsettled.add(1);
        assert_eq!(unsettled.settle(one, Settlement::Ack), Some(ack(1, false)));
        let numbers: Vec<_> = (2..5).map(|tag| unsettled.add(tag)).collect();
        assert_eq!(unsettled.settle(numbers[0], Settlement::Ack), None);
        assert_eq!(unsettled.settle(numbers[1], Settlement::Ack), None);
        assert_eq!(unsettled.settle(numbers[2], Settlement::Ack), Some(ack(4, true)));
    }

    #[test]
    fn never_tells_past_an_unsettled_one_unless_one_by_one() {
        let mut unsettled = Unsettled::new(2);
        let numbers: Vec<_> = (1..5).map(|tag| unsettled.add(tag)).collect();
        assert_eq!(unsettled.settle(numbers[2], Settlement::Ack), None);
        assert_eq!(unsettled.settle(numbers[3], Settlement::Ack), None);
        assert_eq!(unsettled.settle(numbers[1], Settlement::Requeue), Some(Notice::Requeue(2)));
        assert_eq!(unsettled.flush(), [ack(3, false), ack(4, false)]);
        assert_eq!(unsettled.settle(numbers[0], Settlement::Ack), Some(ack(1, false)));
        assert_eq!(unsettled.open(), 0);
    }

    #[test]
    fn does_not_know_the_deliveries_of_a_channel_that_is_gone() {
        let mut unsettled = Unsettled::new(64);
        let old = unsettled.add(1);
        unsettled.forget();
        let new = unsettled.add(1);
        assert_eq!(unsettled.settle(old, Settlement::Ack), None);
        assert_eq!(unsettled.settle(new, Settlement::Reject), Some(Notice::Reject(1)));
    }
}
