//! How hard the suite tries.

use std::time::Duration;

/// How hard the suite tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How often each case is repeated under stress, side by side; 0 for not at all.
    pub stress: u32,
    /// The seed of the first repetition; a fresh one if none is given.
    pub seed: Option<u64>,
    /// How long a case waits for what is to happen.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { stress: 2, seed: None, patience: Duration::from_secs(60) }
    }
}

impl Options {
    /// What `WELLSPRING_CONFORMANCE_STRESS` and `WELLSPRING_CONFORMANCE_SEED` say, which are numbers.
    ///
    /// # Errors
    /// When one of them is not.
    pub fn from_environment() -> Result<Self, String> {
        let default = Self::default();
        let stress = number("WELLSPRING_CONFORMANCE_STRESS")?.unwrap_or_else(|| default.stress.into());
        let stress = u32::try_from(stress).unwrap_or(u32::MAX);
        Ok(Self { stress, seed: number("WELLSPRING_CONFORMANCE_SEED")?, ..default })
    }
}

fn number(name: &str) -> Result<Option<u64>, String> {
    let Some(text) = std::env::var(name).ok().filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("`{name}` is `{text}`, expected a number"))
}
