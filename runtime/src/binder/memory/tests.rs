//! Groups, order, redelivery and bounds of the memory binder.

use std::future::poll_fn;

use futures_util::FutureExt;
use wellspring_functions::{ContentType, Message};

use super::*;
use crate::binder::{Delivery, Outgoing, Settlement, Sharing};

fn memory(capacity: usize, partitions: u32) -> Memory {
    Memory::new(Config { capacity, partitions })
}

fn input_of(memory: &Memory, group: Option<&str>, max_in_flight: usize) -> Box<dyn Input> {
    input_sharing(memory, group, max_in_flight, Sharing::default())
}

fn input_sharing(
    memory: &Memory,
    group: Option<&str>,
    max_in_flight: usize,
    sharing: Sharing,
) -> Box<dyn Input> {
    let spec = InputSpec {
        binding: "test-in-0".to_owned(),
        destinations: vec!["orders".to_owned()],
        group: group.map(str::to_owned),
        max_in_flight,
        sharing,
    };
    memory.bind_input(spec).now_or_never().unwrap().unwrap()
}

fn output_of(memory: &Memory) -> Box<dyn Output> {
    let spec = OutputSpec {
        binding: "test-out-0".to_owned(),
        destination: "orders".to_owned(),
        partition_count: 1,
        required_groups: Vec::new(),
    };
    memory.bind_output(spec).now_or_never().unwrap().unwrap()
}

fn outgoing(n: u32, key: Option<&str>) -> Outgoing {
    let message = Message::encoded(n.to_string(), ContentType::JSON);
    Outgoing { message, key: key.map(|key| key.to_owned().into()), partition: None }
}

/// Sends a number and tells whether it was confirmed at once.
fn send(output: &mut dyn Output, n: u32, key: Option<&str>) -> Option<Result<(), Error>> {
    poll_fn(|cx| output.poll_ready(cx)).now_or_never()?.unwrap();
    output.send(outgoing(n, key), u64::from(n));
    let mut confirmed = Vec::new();
    poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).now_or_never()?.unwrap();
    confirmed.pop().map(|confirmation| confirmation.result)
}

fn receive(input: &mut dyn Input) -> Vec<Delivery> {
    let mut batch = Vec::new();
    let _ = poll_fn(|cx| input.poll_receive(cx, &mut batch, 1000)).now_or_never();
    batch
}

fn numbers(deliveries: &[Delivery]) -> Vec<u32> {
    let number =
        |delivery: &Delivery| std::str::from_utf8(delivery.message.bytes()).unwrap().parse().unwrap();
    deliveries.iter().map(number).collect()
}

fn settle_all(input: &mut dyn Input, deliveries: Vec<Delivery>, settlement: Settlement) {
    deliveries.into_iter().for_each(|delivery| input.settle(delivery.ticket, settlement));
}

