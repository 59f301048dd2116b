//! Logging: text for people, JSON for machines, filtered by configuration or by `RUST_LOG`.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LoggingConfig};

/// Sends the events of the whole process to standard error, as configured. Does nothing when a subscriber is set.
pub fn init(logging: &LoggingConfig) {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(logging)).with_writer(io::stderr);
    let terminal = io::stderr().is_terminal();
    // An application that has set a subscriber of its own keeps it.
    let _ = match logging.format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Auto => builder.with_ansi(terminal).finish().try_init(),
        LogFormat::Text => builder.with_ansi(false).finish().try_init(),
    };
}

/// `RUST_LOG` when it is set, else the configured levels.
fn filter(logging: &LoggingConfig) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(logging)))
}

fn directives(logging: &LoggingConfig) -> String {
    let targets = logging.levels.iter().map(|(target, level)| format!("{target}={level}"));
    // The client logs the body of every message that comes back; what is configured overrides this.
    let quiet = cfg!(feature = "rabbitmq").then(|| "lapin=error".to_owned());
    std::iter::once(logging.root.to_string()).chain(quiet).chain(targets).collect::<Vec<_>>().join(",")
}
