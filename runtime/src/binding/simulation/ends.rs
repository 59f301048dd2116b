//! A broker that keeps to the script of a scenario: an input and an output.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep_until};
use wellspring_functions::{ContentType, EncodedMessage, Kind, Message, header_names};

use super::Shared;
use super::scenario::{Fate, Loss, Scenario};
use crate::binder::{self, Confirmation, Delivery, Error, Input, Outgoing, Output, Settlement, Ticket};

/// How long until a delivery that was given back comes again.
const AGAIN: Duration = Duration::from_millis(5);

/// Wakes whoever has asked last, and nobody else.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready from a time on.
    fn poll(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        if at <= Instant::now() {
            return Poll::Ready(());
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        sleep.as_mut().reset(at);
        sleep.as_mut().poll(cx)
    }
}

/// The payload of a message: its number, and what fills it up.
fn payload(message: usize, size: usize) -> String {
    format!("{:.<size$}", format!("{message}:"))
}

/// The receiving end: messages come when the scenario says, or when they were given back.
pub(super) struct Source {
    shared: Shared,
    /// What is to come: when, the message.
    coming: VecDeque<(Instant, usize)>,
    held: HashSet<u32>,
    /// Settlements on their way to the broker.
    unflushed: Vec<u64>,
    flush: Option<(Instant, bool)>,
    flushes: VecDeque<(u64, bool)>,
    alarm: Alarm,
    flushing: Alarm,
}

impl Source {
    pub(super) fn new(shared: Shared) -> Self {
        let (mut at, mut coming) = (Instant::now(), VecDeque::new());
        let flushes = {
            let referee = shared.lock();
            for (message, arrival) in referee.scenario.messages.iter().enumerate() {
                at += Duration::from_millis(arrival.after);
                coming.push_back((at, message));
            }
            referee.scenario.flushes.iter().copied().collect()
        };
        let (alarm, flushing) = (Alarm::default(), Alarm::default());
        Self {
            shared,
            coming,
            held: HashSet::new(),
            unflushed: Vec::new(),
            flush: None,
            flushes,
            alarm,
            flushing,
        }
    }

    fn come_again(&mut self, message: usize) {
        let at = Instant::now() + AGAIN;
        let place = self.coming.partition_point(|(other, _)| *other <= at);
        self.coming.insert(place, (at, message));
    }

    /// The next message that has come, of a partition that is read.
    fn next(&mut self) -> Option<Delivery> {
        let (now, mut referee) = (Instant::now(), self.shared.lock());
        let is_read = |message: usize| !self.held.contains(&referee.scenario.messages[message].partition);
        let place = self.coming.iter().position(|(at, message)| *at <= now && is_read(*message))?;
        let (_, message) = self.coming.remove(place)?;
        let arrival = referee.scenario.messages[message].clone();
        let number = referee.gives(message);
        Some(Delivery {
            message: Message::encoded(payload(message, arrival.size), ContentType::TEXT),
            key: arrival.key.map(|key| vec![key].into()),
            partition: arrival.partition,
            position: number,
            attempt: 1,
            ticket: Ticket::new(number),
        })
    }

    fn loss(&self) -> Option<(Instant, Loss)> {
        let referee = self.shared.lock();
        let (at, loss) = referee.scenario.loss.filter(|(_, loss)| *loss != Loss::Output)?;
        Some((referee.started + Duration::from_millis(at), loss))
    }
}

