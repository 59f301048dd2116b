//! What the client library has to say, as events of the log. A cluster that cannot be reached makes it say the same many
//! times a second: that is told once when it begins, and once when it is over.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::health::Pulse;

/// What the library logs of connections that fail.
const FAILED_CONNECTION: &str = "FAIL";

/// The library logs.
pub(super) fn log(binding: &str, pulse: &Pulse, level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Debug => tracing::debug!(binding, facility, "{message}"),
        _ if facility == FAILED_CONNECTION && pulse.is_down() => {
            tracing::debug!(binding, facility, "{message}")
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(binding, facility, "{message}"),
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::warn!(binding, facility, "{message}"),
    }
}

/// The library has met with an error.
pub(super) fn error(binding: &str, pulse: &Pulse, error: &KafkaError, reason: &str) {
    if pulse.error(error, reason) {
        tracing::warn!(binding, %error, reason, "trouble with the broker; the client goes on trying");
    } else {
        tracing::debug!(binding, %error, reason, "still trouble with the broker");
    }
}

/// The library reports how it stands with the cluster.
pub(super) fn statistics(binding: &str, pulse: &Pulse, report: &[u8]) {
    if pulse.statistics(report) {
        tracing::info!(binding, "connected to the Kafka cluster again");
    }
}
