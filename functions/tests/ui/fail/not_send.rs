use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::Stream;
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

struct Ticks(Rc<u64>);

impl Stream for Ticks {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        Poll::Ready(Some(*self.0))
    }
}

#[supplier]
fn stream() -> Ticks {
    Ticks(Rc::new(1))
}

fn main() {}
