//! A binder one of whose destinations refuses what is sent to it, for as long as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wellspring::binder::{
    Binder, Capabilities, Confirmation, Error, Input, InputSpec, Kind, Outgoing, Output, OutputSpec,
};

/// Whether a destination refuses what is sent to it, and how often it has.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) is_on: AtomicBool,
    pub(crate) count: AtomicUsize,
}

#[derive(Debug)]
pub(crate) struct Failing {
    pub(crate) inner: Arc<dyn Binder>,
    pub(crate) destination: &'static str,
    /// What it says when it refuses.
    pub(crate) kind: Kind,
    pub(crate) refusal: Arc<Refusal>,
}

impl Failing {
    fn wrapped(&self, destination: &str, output: Box<dyn Output>) -> Box<dyn Output> {
        if destination != self.destination {
            return output;
        }
        Box::new(Refusing {
            output,
            refusal: Arc::clone(&self.refusal),
            kind: self.kind,
            refused: Vec::new(),
            waker: None,
        })
    }
}

impl Binder for Failing {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        self.inner.bind_input(spec)
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move {
            let destination = spec.destination.clone();
            Ok(self.wrapped(&destination, self.inner.bind_output(spec).await?))
        }
        .boxed()
    }

    fn bind_dead_letters(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move {
            let output = self.inner.bind_dead_letters(input, destination.clone()).await?;
            Ok(self.wrapped(&destination, output))
        }
        .boxed()
    }
}

struct Refusing {
    output: Box<dyn Output>,
    refusal: Arc<Refusal>,
    kind: Kind,
    refused: Vec<u64>,
    waker: Option<Waker>,
}

impl Output for Refusing {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.output.poll_ready(cx)
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        if !self.refusal.is_on.load(Ordering::SeqCst) {
            return self.output.send(message, number);
        }
        self.refusal.count.fetch_add(1, Ordering::SeqCst);
        self.refused.push(number);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        self.waker = Some(cx.waker().clone());
        if self.refused.is_empty() {
            return self.output.poll_confirmed(cx, confirmed);
        }
        let kind = self.kind;
        confirmed.extend(
            self.refused
                .drain(..)
                .map(|number| Confirmation { number, result: Err(Error::new(kind, "the disk is full")) }),
        );
        Poll::Ready(Ok(()))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.output.close()
    }
}
