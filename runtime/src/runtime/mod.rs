//! The runtime: where configuration, functions, bindings and edges meet. Read it to see the whole flow on one page.
//!
//! [`Runtime::builder`] collects what an application provides; [`RuntimeBuilder::build`] checks everything and
//! connects nothing; [`Runtime::start`] makes it run, entirely or not at all; [`Running::stop`] drains it in order.

mod builder;
#[cfg(feature = "http")]
mod edges;
mod error;
#[cfg(feature = "http")]
mod health;
mod hooks;
mod running;

use crate::binding::{Binders, Bindings, Plan, SenderOutputs, tell_of_streams, warn};
use crate::config::Config;
use crate::invocation::Functions;
use crate::letters::DeadLetters;

pub use builder::RuntimeBuilder;
pub use error::StartError;
pub use running::Running;

use hooks::Hooks;

/// A checked application that has not started: nothing is connected, nothing listens.
#[derive(Debug)]
pub struct Runtime {
    config: Config,
    functions: Functions,
    plan: Plan,
    binders: Binders,
    sender: SenderOutputs,
    hooks: Hooks,
    #[cfg(feature = "http")]
    routes: Option<axum::Router>,
}

impl Runtime {
    /// Starts an application.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The functions, ready to be called.
    #[must_use]
    pub const fn functions(&self) -> &Functions {
        &self.functions
    }

    /// What is to be bound.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The dead letters of the inputs, to be looked after from outside. Connects nothing yet.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(&self.plan, &self.binders)
    }

    /// Runs the application's own preparations, listens, binds, and starts: everything or nothing.
    ///
    /// A broker that does not answer is waited for, unless `stream.fail-fast` is set: then this returns while the
    /// bindings are [`State::Connecting`](crate::binding::State), and [`Running::failed`] tells if that cannot end
    /// well.
    ///
    /// # Errors
    /// The first thing that cannot be started; what was started before it is undone.
    pub async fn start(self) -> Result<Running, StartError> {
        self.hooks.run().await?;
        warn(&self.plan);
        tell_of_streams(&self.plan);
        #[cfg(feature = "http")]
        let mut listening = edges::Listening::bind(&self.config, self.functions, self.routes).await?;
        let mut bindings = Bindings::of(&self.plan);
        #[cfg(feature = "http")]
        let mut edges = listening.start(bindings.ends());
        let patience = self.config.stream.patience();
        let made = bindings.connect(&self.plan, &self.binders, &self.sender, patience);
        #[cfg(feature = "http")]
        edges.open_after(listening, made).await?;
        #[cfg(not(feature = "http"))]
        made.await?;
        Ok(Running {
            grace: self.config.shutdown_timeout,
            _binders: self.binders,
            #[cfg(feature = "http")]
            edges,
            bindings,
        })
    }

    /// Prepares a single call: the application's own preparations and the outputs for sending from code, nothing else.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_outputs(self) -> Result<(Functions, Bindings), StartError> {
        self.hooks.run().await?;
        let outputs = self.plan.all_outputs().cloned().collect();
        let plan = Plan { outputs, ..Plan::default() };
        let bindings = Bindings::start(&plan, &self.binders, &self.sender).await?;
        Ok((self.functions, bindings))
    }
}
