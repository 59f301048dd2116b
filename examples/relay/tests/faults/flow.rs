//! Numbers that go in and come out, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wellspring::binder::{
    Binder, Confirmation, Error, InputSpec, Kind, Outgoing, Output, OutputSpec, Settlement, Sharing,
};
use wellspring::{ContentType, Message};

/// How many rows there are.
const ROWS: u64 = 10;
/// How many numbers are written every five milliseconds.
const AT_ONCE: u64 = 2;
/// How many partitions the numbers are spread over, where there are any.
const PARTITIONS: u32 = 6;
/// How many messages the test reads before it has settled them.
const UNREAD: usize = 20;

/// What went in and what came out.
pub(crate) struct Flow {
    pub(crate) readers: AtomicUsize,
    /// How many numbers are written and confirmed.
    written: AtomicU64,
    /// Whether numbers are written.
    pub(crate) is_fed: AtomicBool,
    is_idle: AtomicBool,
    is_over: AtomicBool,
    /// Whether what comes out is read.
    pub(crate) is_read: AtomicBool,
    /// Numbers as they came out, and those that became dead letters.
    passed: Mutex<Vec<u64>>,
    refused: Mutex<Vec<u64>>,
    /// Why no numbers are written any more, if they should be.
    failure: Mutex<Option<String>>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            readers: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            is_fed: AtomicBool::new(true),
            is_idle: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            is_read: AtomicBool::new(true),
            passed: Mutex::default(),
            refused: Mutex::default(),
            failure: Mutex::default(),
        }
    }
}

impl Flow {
    /// Lets everything go on for a while.
    pub(crate) async fn let_pass(&self, time: Duration) {
        let mut ticks = tokio::time::interval(time);
        ticks.tick().await;
        ticks.tick().await;
    }

    pub(crate) async fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let looks = async {
            while !holds(self) {
                if let Some(failure) = &*self.failure.lock().unwrap() {
                    panic!("while waiting for: {what}: {failure}");
                }
                self.let_pass(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, looks).await.unwrap_or_else(|_| panic!("never happened: {what}"));
    }

    /// Writes nothing for now.
    pub(crate) async fn hold(&self) {
        self.is_idle.store(false, Ordering::Relaxed);
        self.is_fed.store(false, Ordering::Relaxed);
        self.wait_for("all is confirmed", |flow| flow.is_idle.load(Ordering::Relaxed)).await;
    }

    /// Writes nothing any more.
    pub(crate) async fn end(&self) {
        self.hold().await;
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self) -> usize {
        self.passed.lock().unwrap().len() + self.refused.lock().unwrap().len()
    }

    /// Numbers that have not come out.
    pub(crate) fn missing(&self) -> Vec<u64> {
        let mut seen: BTreeSet<_> = self.passed.lock().unwrap().iter().copied().collect();
        seen.extend(self.refused.lock().unwrap().iter());
        (0..self.written.load(Ordering::Relaxed)).filter(|number| !seen.contains(number)).collect()
    }

    /// Numbers, those that came out more than once, and dead letters.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let distinct = |numbers: &[u64]| numbers.iter().collect::<BTreeSet<_>>().len();
        let (passed, refused) = (self.passed.lock().unwrap(), self.refused.lock().unwrap());
        let letters = distinct(&refused);
        let numbers = distinct(&passed) + letters;
        (numbers, passed.len() + refused.len() - numbers, letters)
    }

    /// Numbers that should have been refused and were not, or the other way round.
    pub(crate) fn misplaced(&self) -> Vec<u64> {
        let is_refused = |number: &u64| number % 50 == 49;
        let (passed, refused) = (self.passed.lock().unwrap(), self.refused.lock().unwrap());
        let passed = passed.iter().filter(|number| is_refused(number));
        passed.chain(refused.iter().filter(|number| !is_refused(number))).copied().collect()
    }

    /// Numbers that first came out after a later one of their row.
    pub(crate) fn out_of_order(&self) -> Vec<(u64, u64)> {
        let (mut latest, mut seen, mut wrong) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for number in self.passed.lock().unwrap().iter().copied() {
            if seen.insert(number) {
                let before = latest.insert(number % ROWS, number);
                wrong.extend(before.filter(|before| *before > number).map(|before| (before, number)));
            }
        }
        wrong
    }

    fn came(&self, destination: &str, number: u64) {
        let numbers = if destination.ends_with(".dead") { &self.refused } else { &self.passed };
        numbers.lock().unwrap().push(number);
    }
}

/// Reads a destination to the end of the run.
pub(crate) async fn read(binder: Arc<dyn Binder>, destination: String, flow: Arc<Flow>) {
    let spec = InputSpec {
        binding: "test".to_owned(),
        destinations: vec![destination.clone()],
        // A group of its own: no one waits for a reader of another run that has gone without a word.
        group: Some(format!("{destination}.check")),
        max_in_flight: UNREAD,
        sharing: Sharing::default(),
    };
    let mut input = binder.bind_input(spec).await.unwrap();
    flow.readers.fetch_add(1, Ordering::Relaxed);
    let mut batch = Vec::new();
    loop {
        while !flow.is_read.load(Ordering::Relaxed) {
            flow.let_pass(Duration::from_millis(5)).await;
        }
        poll_fn(|cx| input.poll_receive(cx, &mut batch, UNREAD)).await.unwrap();
        for delivery in batch.drain(..) {
            let step: Value = serde_json::from_slice(delivery.message.bytes()).unwrap();
            flow.came(&destination, step["number"].as_u64().unwrap());
            input.settle(delivery.ticket, Settlement::Ack);
        }
    }
}

/// A way to write to a destination.
pub(crate) async fn writer(binder: &dyn Binder, destination: String) -> Box<dyn Output> {
    let (binding, required_groups) = ("test".to_owned(), Vec::new());
    let spec = OutputSpec { binding, destination, partition_count: PARTITIONS, required_groups };
    binder.bind_output(spec).await.unwrap()
}

/// Writes numbers, each to its row, until it is told to end.
pub(crate) async fn feed(mut output: Box<dyn Output>, flow: Arc<Flow>) {
    let (mut ticks, mut number) = (tokio::time::interval(Duration::from_millis(5)), 0);
    while !flow.is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        if !flow.is_fed.load(Ordering::Relaxed) {
            flow.is_idle.store(true, Ordering::Relaxed);
            continue;
        }
        if let Err(error) = write(&mut *output, (number..number + AT_ONCE).collect()).await {
            *flow.failure.lock().unwrap() =
                Some(format!("`{number}` or the next cannot be written: {error:?}"));
            return;
        }
        number += AT_ONCE;
        flow.written.store(number, Ordering::Relaxed);
    }
}

/// Writes numbers, once more those that a broker which goes away has perhaps not got.
async fn write(output: &mut dyn Output, mut numbers: Vec<u64>) -> Result<(), Error> {
    while !numbers.is_empty() {
        for number in &numbers {
            poll_fn(|cx| output.poll_ready(cx)).await?;
            let (row, key) = (number % ROWS, (number % ROWS).to_string());
            let step = json!({ "row": row, "number": number }).to_string();
            let message = Message::encoded(step, ContentType::JSON);
            output.send(Outgoing { message, key: Some(key.into()), partition: None }, *number);
        }
        let mut confirmed = Vec::new();
        while confirmed.len() < numbers.len() {
            poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).await?;
        }
        numbers.clear();
        for Confirmation { number, result } in confirmed {
            match result {
                Err(error) if matches!(error.kind(), Kind::Unreachable | Kind::Closed) => {
                    numbers.push(number)
                }
                result => result?,
            }
        }
    }
    Ok(())
}
