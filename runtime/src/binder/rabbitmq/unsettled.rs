//! Which deliveries of a channel are not settled yet, and which settlements to tell the broker now.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::binder::Settlement;

/// How many entries there may be before it is looked whether one of them holds all others up.
const LONG: usize = 1024;
/// It does when no more than one of so many is not settled.
const SPARSE: usize = 4;

/// The deliveries of one channel, in order. Acknowledgements are told together, up to the last that has no unsettled
/// one before it; a lone one is told at once. Deliveries that are parts of one message share its tag, and the broker
/// hears of it when all of them are settled, or one is not acknowledged.
///
/// One that stays unsettled for long is set aside, so that those behind it need not be kept. As long as there are such,
/// acknowledgements are told one by one.
pub(super) struct Unsettled {
    /// The number of the first entry.
    first: u64,
    entries: VecDeque<Entry>,
    /// Entries from before the first, by their numbers.
    aside: BTreeMap<u64, Entry>,
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

impl Entry {
    const fn tag(self) -> Option<u64> {
        match self {
            Self::Open(tag) | Self::Acknowledged(tag) => Some(tag),
            Self::Told => None,
        }
    }
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
        Self { first: 0, entries: VecDeque::new(), aside: BTreeMap::new(), open: 0, waiting: 0, patience }
    }

    /// How many are not settled.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    /// How many the broker knows nothing of yet.
    pub(super) const fn untold(&self) -> usize {
        self.open + self.waiting
    }

    /// Whether a delivery is to be settled.
    pub(super) fn awaits(&self, number: u64) -> bool {
        let entry = match self.index(number) {
            Some(index) => self.entries.get(index),
            None => self.aside.get(&number),
        };
        matches!(entry, Some(Entry::Open(_)))
    }

    /// Notes a delivery; its number settles it.
    pub(super) fn add(&mut self, tag: u64) -> u64 {
        self.entries.push_back(Entry::Open(tag));
        self.open += 1;
        self.first + self.entries.len() as u64 - 1
    }

    /// Makes so many deliveries of the last one; tells the numbers of those that are new.
    pub(super) fn divide(&mut self, number: u64, count: usize) -> Range<u64> {
        let tag = self.entries.back().and_then(|entry| entry.tag());
        for _ in 1..count {
            self.entries.extend(tag.map(Entry::Open));
        }
        self.open += tag.map_or(0, |_| count.saturating_sub(1));
        number + 1..self.first + self.entries.len() as u64
    }

    /// Settles a delivery. One of a channel that is gone is not known any more: the broker delivers it again.
    pub(super) fn settle(&mut self, number: u64, settlement: Settlement) -> Option<Notice> {
        let Some(index) = self.index(number) else { return self.settle_aside(number, settlement) };
        let entry = self.entries.get_mut(index)?;
        let Entry::Open(tag) = *entry else { return None };
        match settlement {
            Settlement::Ack => {
                *entry = Entry::Acknowledged(tag);
                self.open -= 1;
                self.waiting += 1;
                if !self.aside.is_empty() {
                    return self.alone(index, tag);
                }
                if self.open == 0 || self.waiting >= self.patience { self.prefix() } else { None }
            }
            Settlement::Requeue => {
                self.tell(self.parts(index));
                Some(Notice::Requeue(tag))
            }
            Settlement::Reject => {
                self.tell(self.parts(index));
                Some(Notice::Reject(tag))
            }
        }
    }