impl Input for Source {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Delivery>,
        max: usize,
    ) -> Poll<Result<(), Error>> {
        self.shared.lock().looks();
        let loss = self.loss();
        if let Some((at, loss)) = loss
            && at <= Instant::now()
        {
            self.shared.lock().halt();
            return Poll::Ready(match loss {
                Loss::End => Ok(()),
                Loss::Input | Loss::Output => Err(Error::new(binder::Kind::Closed, "the input is lost")),
            });
        }
        self.shared.lock().asks(max);
        batch.extend(std::iter::from_fn(|| self.next()).take(max));
        if !batch.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let is_read =
            |message: &usize| !self.held.contains(&self.shared.lock().scenario.messages[*message].partition);
        let next = self.coming.iter().find(|(_, message)| is_read(message)).map(|(at, _)| *at);
        if let Some(at) = next.into_iter().chain(loss.map(|(at, _)| at)).min() {
            // It is later than now.
            let _ = self.alarm.poll(cx, at);
        }
        Poll::Pending
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        let number = ticket.into_number();
        let message = {
            let mut referee = self.shared.lock();
            referee.settles(number, settlement);
            usize::try_from(number)
                .ok()
                .and_then(|n| referee.tracks.get(n.checked_sub(1)?))
                .map(|track| track.message)
        };
        self.unflushed.push(number);
        if let (Some(message), Settlement::Requeue) = (message, settlement) {
            self.come_again(message);
        }
    }

    fn hold(&mut self, partition: u32, held: bool) {
        if held {
            self.held.insert(partition);
        } else {
            self.held.remove(&partition);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.unflushed.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let (at, works) = *self.flush.get_or_insert_with(|| {
            let (takes, works) = self.flushes.pop_front().unwrap_or((1, true));
            (Instant::now() + Duration::from_millis(takes), works)
        });
        ready!(self.flushing.poll(cx, at));
        self.flush = None;
        let (mut again, unflushed) = (Vec::new(), std::mem::take(&mut self.unflushed));
        let mut referee = self.shared.lock();
        referee.is_in_time(at, "a settlement");
        let comes_again = !works && referee.scenario.settings.at_most_once;
        for track in unflushed {
            let Some(track) = track.checked_sub(1).and_then(|at| referee.tracks.get_mut(at as usize)) else {
                continue;
            };
            track.flushed = works;
            if comes_again {
                track.is_lost = true;
                again.push(track.message);
            }
        }
        drop(referee);
        again.into_iter().for_each(|message| self.come_again(message));
        Poll::Ready(if works { Ok(()) } else { Err(Error::new(binder::Kind::Unreachable, "nobody answers")) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.shared.lock().closed = true;
        std::future::ready(Ok(())).boxed()
    }
}

/// A sending end, for what the function answers or for dead letters.
pub(super) struct Sink {
    shared: Shared,
    is_for_letters: bool,
    script: VecDeque<Fate>,
    /// What is sent and not confirmed: when it is to be, with which number, and what was sent.
    flying: Vec<(Instant, u64, Sent, Option<binder::Kind>)>,
    confirming: Alarm,
    making_room: Alarm,
    /// Who waits for room.
    waiting: Option<Waker>,
}

/// What a message was sent for.
#[derive(Clone, Copy)]
enum Sent {
    Answer { delivery: usize, call: u32 },
    Letter { delivery: usize },
    Unknown,
}

impl Sink {
    pub(super) fn new(shared: Shared, is_for_letters: bool) -> Self {
        let script = {
            let referee = shared.lock();
            let Scenario { sends, letters, .. } = &referee.scenario;
            if is_for_letters { letters } else { sends }.iter().copied().collect()
        };
        let (confirming, making_room) = (Alarm::default(), Alarm::default());
        Self { shared, is_for_letters, script, flying: Vec::new(), confirming, making_room, waiting: None }
    }

    /// Until when nothing is taken.
    fn stalled(&self) -> Option<Instant> {
        let (referee, now) = (self.shared.lock(), Instant::now());
        let at = |millis| referee.started + Duration::from_millis(millis);
        let stalls = referee.scenario.stalls.iter().filter(|_| !self.is_for_letters);
        stalls
            .map(|(from, takes)| (at(*from), at(from + takes)))
            .find(|(from, to)| *from <= now && now < *to)
            .map(|(_, to)| to)
    }

    fn lost(&self) -> Option<Error> {
        let mut referee = self.shared.lock();
        let (at, loss) = referee.scenario.loss?;
        let is_lost = loss == Loss::Output && referee.started + Duration::from_millis(at) <= Instant::now();
        if !is_lost || self.is_for_letters {
            return None;
        }
        referee.halt();
        Some(Error::new(binder::Kind::Closed, "the output is lost"))
    }

    fn told(&self, message: &EncodedMessage) -> Sent {
        let mut referee = self.shared.lock();
        let text = String::from_utf8_lossy(message.bytes());
        let number = |at: usize| text.split(':').nth(at).and_then(|part| part.parse::<usize>().ok());
        if self.is_for_letters {
            let Some(came) = number(0) else { return Sent::Unknown };
            let is_whole = text == payload(came, referee.scenario.messages[came].size);
            let attempts = message.headers().integer(header_names::ATTEMPTS);
            return match referee.buries(came, is_whole, attempts) {
                Some(delivery) => Sent::Letter { delivery },
                None => Sent::Unknown,
            };
        }
        let (Some(delivery), Some(Ok(call))) = (number(0), number(1).map(u32::try_from)) else {
            referee.fault(&format!("what is sent is not what was answered: {text}"));
            return Sent::Unknown;
        };
        referee.sends(delivery, call);
        Sent::Answer { delivery, call }
    }
}

impl Output for Sink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.lock().looks();
        if let Some(error) = self.lost() {
            return Poll::Ready(Err(error));
        }
        if let Some(until) = self.stalled() {
            return self.making_room.poll(cx, until).map(Ok);
        }
        if self.flying.len() < self.shared.lock().scenario.settings.room {
            return Poll::Ready(Ok(()));
        }
        self.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        let sent = self.told(&message.message);
        let Fate { takes, refused } = self.script.pop_front().unwrap_or(Fate { takes: 1, refused: None });
        self.flying.push((Instant::now() + Duration::from_millis(takes), number, sent, refused));
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        self.shared.lock().looks();
        if let Some(error) = self.lost() {
            return Poll::Ready(Err(error));
        }
        let now = Instant::now();
        for (due, number, sent, refused) in self.flying.extract_if(.., |(due, ..)| *due <= now) {
            let mut referee = self.shared.lock();
            match sent {
                Sent::Answer { delivery, call } => {
                    referee.confirms(delivery, call, refused.map(kind_of), due)
                }
                Sent::Letter { delivery } => referee.buried(delivery, refused.is_some(), due),
                Sent::Unknown => {}
            }
            let result = refused.map_or(Ok(()), |kind| Err(Error::new(kind, "it is refused")));
            confirmed.push(Confirmation { number, result });
        }
        if !confirmed.is_empty() {
            self.waiting.take().into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(()));
        }
        if let Some(next) = self.flying.iter().map(|(due, ..)| *due).min() {
            let _ = self.confirming.poll(cx, next);
        }
        Poll::Pending
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        std::future::ready(Ok(())).boxed()
    }
}

/// What the driver makes of a refusal.
fn kind_of(refused: binder::Kind) -> Kind {
    match refused {
        binder::Kind::Unreachable | binder::Kind::Closed => Kind::OutputUnreachable,
        binder::Kind::Unroutable => Kind::OutputFailed,
        binder::Kind::Refused | binder::Kind::TooLarge => Kind::OutputRefused,
    }
}