#[test]
fn every_group_gets_its_copy_and_members_share() {
    let memory = memory(100, 1);
    let (mut one, mut two) = (input_of(&memory, Some("a"), 3), input_of(&memory, Some("a"), 3));
    let mut other = input_of(&memory, Some("b"), 100);
    let mut output = output_of(&memory);
    for n in 0..6 {
        assert!(matches!(send(&mut *output, n, None), Some(Ok(()))));
    }
    let (first, second) = (receive(&mut *one), receive(&mut *two));
    assert_eq!((numbers(&first), numbers(&second)), (vec![0, 1, 2], vec![3, 4, 5]));
    assert_eq!(numbers(&receive(&mut *other)), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_was_sent_before_the_first_group_waits_for_it() {
    let memory = memory(2, 1);
    let mut output = output_of(&memory);
    assert!(matches!(send(&mut *output, 0, None), Some(Ok(()))));
    assert!(matches!(send(&mut *output, 1, None), Some(Ok(()))));
    let refused = send(&mut *output, 2, None).unwrap().unwrap_err();
    assert_eq!(refused.kind(), Kind::Unroutable);
    assert_eq!(
        refused.to_string(),
        "no group reads `orders`, and the 2 messages that may wait for one are there already"
    );
    assert_eq!(numbers(&receive(&mut *input_of(&memory, Some("late"), 10))), [0, 1]);
}

#[test]
fn an_anonymous_group_sees_what_comes_from_now_on_and_goes_with_its_member() {
    let memory = memory(2, 1);
    let mut output = output_of(&memory);
    send(&mut *output, 0, None);
    let mut anonymous = input_of(&memory, None, 10);
    send(&mut *output, 1, None);
    assert_eq!(numbers(&receive(&mut *anonymous)), [1]);
    drop(anonymous);
    assert_eq!(numbers(&receive(&mut *input_of(&memory, Some("named"), 10))), [0, 1]);
    for n in 2..6 {
        assert!(
            send(&mut *output, n, None).is_none_or(|sent| sent.is_ok()),
            "no queue is left behind that fills up"
        );
    }
}

#[test]
fn a_destination_that_only_anonymous_groups_read_never_fills_up() {
    let memory = memory(2, 1);
    let mut anonymous = input_of(&memory, None, 10);
    let mut output = output_of(&memory);
    for n in 0..100 {
        assert!(matches!(send(&mut *output, n, None), Some(Ok(()))), "message {n}");
        let deliveries = receive(&mut *anonymous);
        assert_eq!(numbers(&deliveries), [n]);
        settle_all(&mut *anonymous, deliveries, Settlement::Ack);
    }
    let mut late = input_of(&memory, Some("late"), 10);
    assert_eq!(numbers(&receive(&mut *late)), [98, 99], "the first named group gets the latest of them");
}

#[test]
fn a_sender_goes_on_when_the_group_that_it_waits_for_goes() {
    let memory = memory(1, 1);
    let anonymous = input_of(&memory, None, 10);
    let mut output = output_of(&memory);
    assert!(matches!(send(&mut *output, 0, None), Some(Ok(()))));
    let woken = Arc::new(Woken::default());
    let waker = std::task::Waker::from(Arc::clone(&woken));
    let (mut cx, mut confirmed) = (std::task::Context::from_waker(&waker), Vec::new());
    output.send(outgoing(1, None), 1);
    assert!(output.poll_confirmed(&mut cx, &mut confirmed).is_pending());
    drop(anonymous);
    assert!(woken.0.load(Ordering::Relaxed), "the sender is told");
    assert!(output.poll_confirmed(&mut cx, &mut confirmed).is_ready());
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_requeued_delivery_comes_again_in_its_place() {
    let memory = memory(100, 1);
    let mut input = input_of(&memory, Some("a"), 100);
    let mut output = output_of(&memory);
    (0..5).for_each(|n| drop(send(&mut *output, n, None)));
    let mut deliveries = receive(&mut *input);
    let late = deliveries.split_off(3);
    settle_all(&mut *input, deliveries, Settlement::Requeue);
    let again = receive(&mut *input);
    assert_eq!(numbers(&again), [0, 1, 2]);
    assert!(again.iter().all(|delivery| delivery.attempt == 2));
    settle_all(&mut *input, late, Settlement::Reject);
    settle_all(&mut *input, again, Settlement::Ack);
    assert!(receive(&mut *input).is_empty());
}

#[test]
fn a_full_queue_makes_the_sender_wait() {
    let memory = memory(2, 1);
    let mut input = input_of(&memory, Some("a"), 100);
    let mut output = output_of(&memory);
    send(&mut *output, 0, None);
    send(&mut *output, 1, None);
    assert!(send(&mut *output, 2, None).is_none(), "not confirmed while the queue is full");
    assert_eq!(numbers(&receive(&mut *input)), [0, 1]);
    let mut confirmed = Vec::new();
    poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).now_or_never().unwrap().unwrap();
    assert_eq!(confirmed[0].number, 2);
}

#[test]
fn a_key_stays_in_its_partition_and_in_order() {
    let memory = memory(1000, 4);
    let mut one = input_of(&memory, Some("a"), 1000);
    let mut two = input_of(&memory, Some("a"), 1000);
    let mut output = output_of(&memory);
    for n in 0..200 {
        send(&mut *output, n, Some(["red", "green", "blue", "black", "white"][n as usize % 5]));
    }
    let (first, second) = (receive(&mut *one), receive(&mut *two));
    assert_eq!(first.len() + second.len(), 200);
    let partitions =
        |all: &[Delivery]| all.iter().map(|d| d.partition).collect::<std::collections::BTreeSet<_>>();
    assert!(partitions(&first).is_disjoint(&partitions(&second)));
    for deliveries in [&first, &second] {
        for key in ["red", "green", "blue", "black", "white"] {
            let of_key = deliveries.iter().filter(|d| d.key.as_deref() == Some(key.as_bytes()));
            let positions: Vec<_> = of_key.map(|d| (d.partition, d.position)).collect();
            assert!(positions.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1));
        }
    }
}

#[test]
fn a_partition_changes_hands_only_when_nothing_of_it_is_in_flight() {
    let memory = memory(1000, 2);
    let mut one = input_of(&memory, Some("a"), 1000);
    let mut output = output_of(&memory);
    (0..10).for_each(|n| drop(send(&mut *output, n, None)));
    let deliveries = receive(&mut *one);
    assert_eq!(deliveries.len(), 10);
    let mut two = input_of(&memory, Some("a"), 1000);
    (10..20).for_each(|n| drop(send(&mut *output, n, None)));
    assert!(receive(&mut *two).is_empty(), "its partition still has deliveries in flight elsewhere");
    settle_all(&mut *one, deliveries, Settlement::Ack);
    assert_eq!(receive(&mut *one).len(), 5);
    assert_eq!(receive(&mut *two).len(), 5);
}

#[test]
fn an_instance_reads_exactly_its_partitions() {
    let memory = memory(1000, 4);
    let of = |instance_index| Sharing {
        partitioned: true,
        instance_index,
        instance_count: 2,
        ..Sharing::default()
    };
    let mut zero = input_sharing(&memory, Some("a"), 1000, of(0));
    let mut one = input_sharing(&memory, Some("a"), 1000, of(1));
    let mut also_one = input_sharing(&memory, Some("a"), 1000, of(1));
    let mut output = output_of(&memory);
    (0..40).for_each(|n| drop(send(&mut *output, n, None)));
    let partitions = |input: &mut dyn Input| {
        receive(input).iter().map(|delivery| delivery.partition).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(partitions(&mut *zero).into_iter().collect::<Vec<_>>(), [0, 2]);
    let (first, second) = (partitions(&mut *one), partitions(&mut *also_one));
    assert_eq!(first.union(&second).copied().collect::<Vec<_>>(), [1, 3]);
    assert!(
        first.is_disjoint(&second) && first.len() == 1,
        "two members of one instance share its partitions"
    );
}

#[test]
fn a_name_that_is_no_destination_is_refused() {
    let spec = InputSpec {
        binding: "b".into(),
        destinations: vec!["a\nb".into()],
        group: None,
        max_in_flight: 1,
        sharing: Default::default(),
    };
    let error = memory(1, 1).bind_input(spec).now_or_never().unwrap().err().unwrap();
    assert_eq!(error.to_string(), "`a\\nb` is not a destination, expected a name without control characters");
}
