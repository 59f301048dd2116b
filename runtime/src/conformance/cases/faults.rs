//! E*: connections that are cut, slow or away: what is confirmed stays, what is open comes again, and it goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::binder::{Kind, Settlement};
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, message, numbers, payload, payloads, plain};
use crate::conformance::{Settings, Wire};

fn through(wire: &Wire) -> Settings {
    Settings { through: Some(wire.address()), ..Settings::default() }
}

pub(super) async fn e2_nothing_confirmed_is_lost_when_connections_are_cut(world: &World) -> Outcome {
    const MESSAGES: u64 = 600;
    let wire = world.wire().await?;
    let destination = world.create("cut", 1).await?;
    let binder = world.binder_with(&through(&wire));
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let mut writer = world.open(&*binder, world.output(&destination)).await?;
    let send = async {
        for part in 0..3 {
            let mut missing: Vec<u64> = (part * MESSAGES / 3..(part + 1) * MESSAGES / 3).collect();
            while !missing.is_empty() {
                let results =
                    writer.send(missing.iter().map(|n| plain(message(n.to_string()))).collect()).await?;
                for error in results.iter().filter_map(|result| result.as_ref().err()) {
                    same("the kind of what fails", &error.kind(), &Kind::Unreachable)?;
                }
                let mut results = results.into_iter();
                missing.retain(|_| results.next().is_some_and(|result| result.is_err()));
            }
            if part < 2 {
                wire.cut();
            }
        }
        Outcome::Ok(())
    };
    let read = async {
        let mut seen = BTreeSet::new();
        while (seen.len() as u64) < MESSAGES {
            let batch = reader.batch(100).await?;
            seen.extend(batch.iter().map(payload));
            reader.try_settle_all(batch, Settlement::Ack).await?;
        }
        Outcome::Ok(seen)
    };
    let ((), seen) = tokio::try_join!(send, read)?;
    same("what arrives", &seen, &numbers(0..MESSAGES).into_iter().collect())?;
    reader.close().await
}

pub(super) async fn e3_a_reader_that_is_cut_gets_again_what_was_open(world: &World) -> Outcome {
    let wire = world.wire().await?;
    let destination = world.create("cut-reader", 1).await?;
    let binder = world.binder_with(&through(&wire));
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    world.publish_numbers(&destination, 0..20).await?;
    let mut done = reader.receive(20).await?;
    let open = done.split_off(10);
    reader.settle_all(done, Settlement::Ack).await?;
    world.until_unsettled(&destination, "g", 10).await?;
    wire.cut();
    // Whether or not the input was given them again, settling what was open must settle nothing else.
    reader.try_settle_all(open, Settlement::Ack).await?;
    world.publish_numbers(&destination, 20..25).await?;
    let mut seen = BTreeSet::new();
    while !numbers(20..25).iter().all(|n| seen.contains(n)) {
        let batch = reader.batch(100).await?;
        seen.extend(payloads(&batch));
        reader.settle_all(batch, Settlement::Ack).await?;
    }
    let before: Vec<_> = seen.iter().filter(|n| numbers(0..10).contains(n)).collect();
    same("what was settled and came again", &before, &Vec::new())?;
    world.until_unsettled(&destination, "g", 0).await?;
    reader.close().await
}

pub(super) async fn e4_a_slow_wire_loses_nothing(world: &World) -> Outcome {
    let wire = world.wire().await?;
    let destination = world.create("slow", 1).await?;
    let binder = world.binder_with(&through(&wire));
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let mut writer = world.open(&*binder, world.output(&destination)).await?;
    wire.slow_down(Duration::from_millis(100));
    let (sent, received) = tokio::join!(writer.send_numbers(0..200), reader.take(200));
    sent?;
    same("payloads", &payloads(&received?), &numbers(0..200))?;
    wire.slow_down(Duration::ZERO);
    world.until_unsettled(&destination, "g", 0).await?;
    reader.close().await
}

pub(super) async fn e5_sending_while_the_broker_is_away_is_bounded(world: &World) -> Outcome {
    /// More than anyone should keep in memory.
    const MOST: usize = 200_000;
    let wire = world.wire().await?;
    let destination = world.create("outage", 1).await?;
    let reader = world.join(&destination, "g").await?;
    let mut writer = world.open(&*world.binder_with(&through(&wire)), world.output(&destination)).await?;
    writer.send_numbers(0..1).await?;
    wire.set_down(true);
    let mut started = 0;
    // Either there is no room any more, or what was sent fails.
    while started < MOST && writer.poll_ready()? {
        writer.start(plain(message("1")));
        started += 1;
    }
    holds(|| format!("{started} messages were taken while the broker was away"), started < MOST)?;
    wire.set_down(false);
    let told = writer.confirmed(started).await?;
    same("confirmations", &told.len(), &started)?;
    let mut numbers: Vec<u64> = told.iter().map(|one| one.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    same("different numbers that were told", &numbers.len(), &started)?;
    for error in told.iter().filter_map(|one| one.result.as_ref().err()) {
        same("the kind of what fails", &error.kind(), &Kind::Unreachable)?;
    }
    reader.close().await
}

pub(super) async fn e15_a_broker_that_comes_back_is_found_again(world: &World) -> Outcome {
    let wire = world.wire().await?;
    let destination = world.create("back", 1).await?;
    let binder = world.binder_with(&through(&wire));
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let mut writer = world.open(&*binder, world.output(&destination)).await?;
    writer.send_numbers(0..1).await?;
    same("before", &payloads(&reader.take(1).await?), &numbers(0..1))?;
    wire.set_down(true);
    same("what comes while it is away", &payloads(&reader.quiet().await?), &Vec::new())?;
    world.publish_numbers(&destination, 1..2).await?;
    wire.set_down(false);
    // What was settled just before may come again.
    reader.until("1").await?;
    // One may be lost with the connection; the next must find its way.
    let mut results = writer.send(vec![plain(message("2"))]).await?;
    while results.iter().any(Result::is_err) {
        results = writer.send(vec![plain(message("2"))]).await?;
    }
    reader.until("2").await?;
    reader.close().await
}
