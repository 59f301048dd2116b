//! A binder around a binder that makes trouble: it delays, splits batches, loses its connection and delivers twice.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Sleep;

use super::random::Random;
use crate::binder::{
    Binder, Capabilities, Confirmation, Delayed, Delivery, Error, Health, Input, InputSpec, Letters,
    LettersAt, Outgoing, Output, OutputSpec, Settlement, Ticket,
};

/// How much trouble a case can bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Everything takes longer and comes in smaller pieces.
    Delay,
    /// Also, deliveries come twice, and connections are lost: what was not settled comes again.
    Redelivery,
}

/// Makes trouble for the ends of a binder.
pub(super) struct Chaos {
    inner: Arc<dyn Binder>,
    trouble: Trouble,
    random: Mutex<Random>,
}

impl Chaos {
    pub(super) fn new(inner: Arc<dyn Binder>, trouble: Trouble, seed: u64) -> Self {
        Self { inner, trouble, random: Mutex::new(Random::seeded(seed)) }
    }

    fn shaken(&self, output: Box<dyn Output>) -> Box<dyn Output> {
        Box::new(ChaosOutput { output, nerves: self.nerves() })
    }

    fn nerves(&self) -> Nerves {
        let seed = self.random.lock().unwrap_or_else(PoisonError::into_inner).next();
        Nerves { random: Random::seeded(seed), waiting: None }
    }
}

impl fmt::Debug for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos")
            .field("inner", &self.inner)
            .field("trouble", &self.trouble)
            .finish_non_exhaustive()
    }
}

impl Binder for Chaos {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        async move {
            let input = self.inner.bind_input(spec.clone()).await?;
            // An anonymous group does not outlive its connection, by definition.
            let trouble = if spec.group.is_some() { self.trouble } else { Trouble::Delay };
            let (inner, nerves) = (Arc::clone(&self.inner), self.nerves());
            let now = Now::Connected(input);
            let input = ChaosInput {
                inner,
                spec,
                trouble,
                nerves,
                now,
                connection: 0,
                tickets: Vec::new(),
                losses: 3,
            };
            Ok(Box::new(input) as Box<dyn Input>)
        }
        .boxed()
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move {
            let output = self.inner.bind_output(spec).await?;
            Ok(self.shaken(output))
        }
        .boxed()
    }

    fn dead_letters(&self, input: &InputSpec) -> Option<String> {
        self.inner.dead_letters(input)
    }

    fn bind_dead_letters(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move { Ok(self.shaken(self.inner.bind_dead_letters(input, destination).await?)) }.boxed()
    }

    fn bind_letters(
        &self,
        input: InputSpec,
        at: LettersAt,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Letters>>, Error>> {
        self.inner.bind_letters(input, at)
    }

    fn bind_redrive(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move { Ok(self.shaken(self.inner.bind_redrive(input, destination).await?)) }.boxed()
    }

    fn check_delays(&self, input: &InputSpec, waits: &[Duration]) -> Result<(), Error> {
        self.inner.check_delays(input, waits)
    }

    /// The input keeps its connection: what waits comes by another way.
    fn bind_delayed(&self, input: InputSpec, waits: Vec<Duration>) -> BoxFuture<'_, Result<Delayed, Error>> {
        async move {
            let Delayed { input, delays } = self.inner.bind_delayed(input, waits).await?;
            Ok(Delayed { input, delays: delays.into_iter().map(|place| self.shaken(place)).collect() })
        }
        .boxed()
    }
}

/// When to wait, and how long.
struct Nerves {
    random: Random,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Nerves {
    /// Waits now and then, for some milliseconds.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() && self.random.once_in(8) {
            let delay = Duration::from_millis(1 + self.random.below(5));
            self.waiting = Some(Box::pin(tokio::time::sleep(delay)));
        }
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.poll_unpin(cx));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

struct ChaosInput {
    inner: Arc<dyn Binder>,
    spec: InputSpec,
    trouble: Trouble,
    nerves: Nerves,
    now: Now,
    connection: u64,
    /// By the numbers of the tickets that were given out: the connection, and the ticket while it is open.
    tickets: Vec<Option<(u64, Ticket)>>,
    /// How often the connection may still be lost.
    losses: u32,
}

