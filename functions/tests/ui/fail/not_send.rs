use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::{Stream, StreamExt};
use wellspring_functions::{consumer, function, supplier};

async fn pause() {}

#[function]
async fn holds(number: u64) -> u64 {
    let shared = Rc::new(number);
    pause().await;
    *shared
}

#[consumer]
async fn guards(number: u64) {
    let lock = std::sync::Mutex::new(number);
    let guard = lock.lock();
    pause().await;
    drop(guard);
}

#[function]
fn boxed(number: u64) -> Pin<Box<dyn Future<Output = u64>>> {
    Box::pin(async move { number })
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Shared {
    number: u64,
    #[serde(skip)]
    pointer: PhantomData<*const u8>,
}

#[function]
fn payload(shared: Shared) -> u64 {
    shared.number
}

#[function]
fn result(number: u64) -> Option<Shared> {
    Some(Shared { number, pointer: PhantomData })
}

#[supplier]
fn stream() -> impl Stream<Item = u64> {
    let shared = Rc::new(1);
    futures_util::stream::iter(0..3).map(move |number| number + *shared)
}

fn main() {}
