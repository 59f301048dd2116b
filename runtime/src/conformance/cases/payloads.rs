//! A*: what is sent arrives, whatever it is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::future::try_join_all;
use wellspring_functions::{ContentType, Headers, Message};

use crate::binder::{Kind, Settlement};
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, message, numbers, payload, payloads, plain};
use crate::conformance::{Raw, Settings};

pub(super) async fn a1_what_others_publish_arrives_once_and_unchanged(world: &World) -> Outcome {
    let destination = world.create("orders", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let sent = (0..100).map(|n| {
        let raw = Raw { content_type: Some("application/json".to_owned()), ..Raw::of(n.to_string()) };
        raw.with_header("tenant", format!("t{n}"))
    });
    world.publish(&destination, sent.collect()).await?;
    let deliveries = reader.take(100).await?;
    same("payloads in order", &payloads(&deliveries), &numbers(0..100))?;
    for (n, delivery) in deliveries.iter().enumerate() {
        let headers = delivery.message.headers();
        same("the header `tenant`", &headers.text("tenant"), &Some(format!("t{n}").as_str()))?;
        same("the content type", &headers.content_type(), &Some(&ContentType::JSON))?;
        same("the first attempt", &delivery.attempt, &1)?;
    }
    // What comes next is new, so nothing came twice.
    world.publish(&destination, vec![Raw::of("last")]).await?;
    same("the next payload", &payloads(&reader.take(1).await?), &vec!["last".to_owned()])?;
    reader.close().await
}

pub(super) async fn a1b_what_is_sent_is_what_others_read(world: &World) -> Outcome {
    let destination = world.name("orders");
    let mut writer = world.writer(&destination).await?;
    let mut tap = world.tap(&destination).await?;
    writer.send_numbers(0..100).await?;
    writer.send_all(vec![plain(message("last"))]).await?;
    let read = world.take(&mut *tap, 101).await?;
    let expected: Vec<String> = numbers(0..100).into_iter().chain(["last".to_owned()]).collect();
    let found: Vec<String> = read.iter().map(text).collect();
    same("payloads in order", &found, &expected)?;
    for raw in &read {
        same("the content type", &raw.content_type.as_deref(), &Some("application/json"))?;
    }
    writer.close().await
}

fn text(raw: &Raw) -> String {
    String::from_utf8_lossy(raw.payload.as_deref().unwrap_or_default()).into_owned()
}

pub(super) async fn a2_what_is_sent_before_a_group_exists_is_kept_or_refused(world: &World) -> Outcome {
    let destination = world.name("early");
    let mut writer = world.writer(&destination).await?;
    let messages = (0..10).map(|n: u64| plain(message(n.to_string()))).collect();
    let results = writer.send(messages).await?;
    let kept = results.iter().filter(|result| result.is_ok()).count();
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        same("the kind of the refusal", &error.kind(), &Kind::Unroutable)?;
    }
    holds(|| format!("{kept} of 10 messages were kept, expected all or none"), kept == 0 || kept == 10)?;
    let mut reader = world.join(&destination, "g").await?;
    writer.send_all(vec![plain(message("last"))]).await?;
    let expected = if kept == 10 { numbers(0..10) } else { Vec::new() };
    let expected: Vec<String> = expected.into_iter().chain(["last".to_owned()]).collect();
    same("payloads", &payloads(&reader.take(expected.len()).await?), &expected)?;
    reader.close().await
}

