//! E*: how ends begin and end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::binder::memory::{Config, Memory};
use crate::binder::{Binder, Error, Kind, Settlement};
use crate::conformance::ends::Reader;
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, numbers, payload, payloads};
use crate::conformance::{Found, Raw, Settings};

/// Where nobody listens.
const NOWHERE: &str = "127.0.0.1:1";

/// The errors of an input and an output that cannot reach their broker.
async fn unreachable(world: &World, password: Option<&str>) -> Outcome<Vec<Error>> {
    let (through, password) = (Some(NOWHERE.to_owned()), password.map(str::to_owned));
    let binder = world.binder_with(&Settings { through, password, ..Settings::default() });
    let destination = world.name("away");
    let input = binder.bind_input(world.input(&destination, Some("g")));
    let input = world.in_time("an input whose broker is not there", input).await?.err();
    let output = binder.bind_output(world.output(&destination));
    let output = world.in_time("an output whose broker is not there", output).await?.err();
    let errors: Vec<_> = [input, output].into_iter().flatten().collect();
    same("ends that are refused without a broker", &errors.len(), &2)?;
    Ok(errors)
}

pub(super) async fn e1_a_broker_that_is_not_there_is_told_in_time(world: &World) -> Outcome {
    for error in unreachable(world, None).await? {
        same("the kind of the error", &error.kind(), &Kind::Unreachable)?;
        let said = error.to_string();
        holds(|| format!("`{said}` does not name {NOWHERE}"), said.contains(NOWHERE))?;
    }
    Ok(())
}

pub(super) async fn e6_what_was_sent_before_an_output_closes_is_there(world: &World) -> Outcome {
    let destination = world.create("closed", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    writer.send_numbers(0..50).await?;
    writer.close().await?;
    same("payloads", &payloads(&reader.take(50).await?), &numbers(0..50))?;
    reader.close().await
}

pub(super) async fn e9_making_a_binder_needs_no_broker(world: &World) -> Outcome {
    let begun = Instant::now();
    let through = Some(NOWHERE.to_owned());
    let binder = world.binder_with(&Settings { through, ..Settings::default() });
    let capabilities = binder.capabilities();
    let took = begun.elapsed();
    holds(|| format!("making a binder took {took:?}"), took < Duration::from_secs(1))?;
    same("what it promises without a broker", &capabilities, &world.capabilities())
}

pub(super) async fn e12_a_member_that_vanishes_in_the_middle_loses_nothing(world: &World) -> Outcome {
    let destination = world.create("vanished", 2).await?;
    let binder = world.binder();
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let spread = (0..100u64).map(|n| Raw::of(n.to_string()).in_partition((n % 2) as u32));
    world.publish(&destination, spread.collect()).await?;
    let (mut done, mut open) = (BTreeSet::new(), Vec::new());
    while done.len() + open.len() < 60 {
        for (n, delivery) in reader.batch(10).await?.into_iter().enumerate() {
            if n % 3 == 2 {
                open.push(delivery);
            } else {
                done.insert(payload(&delivery));
                reader.settle(delivery.ticket, Settlement::Ack);
            }
        }
    }
    // In the middle of a batch, without a farewell, and without a flush.
    drop(reader);
    let open: BTreeSet<String> = payloads(&open).into_iter().collect();
    let mut next = world.join(&destination, "g").await?;
    let mut missing: BTreeSet<String> = numbers(0..100).into_iter().filter(|n| !done.contains(n)).collect();
    let mut came = BTreeSet::new();
    while !missing.is_empty() {
        let batch = next.batch(100).await.map_err(|found| found.during(&format!("missing {missing:?}")))?;
        for delivery in batch {
            let text = payload(&delivery);
            missing.remove(&text);
            came.insert(text);
            next.settle(delivery.ticket, Settlement::Ack);
        }
    }
    holds(|| format!("of {open:?} only {came:?} came again"), open.is_subset(&came) || world.may_repeat())?;
    next.close().await
}

pub(super) async fn e13_the_same_script_goes_as_in_memory(world: &World) -> Outcome {
    let memory = Memory::new(Config::default());
    let expected = transcript(world, &memory, "memory").await?;
    let found = transcript(world, &*world.binder(), "broker").await?;
    same("the transcript", &found, &expected)
}

/// What happens to a binder in a fixed script: order, attempts, headers.
async fn transcript(world: &World, binder: &dyn Binder, name: &str) -> Outcome<Vec<String>> {
    let destination = world.name(name);
    let mut reader = world.bind(binder, world.input(&destination, Some("g"))).await?;
    let mut writer = world.open(binder, world.output(&destination)).await?;
    let mut lines = Vec::new();
    for text in ["a", "b", "c", "d"] {
        let message = super::super::world::message(text).with_header("own", text);
        writer.send_all(vec![super::super::world::plain(message)]).await?;
    }
    for settlement in [Settlement::Requeue, Settlement::Ack] {
        for delivery in reader.receive(4).await? {
            lines.push(line(&delivery, settlement)?);
            reader.settle(delivery.ticket, settlement);
        }
        reader.flush().await?;
    }
    writer.send_numbers(0..1).await?;
    lines.extend(payloads(&reader.take(1).await?));
    finish(reader).await?;
    writer.close().await?;
    Ok(lines)
}

fn line(delivery: &crate::binder::Delivery, settlement: Settlement) -> Outcome<String> {
    let headers = delivery.message.headers();
    let own = headers.text("own").ok_or_else(|| Found::new("the header `own` is missing"))?;
    let again = if delivery.attempt > 1 { "again" } else { "first" };
    Ok(format!("{} {own} {:?} {again} {settlement:?}", payload(delivery), headers.content_type()))
}

async fn finish(reader: Reader) -> Outcome {
    reader.close().await
}

pub(super) async fn e14_no_password_is_in_an_error(world: &World) -> Outcome {
    const PASSWORD: &str = "hunter2";
    for error in unreachable(world, Some(PASSWORD)).await? {
        let all = format!("{error} {error:?} {}", Found::from(Error::new(error.kind(), error.to_string())));
        holds(|| "the password is in the error".to_owned(), !all.contains(PASSWORD))?;
    }
    let binder = world.binder_with(&Settings { password: Some(PASSWORD.to_owned()), ..Settings::default() });
    let shown = format!("{binder:?}");
    holds(|| "the password is in what the binder shows of itself".to_owned(), !shown.contains(PASSWORD))
}
