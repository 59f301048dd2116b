//! Durations and sizes as people write them, for `#[serde(deserialize_with = "…")]` in a section's type.
//!
//! ```
//! use std::time::Duration;
//!
//! use serde::Deserialize;
//! use wellspring::config::{Section, human};
//!
//! #[derive(Deserialize)]
//! struct Limits {
//!     #[serde(deserialize_with = "human::duration")]
//!     timeout: Duration,
//!     #[serde(deserialize_with = "human::size")]
//!     buffer: u64,
//! }
//!
//! let limits: Limits = Section::from_yaml("app", "{ timeout: 2s, buffer: 64KB }")?.deserialize()?;
//! assert_eq!((limits.timeout, limits.buffer), (Duration::from_secs(2), 65536));
//! # Ok::<(), wellspring::config::Problems>(())
//! ```

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};

use crate::config::kind::{self, Kind, Wrong};

/// `1500ms`, `2s`, `1m`, `PT1.5S`, or a plain number of milliseconds.
///
/// # Errors
/// When the text is no duration.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    read(deserializer, Kind::Duration, kind::duration)
}

/// `10MB`, `64KB` (1024 bytes each), or a plain number of bytes.
///
/// # Errors
/// When the text is no size.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    read(deserializer, Kind::Size, kind::size)
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    kind: Kind,
    read: fn(&str) -> Result<T, Wrong>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &kind.expected()))
}
