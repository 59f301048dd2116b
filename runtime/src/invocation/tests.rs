//! Deadlines, panics and slow functions.

use std::time::Duration;

use wellspring_functions::{Batch, Catalog, CatalogBuilder, ContentType, Many, Message};

use super::*;

fn invocation(builder: CatalogBuilder, name: &str) -> Invocation {
    Invocation::new(builder.build().unwrap().compose(name).unwrap(), Some(Duration::from_secs(5)))
}

async fn call(invocation: &Invocation, n: u32) -> Result<String, Error> {
    let message = Message::encoded(n.to_string(), ContentType::JSON);
    match invocation.call(Incoming::One(message), Wanted::Natural).await? {
        Output::One(reply) => Ok(String::from_utf8_lossy(reply.message.bytes()).into_owned()),
        other => panic!("expected one message, found {other:?}"),
    }
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_next_call_works() {
    let divide = |n: u32| 100 / n;
    let later = |n: u32| async move { 100 / n };
    for name in ["divide", "later"] {
        let builder = Catalog::builder().function("divide", divide).function("later", later);
        let invocation = invocation(builder, name);
        for _ in 0..2 * threads_before_trust() {
            let error = call(&invocation, 0).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Panic);
            assert_eq!(
                error.to_string(),
                format!("`{name}`: the function panicked: attempt to divide by zero")
            );
            assert_eq!(call(&invocation, 4).await.unwrap(), "25");
        }
    }
}

fn threads_before_trust() -> u32 {
    8
}

#[tokio::test(start_paused = true)]
async fn a_function_that_hangs_meets_its_deadline() {
    let builder = Catalog::builder().function("hang", |_: u32| std::future::pending::<u32>());
    let error = call(&invocation(builder, "hang"), 1).await.unwrap_err();
    assert_eq!((error.kind(), error.text()), (Kind::Timeout, "no answer within 5s"));
}

#[tokio::test]
async fn a_function_that_never_returns_costs_only_its_caller() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let builder = Catalog::builder().function("never", move |n: u32| {
        let _ = wait.lock().unwrap().recv();
        n
    });
    let composition = builder.build().unwrap().compose("never").unwrap();
    let invocation = Invocation::new(composition, Some(Duration::from_millis(20)));
    for _ in 0..3 {
        assert_eq!(call(&invocation, 1).await.unwrap_err().kind(), Kind::Timeout);
    }
    drop(release);
}

#[tokio::test]
async fn a_quick_function_comes_to_run_on_the_callers_thread() {
    let builder =
        Catalog::builder().function("thread", |_: u32| format!("{:?}", std::thread::current().id()));
    let invocation = invocation(builder, "thread");
    let own = format!("{:?}", std::thread::current().id());
    let mut threads = Vec::new();
    for _ in 0..threads_before_trust() {
        threads.push(call(&invocation, 1).await.unwrap());
    }
    assert_ne!(threads[0], own);
    assert_eq!(threads.last(), Some(&own));
}

#[tokio::test]
async fn a_panic_fails_the_whole_batch_and_no_item_is_done() {
    let builder = Catalog::builder()
        .consumer("divide", |Batch(numbers): Batch<u32>| {
            let _: u32 = numbers.iter().map(|n| 100 / n).sum();
        })
        .function("later", |Batch(numbers): Batch<u32>| Many(numbers.into_iter().map(|n| 100 / n).collect()));
    let catalog = builder.build().unwrap();
    let messages = |all: &[u32]| {
        all.iter().map(|n| Message::encoded(n.to_string(), ContentType::JSON)).collect::<Vec<_>>()
    };
    for name in ["divide", "later"] {
        let invocation = Invocation::new(catalog.compose(name).unwrap(), None);
        for _ in 0..2 * threads_before_trust() {
            let whole = invocation.call(Incoming::Batch(messages(&[1, 0, 2])), Wanted::Natural).await;
            assert_eq!(whole.unwrap_err().kind(), Kind::Panic);
            let one = invocation.call(Incoming::Batch(messages(&[2])), Wanted::Natural).await;
            assert!(matches!(one, Ok(Output::Batch(outcome)) if outcome.failed.is_empty()));
        }
    }
}
