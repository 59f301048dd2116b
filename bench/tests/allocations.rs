//! Allocations are exact, so that they are a test: a change that adds one is seen.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

use bytes::Bytes;
use wellspring_bench::consumed::Waiting;
use wellspring_bench::counted::Work;
use wellspring_bench::counting_allocator::{Counting, allocations};
use wellspring_bench::story::PAYLOAD;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn of(work: Work) -> u64 {
    let call = work.prepare().unwrap();
    let payload = Bytes::from_static(PAYLOAD);
    let (count, result) = allocations(|| call(payload));
    result.unwrap();
    count
}

#[test]
fn the_engine_allocates_at_most_once_more_than_code_by_hand() {
    let (by_hand, engine) = (of(Work::ByHand), of(Work::Engine(1)));
    assert!(engine <= by_hand + 1, "{engine} allocations against {by_hand}");
}

#[test]
fn another_synchronous_stage_allocates_nothing() {
    assert_eq!(of(Work::Engine(2)), of(Work::Engine(1)));
    assert_eq!(of(Work::Engine(9)), of(Work::Engine(1)));
}

#[test]
fn consuming_a_message_allocates_nothing() {
    let consuming = |messages| {
        let waiting = Waiting::prepare(messages).unwrap();
        let (count, ()) = allocations(|| waiting.consume());
        waiting.stop();
        count
    };
    let (less, more) = (consuming(1_000), consuming(2_000));
    // Queues grow to their size once.
    assert!(more < less + 10, "{more} allocations for 2000 messages, {less} for 1000");
}
