//! Letters sent again or thrown away. None is removed before its copy is confirmed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use wellspring_functions::header_names;

use super::Error;
use super::filter::Filter;
use super::open::OpenLetters;
use super::reading::passes;
use crate::binder::{self, Kind, Letter, Outgoing, Output, send_all};

/// How many letters are on their way at once: an end in the middle may send so many again.
const AT_ONCE: usize = 256;
/// How long the broker may take to confirm them.
const PATIENCE: Duration = Duration::from_secs(60);

/// How letters are sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// Where to, instead of where each came from.
    pub to: Option<String>,
    /// How many a second at most.
    pub rate: Option<u32>,
    /// Letters that were sent again so often stay.
    pub max_passes: u32,
    /// Whether nothing is sent and nothing removed.
    pub dry_run: bool,
}

impl Default for Redrive {
    fn default() -> Self {
        Self { to: None, rate: None, max_passes: 3, dry_run: false }
    }
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was sent to a destination, and removed.
    Sent(String),
    /// It was removed.
    Purged,
    /// It stays, and why.
    Stays(String),
}

/// What became of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many were selected.
    pub selected: u64,
    /// How many were sent again or purged.
    pub done: u64,
    /// How many stay.
    pub stay: u64,
    /// How many of those removed the broker keeps until it deletes them by itself, though nobody finds them any more.
    pub kept: u64,
}

impl Summary {
    /// Counts what became of one.
    pub fn count(&mut self, outcome: &Outcome) {
        self.selected += 1;
        match outcome {
            Outcome::Stays(_) => self.stay += 1,
            Outcome::Sent(_) | Outcome::Purged => self.done += 1,
        }
    }
}

/// Whoever wants to know what became of each letter, and whether to go on; the numbers are those of
/// [`OpenLetters::progress`].
pub type Tell<'a> = &'a mut (dyn FnMut(&Letter, &Outcome, (u64, u64)) -> ControlFlow<()> + Send);

impl OpenLetters {
    /// Sends the letters that are meant again, and removes each when its copy is confirmed.
    ///
    /// # Errors
    /// When the broker is lost; what was told by then is done.
    pub async fn redrive(self, filter: &Filter, how: &Redrive, tell: Tell<'_>) -> Result<Summary, Error> {
        let mut run = Run::new(self, tell, how.dry_run);
        let done = run.through(filter, how.rate, |letters, letter| letters.destination(letter, how)).await;
        run.end(done).await
    }

    /// Removes the letters that are meant.
    ///
    /// # Errors
    /// When the broker is lost; what was told by then is done.
    pub async fn purge(self, filter: &Filter, dry_run: bool, tell: Tell<'_>) -> Result<Summary, Error> {
        let mut run = Run::new(self, tell, dry_run);
        let purged =
            |letters: &Self, letter: &Letter| letters.foreign(letter).map_or(Outcome::Purged, Outcome::Stays);
        let mut done = run.through(filter, None, purged).await;
        if done.is_ok() && run.summary.done > 0 && !dry_run {
            done = run.letters.letters.erase().await.map(|kept| run.summary.kept = kept).map_err(Error::from);
        }
        run.end(done).await
    }

    /// Where a letter goes, or why it stays.
    fn destination(&self, letter: &Letter, how: &Redrive) -> Outcome {
        let passes = passes(letter.message.headers());
        if passes >= how.max_passes {
            return Outcome::Stays(format!("it was sent again {passes} times already (`--max-passes`)"));
        }
        if let Some(to) = &how.to {
            return Outcome::Sent(to.clone());
        }
        match (&letter.origin, self.foreign(letter)) {
            (Some(origin), None) => Outcome::Sent(origin.clone()),
            (_, Some(why)) => Outcome::Stays(format!("{why}; `--to` sends it all the same")),
            (None, None) => {
                let why = "nothing says where it came from; `--to` says where it goes";
                Outcome::Stays(why.to_owned())
            }
        }
    }

    /// Why a letter is none of this input's.
    fn foreign(&self, letter: &Letter) -> Option<String> {
        let origin = letter.origin.as_ref().filter(|origin| !self.reads(origin))?;
        Some(format!("it came from `{origin}`, which `{}` does not read", self.input.binding))
    }
}

/// A run through letters.
struct Run<'a> {
    letters: OpenLetters,
    outputs: BTreeMap<String, Box<dyn Output>>,
    summary: Summary,
    tell: Tell<'a>,
    dry_run: bool,
}

impl<'a> Run<'a> {
    fn new(letters: OpenLetters, tell: Tell<'a>, dry_run: bool) -> Self {
        Self { letters, outputs: BTreeMap::new(), summary: Summary::default(), tell, dry_run }
    }