    /// Where an entry is that was not set aside.
    fn index(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok())
    }

    /// Tells of one message that is acknowledged, unless a part of it is open.
    fn alone(&mut self, index: usize, tag: u64) -> Option<Notice> {
        let parts = self.parts(index);
        if self.is_open(parts.clone()) {
            return None;
        }
        self.tell(parts);
        self.forget_told();
        Some(Notice::Ack { tag, multiple: false })
    }

    fn settle_aside(&mut self, number: u64, settlement: Settlement) -> Option<Notice> {
        let entry = self.aside.get_mut(&number)?;
        let Entry::Open(tag) = *entry else { return None };
        let notice = match settlement {
            Settlement::Ack => {
                *entry = Entry::Acknowledged(tag);
                self.open -= 1;
                self.waiting += 1;
                if self.aside.values().any(|entry| *entry == Entry::Open(tag)) {
                    return None;
                }
                Notice::Ack { tag, multiple: false }
            }
            Settlement::Requeue => Notice::Requeue(tag),
            Settlement::Reject => Notice::Reject(tag),
        };
        let told = self.aside.extract_if(.., |_, entry| entry.tag() == Some(tag));
        for (_, entry) in told {
            match entry {
                Entry::Open(_) => self.open -= 1,
                Entry::Acknowledged(_) => self.waiting -= 1,
                Entry::Told => {}
            }
        }
        Some(notice)
    }

    /// Sets those aside at the front that hold up all the others.
    fn set_aside(&mut self) {
        while self.entries.len() > LONG && self.entries.len() > SPARSE * self.untold() {
            let parts = self.parts(0);
            for (number, entry) in (self.first..).zip(self.entries.drain(parts)) {
                self.first += 1;
                self.aside.insert(number, entry);
            }
            self.forget_told();
        }
    }

    /// Forgets what the broker was told of and nothing lies before.
    fn forget_told(&mut self) {
        while self.entries.front() == Some(&Entry::Told) {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    /// Everything that waits to be told.
    pub(super) fn flush(&mut self) -> Vec<Notice> {
        if self.waiting == 0 && self.entries.len() <= LONG {
            return Vec::new();
        }
        let mut notices: Vec<_> = self.prefix().into_iter().collect();
        let mut at = 0;
        while let Some(entry) = self.entries.get(at) {
            let parts = self.parts(at);
            at = parts.end;
            if let Entry::Acknowledged(tag) = *entry
                && !self.is_open(parts.clone())
            {
                notices.push(Notice::Ack { tag, multiple: false });
                self.tell(parts);
            }
        }
        self.forget_told();
        self.set_aside();
        notices
    }

    /// The deliveries that are parts of the same message; of one that the broker has heard of, it alone.
    fn parts(&self, index: usize) -> Range<usize> {
        let Some(tag) = self.entries.get(index).and_then(|entry| entry.tag()) else {
            return index..index + 1;
        };
        let same = |at: &usize| self.entries.get(*at).is_some_and(|entry| entry.tag() == Some(tag));
        let before = (0..index).rev().take_while(same).count();
        let behind = (index + 1..self.entries.len()).take_while(same).count();
        index - before..index + 1 + behind
    }

    fn is_open(&self, parts: Range<usize>) -> bool {
        self.entries.range(parts).any(|entry| matches!(entry, Entry::Open(_)))
    }

    /// Notes that the broker is told of these.
    fn tell(&mut self, parts: Range<usize>) {
        for entry in self.entries.range_mut(parts) {
            match std::mem::replace(entry, Entry::Told) {
                Entry::Open(_) => self.open -= 1,
                Entry::Acknowledged(_) => self.waiting -= 1,
                Entry::Told => {}
            }
        }
    }

    /// Forgets everything: the channel is gone.
    pub(super) fn forget(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
        self.aside.clear();
        self.open = 0;
        self.waiting = 0;
    }

    /// Tells of all that has no unsettled one before it, which nothing that was set aside is.
    fn prefix(&mut self) -> Option<Notice> {
        let (mut last, mut count) = (None, 0);
        while !self.entries.is_empty() {
            let parts = self.parts(0);
            if self.is_open(parts.clone()) {
                break;
            }
            if let Some(tag) = self.entries[0].tag() {
                last = Some(tag);
                count += 1;
            }
            self.tell(parts.clone());
            self.first += parts.len() as u64;
            self.entries.drain(parts);
        }
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

    #[test]
    fn tells_of_a_message_when_all_its_parts_are_settled() {
        let mut unsettled = Unsettled::new(2);
        let first = unsettled.add(1);
        let more: Vec<_> = unsettled.divide(first, 3).collect();
        assert_eq!((more.as_slice(), unsettled.open()), ([first + 1, first + 2].as_slice(), 3));
        let next = unsettled.add(2);
        assert_eq!(unsettled.settle(more[1], Settlement::Ack), None);
        assert_eq!(unsettled.settle(first, Settlement::Ack), None, "one part is open");
        assert_eq!(unsettled.settle(next, Settlement::Ack), None);
        assert_eq!(unsettled.flush(), [ack(2, false)]);
        assert_eq!(unsettled.settle(more[0], Settlement::Ack), Some(ack(1, false)));
        assert_eq!((unsettled.open(), unsettled.untold()), (0, 0));
    }

    #[test]
    fn a_message_comes_again_as_a_whole_when_one_of_its_parts_does() {
        let mut unsettled = Unsettled::new(64);
        let first = unsettled.add(1);
        let more: Vec<_> = unsettled.divide(first, 3).collect();
        assert_eq!(unsettled.settle(first, Settlement::Ack), None);
        assert_eq!(unsettled.settle(more[0], Settlement::Requeue), Some(Notice::Requeue(1)));
        assert_eq!(unsettled.settle(more[1], Settlement::Ack), None, "the broker has it back");
        assert_eq!((unsettled.untold(), unsettled.flush()), (0, Vec::new()));
    }

    #[test]
    fn what_stays_unsettled_for_long_does_not_make_the_others_be_kept() {
        let mut unsettled = Unsettled::new(64);
        let slow = unsettled.add(0);
        let parts: Vec<_> = unsettled.divide(slow, 2).collect();
        let mut told = Vec::new();
        for tag in 1..100_000 {
            let number = unsettled.add(tag);
            let settlement = if tag % 3 == 0 { Settlement::Reject } else { Settlement::Ack };
            told.extend(unsettled.settle(number, settlement));
            if tag % 250 == 0 {
                told.extend(unsettled.flush());
            }
            assert!(unsettled.entries.len() <= LONG + 250, "{} are kept", unsettled.entries.len());
        }
        told.extend(unsettled.flush());
        let known = |notice: &Notice| match *notice {
            Notice::Ack { tag, multiple: false } | Notice::Reject(tag) => Some(tag),
            _ => None,
        };
        let mut tags: Vec<_> = told.iter().map(|notice| known(notice).expect("one by one")).collect();
        tags.sort_unstable();
        assert!(tags.into_iter().eq(1..100_000), "each is told once");
        assert_eq!((unsettled.open(), unsettled.untold()), (2, 2));
        assert!(unsettled.awaits(slow) && unsettled.awaits(parts[0]));
        assert_eq!(unsettled.settle(slow, Settlement::Ack), None, "one part is open");
        assert_eq!(unsettled.settle(parts[0], Settlement::Ack), Some(ack(0, false)));
        assert_eq!((unsettled.open(), unsettled.untold()), (0, 0));
        let [one, other] = [100_000, 100_001].map(|tag| unsettled.add(tag));
        assert_eq!(unsettled.settle(one, Settlement::Ack), None);
        assert_eq!(unsettled.settle(other, Settlement::Ack), Some(ack(100_001, true)), "together again");
    }

    #[test]
    fn what_was_set_aside_is_given_back_as_a_whole_and_forgotten_with_its_channel() {
        let mut unsettled = Unsettled::new(1);
        let slow = unsettled.add(7);
        let other = unsettled.divide(slow, 2).start;
        let lost = unsettled.add(8);
        for tag in 9..3000 {
            let number = unsettled.add(tag);
            unsettled.settle(number, Settlement::Ack);
        }
        unsettled.flush();
        assert_eq!(unsettled.settle(other, Settlement::Ack), None);
        assert_eq!(unsettled.settle(slow, Settlement::Requeue), Some(Notice::Requeue(7)));
        assert_eq!(unsettled.settle(other, Settlement::Requeue), None);
        assert_eq!((unsettled.open(), unsettled.untold()), (1, 1));
        unsettled.forget();
        assert!(!unsettled.awaits(lost));
        assert_eq!((unsettled.settle(lost, Settlement::Ack), unsettled.open()), (None, 0));
    }
}
