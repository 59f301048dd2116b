//! Which letters of a partition are removed: all before an offset, and ranges behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which offsets of a partition are removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// Everything before it is.
    until: i64,
    /// Ranges behind it, from their first to the one behind their last; they neither touch nor overlap.
    ranges: BTreeMap<i64, i64>,
    /// The last letter that was removed, to recognize the partition by.
    last: Option<Seen>,
}

/// A letter that was seen: its offset and when it was written, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) offset: i64,
    pub(super) time: i64,
}

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct Written {
    until: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<(i64, i64)>,
    last: Option<Seen>,
}

impl Removed {
    /// Reads what [`write`](Self::write) has written.
    pub(super) fn read(text: &[u8]) -> serde_json::Result<Self> {
        let Written { until, also, last } = serde_json::from_slice(text)?;
        let mut read = Self { until, ranges: BTreeMap::new(), last };
        for (from, to) in also {
            read.add(from, to);
        }
        Ok(read)
    }

    pub(super) fn write(&self) -> serde_json::Result<Vec<u8>> {
        let also = self.ranges.iter().map(|(from, to)| (*from, *to)).collect();
        serde_json::to_vec(&Written { until: self.until, also, last: self.last })
    }

    /// Everything before it is removed.
    pub(super) const fn until(&self) -> i64 {
        self.until
    }

    /// The last letter that was removed.
    pub(super) const fn last(&self) -> Option<Seen> {
        self.last
    }

    pub(super) fn contains(&self, offset: i64) -> bool {
        offset < self.until || self.ranges.range(..=offset).next_back().is_some_and(|(_, to)| offset < *to)
    }

    /// Removes a letter.
    pub(super) fn remove(&mut self, letter: Seen) {
        self.add(letter.offset, letter.offset.saturating_add(1));
        self.last = self.last.filter(|last| last.offset > letter.offset).or(Some(letter));
    }

    /// Notes that there is nothing from one offset to before another, or nothing that counts.
    pub(super) fn add(&mut self, mut from: i64, mut to: i64) {
        if from >= to {
            return;
        }
        // Takes in what touches it.
        while let Some((start, end)) = self.ranges.range(..=to).next_back().map(|(start, end)| (*start, *end))
            && end >= from
        {
            self.ranges.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        if from <= self.until {
            self.until = self.until.max(to);
        } else {
            self.ranges.insert(from, to);
        }
    }

    /// How many of the offsets from one to before another are not removed.
    pub(super) fn left(&self, from: i64, to: i64) -> u64 {
        let from = from.max(self.until);
        let behind = self.ranges.iter().map(|(start, end)| (*end).min(to) - (*start).max(from));
        let gone: i64 = behind.filter(|count| *count > 0).sum();
        u64::try_from(to - from - gone).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn seen(offset: i64) -> Seen {
        Seen { offset, time: 1000 + offset }
    }

    proptest! {
        #[test]
        fn whatever_is_removed_in_whatever_order_is_contained_and_survives_writing(
            offsets in prop::collection::vec(0i64..40, 0..60),
            gaps in prop::collection::vec((0i64..40, 0i64..5), 0..6),
        ) {
            let (mut removed, mut all) = (Removed::default(), BTreeSet::new());
            for offset in offsets {
                removed.remove(seen(offset));
                all.insert(offset);
            }
            for (from, length) in gaps {
                removed.add(from, from + length);
                all.extend(from..from + length);
            }
            let read = Removed::read(&removed.write().unwrap()).unwrap();
            prop_assert_eq!(&read, &removed);
            for offset in 0..50 {
                prop_assert_eq!(removed.contains(offset), all.contains(&offset), "{}", offset);
            }
            let first = (0..).find(|offset| !all.contains(offset)).unwrap();
            prop_assert_eq!(removed.until(), first);
            for (from, to) in [(0, 50), (7, 31), (20, 20)] {
                let left = (from..to).filter(|offset| !all.contains(offset)).count() as u64;
                prop_assert_eq!(removed.left(from, to), left);
            }
            let ends: Vec<_> = removed.ranges.iter().collect();
            prop_assert!(ends.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", ends);
        }
    }

    #[test]
    fn the_last_letter_is_the_one_with_the_highest_offset() {
        let mut removed = Removed::default();
        for offset in [3, 9, 5] {
            removed.remove(seen(offset));
        }
        assert_eq!(removed.last(), Some(seen(9)));
    }
}
