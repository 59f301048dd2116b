//! A binder around the memory binder with one thing wrong with it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wellspring::binder::{
    Binder, Capabilities, Confirmation, Delayed, Delivery, Error, Input, InputSpec, Kind, Letters, LettersAt,
    Outgoing, Output, OutputSpec, Settlement, Sharing, Ticket,
};
use wellspring::{ContentType, EncodedMessage, HeaderValue, Headers, Message};

use super::Defect::{self, *};

/// What all binders of a broken broker know.
#[derive(Debug, Default)]
pub(super) struct Shared {
    members: AtomicU64,
    bound: Mutex<HashSet<String>>,
}

#[derive(Debug)]
pub(super) struct Broken {
    pub(super) inner: Arc<dyn Binder>,
    pub(super) defect: Defect,
    pub(super) capabilities: Capabilities,
    pub(super) shared: Arc<Shared>,
}

impl Broken {
    fn refuses(&self, destination: &str, first: bool) -> bool {
        let odd = destination.contains(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
        match self.defect {
            RefusesWithoutAName => odd || destination.is_empty(),
            BindsOnce => !first,
            _ => false,
        }
    }

    fn change(&self, mut spec: InputSpec) -> InputSpec {
        let member = self.shared.members.fetch_add(1, Ordering::Relaxed);
        match self.defect {
            IsUnbounded => spec.max_in_flight = usize::MAX,
            HasOneGroup => spec.group = Some("all".to_owned()),
            HasManyGroups => spec.group = spec.group.map(|group| format!("{group}.{member}")),
            NamesAnonymous => spec.group.get_or_insert_with(|| "anonymous".to_owned()).push('.'),
            ReadsOne => spec.destinations.truncate(1),
            IgnoresInstances => spec.sharing = Sharing::default(),
            _ => {}
        }
        spec
    }
}

impl Binder for Broken {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        async move {
            if self.defect == MakesNothing {
                return Err(Error::new(Kind::Refused, "there is no such destination"));
            }
            let inner = self.inner.bind_input(self.change(spec)).await?;
            let input = BrokenInput { inner, defect: self.defect, count: 0, waiting: Vec::new() };
            Ok(Box::new(input) as Box<dyn Input>)
        }
        .boxed()
    }

    fn check_delays(&self, input: &InputSpec, waits: &[Duration]) -> Result<(), Error> {
        if self.defect == PromisesWaits { Ok(()) } else { self.inner.check_delays(input, waits) }
    }

    fn bind_delayed(&self, input: InputSpec, waits: Vec<Duration>) -> BoxFuture<'_, Result<Delayed, Error>> {
        self.inner.bind_delayed(input, waits)
    }

    fn bind_letters(
        &self,
        input: InputSpec,
        at: LettersAt,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Letters>>, Error>> {
        match self.defect {
            RefusesWithoutAName => async { Err(Error::new(Kind::Refused, "no")) }.boxed(),
            _ => self.inner.bind_letters(input, at),
        }
    }

    fn bind_output(&self, mut spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move {
            let first = self.shared.bound.lock().unwrap().insert(spec.destination.clone());
            if self.refuses(&spec.destination, first) {
                return Err(Error::new(Kind::Refused, "no"));
            }
            if self.defect == ForgetsRequiredGroups {
                spec.required_groups.clear();
            }
            let inner = self.inner.bind_output(spec).await?;
            let (shared, own) = (Arc::clone(&self.shared), Vec::new());
            let output = BrokenOutput { inner, defect: self.defect, shared, own, given_up: false, sent: 0 };
            Ok(Box::new(output) as Box<dyn Output>)
        }
        .boxed()
    }
}

/// What becomes of a header.
type Change<'a> = &'a dyn Fn(&str, &HeaderValue) -> Option<(String, HeaderValue)>;

/// What a defect makes of a message.
fn spoiled(defect: Defect, message: EncodedMessage) -> EncodedMessage {
    let (payload, headers) = message.into_parts();
    let content_type: Option<ContentType> = headers.content_type().cloned();
    let names = |change: Change<'_>| {
        let mut changed = Headers::new();
        changed.set_content_type(content_type.clone());
        for (name, value) in headers.iter().filter_map(|(name, value)| change(name, value)) {
            changed.append(name.as_str(), value);
        }
        changed
    };
    let as_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match defect {
        DropsHeaders => Message::from_parts(payload, names(&|_, _| None)),
        LowersNames => {
            Message::from_parts(payload, names(&|name, value| Some((name.to_lowercase(), value.clone()))))
        }
        DropsContentTypes => {
            let mut message = Message::from_parts(payload, headers);
            message.headers_mut().set_content_type(None);
            message
        }
        TakesAllForText => Message::from_parts(
            payload.map(|bytes| as_text(&bytes).into()),
            names(&|name, value| Some((name.to_owned(), value.to_string().into()))),
        ),
        EmptiesNulls => Message::from_parts(Some(payload.unwrap_or_default()), headers),
        Cuts => Message::from_parts(payload.map(|bytes| bytes.slice(..bytes.len().min(1000))), headers),
        _ => Message::from_parts(payload, headers),
    }
}

