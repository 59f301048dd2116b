//! Whatever senders and members of groups do, in whatever order: every message reaches every group, a settled one
//! never comes again, partitions stay in order, and whoever can go on is woken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wellspring_functions::{ContentType, Message};

use super::*;
use crate::binder::{Confirmation, Delivery, Outgoing, Settlement, Ticket};

const GROUPS: [&str; 2] = ["a", "b"];

/// What may happen. Indexes choose among what is there.
#[derive(Debug, Clone)]
enum Action {
    Send { key: Option<u8> },
    Join { group: usize },
    Receive { member: Index, max: usize },
    Settle { member: Index, delivery: Index, settlement: Settlement, flush: bool },
    Leave { member: Index },
}

fn action() -> impl Strategy<Value = Action> {
    let settlement = prop_oneof![3 => Just(Settlement::Ack), 1 => Just(Settlement::Requeue), 1 => Just(Settlement::Reject)];
    prop_oneof![
        6 => proptest::option::of(0u8..4).prop_map(|key| Action::Send { key }),
        1 => (0..GROUPS.len()).prop_map(|group| Action::Join { group }),
        5 => (any::<Index>(), 1usize..5).prop_map(|(member, max)| Action::Receive { member, max }),
        6 => (any::<Index>(), any::<Index>(), settlement, any::<bool>()).prop_map(
            |(member, delivery, settlement, flush)| Action::Settle { member, delivery, settlement, flush }
        ),
        1 => any::<Index>().prop_map(|member| Action::Leave { member }),
    ]
}

/// Notes whether it was woken since it last waited.
#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Member {
    group: usize,
    input: Box<dyn Input>,
    held: Vec<(Ticket, u32)>,
    alarm: Arc<Alarm>,
    /// It has asked, got nothing, and done nothing since.
    waits: bool,
}

/// What a group knows of one message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Queued,
    InFlight(usize),
    Settled,
}

struct Known {
    stage: Stage,
    place: Option<(u32, u64)>,
    deliveries: u32,
}

/// The binder, and what must be true of it.
struct World {
    memory: Memory,
    partitions: u32,
    output: Box<dyn Output>,
    sender: Arc<Alarm>,
    sender_waits: bool,
    sent: u32,
    confirmed: Vec<Confirmation>,
    members: Vec<Option<Member>>,
    groups: [BTreeMap<u32, Known>; 2],
}

impl World {
    fn new(capacity: usize, partitions: u32) -> Self {
        let memory = Memory::new(Config { capacity, partitions });
        let spec = OutputSpec {
            binding: "out".to_owned(),
            destination: "d".to_owned(),
            partition_count: 1,
            required_groups: GROUPS.map(str::to_owned).to_vec(),
        };
        let output = memory.bind_output(spec).now_or_never().unwrap().unwrap();
        Self {
            memory,
            partitions,
            output,
            sender: Arc::default(),
            sender_waits: false,
            sent: 0,
            confirmed: Vec::new(),
            members: Vec::new(),
            groups: Default::default(),
        }
    }

    fn apply(&mut self, action: &Action) {
        match action {
            Action::Send { key } => self.send(*key),
            Action::Join { group } => self.join(*group),
            Action::Receive { member, max } => {
                self.pick(*member).into_iter().for_each(|member| {
                    self.receive(member, *max);
                });
            }
            Action::Settle { member, delivery, settlement, flush } => {
                if let Some(member) = self.pick(*member) {
                    self.settle(member, *delivery, *settlement, *flush);
                }
            }
            Action::Leave { member } => self.pick(*member).into_iter().for_each(|member| self.leave(member)),
        }
        self.nobody_sleeps_who_can_go_on();
    }

    /// A member that is there.
    fn pick(&self, index: Index) -> Option<usize> {
        let there: Vec<_> = (0..self.members.len()).filter(|i| self.members[*i].is_some()).collect();
        (!there.is_empty()).then(|| *index.get(&there))
    }

    fn send(&mut self, key: Option<u8>) {
        let waker = Waker::from(Arc::clone(&self.sender));
        if self.output.poll_ready(&mut Context::from_waker(&waker)).is_pending() {
            return;
        }
        let message = Message::encoded(self.sent.to_string(), ContentType::JSON);
        let key = key.map(|key| vec![key].into());
        self.output.send(Outgoing { message, key, partition: None }, u64::from(self.sent));
        for group in &mut self.groups {
            group.insert(self.sent, Known { stage: Stage::Queued, place: None, deliveries: 0 });
        }
        self.sent += 1;
        self.confirm();
    }

    fn confirm(&mut self) {
        let waker = Waker::from(Arc::clone(&self.sender));
        self.sender.0.store(false, Ordering::Relaxed);
        let mut cx = Context::from_waker(&waker);
        while self.output.poll_confirmed(&mut cx, &mut self.confirmed).is_ready() {}
        self.sender_waits = self.confirmed.len() < self.sent as usize;
    }

    fn join(&mut self, group: usize) {
        let spec = InputSpec {
            binding: "in".to_owned(),
            destinations: vec!["d".to_owned()],
            group: Some(GROUPS[group].to_owned()),
            max_in_flight: 6,
            sharing: Default::default(),
        };
        let input = self.memory.bind_input(spec).now_or_never().unwrap().unwrap();
        let member = Member { group, input, held: Vec::new(), alarm: Arc::default(), waits: false };
        self.members.push(Some(member));
    }

