//! A6, H*, X*: headers arrive as they were sent, and what nobody can read harms nobody.

use wellspring_functions::{ContentType, EncodedMessage, HeaderValue, Message};

use crate::binder::Kind;
use crate::conformance::Raw;
use crate::conformance::found::{Outcome, holds, same};
use crate::conformance::world::{World, message, payloads, plain};

/// A message with headers of every kind that brokers keep apart.
fn decorated() -> EncodedMessage {
    message("{}")
        .with_header("tenant", "acme")
        .with_header("X-Mixed-Case", "Mixed")
        .with_header("unicode", "zażółć ☂ 雨")
        .with_header("empty", "")
        .with_header("flag", true)
        .with_header("count", 5i32)
        .with_header("large", 1i64 << 40)
        .with_header("ratio", 0.5f64)
        .with_header("binary", vec![0u8, 0xff, 0xfe])
}

pub(super) async fn a6_headers_of_every_kind_arrive_as_they_were_sent(world: &World) -> Outcome {
    let destination = world.create("headers", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    let sent = decorated();
    writer.send_all(vec![plain(sent.clone())]).await?;
    let received = reader.take(1).await?.remove(0).message;
    // One alone first, while the others are unread.
    for (name, value) in sent.headers().iter() {
        same(&format!("the header `{name}` alone"), &received.headers().value(name).as_ref(), &Some(value))?;
    }
    for (name, value) in sent.headers().iter() {
        same(&format!("the header `{name}`"), &received.headers().get(name), &Some(value))?;
    }
    let names: Vec<_> = received.headers().iter().map(|(name, _)| name).collect();
    holds(|| format!("`X-Mixed-Case` is not spelled so: {names:?}"), names.contains(&"X-Mixed-Case"))?;
    reader.close().await
}

pub(super) async fn a6b_others_read_the_headers_that_were_sent(world: &World) -> Outcome {
    let destination = world.name("headers");
    let mut writer = world.writer(&destination).await?;
    let mut tap = world.tap(&destination).await?;
    writer.send_all(vec![plain(decorated())]).await?;
    let read = world.take(&mut *tap, 1).await?.remove(0);
    let expected =
        [("tenant", "acme"), ("X-Mixed-Case", "Mixed"), ("unicode", "zażółć ☂ 雨"), ("count", "5")];
    for (name, text) in expected {
        same(&format!("the header `{name}`"), &read.header(name), &Some(text.as_bytes()))?;
    }
    same("the content type", &read.content_type.as_deref(), &Some("application/json"))
}

pub(super) async fn a6c_headers_that_others_write_are_read(world: &World) -> Outcome {
    let destination = world.create("headers", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let raw = Raw::of("{}").with_header("tenant", "acme").with_header("unicode", "zażółć ☂ 雨");
    world.publish(&destination, vec![raw.with_header("empty", "")]).await?;
    let received = reader.take(1).await?.remove(0).message;
    for (name, text) in [("tenant", "acme"), ("unicode", "zażółć ☂ 雨"), ("empty", "")] {
        same(&format!("the header `{name}`"), &received.headers().text(name), &Some(text))?;
    }
    reader.close().await
}

pub(super) async fn h4_content_types_arrive_as_they_were_sent(world: &World) -> Outcome {
    let destination = world.create("types", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    let texts =
        ["application/json", "text/plain", "application/octet-stream", "application/vnd.acme+json;v=2"];
    let types: Vec<ContentType> = texts.iter().filter_map(|text| ContentType::parse(text).ok()).collect();
    let messages = types.iter().map(|content_type| plain(Message::encoded("{}", content_type.clone())));
    writer.send_all(messages.collect()).await?;
    let own = reader.receive(types.len()).await?;
    let found: Vec<_> = own.iter().filter_map(|one| one.message.headers().content_type().cloned()).collect();
    same("content types", &found, &types)?;
    let raw = texts.map(|text| Raw { content_type: Some(text.to_owned()), ..Raw::of("{}") });
    world.publish(&destination, raw.into_iter().chain([Raw::of("{}")]).collect()).await?;
    let others = reader.receive(types.len() + 1).await?;
    let found: Vec<_> = others.iter().map(|one| one.message.headers().content_type().cloned()).collect();
    let expected: Vec<_> = types.into_iter().map(Some).chain([None]).collect();
    same("content types of others, the last without one", &found, &expected)?;
    reader.close().await
}

pub(super) async fn h6_the_context_of_a_trace_passes_untouched(world: &World) -> Outcome {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let destination = world.create("traced", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut tap = world.tap(&destination).await?;
    let mut writer = world.writer(&destination).await?;
    let traced = message("{}").with_header("traceparent", PARENT).with_header("tracestate", "a=1,b=2");
    writer.send_all(vec![plain(traced)]).await?;
    let received = reader.take(1).await?.remove(0).message;
    same("`traceparent`", &received.headers().text("traceparent"), &Some(PARENT))?;
    same("`tracestate`", &received.headers().text("tracestate"), &Some("a=1,b=2"))?;
    let read = world.take(&mut *tap, 1).await?.remove(0);
    same("`traceparent` that others read", &read.header("traceparent"), &Some(PARENT.as_bytes()))?;
    reader.close().await
}

pub(super) async fn h8_no_header_from_outside_poses_as_a_fact_of_the_binder(world: &World) -> Outcome {
    let facts = world.subject.facts();
    holds(|| "the binder adds no headers of its own".to_owned(), !facts.is_empty())?;
    let destination = world.create("forged", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let forged = facts.iter().fold(Raw::of("{}"), |raw, name| raw.with_header(name, "forged"));
    world.publish(&destination, vec![forged]).await?;
    let received = reader.take(1).await?.remove(0).message;
    for name in facts {
        let alone = received.headers().value(name);
        same(&format!("`{name}` alone"), &alone.as_ref(), &received.headers().get(name))?;
        let found: Vec<_> = received.headers().get_all(name).collect();
        holds(
            || format!("`{name}` has the values {found:?}, expected that of the binder alone"),
            found.len() == 1 && found[0] != &HeaderValue::from("forged"),
        )?;
    }
    reader.close().await
}

pub(super) async fn x1_what_no_codec_can_read_is_delivered_as_it_is(world: &World) -> Outcome {
    let destination = world.create("rubbish", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let rubbish = Raw { content_type: Some("no type at all".to_owned()), ..Raw::of(vec![0xffu8, 0x00]) };
    let rubbish = rubbish.with_header("binary", vec![0xffu8, 0xfe]);
    world.publish(&destination, vec![rubbish, Raw::of("next")]).await?;
    let received = reader.take(2).await?;
    same("the payload", &received[0].message.bytes(), &&[0xff, 0x00][..])?;
    let header = received[0].message.headers().get("binary");
    same("the header `binary`", &header, &Some(&HeaderValue::from(vec![0xffu8, 0xfe])))?;
    same("what comes next", &payloads(&received[1..]), &vec!["next".to_owned()])?;
    reader.close().await
}

pub(super) async fn x2_headers_that_cannot_be_sent_are_refused_and_the_next_arrives(
    world: &World,
) -> Outcome {
    let destination = world.create("heavy", 1).await?;
    let mut reader = world.join(&destination, "g").await?;
    let mut writer = world.writer(&destination).await?;
    let messages = vec![
        message("long name").with_header("n".repeat(300), "x"),
        message("long value").with_header("long", "x".repeat(8 << 20)),
        message("next"),
    ];
    let sent: Vec<_> = ["long name", "long value", "next"].map(str::to_owned).into();
    let results = writer.send(messages.into_iter().map(plain).collect()).await?;
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        let kind = error.kind();
        let known = matches!(kind, Kind::TooLarge | Kind::Refused);
        holds(|| format!("`{error}` is {kind:?}, expected TooLarge or Refused"), known)?;
    }
    let taken = results.iter().zip(sent).filter(|(result, _)| result.is_ok());
    let expected: Vec<String> = taken.map(|(_, payload)| payload).collect();
    holds(|| "a message without headers was not taken".to_owned(), expected.ends_with(&["next".to_owned()]))?;
    let received = reader.take(expected.len()).await?;
    same("what arrives", &payloads(&received), &expected)?;
    for one in received.iter().filter(|one| one.message.bytes() == b"long value") {
        let length = one.message.headers().text("long").map(str::len);
        same("the length of the header", &length, &Some(8 << 20))?;
    }
    reader.close().await
}
