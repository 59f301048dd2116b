//! Dead letters: what they carry, and what becomes of the original.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wellspring::binder::Kind;
use wellspring::header_names;

use crate::failing::{Failing, Refusal};
use crate::world::{Calls, World, eventually, failing_on_bad, next, raw, work};

pub(crate) async fn c2_a_dead_letter_is_the_original_and_says_why_it_is_there(world: &World) {
    let payload: Vec<u8> = (0..=255).collect();
    let app = world
        .start("max-attempts: 2, back-off-initial-interval: 10ms, dead-letter: failed", |catalog| {
            catalog.function("work", |_: bytes::Bytes| {
                Err::<String, _>(wellspring::Error::retryable("the stock is being counted"))
            })
        })
        .await;
    let (mut bare, mut reader) = (world.tap("failed").await, world.reader("failed").await);
    let mut original = raw("").with_header("X-Tenant", "blue").with_header("trace", "café");
    original.payload = Some(payload.clone().into());
    original.content_type = Some("application/octet-stream".to_owned());
    world.publish("in", [original]).await;
    let written = bare.messages(1).await.remove(0);
    assert_eq!(written.payload.as_deref(), Some(&payload[..]));
    assert_eq!(written.content_type.as_deref(), Some("application/octet-stream"));
    let letter = next(&mut reader).await.message;
    let headers = letter.headers();
    assert_eq!((headers.text("X-Tenant"), headers.text("trace")), (Some("blue"), Some("café")));
    let origin = if world.binder_name() == "rabbitmq" { "x-original-exchange" } else { "x-original-topic" };
    assert!(headers.text(origin).is_some_and(|name| name.ends_with("in")), "{headers:?}");
    assert_eq!(headers.integer(header_names::ATTEMPTS), Some(2));
    assert_eq!(headers.text(header_names::BINDING), Some("work-in-0"));
    let said = headers.text(header_names::EXCEPTION_MESSAGE);
    assert!(said.is_some_and(|said| said.contains("the stock is being counted")), "{said:?}");
    world.until_done(&app).await;
    assert_eq!(app.running.stop().await, 0);
}

pub(crate) async fn c10_a_dead_letter_that_is_refused_leaves_the_original_until_it_is_accepted(
    world: &World,
) {
    let (calls, refusal) = (Calls::default(), Arc::new(Refusal::default()));
    refusal.is_on.store(true, Ordering::SeqCst);
    let binder = Failing {
        inner: world.binder(),
        destination: "failed",
        kind: Kind::Refused,
        refusal: Arc::clone(&refusal),
    };
    let yaml = work("max-attempts: 1, back-off-initial-interval: 10ms, dead-letter: failed");
    let app = world.start_over(Arc::new(binder), &yaml, failing_on_bad(&calls)).await;
    let (mut out, mut failed) = (world.tap("out").await, world.tap("failed").await);
    world.send("in", ["bad", "good"]).await;
    eventually("refused again and again", || refusal.count.load(Ordering::SeqCst) >= 3).await;
    assert_eq!(out.take(1).await, ["good"], "the next one does not wait for it");
    assert_eq!(app.stats("work-in-0").dead_lettered.get(), 0);
    // The broker hears of what is settled together with what was before it.
    world.until_unsettled(2).await;
    refusal.is_on.store(false, Ordering::SeqCst);
    assert_eq!(failed.take(1).await, ["bad"]);
    world.until_done(&app).await;
    assert_eq!(calls.texts(), ["bad", "good"]);
    assert_eq!((app.stats("work-in-0").dead_lettered.get(), app.running.stop().await), (1, 0));
}

pub(crate) async fn c4_what_cannot_be_read_is_never_called_and_becomes_a_dead_letter(world: &World) {
    let calls = Calls::default();
    let noted = calls.clone();
    let consumer = "max-attempts: 3, back-off-initial-interval: 10ms, dead-letter: failed";
    let app = world
        .start(consumer, move |catalog| {
            catalog.function("work", move |numbers: Vec<u64>| {
                noted.note(&format!("{numbers:?}"));
                numbers.len()
            })
        })
        .await;
    let (mut bare, mut reader) = (world.tap("failed").await, world.reader("failed").await);
    let mut out = world.tap("out").await;
    let json = |text: &'static [u8]| {
        let mut raw = raw("");
        raw.payload = Some(text.into());
        raw.content_type = Some("application/json".to_owned());
        raw
    };
    world.publish("in", [json(b"[1, 2"), json(b"\xff\xfe\x00"), json(b"[1, 2]")]).await;
    let written = bare.messages(2).await;
    let payloads: Vec<_> = written.iter().map(|raw| raw.payload.clone().unwrap()).collect();
    assert_eq!(payloads, [&b"[1, 2"[..], b"\xff\xfe\x00"]);
    for _ in 0..2 {
        let letter = next(&mut reader).await.message;
        let said = letter.headers().text(header_names::EXCEPTION_MESSAGE).unwrap_or_default().to_owned();
        assert!(!said.is_empty());
        assert_eq!(letter.headers().integer(header_names::ATTEMPTS), Some(1));
    }
    assert_eq!(out.take(1).await, ["2"], "the length of the one that can be read");
    world.until_done(&app).await;
    assert_eq!(calls.texts(), ["[1, 2]"]);
    assert_eq!((app.stats("work-in-0").dead_lettered.get(), app.running.stop().await), (2, 0));
}
