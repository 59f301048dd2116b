//! D*: who gets what: groups get everything, their members share it.

use std::collections::BTreeSet;

use crate::binder::{OutputSpec, Settlement};
use crate::conformance::Raw;
use crate::conformance::ends::Reader;
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, numbers, payload, payloads};

fn set(texts: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    texts.into_iter().collect()
}

/// Reads with several members at once until all of them together have so many messages; what each has got, in order.
async fn together(members: &mut [Reader], count: usize) -> Outcome<Vec<Vec<String>>> {
    let mut got = vec![Vec::new(); members.len()];
    while got.iter().map(Vec::len).sum::<usize>() < count {
        let batches = members.iter_mut().map(|member| Box::pin(member.batch(16)));
        let (batch, member, others) = futures_util::future::select_all(batches).await;
        drop(others);
        let batch = batch.map_err(|found| found.during(&format!("the members have {got:?}")))?;
        got[member].extend(payloads(&batch));
        members[member].settle_all(batch, Settlement::Ack).await?;
    }
    Ok(got)
}

pub(super) async fn d1_every_group_gets_every_message(world: &World) -> Outcome {
    let destination = world.create("news", 2).await?;
    let mut one = world.join(&destination, "one").await?;
    let mut two = world.join(&destination, "two").await?;
    world.publish_numbers(&destination, 0..20).await?;
    for reader in [&mut one, &mut two] {
        let got = reader.take(20).await?;
        same("deliveries", &got.len(), &20)?;
        same("what a group gets", &set(payloads(&got)), &set(numbers(0..20)))?;
    }
    one.close().await?;
    two.close().await
}

pub(super) async fn d1b_an_anonymous_group_sees_only_what_comes_from_now_on(world: &World) -> Outcome {
    let destination = world.create("live", 2).await?;
    world.publish_numbers(&destination, 0..5).await?;
    let mut one = world.bind(&*world.binder(), world.input(&destination, None)).await?;
    let mut two = world.bind(&*world.binder(), world.input(&destination, None)).await?;
    // At once: nothing that is sent after an input is bound may be missed.
    world.publish_numbers(&destination, 5..15).await?;
    for reader in [&mut one, &mut two] {
        same("what an anonymous group gets", &set(payloads(&reader.take(10).await?)), &set(numbers(5..15)))?;
    }
    one.close().await?;
    two.close().await
}

pub(super) async fn d2_members_of_a_group_share_its_messages(world: &World) -> Outcome {
    let destination = world.create("work", 4).await?;
    let mut members = vec![world.join(&destination, "g").await?, world.join(&destination, "g").await?];
    let spread = |range: std::ops::Range<u64>| {
        range.map(|n| Raw::of(n.to_string()).in_partition((n % 4) as u32)).collect::<Vec<_>>()
    };
    let (mut sent, mut all) = (0, vec![Vec::new(), Vec::new()]);
    // Until the group has shared its work out, one member may get everything.
    while all.iter().any(Vec::is_empty) && sent < 4000 {
        world.publish(&destination, spread(sent..sent + 40)).await?;
        sent += 40;
        for (all, new) in all.iter_mut().zip(together(&mut members, 40).await?) {
            all.extend(new);
        }
    }
    same("whether a member got nothing", &all.iter().any(Vec::is_empty), &false)?;
    let all = all.concat();
    same("what the members get together", &set(all.clone()), &set(numbers(0..sent)))?;
    same("deliveries", &(all.len() as u64), &sent)?;
    for member in members {
        member.close().await?;
    }
    Ok(())
}

pub(super) async fn d3_one_input_reads_several_destinations(world: &World) -> Outcome {
    let (one, two) = (world.create("one", 1).await?, world.create("two", 1).await?);
    let mut spec = world.input(&one, Some("g"));
    spec.destinations.push(two.clone());
    let mut reader = world.bind(&*world.binder(), spec).await?;
    world.publish_numbers(&one, 0..10).await?;
    world.publish_numbers(&two, 10..20).await?;
    let got = reader.take(20).await?;
    same("what comes from both", &set(payloads(&got)), &set(numbers(0..20)))?;
    same("deliveries", &got.len(), &20)?;
    reader.close().await
}

pub(super) async fn d4_a_required_group_keeps_what_is_sent_before_it_reads(world: &World) -> Outcome {
    let destination = world.name("kept");
    let required_groups = vec![world.name("one"), world.name("two")];
    let spec = OutputSpec { required_groups, ..world.output(&destination) };
    let mut writer = world.open(&*world.binder(), spec).await?;
    writer.send_numbers(0..20).await?;
    writer.close().await?;
    for group in ["one", "two"] {
        let mut reader = world.join(&destination, group).await?;
        same("what was kept", &payloads(&reader.take(20).await?), &numbers(0..20))?;
        reader.close().await?;
    }
    Ok(())
}

pub(super) async fn d9_members_that_come_and_go_lose_nothing(world: &World) -> Outcome {
    const ROUNDS: u64 = 4;
    const EACH: u64 = 50;
    const BATCH: usize = 8;
    let destination = world.create("moving", 3).await?;
    let mut staying = world.join(&destination, "g").await?;
    let (mut seen, mut deliveries) = (BTreeSet::new(), 0u64);
    for round in 0..ROUNDS {
        let spread =
            (round * EACH..(round + 1) * EACH).map(|n| Raw::of(n.to_string()).in_partition((n % 3) as u32));
        let mut guest = world.join(&destination, "g").await?;
        world.publish(&destination, spread.collect()).await?;
        let until = (round + 1) * EACH;
        while (seen.len() as u64) < until {
            let (batch, is_guest) = tokio::select! {
                batch = staying.batch(BATCH) => (batch?, false),
                batch = guest.batch(BATCH) => (batch?, true),
            };
            deliveries += batch.len() as u64;
            seen.extend(batch.iter().map(payload));
            let from = if is_guest { &mut guest } else { &mut staying };
            from.settle_all(batch, Settlement::Ack).await?;
        }
        // Every other guest goes without a farewell.
        if round % 2 == 0 { guest.close().await? } else { drop(guest) }
    }
    same("messages", &seen, &set(numbers(0..ROUNDS * EACH)))?;
    // Each guest may leave a batch behind.
    let most = ROUNDS * (EACH + BATCH as u64);
    holds(
        || format!("{deliveries} deliveries of {} messages, expected at most {most}", ROUNDS * EACH),
        world.may_repeat() || deliveries <= most,
    )?;
    staying.close().await
}
