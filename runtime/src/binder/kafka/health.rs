//! How a client stands with the cluster, from what the library reports by itself: nothing is asked of a broker.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use serde::Deserialize;

use super::config::StartOffset;
use super::failure::kind;
use crate::binder::{Connection, Health, Kind};

/// How often the library reports, unless `statistics.interval.ms` is configured.
pub(super) const INTERVAL_MS: &str = "1000";

/// What the library has reported of a client.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Whether a group that has committed nothing starts at the beginning.
    from_beginning: bool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Why no broker can be reached.
    down: Option<String>,
    /// Whether the client knows no broker any more, and nobody has done anything about it.
    is_lost: bool,
    /// How far the group is behind in the partitions of this client.
    lag: Option<u64>,
}

/// The part of a report that counts here; librdkafka's STATISTICS.md has the rest.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize)]
struct Broker {
    state: String,
    #[serde(default)]
    source: String,
}

impl Broker {
    /// Whether it stands for whatever broker has a role, and is none itself.
    fn is_role(&self) -> bool {
        matches!(self.source.as_str(), "logical" | "internal")
    }
}

#[derive(Deserialize)]
struct Topic {
    partitions: HashMap<i32, Partition>,
}

#[derive(Deserialize)]
struct Partition {
    fetch_state: String,
    lo_offset: i64,
    hi_offset: i64,
    app_offset: i64,
    committed_offset: i64,
}

impl Pulse {
    /// That of a consumer.
    pub(super) fn of_consumer(start: StartOffset) -> Self {
        Self { from_beginning: start == StartOffset::Earliest, seen: Mutex::default() }
    }

    /// The library has met with an error; whether that is more than what is known of a cluster that is down.
    pub(super) fn error(&self, error: &KafkaError, reason: &str) -> bool {
        let (mut seen, is_news) = (self.seen(), kind(error) != Kind::Unreachable);
        let was_up = seen.down.is_none();
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            seen.down = Some(format!("no broker of the Kafka cluster can be reached: {reason}"));
        }
        is_news || was_up
    }

    /// Whether no broker can be reached.
    pub(super) fn is_down(&self) -> bool {
        self.seen().down.is_some()
    }

    /// The library reports; whether a cluster that was down can be reached again.
    pub(super) fn statistics(&self, report: &[u8]) -> bool {
        match serde_json::from_slice::<Report>(report) {
            Ok(report) => self.take(&report),
            Err(error) => {
                tracing::debug!(%error, "the client's statistics cannot be read");
                false
            }
        }
    }

    /// Whether the client has forgotten every broker, of which whoever asks sees to it.
    pub(super) fn take_lost(&self) -> bool {
        mem::take(&mut self.seen().is_lost)
    }

    fn take(&self, report: &Report) -> bool {
        let mut seen = self.seen();
        seen.is_lost = report.brokers.values().all(Broker::is_role);
        if seen.is_lost {
            tracing::debug!("a client knows no broker of its Kafka cluster any more and looks for it again");
        }
        let is_up = report.brokers.values().any(|broker| broker.state == "UP");
        let is_back = is_up && seen.down.take().is_some();
        let partitions = report.topics.values().flat_map(|topic| topic.partitions.values());
        let lags = partitions.filter_map(|partition| partition.lag(self.from_beginning));
        seen.lag = lags.reduce(|all, one| all + one).or(seen.lag);
        is_back
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    /// How many records the group has not committed; for one that is read and whose end is known.
    fn lag(&self, from_beginning: bool) -> Option<u64> {
        if self.fetch_state != "active" || self.hi_offset < 0 {
            return None;
        }
        let start = if from_beginning { self.lo_offset } else { self.app_offset };
        let known = [self.committed_offset, start].into_iter().find(|offset| *offset >= 0);
        u64::try_from(self.hi_offset - known.unwrap_or(self.hi_offset)).ok()
    }
}

