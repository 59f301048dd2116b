//! The work on a broker: consume, call, produce.

use std::time::{Duration, Instant};

use super::brokers::Ends;
use super::case::Case;
use super::contestants::Entry;
use super::course::{Course, Figures};
use super::kafka::Topics;
use super::latency::{Schedule, Times};
use super::options::Options;
use super::pass::{Amount, pass};
use super::rabbitmq::Queues;
use crate::Failure;
use crate::report::results::Figure;
use crate::story::FIRST;

/// How many messages are sent every second when latency is measured.
const RATE: u32 = 1_000;
/// How long what was sent may take to come out.
const PATIENCE: Duration = Duration::from_secs(30);

/// A broker that work is done on.
#[derive(Debug, Clone)]
pub struct Stream {
    /// `kafka` or `rabbitmq`.
    pub work: &'static str,
    /// Where it is.
    pub address: String,
}

impl Stream {
    fn ends(&self, case: Case) -> Result<Box<dyn Ends>, Failure> {
        Ok(match self.work {
            "kafka" => Box::new(Topics::make(&self.address, case)?),
            _ => Box::new(Queues::make(&self.address, case)?),
        })
    }

    /// The base case, and others with something changed.
    fn cases(&self, quick: bool) -> Vec<Case> {
        let others: &[Case] = match self.work {
            _ if quick => &[],
            "kafka" => &Case::KAFKA,
            _ => &Case::RABBITMQ,
        };
        [&[Case::BASE], others].concat()
    }

    /// How many messages there are, if they are small; large ones are fewer, so that they fit into memory.
    const fn messages(&self, case: Case, quick: bool) -> u64 {
        let most = match (self.work.as_bytes(), quick) {
            (b"kafka", false) => 2_400_000,
            (b"kafka", true) => 300_000,
            (_, false) => 90_000,
            (_, true) => 24_000,
        };
        let fit = (600 << 20) / case.bytes as u64;
        if most < fit { most } else { fit }
    }

    /// Does all of it.
    ///
    /// # Errors
    /// When results cannot be kept; contestants that fail are named in them.
    pub fn run(&self, course: &mut Course, options: &Options) -> Result<(), Failure> {
        let (warm_up, time) = if options.quick { (3, 2) } else { (12, 6) };
        let (warm_up, time) = (Duration::from_secs(warm_up), Duration::from_secs(time));
        course.setting("rounds", &options.rounds);
        course.setting("rounds of the others", &options.peers);
        course.setting("seconds to warm up at most", &warm_up.as_secs());
        course.setting("seconds measured at most", &time.as_secs());
        course.setting("messages at most", &self.messages(Case::BASE, options.quick));
        let entries = course.entries(self.work);
        for case in self.cases(options.quick) {
            // The others need not be known as exactly where only something is changed.
            let own = |entry: &Entry| case == Case::BASE || entry.contestant.is_of_this_crate();
            let rounds = |entry: &Entry| if own(entry) { options.rounds_of(entry) } else { 1 };
            let amount = Amount { messages: Some(self.messages(case, options.quick)), warm_up, time };
            course.turns(&self.named(case), &entries, rounds, |entry| {
                self.pass(entry, self.work, case, amount)
            })?;
        }
        let entries = course.entries("kafka-transactions");
        if self.work == "kafka" {
            let messages = Some(self.messages(Case::BASE, options.quick));
            course.turns(
                "exactly once",
                &entries,
                |_| options.rounds,
                |entry| {
                    self.pass(entry, "kafka-transactions", Case::BASE, Amount { messages, warm_up, time })
                },
            )?;
        }
        let sender = format!("{}-sender", self.work);
        let entries = course.entries(&sender);
        // Longer, it writes so much that the broker's disk is what is measured.
        let amount = Amount { messages: None, warm_up: time / 4, time: time / 2 };
        course.setting("seconds measured of a sender", &amount.time.as_secs());
        let rounds = |entry: &Entry| options.rounds_of(entry);
        course.turns("sender from code", &entries, rounds, |entry| {
            self.pass(entry, &sender, Case::BASE, amount)
        })?;
        let seconds = if options.quick { 2 } else { 10 };
        let case = format!("end to end at {RATE} per second");
        let entries = course.entries(self.work);
        let rounds = |entry: &Entry| {
            if entry.contestant.is_of_this_crate() || !options.quick { options.rounds_of(entry) } else { 0 }
        };
        course.turns(&case, &entries, rounds, |entry| self.latency(entry, seconds))
    }

    fn named(&self, case: Case) -> String {
        match self.work {
            "kafka" => case.to_string(),
            _ => case.size(),
        }
    }

    fn pass(&self, entry: &Entry, work: &str, case: Case, amount: Amount) -> Result<Figures, Failure> {
        let mut ends = self.ends(case)?;
        let shown = pass(entry, work, &mut *ends, amount);
        ends.remove()?;
        let shown = shown?;
        Ok(vec![
            (Figure::PerSecond, shown.per_second),
            (Figure::Cpu, shown.micros),
            (Figure::Memory, shown.memory as f64 / 1e6),
            (Figure::Twice, shown.twice as f64),
        ])
    }

    /// Sends at a fixed rate to a contestant that has warmed up as fast as it could.
    fn latency(&self, entry: &Entry, seconds: u32) -> Result<Figures, Failure> {
        let mut ends = self.ends(Case::BASE)?;
        let burst = if self.work == "kafka" { 20_000 } else { 2_000 };
        let timed = timed(entry, self.work, &mut *ends, burst, seconds);
        ends.remove()?;
        timed
    }
}

fn timed(
    entry: &Entry,
    work: &str,
    ends: &mut dyn Ends,
    burst: u64,
    seconds: u32,
) -> Result<Figures, Failure> {
    ends.fill(burst)?;
    let (mut reader, mut writer) = (ends.reader()?, ends.writer()?);
    let mut process = entry.start(work, ends.environment())?;
    let (mut out, begun) = (0, Instant::now());
    while out < burst {
        out += u64::from(reader.receive(Duration::from_millis(100))?.is_some());
        process.check()?;
        if begun.elapsed() > 2 * PATIENCE {
            return Err(format!("{out} of {burst} messages to warm up came out").into());
        }
    }
    let (warm_up, last) = (u64::from(RATE), u64::from(RATE * (seconds + 1)));
    let schedule = Schedule::from_now(RATE);
    let mut times = Times::of(schedule, warm_up)?;
    let sending = std::thread::spawn(move || {
        for number in 0..last {
            schedule.wait(number);
            writer.send(FIRST + burst + number)?;
        }
        Ok::<_, Failure>(writer)
    });
    let mut left = last;
    while left > 0 {
        if let Some(number) = reader.receive(Duration::from_millis(100))? {
            let at = Instant::now();
            if let Some(number) = number.checked_sub(FIRST + burst) {
                times.note(number, at);
                left -= 1;
            }
        }
        if schedule.due(last).elapsed() > PATIENCE {
            return Err(format!("{left} of {last} messages have not come out: it does not keep up").into());
        }
    }
    sending.join().map_err(|_| "the writer panicked")??;
    process.stop()?;
    Ok(times.percentiles().into())
}
