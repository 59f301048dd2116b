//! `dlq`: dead letters listed, shown, sent again, thrown away.

mod args;
mod paper;
mod progress;

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal};
use std::ops::ControlFlow;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::output::{print, print_chain, print_error, print_prompt};
use super::{FAILED, INTERRUPTED, UNREACHABLE, functions};
use crate::letters::{DeadLetters, Error, Letter, Outcome, Overview, Redrive, Summary};
use crate::runtime::Runtime;

pub(super) use args::Dlq;
use args::{Format, Which};
use progress::Progress;

/// The command line is wrong: nobody can be asked.
const UNASKED: u8 = 2;
/// Some letters stay.
const SOME_STAY: u8 = 5;

pub(super) async fn dlq(runtime: &Runtime, command: Dlq) -> ExitCode {
    let letters = runtime.dead_letters();
    let done = match command {
        Dlq::List { binding: None, which } => return list_inputs(letters.overview().await, which.output),
        Dlq::List { binding: Some(binding), which } => read(&letters, &binding, &which, paper::line).await,
        Dlq::Show { binding, which } => read(&letters, &binding, &which, paper::sheet).await,
        Dlq::Redrive { binding, which, to, rate, max_passes, dry_run } => {
            let how = Redrive { to, rate: rate.map(Into::into), max_passes, dry_run };
            redrive(&letters, &binding, &which, &how).await
        }
        Dlq::Purge { binding, which, yes, dry_run } => purge(&letters, &binding, &which, yes, dry_run).await,
    };
    done.unwrap_or_else(|error| {
        let failed = print_chain(&error);
        if error.is_unreachable() { ExitCode::from(UNREACHABLE) } else { failed }
    })
}

/// One line for each input that has dead letters.
fn list_inputs(all: Vec<Overview>, format: Format) -> ExitCode {
    let mut rows = vec![["BINDING", "BINDER", "LETTERS", "WHERE"].map(String::from)];
    let (mut lines, mut code) = (String::new(), ExitCode::SUCCESS);
    for Overview { binding, binder, places } in all {
        match places {
            Ok(None) => {}
            Ok(Some(places)) => {
                let count: u64 = places.iter().map(|place| place.count).sum();
                let names: Vec<_> = places.into_iter().map(|place| place.name).collect();
                let line = json!({ "binding": binding, "binder": binder, "letters": count, "places": names });
                lines += &paper::json(&line);
                rows.push([binding, binder, count.to_string(), names.join(", ")]);
            }
            Err(error) => {
                print_chain(&error);
                code = ExitCode::from(FAILED);
            }
        }
    }
    match format {
        Format::Json => print(&lines),
        Format::Text if rows.len() > 1 => print(&functions::table(&rows)),
        Format::Text => print("no input has dead letters\n"),
    };
    code
}

/// Prints the letters that are meant, and changes none.
async fn read(
    letters: &DeadLetters,
    binding: &str,
    which: &Which,
    write: paper::Write,
) -> Result<ExitCode, Error> {
    let mut open = letters.open(binding, which.from.as_deref()).await?;
    let filter = which.filter();
    let done = loop {
        match open.next(&filter).await {
            Ok(Some(letter)) => print(&write(&letter, which.output)),
            Ok(None) => break Ok(ExitCode::SUCCESS),
            Err(error) => break Err(error),
        };
    };
    let closed = open.close().await;
    done.and_then(|code| closed.map(|()| code))
}

async fn redrive(
    letters: &DeadLetters,
    binding: &str,
    which: &Which,
    how: &Redrive,
) -> Result<ExitCode, Error> {
    let open = letters.open(binding, which.from.as_deref()).await?;
    let (filter, mut report) = (which.filter(), Report::new(which.output, how.dry_run));
    let stop = Stop::default();
    let done = {
        let mut tell = |letter: &Letter, outcome: &Outcome, progress| {
            report.tell(letter, outcome, progress);
            stop.asked()
        };
        stop.or(open.redrive(&filter, how, &mut tell)).await
    };
    report.end("sent again", done, &stop)
}

