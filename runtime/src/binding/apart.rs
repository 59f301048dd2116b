//! Threads beside those of the runtime, for bindings that are woken from elsewhere: one for each core, which bindings
//! share when there are more.
//!
//! A binding stays on its thread. What wakes it wakes that thread and no other, where a task of the runtime that is
//! woken from outside has a second worker woken to look for more.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::thread;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

type Work = BoxFuture<'static, ()>;

/// The threads. Each ends when it has nothing to do and this is gone.
#[derive(Debug)]
pub(super) struct Apart {
    /// How many there are at most.
    most: usize,
    started: Mutex<Started>,
}

#[derive(Debug, Default)]
struct Started {
    threads: Vec<UnboundedSender<Work>>,
    /// Which of them is next, when all are there.
    next: usize,
}

impl Default for Apart {
    fn default() -> Self {
        Self::of(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Apart {
    fn of(most: usize) -> Self {
        Self { most, started: Mutex::default() }
    }

    /// Runs on one of the threads, for as long as what is returned is waited for. That ends with an error when the work
    /// panics.
    ///
    /// # Errors
    /// The work, when there is no thread for it.
    pub(super) fn run<T, W>(&self, work: W) -> Result<oneshot::Receiver<T>, (W, io::Error)>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let thread = match self.thread() {
            Ok(thread) => thread,
            Err(error) => return Err((work, error)),
        };
        let (mut ended, result) = oneshot::channel();
        let work = async move {
            tokio::select! {
                // Whoever waits is told by the end of the channel; the panic has its own report.
                told = AssertUnwindSafe(work).catch_unwind() => if let Ok(told) = told { drop(ended.send(told)) },
                () = ended.closed() => {}
            }
        };
        // The thread is there for as long as its sender.
        let _ = thread.send(work.boxed());
        Ok(result)
    }

    /// The next thread; the first so many are started when they are needed.
    fn thread(&self) -> io::Result<UnboundedSender<Work>> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let count = started.threads.len();
        if count < self.most {
            let (sender, works) = unbounded_channel();
            let runtime = Handle::current();
            let serve = move || runtime.block_on(serve(works));
            thread::Builder::new().name(format!("bindings-{count}")).spawn(serve)?;
            started.threads.push(sender.clone());
            return Ok(sender);
        }
        started.next = (started.next + 1) % count;
        Ok(started.threads[started.next].clone())
    }
}

/// Does all work that comes, until no more can come.
async fn serve(mut works: UnboundedReceiver<Work>) {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = running.next() => {}
            work = works.recv() => match work {
                Some(work) => running.push(work),
                None => break,
            },
        }
    }
    while running.next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::future::pending;
    use std::thread::ThreadId;

    use super::*;

    async fn where_it_runs(apart: &Apart) -> ThreadId {
        let work = async {
            tokio::task::yield_now().await;
            thread::current().id()
        };
        apart.run(work).unwrap_or_else(|(_, error)| panic!("{error}")).await.unwrap()
    }

    #[tokio::test]
    async fn work_is_spread_over_so_many_threads_and_no_more() {
        let apart = Apart::of(3);
        let mut threads = HashSet::new();
        for _ in 0..3 {
            threads.insert(where_it_runs(&apart).await);
        }
        assert_eq!(threads.len(), 3);
        assert!(!threads.contains(&thread::current().id()));
        for _ in 0..20 {
            assert!(threads.contains(&where_it_runs(&apart).await));
        }
    }

    #[tokio::test]
    async fn work_ends_when_nobody_waits_for_it() {
        let (apart, (held, dropped)) = (Apart::of(1), oneshot::channel::<()>());
        let result = apart.run(async move {
            let _held = held;
            pending::<()>().await;
        });
        drop(result);
        dropped.await.unwrap_err();
    }

    #[tokio::test]
    async fn work_that_panics_leaves_the_rest_of_its_thread_alone() {
        let apart = Apart::of(1);
        let (tell, told) = oneshot::channel::<()>();
        let waits = apart.run(told).unwrap_or_else(|(_, error)| panic!("{error}"));
        let panics = apart.run(async { panic!("on purpose") });
        panics.unwrap_or_else(|(_, error)| panic!("{error}")).await.unwrap_err();
        tell.send(()).unwrap();
        waits.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn work_that_has_begun_outlives_who_started_it() {
        let apart = Apart::of(1);
        let (tell, told) = oneshot::channel::<u64>();
        let waits = apart.run(told).unwrap_or_else(|(_, error)| panic!("{error}"));
        drop(apart);
        tell.send(3).unwrap();
        assert_eq!(waits.await.unwrap(), Ok(3));
    }
}
