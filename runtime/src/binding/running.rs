//! Starting a plan, entirely or not at all, and stopping it in order.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::apart::Apart;
use super::binders::Binders;
use super::connecting::Connecting;
use super::control::{Binding, State};
use super::ends::Ends;
use super::making::{Made, StartError};
use super::plan::Plan;
use super::sender::{Dynamic, OutputTask, SenderOutputs};

/// The bindings of an application: being made, running, or stopped.
#[derive(Debug)]
pub struct Bindings {
    ends: Ends,
    functions: Tasks,
    outlets: Outlets,
    /// Tries again what could not be made for want of a broker.
    connecting: JoinSet<()>,
    failure: Arc<watch::Sender<Option<Arc<StartError>>>>,
}

/// Where bindings run once they are made.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) sender: SenderOutputs,
    functions: Tasks,
    apart: Arc<Apart>,
    outlets: Outlets,
}

/// The outputs for sending from code, which run until all of them are closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Outlets {
    tasks: Tasks,
    close: CancellationToken,
}

impl Outlets {
    /// Runs one more.
    pub(super) fn run(&self, task: OutputTask) {
        self.tasks.spawn(task.run(self.close.clone()));
    }
}

/// Tasks that each tell how much they have left undone.
#[derive(Debug, Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<u64>>>);

impl Bindings {
    /// The bindings of a plan, none of them made yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            ends: Ends::of(plan),
            functions: Tasks::default(),
            outlets: Outlets::default(),
            connecting: JoinSet::new(),
            failure: Arc::default(),
        }
    }

    /// Binds everything in the plan, then starts it: outputs first, so that nothing is received that cannot be sent.
    ///
    /// # Errors
    /// The first binding that cannot be made; those made before it are undone.
    pub async fn start(plan: &Plan, binders: &Binders, sender: &SenderOutputs) -> Result<Self, StartError> {
        let mut bindings = Self::of(plan);
        bindings.connect(plan, binders, sender, None).await?;
        Ok(bindings)
    }

    /// Makes and starts what [`of`](Self::of) has planned. When a broker does not answer and there is patience, this
    /// returns all the same and goes on trying, with waits up to so long: [`failed`](Self::failed) tells of what is
    /// refused later.
    ///
    /// # Errors
    /// The first binding that cannot be made; those made before it are undone.
    pub async fn connect(
        &mut self,
        plan: &Plan,
        binders: &Binders,
        sender: &SenderOutputs,
        patience: Option<Duration>,
    ) -> Result<(), StartError> {
        let connecting = Connecting {
            plan: plan.clone(),
            binders: binders.clone(),
            ends: self.ends.clone(),
            run: Run {
                sender: sender.clone(),
                functions: self.functions.clone(),
                apart: Arc::default(),
                outlets: self.outlets.clone(),
            },
            failure: Arc::clone(&self.failure),
        };
        match (connecting.round(None).await, patience) {
            (Ok(made), _) => connecting.run(made),
            (Err(error), Some(longest)) if error.is_unreachable() => {
                self.connecting.spawn(connecting.keep_trying(error, longest));
            }
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }

    /// Waits until a binding turns out to be impossible after its broker was waited for; else for ever.
    pub async fn failed(&self) -> Arc<StartError> {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await.map(|found| found.clone());
        match failed {
            Ok(Some(error)) => error,
            // The sender lives in `self`, so that it is never gone.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Every binding that belongs to a function.
    #[must_use]
    pub fn all(&self) -> &[Binding] {
        self.ends.bindings()
    }

    /// A binding by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.ends.binding(name)
    }

    /// Every input and output, those for sending from code too.
    #[must_use]
    pub const fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Stops receiving, finishes what is in flight, settles and closes; after the grace period at once.
    ///
    /// The outputs for sending from code stay open until [`close`](Self::close), as calls over HTTP may still send.
    /// Tells how many deliveries were abandoned.
    pub async fn stop(&mut self, grace: Duration) -> u64 {
        self.connecting.shutdown().await;
        self.all().iter().for_each(Binding::stop);
        let mut abandoned = 0;
        let finished = timeout(grace, self.functions.sum(&mut abandoned)).await;
        if finished.is_err() {
            self.all().iter().for_each(Binding::abandon);
            // A function that never returns cannot be waited for.
            if timeout(Duration::from_secs(1), self.functions.sum(&mut abandoned)).await.is_err() {
                abandoned += self.functions.abort();
            }
        }
        abandoned
    }

    /// Closes the outputs for sending from code; tells how many messages were not confirmed in time.
    pub async fn close(self, grace: Duration) -> u64 {
        self.outlets.close.cancel();
        let mut unconfirmed = 0;
        if timeout(grace, self.outlets.tasks.sum(&mut unconfirmed)).await.is_err() {
            // Each has one message at least.
            unconfirmed += self.outlets.tasks.abort();
        }
        self.ends.set_state(|binding| match binding.state() {
            State::Failed => State::Failed,
            _ => State::Stopped,
        });
        unconfirmed
    }
}

impl Tasks {
    fn all(&self) -> MutexGuard<'_, JoinSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = u64> + Send + 'static) {
        self.all().spawn(task);
    }

    /// Runs beside the runtime's threads, for as long as the task is there that waits for it.
    fn spawn_apart(&self, apart: &Apart, name: &str, work: impl Future<Output = u64> + Send + 'static) {
        match apart.run(work) {
            Ok(result) => {
                let name = name.to_owned();
                self.spawn(async move {
                    result.await.unwrap_or_else(|_| {
                        tracing::error!(binding = name, "the binding ended unexpectedly");
                        1
                    })
                });
            }
            Err((work, error)) => {
                tracing::warn!(binding = name, %error, "there is no thread for it; it shares those of the runtime");
                self.spawn(work);
            }
        }
    }

    /// Waits until every task has ended and adds up what they tell.
    async fn sum(&self, total: &mut u64) {
        while let Some(ended) = poll_fn(|cx| self.all().poll_join_next(cx)).await {
            match ended {
                Ok(count) => *total += count,
                Err(error) => {
                    tracing::error!(%error, "a binding ended unexpectedly");
                    *total += 1;
                }
            }
        }
    }

    /// Ends every task at once; tells how many there were.
    fn abort(&self) -> u64 {
        let mut all = self.all();
        all.abort_all();
        all.len() as u64
    }
}

