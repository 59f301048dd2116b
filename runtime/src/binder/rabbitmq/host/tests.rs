//! Guests of a host whose thread is the test's own: it goes on with them when it says so, as the client does.

use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::Duration;

use futures_util::future::pending;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::binder::Host as _;

/// How long anything may take.
const SOON: Duration = Duration::from_secs(10);

/// Counts how often the host's thread was woken.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A host on a thread that works when it is told to.
fn hosting() -> (Arc<Host>, Arc<Calls>) {
    let (host, calls) = (Arc::new(Host::default()), Arc::<Calls>::default());
    host.is_on(&Waker::from(Arc::clone(&calls)), 1);
    (host, calls)
}

/// Runs it on the runtime and waits for its end.
fn spawned(task: impl Future<Output = Option<u64>> + Send + 'static) -> BoxFuture<'static, Option<u64>> {
    let mut tasks = JoinSet::new();
    tasks.spawn(task);
    async move { timeout(SOON, tasks.join_next()).await.unwrap().unwrap().unwrap() }.boxed()
}

#[tokio::test]
async fn a_guest_runs_where_its_host_works() {
    let (host, calls) = hosting();
    let ended =
        Arc::clone(&host).run(async { u64::from(thread::current().name() == Some("the host")) }.boxed());
    assert_eq!(calls.0.load(Ordering::SeqCst), 1, "the host is told that there is work");
    let works = thread::Builder::new().name("the host".to_owned()).spawn(move || host.work()).unwrap();
    works.join().unwrap();
    assert_eq!(timeout(SOON, ended).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_guest_that_is_woken_twice_wakes_its_host_once() {
    let (host, calls) = hosting();
    let (send, mut receive) = mpsc::unbounded_channel();
    let ended = spawned(
        Arc::clone(&host).run(
            async move {
                let mut sum = 0;
                while let Some(number) = receive.recv().await {
                    sum += number;
                }
                sum
            }
            .boxed(),
        ),
    );
    host.work();
    let before = calls.0.load(Ordering::SeqCst);
    send.send(1).unwrap();
    send.send(2).unwrap();
    assert_eq!(calls.0.load(Ordering::SeqCst), before + 1);
    drop(send);
    host.work();
    assert_eq!(ended.await, Some(3));
}

#[tokio::test]
async fn a_guest_goes_on_elsewhere_while_its_host_has_no_thread() {
    let (host, _) = hosting();
    let (tell, told) = oneshot::channel::<u64>();
    let ended = Arc::clone(&host).run(async move { told.await.unwrap() }.boxed());
    let ended = spawned(ended);
    host.work();
    host.leaves(1);
    tell.send(7).unwrap();
    assert_eq!(ended.await, Some(7));
}

#[tokio::test]
async fn work_that_no_thread_has_begun_when_it_leaves_is_begun_elsewhere() {
    let (host, _) = hosting();
    let (begin, mut begun) = oneshot::channel();
    let ended = spawned(Arc::clone(&host).run(async { begin.send(()).map_or(0, |()| 7) }.boxed()));
    tokio::task::yield_now().await;
    assert!(begun.try_recv().is_err(), "it is the host's thread that is to begin it");
    host.leaves(1);
    assert_eq!(ended.await, Some(7));
}

#[tokio::test]
async fn a_guest_that_is_woken_while_there_is_no_thread_goes_on_with_one_that_comes_before_it_is_looked_at() {
    let (host, calls) = (Arc::new(Host::default()), Arc::<Calls>::default());
    let mut ended = Arc::clone(&host).run(async { 7 }.boxed());
    host.is_on(&Waker::from(Arc::clone(&calls)), 1);
    assert!(ended.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(calls.0.load(Ordering::SeqCst), 1, "the thread is told of it");
    host.work();
    assert_eq!(timeout(SOON, ended).await.unwrap(), Some(7));
}

#[tokio::test]
async fn work_that_a_thread_has_not_begun_when_another_takes_its_place_is_told_to_that() {
    let (host, _) = hosting();
    let ended = Arc::clone(&host).run(async { 7 }.boxed());
    let successor = Arc::<Calls>::default();
    host.is_on(&Waker::from(Arc::clone(&successor)), 2);
    assert_eq!(successor.0.load(Ordering::SeqCst), 1);
    host.work();
    assert_eq!(timeout(SOON, ended).await.unwrap(), Some(7));
}

#[tokio::test]
async fn a_connection_that_ends_late_does_not_take_the_thread_of_its_successor() {
    let (host, _) = hosting();
    let successor = Arc::<Calls>::default();
    host.is_on(&Waker::from(Arc::clone(&successor)), 2);
    host.leaves(1);
    drop(Arc::clone(&host).run(pending().boxed()));
    assert_eq!(successor.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_guest_that_panics_is_told_to_have_ended_and_leaves_its_host_in_order() {
    let (host, _) = hosting();
    let panics = Arc::clone(&host).run(async { panic!("on purpose") }.boxed());
    let other = Arc::clone(&host).run(async { 7 }.boxed());
    host.work();
    assert_eq!(timeout(SOON, panics).await.unwrap(), None);
    assert_eq!(timeout(SOON, other).await.unwrap(), Some(7));
}

#[tokio::test]
async fn every_guest_that_was_woken_goes_on_although_another_leaves_meanwhile() {
    let (host, _) = hosting();
    let leaving = Arc::new(Mutex::new(Some(Arc::clone(&host).run(async { 1 }.boxed()))));
    let second = Arc::clone(&host).run(
        async move {
            drop(lock(&leaving).take());
            2
        }
        .boxed(),
    );
    let third = Arc::clone(&host).run(async { 3 }.boxed());
    host.work();
    assert_eq!(timeout(SOON, second).await.unwrap(), Some(2));
    assert_eq!(timeout(SOON, third).await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_guest_ends_with_whoever_waits_for_it() {
    let (host, _) = hosting();
    let (held, mut dropped) = oneshot::channel::<()>();
    let ended = Arc::clone(&host).run(
        async move {
            let _held = held;
            pending().await
        }
        .boxed(),
    );
    host.work();
    assert!(dropped.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
    drop(ended);
    assert!(dropped.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    assert!(lock(&host.guests).is_empty());
}

#[tokio::test]
async fn a_guest_that_is_given_up_while_it_is_worked_on_ends_afterwards() {
    let (host, _) = hosting();
    let (held, dropped) = oneshot::channel::<()>();
    let (begin, begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let ended = Arc::clone(&host).run(
        async move {
            let _held = held;
            begin.send(()).unwrap();
            may_go_on.recv().unwrap();
            pending().await
        }
        .boxed(),
    );
    let works = thread::spawn(move || host.work());
    begun.recv_timeout(SOON).unwrap();
    drop(ended);
    go_on.send(()).unwrap();
    works.join().unwrap();
    timeout(SOON, dropped).await.unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_is_told_while_host_and_waiters_run_side_by_side() {
    let (host, _) = hosting();
    let (stop, hosted) = (Arc::new(AtomicBool::new(false)), Arc::clone(&host));
    let works = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                hosted.work();
            }
        }
    });
    for number in 0..20_000 {
        let ended = spawned(Arc::clone(&host).run(async move { number }.boxed()));
        assert_eq!(ended.await, Some(number));
    }
    stop.store(true, Ordering::Relaxed);
    works.join().unwrap();
}
