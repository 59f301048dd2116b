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

/// The configuration for a piece of work. Settings are the defaults, but for what says where things are; tuned, a
/// Kafka producer waits for more messages as long as the loop by hand does.
fn configuration(task: &Task) -> String {
    match task.work.as_str() {
        "http" => {
            let port = task.address.rsplit(':').next().unwrap_or_default();
            let logging = "logging: { level: { root: warn } }";
            format!(
                "http: {{ address: 127.0.0.1, port: {port} }}\nmanagement: {{ enabled: false }}\n{logging}\n"
            )
        }
        "kafka" | "kafka-sender" => bindings(task, "kafka"),
        _ => bindings(task, "rabbitmq"),
    }
}

fn bindings(task: &Task, binder: &str) -> String {
    let Task { address, input, group, output, .. } = task;
    let broker = match binder {
        "kafka" => format!(
            "    brokers: {address:?}\n{}    bindings:\n      emailsms-out-0:\n        producer: {{ \
             message-key-expression: \"headers['kafka_receivedMessageKey']\" }}\n",
            if task.tuned { "    default: { producer: { batch-timeout: 5 } }\n" } else { "" }
        ),
        _ => format!("    uri: {address:?}\n"),
    };
    format!(
        "http: {{ enabled: false }}\nmanagement: {{ enabled: false }}\nlogging: {{ level: {{ root: warn }} }}\n\
         function: {{ definition: \"email|sms\" }}\nstream:\n  default-binder: {binder}\n  {binder}:\n{broker}  bindings:\n    \
         emailsms-in-0: {{ destination: {input:?}, group: {group:?} }}\n    emailsms-out-0: {{ destination: {output:?} }}\n"
    )
}
