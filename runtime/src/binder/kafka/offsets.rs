//! The open offsets of one partition and the position up to which all of them are settled. Pure bookkeeping.

use std::collections::VecDeque;

/// What is known of one record that was delivered.
#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: i64,
    attempt: u32,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Settled,
    /// To be delivered again as soon as the broker sends it again.
    Returned,
}

/// The records of a partition from the first that is not settled on.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    entries: VecDeque<Entry>,
    /// The sequence number of the first entry.
    first: u64,
    /// The lowest offset that was never delivered.
    next: i64,
    /// The position to commit, once anything is settled.
    watermark: Option<i64>,
    /// How many records are to be delivered again.
    returned: usize,
}

impl Offsets {
    /// A record arrives. Returns the sequence number and the attempt with which to deliver it; nothing if it was
    /// delivered before and not returned.
    pub(super) fn arrived(&mut self, offset: i64) -> Option<(u64, u32)> {
        if offset >= self.next {
            self.forget_vanished(offset);
            self.next = offset + 1;
            self.entries.push_back(Entry { offset, attempt: 1, stage: Stage::Open });
            return Some((self.first + self.entries.len() as u64 - 1, 1));
        }
        self.forget_vanished(offset);
        let at = self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        let entry = self.entries.get_mut(at)?;
        if entry.stage != Stage::Returned {
            return None;
        }
        entry.stage = Stage::Open;
        entry.attempt += 1;
        self.returned -= 1;
        Some((self.first + at as u64, entry.attempt))
    }

    /// Records come in order: one that was given back and lies before the record that comes now is not on the broker
    /// any more.
    fn forget_vanished(&mut self, arrived: i64) {
        if self.returned == 0 {
            return;
        }
        for entry in self.entries.iter_mut().take_while(|entry| entry.offset < arrived) {
            if entry.stage == Stage::Returned {
                entry.stage = Stage::Settled;
                self.returned -= 1;
            }
        }
        self.advance();
    }

    /// Settles a record. Tells the new position to commit, if it has moved.
    pub(super) fn settle(&mut self, sequence: u64) -> Option<i64> {
        let entry = self.entry(sequence)?;
        if entry.stage != Stage::Open {
            return None;
        }
        entry.stage = Stage::Settled;
        self.advance()
    }

    /// Gives a record back. Tells the offset from which the partition has to be read again.
    pub(super) fn give_back(&mut self, sequence: u64) -> Option<i64> {
        let entry = self.entry(sequence)?;
        if entry.stage != Stage::Open {
            return None;
        }
        entry.stage = Stage::Returned;
        self.returned += 1;
        self.entries.iter().find(|entry| entry.stage == Stage::Returned).map(|entry| entry.offset)
    }

    /// Forgets what was delivered from a position on: all of it comes again.
    pub(super) fn rewind(&mut self, position: i64) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
        self.next = position;
        self.watermark = None;
        self.returned = 0;
    }

    /// The position to commit: everything before it is settled.
    #[cfg(test)]
    const fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    fn entry(&mut self, sequence: u64) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(sequence.checked_sub(self.first)?).ok()?)
    }

    fn advance(&mut self) -> Option<i64> {
        let before = self.first;
        while let Some(Entry { stage: Stage::Settled, offset, .. }) = self.entries.front() {
            self.watermark = Some(offset + 1);
            self.entries.pop_front();
            self.first += 1;
        }
        if self.first > before { self.watermark } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_the_end_of_the_settled_prefix() {
        let mut offsets = Offsets::default();
        let sequences: Vec<_> =
            [5, 6, 9].into_iter().map(|offset| offsets.arrived(offset).unwrap().0).collect();
        assert_eq!(offsets.settle(sequences[1]), None);
        assert_eq!(offsets.settle(sequences[0]), Some(7));
        assert_eq!(offsets.settle(sequences[0]), None, "a record settles once");
        assert_eq!(offsets.settle(sequences[2]), Some(10));
        assert_eq!(offsets.watermark(), Some(10));
    }

    #[test]
    fn a_record_given_back_is_delivered_again_and_those_around_it_are_not() {
        let mut offsets = Offsets::default();
        let [zero, one, two] = [0, 1, 2].map(|offset| offsets.arrived(offset).unwrap().0);
        assert_eq!(offsets.give_back(one), Some(1));
        assert_eq!(offsets.settle(zero), Some(1));
        assert_eq!(offsets.arrived(1), Some((one, 2)));
        assert_eq!(offsets.arrived(2), None, "it is still open");
        assert_eq!(offsets.arrived(3).map(|(_, attempt)| attempt), Some(1));
        assert_eq!(offsets.settle(two), None);
        assert_eq!(offsets.settle(one), Some(3));
    }

    #[test]
    fn the_lowest_record_given_back_decides_where_to_read_again() {
        let mut offsets = Offsets::default();
        let [_, one, two] = [0, 1, 2].map(|offset| offsets.arrived(offset).unwrap().0);
        assert_eq!(offsets.give_back(two), Some(2));
        assert_eq!(offsets.give_back(one), Some(1));
        assert_eq!(offsets.arrived(1), Some((one, 2)));
        assert_eq!(offsets.arrived(2), Some((two, 2)));
    }

    #[test]
    fn a_record_given_back_that_the_broker_no_longer_has_holds_nothing_up() {
        let mut offsets = Offsets::default();
        let [zero, one] = [0, 1].map(|offset| offsets.arrived(offset).unwrap().0);
        offsets.give_back(zero);
        offsets.settle(one);
        let (next, _) = offsets.arrived(7).unwrap();
        assert_eq!(offsets.settle(next), Some(8));
    }

    proptest::proptest! {
        /// Whatever is settled in whatever order, the position never passes an open record and ends behind the last.
        #[test]
        fn the_position_never_passes_an_open_record(order in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 1..60)) {
            let mut offsets = Offsets::default();
            let mut open: Vec<(u64, i64)> = (0..order.len() as i64)
                .map(|n| (offsets.arrived(n * 2).unwrap().0, n * 2))
                .collect();
            let last = open.last().unwrap().1;
            for pick in &order {
                let (sequence, _) = open.swap_remove(pick.index(open.len()));
                offsets.settle(sequence);
                if let (Some(position), Some(lowest)) = (offsets.watermark(), open.iter().map(|(_, o)| *o).min()) {
                    proptest::prop_assert!(position <= lowest);
                }
            }
            proptest::prop_assert_eq!(offsets.watermark(), Some(last + 1));
        }
    }
}
