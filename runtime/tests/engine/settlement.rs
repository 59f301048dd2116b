//! What is settled and when: after a success, a failure, a crash, and never twice.

use std::future::pending;

use crate::world::{Calls, World, eventually, work};

pub(crate) async fn b6_what_was_settled_before_a_crash_does_not_come_again_and_the_rest_does(
    world: &World,
) {
    for is_crash in [true, false] {
        let calls = Calls::default();
        let noted = calls.clone();
        let yaml = format!("{}\nshutdown: {{ timeout: 50ms }}", work("concurrency: 5, order: none"));
        let app = world
            .start_over(world.binder(), &yaml, move |catalog| {
                catalog.function("work", move |text: String| {
                    noted.note(&text);
                    async move {
                        if text == "c" || text == "e" {
                            pending::<()>().await;
                        }
                        text
                    }
                })
            })
            .await;
        world.send("in", ["a", "b", "c", "d", "e"]).await;
        eventually("a, b and d are done", || app.stats("work-in-0").succeeded.get() == 3).await;
        // A position is committed up to the first that is not settled.
        world.until_unsettled(if world.binder_name() == "kafka" { 3 } else { 2 }).await;
        eventually("e was begun", || calls.count("e") == 1).await;
        if is_crash {
            drop(app);
        } else {
            assert_eq!(app.running.stop().await, 2);
        }
        let again = Calls::default();
        let noted = again.clone();
        let app = world
            .start("", move |catalog| {
                catalog.function("work", move |text: String| {
                    noted.note(&text);
                    text
                })
            })
            .await;
        eventually("c and e come again", || again.count("c") > 0 && again.count("e") > 0).await;
        world.until_unsettled(0).await;
        assert_eq!((again.count("a"), again.count("b")), (0, 0), "{:?}", again.texts());
        assert_eq!(app.running.stop().await, 0);
    }
}
