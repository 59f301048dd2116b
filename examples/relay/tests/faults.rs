//! The application is killed, its group changes, its broker goes away, connections are cut and queues are full: whatever
//! happens, every number that went in comes out, or is a dead letter, and rows stay in order.
//!
//! `WELLSPRING_FAULTS=long` makes as many faults as it takes to be sure, a hundred kills among them. Each run tells what it
//! saw in one line on the standard error.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "faults/brokers.rs"]
mod brokers;
#[path = "faults/fleet.rs"]
mod fleet;
#[path = "faults/flow.rs"]
mod flow;
#[path = "../../hello/tests/support/process.rs"]
#[allow(dead_code, reason = "shared with the tests of the command line")]
mod process;
#[path = "faults/proxy.rs"]
mod proxy;
#[path = "faults/run.rs"]
mod run;
#[path = "../../../runtime/tests/support/skip.rs"]
mod skip;
#[path = "../../../runtime/tests/support/brokers.rs"]
mod starting;

use brokers::Broker;
use run::{Fault, Run};

/// What is made to go wrong, how often in the short form and in the long one, and to how many instances.
const RUNS: [Run; 12] = [
    Run { name: "killed", broker: Broker::Kafka, instances: 1, fault: Fault::Kill, short: 5, long: 100 },
    Run { name: "killed", broker: Broker::RabbitMq, instances: 1, fault: Fault::Kill, short: 5, long: 100 },
    Run {
        name: "one of three killed",
        broker: Broker::Kafka,
        instances: 3,
        fault: Fault::Kill,
        short: 2,
        long: 30,
    },
    Run {
        name: "one of three killed",
        broker: Broker::RabbitMq,
        instances: 3,
        fault: Fault::Kill,
        short: 2,
        long: 30,
    },
    Run {
        name: "joining and leaving",
        broker: Broker::Kafka,
        instances: 3,
        fault: Fault::Leave,
        short: 2,
        long: 20,
    },
    Run {
        name: "joining and leaving",
        broker: Broker::RabbitMq,
        instances: 3,
        fault: Fault::Leave,
        short: 2,
        long: 20,
    },
    Run {
        name: "connections cut",
        broker: Broker::RabbitMq,
        instances: 1,
        fault: Fault::Cut,
        short: 5,
        long: 50,
    },
    Run {
        name: "connections slow",
        broker: Broker::RabbitMq,
        instances: 1,
        fault: Fault::Delay,
        short: 2,
        long: 10,
    },
    Run {
        name: "output full",
        broker: Broker::RabbitMq,
        instances: 1,
        fault: Fault::Full,
        short: 2,
        long: 10,
    },
    Run {
        name: "broker killed",
        broker: Broker::Kafka,
        instances: 1,
        fault: Fault::KillBroker,
        short: 1,
        long: 5,
    },
    Run {
        name: "broker killed",
        broker: Broker::RabbitMq,
        instances: 1,
        fault: Fault::KillBroker,
        short: 1,
        long: 5,
    },
    Run {
        name: "broker restarted",
        broker: Broker::RabbitMq,
        instances: 1,
        fault: Fault::RestartBroker,
        short: 1,
        long: 5,
    },
];

/// One after the other: they share brokers, and two of them take those away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_happens() {
    let chosen = std::env::var("WELLSPRING_FAULTS_OF").unwrap_or_default();
    for run in RUNS.iter().filter(|run| run.title().contains(&chosen)) {
        run.run().await;
    }
}