    /// Reads letters, decides about each, and does it for some of them at once.
    async fn through(
        &mut self,
        filter: &Filter,
        rate: Option<u32>,
        decide: impl Fn(&OpenLetters, &Letter) -> Outcome,
    ) -> Result<(), Error> {
        let rate = rate.filter(|_| !self.dry_run).map(|rate| rate.max(1));
        let at_once = rate.map_or(AT_ONCE, |rate| (rate as usize / 10).clamp(1, AT_ONCE));
        let began = Instant::now();
        let mut waiting = Vec::new();
        loop {
            let next = self.letters.next(filter).await?;
            let is_end = next.is_none();
            waiting.extend(next.map(|letter| {
                let outcome = decide(&self.letters, &letter);
                (letter, outcome)
            }));
            if waiting.len() >= at_once || is_end {
                let is_stopped = self.settle(std::mem::take(&mut waiting)).await?.is_break();
                if is_stopped || is_end {
                    return Ok(());
                }
            }
            if let Some(rate) = rate.filter(|_| waiting.is_empty()) {
                sleep_until(began + Duration::from_secs_f64(self.summary.done as f64 / f64::from(rate)))
                    .await;
            }
        }
    }

    /// Does what was decided, and tells it in the order of the letters.
    async fn settle(&mut self, mut decided: Vec<(Letter, Outcome)>) -> Result<ControlFlow<()>, Error> {
        let done = if self.dry_run { Ok(()) } else { self.act(&mut decided).await };
        let mut goes_on = ControlFlow::Continue(());
        for (letter, outcome) in decided {
            self.summary.count(&outcome);
            if (self.tell)(&letter, &outcome, self.letters.progress()).is_break() {
                goes_on = ControlFlow::Break(());
            }
        }
        done.map(|()| goes_on)
    }

    /// Sends what is to be sent; what is not confirmed stays, and everything else is removed.
    async fn act(&mut self, decided: &mut [(Letter, Outcome)]) -> Result<(), Error> {
        let mut by_destination: BTreeMap<String, Vec<&mut (Letter, Outcome)>> = BTreeMap::new();
        let mut tickets = Vec::with_capacity(decided.len());
        for one in decided.iter_mut() {
            match &one.1 {
                Outcome::Sent(to) => by_destination.entry(to.clone()).or_default().push(one),
                Outcome::Purged => tickets.push(one.0.take_ticket()),
                Outcome::Stays(_) => {}
            }
        }
        let mut lost = None;
        for (to, letters) in by_destination {
            let messages = letters.iter().map(|(letter, _)| again(letter, &to)).collect();
            let results = match &lost {
                None => self.send_to(&to, messages).await,
                Some(before) => Err(same(before)),
            };
            let results = results.unwrap_or_else(|error| letters.iter().map(|_| Err(same(&error))).collect());
            for ((letter, outcome), result) in letters.into_iter().zip(results) {
                match result {
                    Ok(()) => tickets.push(letter.take_ticket()),
                    Err(error) => {
                        *outcome = Outcome::Stays(error.to_string());
                        // Nobody waits for a broker that has gone.
                        lost = lost.or(Some(error).filter(|error| error.kind() == Kind::Unreachable));
                    }
                }
            }
        }
        self.letters.letters.remove(tickets).await?;
        lost.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Sends messages to a destination; a destination that is refused refuses each of them.
    async fn send_to(
        &mut self,
        to: &str,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), binder::Error>>, binder::Error> {
        if !self.outputs.contains_key(to) {
            let OpenLetters { binder, input, .. } = &self.letters;
            match binder.bind_redrive(input.clone(), to.to_owned()).await {
                Ok(output) => drop(self.outputs.insert(to.to_owned(), output)),
                Err(error) if error.kind() == Kind::Unreachable => return Err(error),
                Err(error) => {
                    return Ok(messages.iter().map(|_| Err(same(&error))).collect());
                }
            }
        }
        let Some(output) = self.outputs.get_mut(to) else { return Ok(Vec::new()) };
        match timeout(PATIENCE, send_all(&mut **output, messages)).await {
            Ok(sent) => sent,
            Err(_) => {
                let sentence = format!("`{to}` has not confirmed everything within {PATIENCE:?}");
                Err(binder::Error::new(Kind::Unreachable, sentence))
            }
        }
    }

    async fn end(self, done: Result<(), Error>) -> Result<Summary, Error> {
        for output in self.outputs.into_values() {
            // Everything was confirmed.
            let _ = output.close().await;
        }
        let closed = self.letters.close().await;
        done.and(closed).map(|()| self.summary)
    }
}

/// The same error once more, for each that it concerns.
fn same(error: &binder::Error) -> binder::Error {
    binder::Error::new(error.kind(), error.to_string())
}

/// The original of a letter, with one more pass counted. Its partition is one of the destination that it came from.
fn again(letter: &Letter, to: &str) -> Outgoing {
    let mut again = letter.original.clone();
    let passes = passes(letter.message.headers()).saturating_add(1);
    again.message.headers_mut().set(header_names::REDRIVES, i32::try_from(passes).unwrap_or(i32::MAX));
    if letter.origin.as_deref() != Some(to) {
        again.partition = None;
    }
    again
}
