//! What is logged and how it looks.

use std::collections::BTreeMap;
use std::fmt;

use super::kind;
use super::settings::Settings;

/// `logging.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingConfig {
    /// How a log line looks.
    pub format: LogFormat,
    /// The level of everything that [`levels`](Self::levels) does not name.
    pub root: Level,
    /// Levels by target: a crate or module path.
    pub levels: BTreeMap<String, Level>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line of text each, in colour on a terminal.
    #[default]
    Auto,
    /// One line of text each, never in colour.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

impl LoggingConfig {
    pub(super) fn read(settings: &Settings) -> Self {
        let levels = settings
            .names(&["logging", "level"])
            .into_iter()
            .filter(|target| target != "root")
            .filter_map(|target| {
                let level = settings.optional(&["logging", "level", &target], kind::level)?;
                Some((target, level.value))
            })
            .collect();
        Self {
            format: settings.required(&["logging", "format"], kind::log_format).value,
            root: settings.required(&["logging", "level", "root"], kind::level).value,
            levels,
        }
    }
}
