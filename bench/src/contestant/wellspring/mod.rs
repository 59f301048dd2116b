//! An application as a user would write it: functions and configuration.

mod sender;

use std::process::ExitCode;

use wellspring::Runtime;

use super::Task;
use crate::Failure;
use crate::story::add_functions;

/// Does the work until it is told to end.
///
/// # Errors
/// When it cannot send.
pub fn run(task: &Task) -> Result<ExitCode, Failure> {
    if task.work.ends_with("-sender") {
        return sender::run(task).map(|()| ExitCode::SUCCESS);
    }
    Ok(Runtime::builder().functions(add_functions).config("application.yaml", &configuration(task)).main())
}

/// The configuration for a piece of work. Settings are the defaults, but for what says where things are, and that keys
/// are passed on. Tuned, and in transactions, a Kafka producer waits for more messages as long as the loop by hand does.
fn configuration(task: &Task) -> String {
    let Task { work, address, input, group, output, tuned, .. } = task;
    let mut lines = vec!["management.enabled: false".to_owned(), "logging.level.root: warn".to_owned()];
    if work == "http" {
        let port = address.rsplit(':').next().unwrap_or_default();
        lines.extend(["http.address: 127.0.0.1".to_owned(), format!("http.port: {port}")]);
        return lines.join("\n");
    }
    let binder = if work.starts_with("kafka") { "kafka" } else { "rabbitmq" };
    lines.extend([
        "http.enabled: false".to_owned(),
        "function.definition: \"email|sms\"".to_owned(),
        format!("stream.default-binder: {binder}"),
        format!("stream.bindings.emailsms-in-0.destination: {input:?}"),
        format!("stream.bindings.emailsms-in-0.group: {group:?}"),
        format!("stream.bindings.emailsms-out-0.destination: {output:?}"),
    ]);
    if binder == "rabbitmq" {
        lines.push(format!("stream.rabbitmq.uri: {address:?}"));
        return lines.join("\n");
    }
    let key = "stream.kafka.bindings.emailsms-out-0.producer.message-key-expression";
    lines.extend([
        format!("stream.kafka.brokers: {address:?}"),
        format!("{key}: \"headers['kafka_receivedMessageKey']\""),
    ]);
    if *tuned {
        lines.push("stream.kafka.default.producer.batch-timeout: 5".to_owned());
    }
    if work == "kafka-transactions" {
        lines.push(format!("stream.kafka.transaction-id-prefix: \"{group}-\""));
        lines.push("stream.kafka.transaction.producer.batch-timeout: 5".to_owned());
    }
    lines.join("\n")
}
