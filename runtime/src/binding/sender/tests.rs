//! What senders are told, also when nothing goes.

use std::task::{Context, Poll};

use super::*;
use crate::binder::{self, Confirmation, Outgoing, Output};

/// An output whose broker is away.
struct Away;

impl Output for Away {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), binder::Error>> {
        Poll::Pending
    }

    fn send(&mut self, _: Outgoing, _: u64) {}

    fn poll_confirmed(
        &mut self,
        _: &mut Context<'_>,
        _: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), binder::Error>> {
        Poll::Pending
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), binder::Error>> {
        async { Ok(()) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_is_told_in_time_when_the_broker_is_away() {
    let outputs = SenderOutputs::default();
    let (name, content_type, stats) = ("out".to_owned(), ContentType::JSON, Arc::default());
    let publisher = Publisher::new(Box::new(Away), "out", "d");
    let opening = Opening { name, content_type, publisher, stats };
    let stop = tokio_util::sync::CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    for task in outputs.open(vec![opening], None) {
        tasks.spawn(task.run(stop.clone()));
    }
    let began = Instant::now();
    let message = || EncodedMessage::new(Some("1".into()));
    let (first, second) = tokio::join!(outputs.send("out", message()), outputs.send("out", message()));
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!(error.kind(), Kind::OutputUnreachable);
        assert!(error.to_string().contains("`out` takes no message within 30s"), "{error}");
    }
    assert_eq!(began.elapsed().as_secs(), 30, "both waited at the same time");
    stop.cancel();
    assert_eq!(tasks.join_all().await, [0]);
}
