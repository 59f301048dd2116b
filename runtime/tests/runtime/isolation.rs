//! Two applications in one process share nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wellspring::{CatalogBuilder, State};

use super::app::{App, builder, text};

const COUNT: &str = "
function: { definition: count }
stream: { bindings: { count-in-0: { destination: in, group: g }, count-out-0: { destination: out } } }
";

fn counting(catalog: CatalogBuilder) -> CatalogBuilder {
    let seen = Arc::new(AtomicU64::new(0));
    catalog.state(seen).function("count", |_: String, State(seen): State<Arc<AtomicU64>>| {
        seen.fetch_add(1, Ordering::Relaxed) + 1
    })
}

#[tokio::test(start_paused = true)]
async fn destinations_functions_and_state_of_two_applications_are_their_own() {
    let (one, two) = (App::start(COUNT, counting).await, App::start(COUNT, counting).await);
    let (mut out_of_one, mut out_of_two) = (one.reader("out").await, two.reader("out").await);
    for expected in 1..=10u64 {
        one.send("in", "x").await;
        assert_eq!(text(&mut out_of_one).await, expected.to_string());
    }
    two.send("in", "x").await;
    assert_eq!(text(&mut out_of_two).await, "1");
    assert_eq!(one.running.stop().await, 0);
    two.send("in", "x").await;
    assert_eq!(text(&mut out_of_two).await, "2", "the end of one is nothing to the other");
    assert_eq!(two.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn each_application_makes_a_memory_binder_of_its_own() {
    let one = builder(COUNT, counting).build().unwrap().start().await.unwrap();
    let two = builder(COUNT, counting).build().unwrap().start().await.unwrap();
    assert_eq!(one.bindings().len(), 1);
    assert_eq!((one.stop().await, two.stop().await), (0, 0));
}
