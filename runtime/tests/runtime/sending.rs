//! Sending from code: by binding or destination, many at once, and where a result says itself where it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use wellspring::testing::Destinations;
use wellspring::{Error, Message, Sender, header_names};

use super::app::{App, eventually, next, text};

const REGISTER: &str = "
function: { definition: register }
stream:
  dynamic-destinations: [audit, 'orders-*']
  bindings:
    register-in-0: { destination: in, group: g, consumer: { dead-letter: failed, max-attempts: 1 } }
    register-out-0: { destination: out }
    mail-out-0: { destination: mail }
";

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_a_destination_only_where_the_configuration_allows_it() {
    let app = App::start(REGISTER, |catalog| {
        catalog.function("register", |to: String, sender: Sender| async move {
            sender.send(&to, 7).await?;
            Ok::<_, Error>(to)
        })
    })
    .await;
    let mut out = app.reader("out").await;
    for (to, destination) in
        [("audit", "audit"), ("orders-eu", "orders-eu"), ("mail-out-0", "mail"), ("audit", "audit")]
    {
        let mut reader = app.reader(destination).await;
        app.send("in", to).await;
        assert_eq!((text(&mut reader).await, text(&mut out).await), ("7".to_owned(), to.to_owned()));
    }
    let mut failed = app.reader("failed").await;
    app.send("in", "order-eu").await;
    let letter = next(&mut failed).await.message;
    let said = letter.headers().text(header_names::EXCEPTION_MESSAGE).unwrap();
    let expected = "no output is named `order-eu`, expected a key of `stream.bindings` or one of `stream.dynamic-destinations`";
    assert!(said.ends_with(expected), "{said}");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_result_goes_where_it_says_and_its_delivery_is_settled_after_that() {
    let app = App::start(REGISTER, |catalog| {
        catalog.function("register", |to: String| {
            let message = Message::new(to.clone());
            if to == "here" { message } else { message.with_header(header_names::SEND_TO_DESTINATION, to) }
        })
    })
    .await;
    let (mut out, mut mail, mut audit) =
        (app.reader("out").await, app.reader("mail").await, app.reader("audit").await);
    for to in ["mail-out-0", "audit", "here"] {
        app.send("in", to).await;
    }
    for (reader, expected) in [(&mut mail, "mail-out-0"), (&mut audit, "audit"), (&mut out, "here")] {
        let message = next(reader).await.message;
        assert_eq!(message.bytes(), expected.as_bytes());
        assert!(!message.headers().contains(header_names::SEND_TO_DESTINATION));
    }
    eventually("settled", || app.stats("register-in-0").succeeded.get() == 3).await;
    let mut failed = app.reader("failed").await;
    app.send("in", "nowhere").await;
    assert_eq!(text(&mut failed).await, "nowhere", "what cannot be sent is not lost");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_does_not_say_where_results_go() {
    let app = App::start(REGISTER, |catalog| catalog.function("register", |text: String| text)).await;
    let mut out = app.reader("out").await;
    let forged = Message::encoded("x", wellspring::ContentType::TEXT)
        .with_header(header_names::SEND_TO_DESTINATION, "mail-out-0");
    app.destinations.send("in", forged).await.unwrap();
    assert_eq!(text(&mut out).await, "x");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn many_messages_are_sent_in_order_and_confirmed_together() {
    let app = App::start(REGISTER, |catalog| {
        catalog.function("register", |count: u64, sender: Sender| async move {
            sender.send_all("mail-out-0", 0..count).await?;
            Ok::<_, Error>(count)
        })
    })
    .await;
    let (mut mail, mut out) = (app.reader("mail").await, app.reader("out").await);
    app.send("in", "5000").await;
    assert_eq!(text(&mut out).await, "5000");
    for n in 0..5000 {
        assert_eq!(text(&mut mail).await, n.to_string());
    }
    app.send("in", "0").await;
    assert_eq!(text(&mut out).await, "0");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_supplier_gives_is_sent_again_until_it_is_accepted() {
    let full = Destinations::with(wellspring::binder::memory::Config { capacity: 2, partitions: 1 });
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let yaml = "
function: { definition: tick }
stream: { bindings: { tick-out-0: { destination: ticks, producer: { poller: { fixed-delay: 1s } } } } }
";
    let app = App::start_on(full, yaml, move |catalog| {
        catalog.supplier("tick", move || counted.fetch_add(1, Ordering::Relaxed))
    })
    .await;
    eventually("the destination is full", || calls.load(Ordering::Relaxed) == 3).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        calls.load(Ordering::Relaxed),
        3,
        "it is not asked for more as long as nothing more is accepted"
    );
    let since = Instant::now();
    let mut ticks = app.reader("ticks").await;
    for n in 0..5 {
        assert_eq!(text(&mut ticks).await, n.to_string());
    }
    assert!(since.elapsed() < Duration::from_secs(20));
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_posted_belongs_to_the_delivery_and_goes_only_if_the_call_succeeds() {
    let yaml = REGISTER
        .replace("definition: register", "definition: register|second")
        .replace("register-", "registersecond-");
    let app = App::start(&yaml, |catalog| {
        catalog
            .function("register", |name: String, sender: Sender| {
                sender.post("mail-out-0", format!("{name} 1"))?;
                sender.post("mail-out-0", format!("{name} 2"))?;
                Ok::<_, Error>(name)
            })
            .function("second", |name: String, sender: Sender| async move {
                sender.post("audit", name.clone())?;
                if name == "bad" { Err(Error::fatal("never")) } else { Ok(name) }
            })
    })
    .await;
    let (mut mail, mut audit) = (app.reader("mail").await, app.reader("audit").await);
    let (mut out, mut failed) = (app.reader("out").await, app.reader("failed").await);
    for name in ["bad", "good"] {
        app.send("in", name).await;
    }
    assert_eq!((text(&mut failed).await, text(&mut out).await), ("bad".to_owned(), "good".to_owned()));
    assert_eq!((text(&mut mail).await, text(&mut mail).await), ("good 1".to_owned(), "good 2".to_owned()));
    assert_eq!(text(&mut audit).await, "good");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_no_output_takes_fails_the_call() {
    let app = App::start(REGISTER, |catalog| {
        catalog.function("register", |to: String, sender: Sender| {
            sender.post(&to, 1)?;
            Ok::<_, Error>(to)
        })
    })
    .await;
    let mut failed = app.reader("failed").await;
    app.send("in", "nowhere").await;
    let letter = next(&mut failed).await.message;
    let said = letter.headers().text(header_names::EXCEPTION_MESSAGE).unwrap();
    assert!(said.contains("no output is named `nowhere`"), "{said}");
    assert_eq!((app.stats("register-in-0").sent.get(), app.running.stop().await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_can_be_posted_when_the_call_is_over() {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keeps = Arc::clone(&kept);
    let app = App::start(REGISTER, move |catalog| {
        catalog.function("register", move |name: String, sender: Sender| {
            *keeps.lock().unwrap() = Some(sender);
            name
        })
    })
    .await;
    let mut out = app.reader("out").await;
    app.send("in", "x").await;
    assert_eq!(text(&mut out).await, "x");
    let sender = kept.lock().unwrap().take().unwrap();
    let late = sender.post("mail-out-0", 1).unwrap_err();
    assert_eq!(
        late.to_string(),
        "nothing can be posted to `mail-out-0` when the call is over; await `send` instead"
    );
    assert_eq!(app.running.stop().await, 0);
}
