//! One run: numbers go in, things go wrong, and what came out is compared with what went in.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, block_in_place};

use super::brokers::Broker;
use super::fleet::Fleet;
use super::flow::{Flow, feed, read, writer};
use super::proxy::Proxy;
use super::starting::brokers;

/// How long nothing may come out that should.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long things take that are to last for a while.
const WHILE: Duration = Duration::from_millis(700);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An instance is killed, and started again.
    Kill,
    /// An instance is stopped, and started again after a while.
    Leave,
    /// Every connection of the application is cut.
    Cut,
    /// Everything that the application sends and receives takes its time.
    Delay,
    /// Nobody reads what the application sends, to a queue that refuses what is too much.
    Full,
    KillBroker,
    RestartBroker,
}

pub(crate) struct Run {
    pub(crate) name: &'static str,
    pub(crate) broker: Broker,
    pub(crate) instances: usize,
    pub(crate) fault: Fault,
    /// How often, in the short form and in the long one.
    pub(crate) short: usize,
    pub(crate) long: usize,
}

impl Run {
    pub(crate) fn title(&self) -> String {
        format!("{}, {}", self.broker.name(), self.name)
    }

    pub(crate) async fn run(&self) {
        let takes_away = matches!(self.fault, Fault::KillBroker | Fault::RestartBroker);
        let Some(address) = self.broker.address(takes_away).await else { return };
        let is_long = std::env::var("WELLSPRING_FAULTS").is_ok_and(|form| form == "long");
        let (times, started) = (if is_long { self.long } else { self.short }, Instant::now());
        let names = format!("t{:016x}", RandomState::new().hash_one(self.name));
        let flow = Arc::new(Flow::default());

        let settings = if self.fault == Fault::Full {
            "default: { consumer: { max-length: 20, overflow-behavior: reject-publish } }"
        } else {
            ""
        };
        let reading = self.broker.binder(&address, settings);
        let writing = self.broker.binder(&address, "");
        let mut tasks = JoinSet::new();
        for destination in ["out", "dead"] {
            let reader = if destination == "out" { &reading } else { &writing };
            tasks.spawn(read(Arc::clone(reader), format!("{names}.{destination}"), Arc::clone(&flow)));
        }
        flow.wait_for("the readers", |flow| flow.readers.load(Ordering::Relaxed) == 2).await;
        let input = writer(&*writing, format!("{names}.in")).await;
        let (host, by) = self.way(&address);
        let mut fleet = block_in_place(|| Fleet::start(self.broker, &by, &names, self.instances));
        tasks.spawn(feed(input, Arc::clone(&flow)));

        for time in 0..times {
            // Something is under way when it happens.
            let seen = flow.seen();
            flow.wait_for("something comes out", |flow| flow.seen() > seen).await;
            flow.let_pass(Duration::from_millis(100 + RandomState::new().hash_one(time) % 600)).await;
            self.make(time, &mut fleet, host.as_ref(), &flow).await;
        }
        flow.let_pass(WHILE).await;
        flow.end().await;
        self.wait_for_all(&flow).await;
        block_in_place(|| fleet.stop());
        flow.let_pass(WHILE).await;
        tasks.abort_all();
        self.check(&flow, times, started.elapsed());
    }

    /// The address by which the application reaches the broker, by a way of our own where that is to be disturbed.
    fn way(&self, address: &str) -> (Option<Proxy>, String) {
        if !matches!(self.fault, Fault::Cut | Fault::Delay) {
            return (None, address.to_owned());
        }
        let server = address.rsplit('@').next().and_then(|rest| rest.split('/').next()).unwrap();
        let proxy = Proxy::to(server.to_owned());
        let by = address.replace(server, &proxy.address.to_string());
        (Some(proxy), by)
    }

    async fn make(&self, time: usize, fleet: &mut Fleet, proxy: Option<&Proxy>, flow: &Flow) {
        let instance = time % self.instances;
        match self.fault {
            Fault::Kill => block_in_place(|| {
                fleet.kill(instance);
                fleet.join(instance);
            }),
            Fault::Leave => {
                block_in_place(|| fleet.leave(instance));
                flow.let_pass(WHILE).await;
                block_in_place(|| fleet.join(instance));
            }
            Fault::Cut => proxy.unwrap().cut(),
            Fault::Delay => {
                proxy.unwrap().delay(Duration::from_millis(20));
                flow.let_pass(WHILE).await;
                proxy.unwrap().delay(Duration::ZERO);
            }
            Fault::Full => {
                flow.is_read.store(false, Ordering::Relaxed);
                flow.let_pass(WHILE).await;
                flow.is_read.store(true, Ordering::Relaxed);
            }
            Fault::KillBroker | Fault::RestartBroker => {
                // What is written meanwhile would be written again, and not in order.
                flow.hold().await;
                let name = self.broker.name();
                if self.fault == Fault::KillBroker {
                    brokers(&["kill", name]).await.unwrap();
                    brokers(&["up", name]).await.unwrap();
                } else {
                    brokers(&["restart", name]).await.unwrap();
                }
                flow.is_fed.store(true, Ordering::Relaxed);
            }
        }
    }

    async fn wait_for_all(&self, flow: &Flow) {
        let (mut seen, mut since) = (0, Instant::now());
        while let missing @ 1.. = flow.missing().len() {
            let now = flow.seen();
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            let few: Vec<_> = flow.missing().into_iter().take(20).collect();
            assert!(since.elapsed() < PATIENCE, "{}: {missing} are missing, such as {few:?}", self.title());
            flow.let_pass(Duration::from_millis(50)).await;
        }
    }

    /// Everything has come out: where it belongs, no more often than may be, and in order.
    fn check(&self, flow: &Flow, times: usize, took: Duration) {
        let title = self.title();
        let (numbers, duplicates, letters) = flow.counts();
        let (name, seconds) = (self.name, took.as_secs_f64());
        let line = format!(
            "{title}: {numbers} messages, {letters} of them dead letters, {times} times {name}, {duplicates} duplicates, \
             {seconds:.1} s\n"
        );
        // What a test prints is kept back when it passes.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        assert_eq!(flow.misplaced(), [0; 0], "{title}: neither passed on nor refused as they should");
        let most = match self.fault {
            Fault::Delay | Fault::Full => 0,
            Fault::Leave if self.broker == Broker::RabbitMq => 0,
            Fault::Kill | Fault::Leave | Fault::Cut => times * self.broker.most_repeated(),
            // What the test has read may come again, too.
            Fault::KillBroker | Fault::RestartBroker => 2 * times * self.broker.most_repeated(),
        };
        assert!(duplicates <= most, "{title}: {duplicates} duplicates, expected {most} at most");
        if self.keeps_order() {
            assert_eq!(flow.out_of_order(), [(0, 0); 0], "{title}: out of order");
        }
    }

    /// A queue that several read is in no order, and an output that refuses a message gets it after the next one.
    fn keeps_order(&self) -> bool {
        match self.broker {
            Broker::Kafka => true,
            Broker::RabbitMq => self.instances == 1 && matches!(self.fault, Fault::Kill | Fault::Delay),
        }
    }
}
