//! What an expert would write by hand, with the same guarantees.

mod http;
mod kafka;
mod kafka_sender;
mod rabbitmq;
mod rabbitmq_sender;

use super::Task;
use crate::Failure;
use crate::ending::Ending;

/// Does the work until it is told to end.
///
/// # Errors
/// When the work is unknown or fails.
pub fn run(task: &Task) -> Result<(), Failure> {
    match task.work.as_str() {
        "http" => http::run(task),
        "kafka" => kafka::run(task, &Ending::listen()?),
        "kafka-sender" => kafka_sender::run(task, &Ending::listen()?),
        "rabbitmq" => rabbitmq::run(task),
        "rabbitmq-sender" => rabbitmq_sender::run(task, &Ending::listen()?),
        other => Err(format!("`{other}` is no work of this contestant").into()),
    }
}
