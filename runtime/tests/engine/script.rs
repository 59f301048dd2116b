//! One script on the binder under test and in memory: both tell the same story.

use wellspring::header_names;

use crate::memory::MemoryUnderTest;
use crate::world::{Calls, World, eventually, failing_on_bad};

/// What became of some messages.
#[derive(Debug, PartialEq)]
struct Story {
    calls: Vec<String>,
    sent: Vec<String>,
    letters: Vec<(String, Option<i64>, bool)>,
    counts: [u64; 5],
}

async fn played(world: &World) -> Story {
    let calls = Calls::default();
    let consumer = "max-attempts: 3, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world.start(consumer, failing_on_bad(&calls)).await;
    let (mut out, mut failed) = (world.tap("out").await, world.reader("failed").await);
    let texts = ["one", "bad", "two", "three", "bad", "", "bad", "four"];
    world.send("in", texts).await;
    let sent = out.take(5).await;
    let mut letters = Vec::new();
    for _ in 0..3 {
        let message = crate::world::next(&mut failed).await.message;
        let headers = message.headers();
        let said = headers.text(header_names::EXCEPTION_MESSAGE).is_some_and(|said| said.contains("busy"));
        let text = String::from_utf8(message.bytes().to_vec()).unwrap();
        letters.push((text, headers.integer(header_names::ATTEMPTS), said));
    }
    world.until_done(&app).await;
    let stats = app.stats("work-in-0");
    eventually("the last is settled", || stats.dead_lettered.get() == 3 && stats.succeeded.get() == 5).await;
    let counters = [&stats.received, &stats.succeeded, &stats.failed, &stats.dropped, &stats.requeued];
    let counts = counters.map(|counter| counter.get());
    assert_eq!(app.running.stop().await, 0);
    Story { calls: calls.texts(), sent, letters, counts }
}

pub(crate) async fn e13_the_same_script_goes_as_in_memory(world: &World) {
    let memory = World::of(MemoryUnderTest::default(), "memory");
    assert_eq!(played(world).await, played(&memory).await);
}