struct BrokenInput {
    inner: Box<dyn Input>,
    defect: Defect,
    count: u64,
    /// Settlements that wait for a flush.
    waiting: Vec<(Ticket, Settlement)>,
}

/// The number of tickets that settle nothing.
const NOTHING: u64 = u64::MAX;

impl BrokenInput {
    fn receive(&mut self, delivery: Delivery, batch: &mut Vec<Delivery>) {
        let Delivery { message, key, partition, position, attempt, ticket } = delivery;
        self.count += 1;
        if self.defect == Loses && self.count.is_multiple_of(7) {
            return self.inner.settle(ticket, Settlement::Ack);
        }
        let message = spoiled(self.defect, message);
        let attempt = if self.defect == CountsNoAttempts { 1 } else { attempt };
        let copy = || Delivery {
            message: message.clone(),
            key: key.clone(),
            partition,
            position,
            attempt,
            ticket: Ticket::new(NOTHING),
        };
        if self.defect == Duplicates && self.count.is_multiple_of(10) {
            batch.push(copy());
        }
        if self.defect == SettlesEarly {
            self.inner.settle(ticket, Settlement::Ack);
            return batch.push(copy());
        }
        batch.push(Delivery { ticket, ..copy() });
    }
}

impl Input for BrokenInput {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        let before = batch.len();
        while batch.len() == before {
            let mut received = Vec::new();
            ready!(self.inner.poll_receive(cx, &mut received, max))?;
            received.into_iter().for_each(|delivery| self.receive(delivery, batch));
        }
        if self.defect == Reorders {
            batch[before..].reverse();
        }
        Poll::Ready(Ok(()))
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        if ticket == Ticket::new(NOTHING) || self.defect == ForgetsSettlements {
            return;
        }
        let settlement = match (self.defect, settlement) {
            (AcknowledgesRequeued, Settlement::Requeue) => Settlement::Ack,
            (RequeuesRejected, Settlement::Reject) => Settlement::Requeue,
            (_, settlement) => settlement,
        };
        if self.defect == ForgetsAtClosing {
            return self.waiting.push((ticket, settlement));
        }
        self.inner.settle(ticket, settlement);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        for (ticket, settlement) in self.waiting.drain(..) {
            self.inner.settle(ticket, settlement);
        }
        self.inner.poll_flush(cx)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.close()
    }
}

struct BrokenOutput {
    inner: Box<dyn Output>,
    defect: Defect,
    shared: Arc<Shared>,
    own: Vec<Confirmation>,
    given_up: bool,
    sent: u64,
}

impl BrokenOutput {
    /// What the defect says itself about a message; nothing when it goes on its way.
    fn own_answer(&mut self, message: &Outgoing) -> Option<Result<(), Error>> {
        self.sent += 1;
        let long = message.message.headers().iter().any(|(name, _)| name.len() > 255);
        self.given_up |= self.defect == GivesUp && long;
        let nobody = self.shared.members.load(Ordering::Relaxed) == 0;
        match self.defect {
            Loses if self.sent.is_multiple_of(7) => Some(Ok(())),
            _ if self.given_up => Some(Err(Error::new(Kind::Refused, "given up"))),
            KeepsHalf if nobody && self.sent.is_multiple_of(2) => {
                Some(Err(Error::new(Kind::Unroutable, "nobody is there")))
            }
            _ => None,
        }
    }
}

impl Output for BrokenOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn send(&mut self, mut message: Outgoing, number: u64) {
        if let Some(result) = self.own_answer(&message) {
            return self.own.push(Confirmation { number, result });
        }
        message.message = spoiled(self.defect, message.message);
        if self.defect == IgnoresPartitions {
            message.partition = Some(0);
        }
        self.inner.send(message, number);
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        let before = confirmed.len();
        confirmed.append(&mut self.own);
        let told = self.inner.poll_confirmed(cx, confirmed);
        if self.defect == TellsTwice && confirmed.len() > before {
            let again: Vec<u64> = confirmed[before..].iter().map(|one| one.number).collect();
            confirmed.extend(again.into_iter().map(|number| Confirmation { number, result: Ok(()) }));
        }
        if confirmed.len() > before { Poll::Ready(Ok(())) } else { told }
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.close()
    }
}