/// Whether there is a connection.
enum Now {
    Connected(Box<dyn Input>),
    Connecting(BoxFuture<'static, Result<Box<dyn Input>, Error>>),
}

impl ChaosInput {
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<&mut Box<dyn Input>, Error>> {
        if let Now::Connecting(connecting) = &mut self.now {
            self.now = Now::Connected(ready!(connecting.poll_unpin(cx))?);
        }
        match &mut self.now {
            Now::Connected(input) => Poll::Ready(Ok(input)),
            Now::Connecting(_) => Poll::Pending,
        }
    }

    /// Loses the connection: settlements that the broker has stay, the rest comes again.
    fn lose(&mut self) {
        let (binder, spec) = (Arc::clone(&self.inner), self.spec.clone());
        self.connection += 1;
        // What is unsettled goes back before the next connection takes it.
        let connecting = async move { binder.bind_input(spec).await }.boxed();
        if let Now::Connected(lost) = std::mem::replace(&mut self.now, Now::Connecting(connecting)) {
            drop(lost);
        }
    }

    /// Gives out tickets of its own, and some deliveries twice.
    fn hand_out(&mut self, received: Vec<Delivery>, batch: &mut Vec<Delivery>, mut room: usize) {
        for mut delivery in received {
            let own = Ticket::new(self.tickets.len() as u64);
            let ticket = std::mem::replace(&mut delivery.ticket, own);
            self.tickets.push(Some((self.connection, ticket)));
            if room > 0 && self.trouble == Trouble::Redelivery && self.nerves.random.once_in(10) {
                room -= 1;
                let (message, key) = (delivery.message.clone(), delivery.key.clone());
                let ticket = Ticket::new(u64::MAX);
                let Delivery { partition, position, attempt, .. } = delivery;
                batch.push(Delivery { message, key, partition, position, attempt, ticket });
            }
            batch.push(delivery);
        }
    }
}

impl Input for ChaosInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        ready!(self.nerves.poll(cx));
        let connected = matches!(self.now, Now::Connected(_));
        if connected
            && self.trouble == Trouble::Redelivery
            && self.losses > 0
            && self.nerves.random.once_in(12)
        {
            self.losses -= 1;
            self.lose();
        }
        let piece = usize::try_from(1 + self.nerves.random.below(64)).map_or(max, |piece| piece.min(max));
        let mut received = Vec::new();
        let input = ready!(self.poll_input(cx))?;
        ready!(input.poll_receive(cx, &mut received, piece))?;
        let room = max - received.len();
        self.hand_out(received, batch, room);
        Poll::Ready(Ok(()))
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let number = usize::try_from(ticket.into_number()).unwrap_or(usize::MAX);
        let open = self.tickets.get_mut(number).and_then(Option::take);
        if let (Some((connection, ticket)), Now::Connected(input)) = (open, &mut self.now)
            && connection == self.connection
        {
            input.settle(ticket, settlement);
        }
    }

    fn hold(&mut self, partition: u32, held: bool) {
        if let Now::Connected(input) = &mut self.now {
            input.hold(partition, held);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.nerves.poll(cx));
        ready!(self.poll_input(cx))?.poll_flush(cx)
    }

    fn health(&self) -> Arc<dyn Health> {
        match &self.now {
            Now::Connected(input) => input.health(),
            Now::Connecting(_) => Arc::new(crate::binder::AlwaysUp),
        }
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        match self.now {
            Now::Connected(input) => input.close(),
            Now::Connecting(connecting) => async move { connecting.await?.close().await }.boxed(),
        }
    }
}

struct ChaosOutput {
    output: Box<dyn Output>,
    nerves: Nerves,
}

impl Output for ChaosOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.nerves.poll(cx));
        self.output.poll_ready(cx)
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        self.output.send(message, number);
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.nerves.poll(cx));
        self.output.poll_confirmed(cx, confirmed)
    }

    fn health(&self) -> Arc<dyn Health> {
        self.output.health()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.output.close()
    }
}
