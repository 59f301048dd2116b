//! A9, V*: destinations are made when they are missing, and names that cannot be are refused.

use futures_util::future::try_join_all;

use crate::binder::{Kind, OutputSpec};
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, numbers, payloads};

pub(super) async fn a9_unusual_names_work_or_are_refused_with_the_name(world: &World) -> Outcome {
    let long = "x".repeat(200 - world.name("").len());
    let names =
        ["a.b-c_d", "UPPER", "with space", "ünïcödé", "a/b", "a#b*c", &long, &"x".repeat(400), "line\nbreak"];
    for name in names.map(|name| world.name(name)).into_iter().chain([String::new()]) {
        let shown = format!("the destination {name:?}");
        let refused = match world.binder().bind_output(world.output(&name)).await {
            Ok(_) => {
                let mut writer = world.writer(&name).await.map_err(|found| found.during(&shown))?;
                let mut reader = world.join(&name, "g").await.map_err(|found| found.during(&shown))?;
                writer.send_numbers(0..1).await.map_err(|found| found.during(&shown))?;
                same(&shown, &payloads(&reader.take(1).await?), &numbers(0..1))?;
                reader.close().await?;
                continue;
            }
            Err(refused) => refused,
        };
        same(&format!("the kind of the refusal of {shown}"), &refused.kind(), &Kind::Refused)?;
        let said = refused.to_string();
        let part: String = name.escape_debug().take(30).collect();
        holds(|| format!("`{said}` does not name {shown}"), said.contains(&part) || said.contains(&name))?;
    }
    Ok(())
}

pub(super) async fn v1_an_input_makes_its_destination(world: &World) -> Outcome {
    let destination = world.name("made-by-input");
    let mut reader = world.join(&destination, "g").await?;
    world.publish_numbers(&destination, 0..3).await?;
    same("payloads", &payloads(&reader.take(3).await?), &numbers(0..3))?;
    reader.close().await
}

pub(super) async fn v2_binding_again_changes_nothing(world: &World) -> Outcome {
    let destination = world.name("again");
    for round in 0..3 {
        let mut writer = world.writer(&destination).await?;
        let mut reader = world.join(&destination, "g").await?;
        writer.send_numbers(round * 5..round * 5 + 5).await?;
        same("payloads", &payloads(&reader.take(5).await?), &numbers(round * 5..round * 5 + 5))?;
        writer.close().await?;
        reader.close().await?;
    }
    Ok(())
}

pub(super) async fn v3_many_bindings_at_once_agree_on_a_new_destination(world: &World) -> Outcome {
    let destination = world.name("at-once");
    let groups: Vec<String> = (0..4).map(|n| format!("g{n}")).collect();
    let writers = try_join_all((0..4).map(|_| world.writer(&destination)));
    let readers = try_join_all(groups.iter().map(|group| world.join(&destination, group)));
    let (mut writers, readers) = tokio::try_join!(writers, readers)?;
    for (at, writer) in (0..).zip(&mut writers) {
        writer.send_numbers(at * 5..at * 5 + 5).await?;
    }
    for mut reader in readers {
        let mut got = payloads(&reader.take(20).await?);
        let mut expected = numbers(0..20);
        got.sort();
        expected.sort();
        same("payloads", &got, &expected)?;
        reader.close().await?;
    }
    Ok(())
}

pub(super) async fn v4_a_destination_has_the_partitions_that_an_output_asks_for(world: &World) -> Outcome {
    let destination = world.name("wide");
    let spec = OutputSpec { partition_count: 3, ..world.output(&destination) };
    let mut writer = world.open(&*world.binder(), spec).await?;
    let mut tap = world.tap(&destination).await?;
    let mut reader = world.join(&destination, "g").await?;
    writer.send_numbers(0..60).await?;
    let mut partitions: Vec<_> =
        world.take(&mut *tap, 60).await?.into_iter().filter_map(|raw| raw.partition).collect();
    partitions.sort_unstable();
    partitions.dedup();
    same("partitions that messages without a key are spread over", &partitions, &vec![0, 1, 2])?;
    same("messages", &reader.take(60).await?.len(), &60)?;
    reader.close().await
}