pub(super) async fn a3_what_became_of_a_message_is_told_once(world: &World) -> Outcome {
    let destination = world.create("told", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    // `send` compares the numbers that are told with those that were given.
    for round in 0..5 {
        writer.send_numbers(round * 200..(round + 1) * 200).await?;
    }
    same("payloads", &payloads(&reader.take(1000).await?), &numbers(0..1000))?;
    writer.close().await?;
    reader.close().await
}

pub(super) async fn a4_payloads_of_any_size_and_content_arrive_unchanged(world: &World) -> Outcome {
    const MIB: usize = 1 << 20;
    let settings = Settings { largest_payload: Some(2 * MIB), ..Settings::default() };
    let binder = world.binder_with(&settings);
    let destination = world.name("sizes");
    let mut writer = world.open(&*binder, world.output(&destination)).await?;
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = every_byte.iter().copied().cycle().take(MIB).collect();
    let sent: Vec<Bytes> =
        [vec![], vec![0], every_byte, vec![0xff, 0xfe, 0xc0], large].map(Bytes::from).into();
    let messages = sent.iter().map(|bytes| plain(Message::encoded(bytes.clone(), ContentType::BYTES)));
    writer.send_all(messages.collect()).await?;
    let received = reader.take(sent.len()).await?;
    for (sent, delivery) in sent.iter().zip(&received) {
        let found = delivery.message.payload().as_ref();
        let what =
            || format!("{} bytes came as {:?} bytes, or other ones", sent.len(), found.map(Bytes::len));
        holds(what, found == Some(sent))?;
    }
    reader.close().await
}

pub(super) async fn a4b_a_null_payload_is_not_an_empty_one(world: &World) -> Outcome {
    let destination = world.create("deleted", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut tap = world.tap(&destination).await?;
    let mut writer = world.writer(&destination).await?;
    let tombstone = Message::from_parts(None, Headers::new());
    let mut deleted = plain(tombstone);
    deleted.key = Some(Bytes::from_static(b"k"));
    writer.send_all(vec![deleted, plain(message(""))]).await?;
    let received = reader.receive(2).await?;
    let found: Vec<_> = received.iter().map(|one| one.message.payload().clone()).collect();
    let expected = vec![None, Some(Bytes::new())];
    same("payloads", &found, &expected)?;
    let read: Vec<_> = world.take(&mut *tap, 2).await?.into_iter().map(|raw| raw.payload).collect();
    same("payloads that others read", &read, &expected)?;
    reader.settle_all(received, Settlement::Ack).await?;
    world.publish(&destination, vec![Raw { key: Some("k".into()), ..Raw::default() }]).await?;
    same("a null of others", reader.take(1).await?[0].message.payload(), &None)?;
    reader.close().await
}

pub(super) async fn a5_a_message_over_the_limit_is_refused_and_the_next_arrives(world: &World) -> Outcome {
    const LIMIT: usize = 64 << 10;
    let settings = Settings { largest_payload: Some(LIMIT), ..Settings::default() };
    let binder = world.binder_with(&settings);
    let destination = world.name("limited");
    let mut writer = world.open(&*binder, world.output(&destination)).await?;
    let mut reader = world.bind(&*binder, world.input(&destination, Some("g"))).await?;
    let message = |size: usize| plain(Message::encoded(vec![b'x'; size], ContentType::BYTES));
    let results = writer.send(vec![message(1), message(4 * LIMIT), message(LIMIT)]).await?;
    let kinds: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(|error| error.kind())).collect();
    same(
        "what became of 1 byte, too many, and as many as may be",
        &kinds,
        &vec![None, Some(Kind::TooLarge), None],
    )?;
    for refused in results.iter().filter_map(|result| result.as_ref().err()) {
        let said = refused.to_string();
        let size = (4 * LIMIT).to_string();
        holds(|| format!("`{said}` does not say that the message has {size} bytes"), said.contains(&size))?;
    }
    let sizes: Vec<_> = reader.receive(2).await?.iter().map(|one| one.message.bytes().len()).collect();
    same("sizes that arrive", &sizes, &vec![1, LIMIT])?;
    reader.close().await
}

pub(super) async fn a8_many_members_process_each_message_once(world: &World) -> Outcome {
    const MEMBERS: u64 = 5;
    const MESSAGES: u64 = 1000;
    let destination = world.create("shared", MEMBERS as u32).await?;
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(world.join(&destination, "g").await?);
    }
    let spread = (0..MESSAGES).map(|n| Raw::of(n.to_string()).in_partition((n % MEMBERS) as u32));
    world.publish(&destination, spread.collect()).await?;
    let seen = std::sync::Mutex::new(BTreeMap::<String, u32>::new());
    let missing = tokio::sync::watch::channel(MESSAGES).0;
    let work = members.into_iter().map(|mut member| {
        let (seen, missing) = (&seen, &missing);
        async move {
            let mut left = missing.subscribe();
            while *left.borrow() > 0 {
                let batch = tokio::select! {
                    batch = member.batch(16) => batch?,
                    _ = left.wait_for(|left| *left == 0) => break,
                };
                for one in &batch {
                    let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    *seen.entry(payload(one)).or_default() += 1;
                    missing.send_replace(MESSAGES.saturating_sub(seen.len() as u64));
                }
                member.settle_all(batch, Settlement::Ack).await?;
            }
            same("what comes when everything has come", &payloads(&member.quiet().await?), &Vec::new())?;
            member.close().await
        }
    });
    try_join_all(work).await?;
    let seen = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    same("messages processed more than once", &twice, &Vec::new())?;
    world.until_unsettled(&destination, "g", 0).await
}

pub(super) async fn a10_a_message_that_nobody_will_get_is_an_error(world: &World) -> Outcome {
    let destination = world.name("nobody");
    let mut writer = world.writer(&destination).await?;
    let results = writer.send(vec![plain(message("1"))]).await?;
    let found =
        results[0].as_ref().err().map(|error| (error.kind(), error.to_string().contains(&destination)));
    same(
        "the kind of the error, and whether it names the destination",
        &found,
        &Some((Kind::Unroutable, true)),
    )
}

pub(super) async fn a11_five_thousand_messages_arrive_whatever_happens(world: &World) -> Outcome {
    const MESSAGES: u64 = 5000;
    let destination = world.create("many", 3).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    let (sent, received) = tokio::join!(writer.send_numbers(0..MESSAGES), reader.take(MESSAGES as usize));
    sent?;
    let received = received?;
    let distinct: BTreeSet<String> = payloads(&received).into_iter().collect();
    same("messages", &distinct.len(), &(MESSAGES as usize))?;
    if !world.may_repeat() {
        same("deliveries", &received.len(), &(MESSAGES as usize))?;
    }
    reader.close().await
}
