//! `run`: start, wait for a signal, drain.

use std::io;
use std::process::ExitCode;

use super::output::print_chain;
use super::{ABANDONED, INTERRUPTED, UNREACHABLE};
use crate::runtime::{Running, Runtime};

/// A tokio runtime with at least two workers, so that one slow function does not stop everything.
pub(super) fn tokio() -> io::Result<tokio::runtime::Runtime> {
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
}

pub(super) async fn run(runtime: Runtime) -> ExitCode {
    for ignored in &runtime.config().ignored {
        tracing::info!(key = ignored.path, origin = %ignored.origin, "ignored: not a setting of wellspring");
    }
    let application = runtime.config().application_name.clone().unwrap_or_default();
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return print_chain(&error),
    };
    let started = tokio::select! {
        started = runtime.start() => started,
        name = signals.next() => {
            tracing::info!(signal = name, "stopped while starting");
            return ExitCode::SUCCESS;
        }
    };
    let running = match started {
        Ok(running) => running,
        Err(error) if error.is_unreachable() => {
            print_chain(&error);
            return ExitCode::from(UNREACHABLE);
        }
        Err(error) => return print_chain(&error),
    };
    tracing::info!(application, "started");
    let name = tokio::select! {
        name = signals.next() => name,
        error = running.failed() => {
            Running::stop(running).await;
            return print_chain(&*error);
        }
    };
    tracing::info!(signal = name, "stopping; a second signal stops at once");
    tokio::select! {
        abandoned = Running::stop(running) => match abandoned {
            0 => ExitCode::SUCCESS,
            count => {
                tracing::error!(count, "something was abandoned; it will be delivered again");
                ExitCode::from(ABANDONED)
            }
        },
        name = signals.next() => {
            tracing::error!(signal = name, "stopped at once");
            ExitCode::from(INTERRUPTED)
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "ctrl-c",
            Err(_) => std::future::pending().await,
        }
    }
}
