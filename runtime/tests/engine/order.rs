//! Order: within partitions and keys, while others go on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::world::{World, eventually, keyed};

/// Counts how many calls are under way, in all and of each key.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    peak: AtomicUsize,
    keys: Mutex<HashMap<u64, u64>>,
    /// Calls that found another of their key under way, or a later one before them.
    wrong: AtomicUsize,
}

pub(crate) async fn d13_lanes_are_full_and_two_of_one_key_never_run_side_by_side(world: &World) {
    world.create("in", 4).await;
    let gauge = Arc::new(Gauge::default());
    let seen = Arc::clone(&gauge);
    let app = world
        .start("concurrency: 32", move |catalog| {
            catalog.function("work", move |n: u64| {
                let gauge = Arc::clone(&seen);
                async move {
                    let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
                    gauge.peak.fetch_max(now, Ordering::SeqCst);
                    let key = n / 20;
                    let before = gauge.keys.lock().unwrap().insert(key, n);
                    let is_early = before.is_some_and(|before| before >= n);
                    for _ in 0..n % 7 + 1 {
                        tokio::task::yield_now().await;
                    }
                    let is_disturbed = gauge.keys.lock().unwrap()[&key] != n;
                    gauge.wrong.fetch_add(usize::from(is_early || is_disturbed), Ordering::SeqCst);
                    gauge.now.fetch_sub(1, Ordering::SeqCst);
                    n
                }
            })
        })
        .await;
    let messages = (0..2000).map(|n: u64| keyed(&(n / 20).to_string(), &n.to_string()));
    world.publish("in", messages).await;
    eventually("all are done", || app.stats("work-in-0").succeeded.get() == 2000).await;
    world.until_unsettled(0).await;
    assert_eq!(gauge.wrong.load(Ordering::SeqCst), 0, "calls with another of their key under way");
    assert_eq!(gauge.peak.load(Ordering::SeqCst), 32);
    assert_eq!((app.stats("work-in-0").failed.get(), app.running.stop().await), (0, 0));
}