async fn purge(
    letters: &DeadLetters,
    binding: &str,
    which: &Which,
    yes: bool,
    dry_run: bool,
) -> Result<ExitCode, Error> {
    let filter = which.filter();
    if !yes && !dry_run {
        if !io::stdin().is_terminal() {
            print_error(
                &"error: `purge` removes letters for good, and nobody can be asked here: give `--yes`",
            );
            return Ok(ExitCode::from(UNASKED));
        }
        let open = letters.open(binding, which.from.as_deref()).await?;
        let count = open.purge(&filter, true, &mut |_, _, _| ControlFlow::Continue(())).await?.done;
        if !agreed(&format!("{count} letters of `{binding}` are removed for good. Go on? [y/N] ")) {
            return Ok(print("nothing was removed\n"));
        }
    }
    let open = letters.open(binding, which.from.as_deref()).await?;
    let (mut report, stop) = (Report::new(which.output, dry_run), Stop::default());
    let done = {
        let mut tell = |letter: &Letter, outcome: &Outcome, progress| {
            report.tell(letter, outcome, progress);
            stop.asked()
        };
        stop.or(open.purge(&filter, dry_run, &mut tell)).await
    };
    report.end("removed", done, &stop)
}

/// Whether somebody has asked to stop: once to stop where nothing is half done, twice to stop at once.
#[derive(Default)]
struct Stop(AtomicBool);

impl Stop {
    fn asked(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Runs to the end, unless it is asked to stop twice; then nothing is known but what was told.
    async fn or<T>(&self, run: impl Future<Output = Result<T, Error>>) -> Option<Result<T, Error>> {
        let mut run = pin!(run);
        loop {
            tokio::select! {
                done = &mut run => return Some(done),
                signal = tokio::signal::ctrl_c() => {
                    if signal.is_ok() && self.0.swap(true, Ordering::Relaxed) {
                        return None;
                    }
                }
            }
        }
    }
}

fn agreed(question: &str) -> bool {
    print_prompt(question);
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// What is printed while letters are sent again or purged, and afterwards.
struct Report {
    format: Format,
    dry_run: bool,
    progress: Progress,
    /// As far as was told, for a run that ends early.
    so_far: Summary,
    /// How many were sent to each destination.
    sent: BTreeMap<String, u64>,
}

impl Report {
    fn new(format: Format, dry_run: bool) -> Self {
        if dry_run {
            print_error(&"dry run: nothing is sent and nothing removed");
        }
        Self { format, dry_run, progress: Progress::new(), so_far: Summary::default(), sent: BTreeMap::new() }
    }

    fn tell(&mut self, letter: &Letter, outcome: &Outcome, progress: (u64, u64)) {
        self.so_far.count(outcome);
        if let Outcome::Sent(to) = outcome {
            *self.sent.entry(to.clone()).or_default() += 1;
        }
        let line = paper::outcome(letter, outcome, self.format);
        if !line.is_empty() {
            self.progress.clear();
            print(&line);
        }
        self.progress.show(progress);
    }

    fn end(
        mut self,
        what: &str,
        done: Option<Result<Summary, Error>>,
        stop: &Stop,
    ) -> Result<ExitCode, Error> {
        self.progress.clear();
        let ended = matches!(done, Some(Ok(_))) && stop.asked().is_continue();
        let summary = match &done {
            Some(Ok(summary)) => *summary,
            _ => self.so_far,
        };
        let Summary { selected, done: count, stay, kept } = summary;
        match self.format {
            Format::Json => {
                let summary = json!({
                    "selected": selected, "done": count, "stay": stay, "kept": kept, "ended": ended,
                });
                print(&paper::json(&json!({ "summary": summary })));
            }
            Format::Text => {
                print(&format!("{count} of {selected} letters {what}, {stay} stay\n"));
                for (to, count) in self.sent {
                    print(&format!("  {count} to {to}\n"));
                }
                if kept > 0 && !self.dry_run {
                    print(&format!("the broker keeps the bytes of {kept} until it deletes them by itself\n"));
                }
            }
        }
        done.transpose().map(|_| match (ended, stay) {
            (false, _) => ExitCode::from(INTERRUPTED),
            (true, 0) => ExitCode::SUCCESS,
            (true, _) => ExitCode::from(SOME_STAY),
        })
    }
}