    /// Receives and checks everything that is delivered; tells how much that was.
    fn receive(&mut self, index: usize, max: usize) -> usize {
        let Some(member) = &mut self.members[index] else { return 0 };
        let waker = Waker::from(Arc::clone(&member.alarm));
        member.alarm.0.store(false, Ordering::Relaxed);
        let mut batch = Vec::new();
        let polled = member.input.poll_receive(&mut Context::from_waker(&waker), &mut batch, max);
        assert_eq!(polled.is_pending(), batch.is_empty());
        member.waits = batch.is_empty() && member.held.len() < 6;
        assert!(batch.len() <= max && member.held.len() + batch.len() <= 6, "more than was asked for");
        let count = batch.len();
        batch.into_iter().for_each(|delivery| self.note(index, delivery));
        count
    }

    fn note(&mut self, index: usize, delivery: Delivery) {
        let number: u32 = std::str::from_utf8(delivery.message.bytes()).unwrap().parse().unwrap();
        let Some(member) = &mut self.members[index] else { return };
        let known = &mut self.groups[member.group];
        let place = (delivery.partition, delivery.position);
        let message = known.get_mut(&number).expect("only what was sent is delivered");
        assert_eq!(message.stage, Stage::Queued, "message {number} was settled or is with another member");
        assert!(message.place.is_none_or(|known| known == place), "a message keeps its place");
        message.place = Some(place);
        message.deliveries += 1;
        message.stage = Stage::InFlight(index);
        assert_eq!(delivery.attempt, message.deliveries);
        member.held.push((delivery.ticket, number));
        if self.partitions > 1 {
            for (other, earlier) in known.iter() {
                let Some((partition, position)) = earlier.place else { continue };
                if partition != place.0 || *other == number {
                    continue;
                }
                let overtaken = earlier.stage == Stage::Queued && position < place.1;
                assert!(!overtaken, "message {number} overtook {other}, which waits in the same partition");
                let elsewhere = matches!(earlier.stage, Stage::InFlight(holder) if holder != index);
                assert!(!elsewhere, "two members have messages of one partition");
            }
        }
    }

    fn settle(&mut self, index: usize, which: Index, settlement: Settlement, flush: bool) {
        let Some(member) = &mut self.members[index] else { return };
        if member.held.is_empty() {
            return;
        }
        let (ticket, number) = member.held.swap_remove(which.index(member.held.len()));
        member.waits = false;
        member.input.settle(ticket, settlement);
        if flush {
            let flushed = member.input.poll_flush(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(flushed, Poll::Ready(Ok(()))));
        }
        if let Some(message) = self.groups[member.group].get_mut(&number) {
            message.stage = match settlement {
                Settlement::Ack | Settlement::Reject => Stage::Settled,
                Settlement::Requeue => Stage::Queued,
            };
        }
    }

    fn leave(&mut self, index: usize) {
        let Some(member) = self.members[index].take() else { return };
        for message in self.groups[member.group].values_mut() {
            if message.stage == Stage::InFlight(index) {
                message.stage = Stage::Queued;
            }
        }
        member.input.close().now_or_never().unwrap().unwrap();
    }

    /// Asks everybody who waits and was not woken again: there must be nothing for them.
    fn nobody_sleeps_who_can_go_on(&mut self) {
        if self.sender_waits && !self.sender.0.load(Ordering::Relaxed) {
            let before = self.confirmed.len();
            self.confirm();
            assert_eq!(self.confirmed.len(), before, "the sender could go on and was not woken");
        }
        for index in 0..self.members.len() {
            let Some(member) = &self.members[index] else { continue };
            if member.waits && !member.alarm.0.load(Ordering::Relaxed) {
                assert_eq!(self.receive(index, 1), 0, "member {index} could go on and was not woken");
            }
        }
    }

    /// Everybody leaves; one member per group reads what is left.
    fn finish(mut self) {
        (0..self.members.len()).for_each(|index| self.leave(index));
        for group in 0..GROUPS.len() {
            self.join(group);
        }
        let last = self.members.len() - GROUPS.len();
        loop {
            self.confirm();
            let mut received = 0;
            for index in last..self.members.len() {
                received += self.receive(index, 100);
                while self.members[index].as_ref().is_some_and(|member| !member.held.is_empty()) {
                    let first = self.members[index].as_mut().map(|member| member.held.remove(0));
                    if let (Some((ticket, number)), Some(member)) = (first, &mut self.members[index]) {
                        member.input.settle(ticket, Settlement::Ack);
                        let message = self.groups[member.group].get_mut(&number);
                        message.expect("known").stage = Stage::Settled;
                    }
                }
            }
            if received == 0 && self.confirmed.len() == self.sent as usize {
                break;
            }
        }
        assert!(self.confirmed.iter().all(|confirmation| confirmation.result.is_ok()));
        for (group, known) in GROUPS.iter().zip(&self.groups) {
            for (number, message) in known {
                assert_eq!(message.stage, Stage::Settled, "message {number} never reached group {group}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_message_reaches_every_group_in_order_whatever_happens(
        capacity in 1usize..8,
        partitions in 1u32..4,
        actions in vec(action(), 1..120),
    ) {
        let mut world = World::new(capacity, partitions);
        actions.iter().for_each(|action| world.apply(action));
        world.finish();
    }
}
