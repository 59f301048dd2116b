//! `dlq`: dead letters listed, shown, sent again, thrown away.

mod args;
mod paper;
mod progress;

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

use serde_json::json;

use super::output::{print, print_chain, print_error, print_prompt};
use super::{FAILED, UNREACHABLE, functions};
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
    let done = {
        let mut tell = |letter: &Letter, outcome: &Outcome, progress| report.tell(letter, outcome, progress);
        open.redrive(&filter, how, &mut tell).await
    };
    report.end("sent again", done)
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
        let count = open.purge(&filter, true, &mut |_, _, _| {}).await?.done;
        if !agreed(&format!("{count} letters of `{binding}` are removed for good. Go on? [y/N] ")) {
            return Ok(print("nothing was removed\n"));
        }
    }
    let open = letters.open(binding, which.from.as_deref()).await?;
    let mut report = Report::new(which.output, dry_run);
    let done = {
        let mut tell = |letter: &Letter, outcome: &Outcome, progress| report.tell(letter, outcome, progress);
        open.purge(&filter, dry_run, &mut tell).await
    };
    report.end("removed", done)
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

    fn end(mut self, what: &str, done: Result<Summary, Error>) -> Result<ExitCode, Error> {
        self.progress.clear();
        let Summary { selected, done: count, stay, kept } = *done.as_ref().unwrap_or(&self.so_far);
        match self.format {
            Format::Json => {
                let ended = done.is_ok();
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
        done.map(|_| if stay > 0 { ExitCode::from(SOME_STAY) } else { ExitCode::SUCCESS })
    }
}