impl Health for Pulse {
    fn connection(&self) -> Connection {
        self.seen().down.clone().map_or(Connection::Up, Connection::Down)
    }

    fn backlog(&self) -> BoxFuture<'_, Option<u64>> {
        ready(self.seen().lag).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: &str, partitions: &str) -> Vec<u8> {
        format!(r#"{{"name":"x","brokers":{{"a:1/0":{{"name":"a","state":"{state}"}}}},"topics":{{"t":{{"topic":"t","partitions":{{{partitions}}}}}}}}}"#)
            .into_bytes()
    }

    fn partition(number: i32, state: &str, [lo, hi, app, committed]: [i64; 4]) -> String {
        format!(
            r#""{number}":{{"partition":{number},"fetch_state":"{state}","lo_offset":{lo},"hi_offset":{hi},"app_offset":{app},"committed_offset":{committed}}}"#
        )
    }

    fn lag(pulse: &Pulse) -> Option<u64> {
        pulse.backlog().now_or_never().unwrap()
    }

    #[test]
    fn the_lag_is_what_the_group_has_not_committed_of_the_partitions_that_are_read() {
        let pulse = Pulse::of_consumer(StartOffset::Earliest);
        assert_eq!(lag(&pulse), None, "nothing is known yet");
        let partitions = [
            partition(0, "active", [0, 100, 90, 70]),
            partition(1, "active", [5, 50, 40, -1001]),
            partition(2, "active", [5, 9, -1001, -1001]),
            partition(3, "none", [0, 1000, 0, 0]),
            partition(-1, "none", [-1001; 4]),
        ];
        pulse.statistics(&report("UP", &partitions.join(",")));
        assert_eq!(lag(&pulse), Some(30 + 45 + 4));
        pulse.statistics(b"no report");
        assert_eq!(lag(&pulse), Some(79));
        let late = Pulse::of_consumer(StartOffset::Latest);
        late.statistics(&report("UP", &partitions.join(",")));
        assert_eq!(lag(&late), Some(30 + 10), "the beginning is where it came in");
    }

    #[test]
    fn a_client_is_lost_that_knows_nothing_but_roles_and_somebody_sees_to_it_once() {
        let pulse = Pulse::default();
        pulse.statistics(&report("UP", ""));
        assert!(!pulse.take_lost());
        let role = r#"{"brokers":{"GroupCoordinator":{"state":"INIT","source":"logical"}}}"#;
        pulse.statistics(role.as_bytes());
        assert!(pulse.take_lost() && !pulse.take_lost());
        pulse.statistics(br#"{"brokers":{}}"#);
        assert!(pulse.take_lost());
    }

    #[test]
    fn a_cluster_is_down_when_no_broker_is_left_and_up_with_the_first_that_answers() {
        let pulse = Pulse::default();
        let error = |code, reason| pulse.error(&KafkaError::Global(code), reason);
        assert!(error(RDKafkaErrorCode::BrokerTransportFailure, "one of three"));
        assert_eq!(pulse.connection(), Connection::Up);
        assert!(error(RDKafkaErrorCode::AllBrokersDown, "3/3 brokers are down"));
        // What follows from that is told no more, everything else is.
        assert!(!error(RDKafkaErrorCode::BrokerTransportFailure, "connection refused"));
        assert!(!error(RDKafkaErrorCode::AllBrokersDown, "3/3 brokers are down"));
        assert!(error(RDKafkaErrorCode::Authentication, "wrong password"));
        let why = "no broker of the Kafka cluster can be reached: 3/3 brokers are down";
        assert_eq!(pulse.connection(), Connection::Down(why.to_owned()));
        assert!(!pulse.statistics(&report("TRY_CONNECT", "")) && pulse.is_down());
        assert!(pulse.statistics(&report("UP", "")), "it is back");
        assert!(!pulse.statistics(&report("UP", "")), "which is told once");
        assert_eq!(pulse.connection(), Connection::Up);
    }
}
