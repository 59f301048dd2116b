//! Lanes under any schedule: in order, never two of one lane at a time, never more than the width, none left behind.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn a_delivery_that_rests_keeps_its_lane_and_lets_others_go_on() {
    let mut lanes = Lanes::new(Order::Partition, 1);
    let (zero, one) = (lanes.of(0, None), lanes.of(1, Some(b"k")));
    assert!(lanes.are_clear());
    lanes.begin(zero);
    assert_eq!((lanes.admit(zero), lanes.admit(one)), (Admission::Wait, Admission::Full));
    lanes.rest(zero);
    assert_eq!((lanes.admit(zero), lanes.admit(one)), (Admission::Wait, Admission::Go));
    lanes.wait(zero, 2);
    assert_eq!((lanes.held_up(zero), lanes.next()), (1, None));
    lanes.ready(zero, 1);
    assert_eq!((lanes.held_up(zero), lanes.next()), (0, Some(1)));
    lanes.finish(zero);
    assert_eq!(lanes.next(), Some(2));
    lanes.finish(zero);
    assert!(lanes.are_clear());
}

#[test]
fn keys_share_a_lane_only_where_keys_are_kept_in_order() {
    let keyed = Lanes::new(Order::Key, 8);
    assert_eq!(keyed.of(0, Some(b"a")), keyed.of(1, Some(b"a")));
    assert_ne!(keyed.of(0, Some(b"a")), keyed.of(0, Some(b"b")));
    assert_eq!(keyed.of(0, None), Lane::Own, "without a key there is nothing to keep in order");
    let free = Lanes::new(Order::None, 2);
    assert_eq!(free.of(0, Some(b"a")), Lane::Own);
}

#[test]
fn one_that_failed_after_all_comes_before_those_that_came_after_it() {
    let mut lanes = Lanes::new(Order::Partition, 1);
    let lane = lanes.of(0, None);
    lanes.begin(lane);
    lanes.wait(lane, 7);
    assert!(!lanes.come_back(lane, 3), "the lane is taken");
    assert!(!lanes.come_back(lane, 2));
    let mut order = Vec::new();
    for _ in 0..3 {
        lanes.finish(lane);
        order.extend(lanes.next());
    }
    assert_eq!(order, [2, 3, 7]);
    lanes.finish(lane);
    assert!(lanes.come_back(lane, 1), "the lane is free");
}

/// A delivery as the model knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Waiting,
    Working,
    Resting,
}

/// What the model does next, as far as it is possible.
#[derive(Debug, Clone)]
enum Event {
    Arrive(u32),
    Start,
    Finish(usize),
    Rest(usize),
    Wake(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0u32..4).prop_map(Event::Arrive),
        4 => Just(Event::Start),
        3 => any::<usize>().prop_map(Event::Finish),
        1 => any::<usize>().prop_map(Event::Rest),
        1 => any::<usize>().prop_map(Event::Wake),
    ]
}

/// Lanes beside a model that knows what each delivery does.
struct World {
    lanes: Lanes,
    width: usize,
    deliveries: BTreeMap<u64, (Lane, Standing)>,
    /// The last delivery of each lane that was finished.
    finished: BTreeMap<u32, u64>,
    next: u64,
}

impl World {
    fn of(&self, standing: Standing) -> Vec<u64> {
        self.deliveries.iter().filter(|(_, (_, now))| *now == standing).map(|(number, _)| *number).collect()
    }

    fn set(&mut self, number: u64, standing: Standing) -> Lane {
        let delivery = self.deliveries.get_mut(&number).unwrap();
        delivery.1 = standing;
        delivery.0
    }

    fn work_on(&mut self, number: u64) -> Result<(), TestCaseError> {
        let lane = self.set(number, Standing::Working);
        let before = self.deliveries.range(..number).find(|(_, (other, _))| *other == lane);
        prop_assert!(before.is_none(), "{before:?} of {lane:?} comes before {number}");
        let working = self.of(Standing::Working);
        prop_assert!(working.len() <= self.width);
        let distinct: BTreeSet<_> =
            working.iter().map(|number| format!("{:?}", self.deliveries[number].0)).collect();
        prop_assert_eq!(distinct.len(), working.len(), "two of one lane at a time");
        Ok(())
    }

    fn step(&mut self, event: &Event) -> Result<(), TestCaseError> {
        let pick = |index: &usize, from: Vec<u64>| from.get(index % from.len().max(1)).copied();
        match event {
            Event::Arrive(partition) => {
                let lane = self.lanes.of(*partition, None);
                let admission = self.lanes.admit(lane);
                if admission == Admission::Full {
                    return Ok(());
                }
                let number = self.next;
                self.next += 1;
                self.deliveries.insert(number, (lane, Standing::Waiting));
                if admission == Admission::Go {
                    self.lanes.begin(lane);
                    return self.work_on(number);
                }
                self.lanes.wait(lane, number);
            }
            Event::Start => {
                if let Some(number) = self.lanes.next() {
                    return self.work_on(number);
                }
            }
            Event::Finish(index) => {
                if let Some(number) = pick(index, self.of(Standing::Working)) {
                    let (lane, _) = self.deliveries.remove(&number).unwrap();
                    self.lanes.finish(lane);
                    if let Lane::Partition(partition) = lane {
                        let last = self.finished.insert(partition, number);
                        prop_assert!(last < Some(number), "{number} after {last:?}");
                    }
                }
            }
            Event::Rest(index) => {
                if let Some(number) = pick(index, self.of(Standing::Working)) {
                    let lane = self.set(number, Standing::Resting);
                    self.lanes.rest(lane);
                }
            }
            Event::Wake(index) => {
                if let Some(number) = pick(index, self.of(Standing::Resting)) {
                    let lane = self.set(number, Standing::Waiting);
                    self.lanes.ready(lane, number);
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_delivery_is_worked_on_in_the_order_of_its_lane(
        width in 1usize..5,
        events in vec(event(), 1..200),
    ) {
        let lanes = Lanes::new(Order::Partition, width);
        let mut world =
            World { lanes, width, deliveries: BTreeMap::new(), finished: BTreeMap::new(), next: 0 };
        for event in &events {
            world.step(event)?;
        }
        let most = world.deliveries.len() * 4 + 4;
        for round in 0..most {
            for event in [Event::Wake(round), Event::Start, Event::Finish(round)] {
                world.step(&event)?;
            }
        }
        prop_assert!(world.deliveries.is_empty(), "left behind: {:?}", world.deliveries);
        prop_assert!(world.lanes.are_clear());
    }
}
