//! B*: what a settlement does, and what becomes of a delivery without one.

use std::collections::BTreeSet;

use crate::binder::{InputSpec, Settlement};
use crate::conformance::Raw;
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, numbers, payload, payloads};

/// Lets a new member of the group look, and tells what it gets up to a last message.
async fn left_over(world: &World, destination: &str, group: &str) -> Outcome<Vec<String>> {
    let mut reader = world.join(destination, group).await?;
    world.publish(destination, vec![Raw::of("last")]).await?;
    let mut found = Vec::new();
    loop {
        for delivery in reader.batch(100).await.map_err(|e| e.during(&format!("after {found:?}")))? {
            let text = payload(&delivery);
            reader.settle(delivery.ticket, Settlement::Ack);
            if text == "last" {
                reader.flush().await?;
                reader.close().await?;
                return Ok(found);
            }
            found.push(text);
        }
    }
}

pub(super) async fn b1_what_is_acknowledged_never_comes_again(world: &World) -> Outcome {
    let destination = world.create("acked", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..20).await?;
    let deliveries = reader.receive(20).await?;
    world.until_unsettled(&destination, "g", 20).await?;
    reader.settle_all(deliveries, Settlement::Ack).await?;
    world.until_unsettled(&destination, "g", 0).await?;
    reader.close().await?;
    same("what comes again", &left_over(world, &destination, "g").await?, &Vec::new())
}

pub(super) async fn b2_what_is_given_back_comes_again_as_another_attempt(world: &World) -> Outcome {
    let destination = world.create("requeued", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..3).await?;
    let first = reader.receive(3).await?;
    same("attempts at first", &first.iter().map(|one| one.attempt).collect::<Vec<_>>(), &vec![1, 1, 1])?;
    reader.settle_all(first, Settlement::Requeue).await?;
    let again = reader.receive(3).await?;
    let came: BTreeSet<_> = payloads(&again).into_iter().collect();
    same("what comes again", &came, &numbers(0..3).into_iter().collect())?;
    for one in &again {
        holds(
            || format!("`{}` is attempt {}, expected a later one", payload(one), one.attempt),
            one.attempt > 1,
        )?;
    }
    reader.settle_all(again, Settlement::Ack).await?;
    world.until_unsettled(&destination, "g", 0).await?;
    reader.close().await
}

pub(super) async fn b3_what_is_rejected_does_not_come_again(world: &World) -> Outcome {
    let destination = world.create("rejected", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..3).await?;
    let deliveries = reader.receive(3).await?;
    reader.settle_all(deliveries, Settlement::Reject).await?;
    world.publish_numbers(&destination, 3..4).await?;
    same("what comes next", &payloads(&reader.take(1).await?), &numbers(3..4))?;
    world.until_unsettled(&destination, "g", 0).await?;
    reader.close().await?;
    same("what comes again", &left_over(world, &destination, "g").await?, &Vec::new())
}

pub(super) async fn b4_no_more_is_in_flight_than_may_be(world: &World) -> Outcome {
    for most in [1usize, 3] {
        let destination = world.create(&format!("bound{most}"), 1).await?;
        let spec = InputSpec { max_in_flight: most, ..world.input(&destination, Some("g")) };
        let mut reader = world.bind(&*world.binder(), spec).await?;
        world.publish_numbers(&destination, 0..12).await?;
        let mut seen = Vec::new();
        while seen.len() < 12 {
            let mut open = Vec::new();
            while open.len() < most {
                open.extend(reader.batch(100).await?);
                let found = open.len();
                holds(|| format!("{found} are in flight, expected at most {most}"), found <= most)?;
            }
            same("what comes while so many are in flight", &payloads(&reader.quiet().await?), &Vec::new())?;
            seen.extend(payloads(&open));
            reader.settle_all(open, Settlement::Ack).await?;
        }
        same("payloads", &seen, &numbers(0..12))?;
        reader.close().await?;
    }
    Ok(())
}

pub(super) async fn b5_settling_out_of_order_loses_nothing(world: &World) -> Outcome {
    let destination = world.create("gap", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..3).await?;
    let mut settled = BTreeSet::new();
    let mut open = false;
    while settled.len() < 2 || !open {
        for delivery in reader.batch(3).await? {
            // The first stays open, the others are settled before it.
            if payload(&delivery) == "0" {
                open = true;
            } else {
                settled.insert(payload(&delivery));
                reader.settle(delivery.ticket, Settlement::Ack);
            }
        }
    }
    reader.flush().await?;
    // It vanishes: no farewell.
    drop(reader);
    let again: BTreeSet<_> = left_over(world, &destination, "g").await?.into_iter().collect();
    holds(|| format!("{again:?} came again, expected `0` among it"), again.contains("0"))
}

pub(super) async fn b6_a_member_that_vanishes_leaves_what_is_open_and_takes_what_is_settled(
    world: &World,
) -> Outcome {
    let destination = world.create("checkpoint", 1).await?;
    let binder = world.binder();
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let sent = ["a", "b", "c", "d", "e"];
    world.publish(&destination, sent.into_iter().map(Raw::of).collect()).await?;
    let mut kept = Vec::new();
    for delivery in reader.receive(5).await? {
        match payload(&delivery).as_str() {
            "a" | "b" | "d" => reader.settle(delivery.ticket, Settlement::Ack),
            _ => kept.push(delivery),
        }
    }
    reader.flush().await?;
    // Without a farewell, and its binder lives on.
    drop(reader);
    let mut again = left_over(world, &destination, "g").await?;
    // What is settled behind something open may come again.
    again.retain(|text| text != "d");
    same("what comes again", &again, &vec!["c".to_owned(), "e".to_owned()])
}

pub(super) async fn b7_what_a_member_leaves_open_goes_to_another(world: &World) -> Outcome {
    let destination = world.create("handover", 1).await?;
    let mut leaving = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..5).await?;
    let open = leaving.receive(5).await?;
    let mut staying = world.join(&destination, "g").await?;
    drop(open);
    leaving.close().await?;
    let mut got = payloads(&staying.take(5).await?);
    got.sort();
    same("what the other member gets", &got, &numbers(0..5))?;
    world.until_unsettled(&destination, "g", 0).await?;
    staying.close().await
}

pub(super) async fn b8_closing_keeps_what_was_settled(world: &World) -> Outcome {
    let destination = world.create("closed", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..10).await?;
    for delivery in reader.receive(10).await? {
        reader.settle(delivery.ticket, Settlement::Ack);
    }
    // Not flushed: closing has to.
    reader.close().await?;
    world.until_unsettled(&destination, "g", 0).await?;
    same("what comes again", &left_over(world, &destination, "g").await?, &Vec::new())
}

pub(super) async fn b12_reading_goes_on_after_everything_was_in_flight(world: &World) -> Outcome {
    let destination = world.create("saturated", 1).await?;
    let spec = InputSpec { max_in_flight: 10, ..world.input(&destination, Some("g")) };
    let mut reader = world.bind(&*world.binder(), spec).await?;
    world.publish_numbers(&destination, 0..50).await?;
    let mut seen = Vec::new();
    while seen.len() < 50 {
        let open = reader.receive(10).await?;
        same("what can be had without waiting", &reader.poll(&mut Vec::new(), 100)?, &false)?;
        seen.extend(payloads(&open));
        reader.settle_all(open, Settlement::Ack).await?;
    }
    same("payloads", &seen, &numbers(0..50))?;
    reader.close().await
}
