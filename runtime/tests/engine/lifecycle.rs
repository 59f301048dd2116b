//! Stopping, pausing and breaking down.

use futures_util::poll;
use wellspring::binding::State;

use crate::world::{Calls, Gate, World, eventually, failing_on_bad, holding, soon, work};

pub(crate) async fn e6_stopping_finishes_what_is_in_flight_and_leaves_the_rest(world: &World) {
    let (calls, gate) = (Calls::default(), Gate::default());
    let app = world.start("concurrency: 100, order: none", holding(&calls, &gate, |_| true)).await;
    let mut out = world.tap("out").await;
    let in_flight: Vec<String> = (0..50).map(|n| format!("first {n:02}")).collect();
    let rest: Vec<String> = (0..10).map(|n| format!("rest {n}")).collect();
    world.send("in", &in_flight).await;
    eventually("50 are in flight", || calls.texts().len() == 50).await;
    let mut stopping = Box::pin(app.running.stop());
    assert!(poll!(&mut stopping).is_pending(), "it waits for what is in flight");
    tokio::task::yield_now().await;
    world.send("in", &rest).await;
    gate.open();
    assert_eq!(soon("it stops", stopping).await, 0);
    assert_eq!(calls.texts().len(), 50, "nothing is begun while it stops");
    assert_eq!(out.take_sorted(50).await, in_flight);
    world.until_unsettled(10).await;
    let again = Calls::default();
    let app = world.start("", failing_on_bad(&again)).await;
    assert_eq!(out.take_sorted(10).await, rest);
    world.until_done(&app).await;
    assert_eq!(again.texts().len(), 10, "nothing that was finished comes again");
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn e8_ending_at_once_in_the_middle_of_stopping_loses_nothing(world: &World) {
    let (calls, gate) = (Calls::default(), Gate::default());
    let app = world.start("concurrency: 10, order: none", holding(&calls, &gate, |_| true)).await;
    let texts: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    world.send("in", &texts).await;
    eventually("ten are in flight", || calls.texts().len() == 10).await;
    let mut stopping = Box::pin(app.running.stop());
    assert!(poll!(&mut stopping).is_pending(), "it waits for what is in flight");
    drop(stopping);
    let mut out = world.tap("out").await;
    let app = world.start("", failing_on_bad(&Calls::default())).await;
    assert_eq!(out.take_sorted(20).await, texts);
    world.until_done(&app).await;
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn e12_an_application_that_vanishes_under_load_loses_nothing(world: &World) {
    let texts: Vec<String> = (0..1000).map(|n| format!("{n:04}")).collect();
    let all = Calls::default();
    for round in 1..=3 {
        let app = world.start("concurrency: 8", failing_on_bad(&all)).await;
        if round == 1 {
            world.send("in", &texts).await;
        }
        let enough = 200 * round;
        eventually("some are done", || all.counts().len() >= enough).await;
        drop(app);
    }
    let app = world.start("concurrency: 8", failing_on_bad(&all)).await;
    eventually("all are done", || all.counts().len() == 1000).await;
    world.until_done(&app).await;
    assert_eq!(app.running.stop().await, 0);
    world.until_sent(&texts).await;
}

pub(crate) async fn i9_a_pause_takes_nothing_in_and_going_on_loses_nothing(world: &World) {
    let calls = Calls::default();
    let echo = "
    echo-in-0: { destination: echo-in, group: g }
    echo-out-0: { destination: echo-out, producer: { required-groups: kept } }
";
    let yaml = work("").replace("definition: work", "definition: work;echo") + echo;
    let functions = failing_on_bad(&calls);
    let with_echo = move |catalog| functions(catalog).function("echo", |text: String| text);
    let app = world.start_over(world.binder(), &yaml, with_echo).await;
    let (mut out, mut echoed) = (world.tap("out").await, world.tap("echo-out").await);
    world.send("in", ["before"]).await;
    assert_eq!(out.take(1).await, ["before"]);
    let binding = app.running.binding("work-in-0").unwrap();
    binding.pause();
    soon("it pauses", binding.reached(State::Paused)).await;
    let texts: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    world.send("in", &texts).await;
    for n in 0..20 {
        world.send("echo-in", [n]).await;
        assert_eq!(echoed.take(1).await, [n.to_string()]);
    }
    assert_eq!((calls.texts().len(), binding.stats().received.get()), (1, 1), "nothing comes in meanwhile");
    binding.resume();
    assert_eq!(out.take(20).await, texts);
    world.until_done(&app).await;
    assert_eq!(calls.texts().len(), 21, "nothing comes twice: the group was not left");
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn j9_what_is_in_flight_for_long_is_counted_until_it_is_done(world: &World) {
    let (calls, gate) = (Calls::default(), Gate::default());
    let app = world.start("stuck-after: 50ms", holding(&calls, &gate, |text| text == "slow")).await;
    world.send("in", ["slow", "behind"]).await;
    eventually("one is stuck", || app.stats("work-in-0").stuck.get() >= 1).await;
    gate.open();
    eventually("none is stuck", || app.stats("work-in-0").stuck.get() == 0).await;
    world.until_done(&app).await;
    assert_eq!((app.stats("work-in-0").succeeded.get(), app.running.stop().await), (2, 0));
}

pub(crate) async fn i5_two_bindings_of_one_group_share_its_messages(world: &World) {
    let yaml = "
function: { definition: one;other }
stream:
  bindings:
    one-in-0: { destination: in, group: g }
    other-in-0: { destination: in, group: g }
";
    let calls = Calls::default();
    let (one, other) = (calls.clone(), calls.clone());
    let app = world
        .start_over(world.binder(), yaml, move |catalog| {
            catalog
                .consumer("one", move |text: String| one.note(&text))
                .consumer("other", move |text: String| other.note(&text))
        })
        .await;
    let texts: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    world.send("in", &texts).await;
    eventually("each is processed", || calls.counts().len() == 100).await;
    world.until_unsettled(0).await;
    assert_eq!((calls.texts().len(), app.running.stop().await), (100, 0), "each goes to one of them");
}