impl Run {
    /// Starts what was made.
    pub(super) fn start(&self, made: Made, plan: &Plan, binders: &Binders) {
        let dynamic =
            plan.dynamic.as_ref().map(|planned| Dynamic::new(planned, binders, self.outlets.clone()));
        self.sender.open(made.sender, dynamic).into_iter().for_each(|task| self.outlets.run(task));
        for driver in made.inputs {
            if driver.ends.input.wants_thread() {
                let name = driver.binding.name().to_owned();
                self.functions.spawn_apart(&self.apart, &name, driver.run());
            } else {
                self.functions.spawn(driver.run());
            }
        }
        made.suppliers.into_iter().for_each(|driver| self.functions.spawn(driver.run()));
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_apart_is_waited_for() {
        let tasks = Tasks::default();
        tasks.spawn_apart(&Apart::default(), "emailsms-in-0", async { 3 });
        let mut total = 0;
        tasks.sum(&mut total).await;
        assert_eq!(total, 3);
    }

    #[tokio::test]
    async fn work_apart_ends_with_the_task_that_waits_for_it() {
        let (tasks, (held, dropped)) = (Tasks::default(), oneshot::channel::<()>());
        tasks.spawn_apart(&Apart::default(), "emailsms-in-0", async move {
            let _held = held;
            pending().await
        });
        assert_eq!(tasks.abort(), 1);
        timeout(Duration::from_secs(10), dropped).await.unwrap().unwrap_err();
    }

    #[tokio::test]
    async fn work_apart_that_panics_counts_as_one_left_undone() {
        let tasks = Tasks::default();
        tasks.spawn_apart(&Apart::default(), "emailsms-in-0", async { panic!("on purpose") });
        let mut total = 0;
        tasks.sum(&mut total).await;
        assert_eq!(total, 1);
    }
}
