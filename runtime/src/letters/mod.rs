//! Looking after dead letters: what lies there, sent again or thrown away, from outside the bindings that failed.
//!
//! [`DeadLetters`] knows the inputs of an application and opens the letters of one. [`OpenLetters`] reads those that a
//! [`Filter`] selects, [`redrive`](OpenLetters::redrive)s them or [`purge`](OpenLetters::purge)s them.

mod filter;
mod open;
mod reading;
mod redrive;

use std::fmt;

use crate::binder::{self, InputSpec, LettersAt};
use crate::binding::{Binders, Plan, PlannedInput};

pub use crate::binder::{Letter, LetterPlace};
pub use filter::Filter;
pub use open::OpenLetters;
pub use reading::{Failure, attempts, failure, passes};
pub use redrive::{Outcome, Redrive, Summary, Tell};

/// The inputs of an application whose dead letters can be looked after.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    inputs: Vec<PlannedInput>,
    binders: Binders,
}

/// What there is of one input.
#[derive(Debug)]
pub struct Overview {
    /// The binding.
    pub binding: String,
    /// The name of its binder.
    pub binder: String,
    /// Where its letters are, and how many; nothing when nobody keeps them.
    pub places: Result<Option<Vec<LetterPlace>>, binder::Error>,
}

impl DeadLetters {
    pub(crate) fn new(plan: &Plan, binders: &Binders) -> Self {
        let inputs = plan.all_inputs().cloned().collect();
        Self { inputs, binders: binders.clone() }
    }

    /// What there is of every input, in the order of the functions.
    pub async fn overview(&self) -> Vec<Overview> {
        let mut all = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let places = match self.bound(input, None).await {
                Ok(Some(letters)) => {
                    let places = letters.places().to_vec();
                    letters.close().await.map(|()| Some(places))
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            all.push(Overview { binding: input.binding.clone(), binder: input.binder.clone(), places });
        }
        all
    }

    /// Opens the letters of an input, or those in another queue or topic of its broker.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is no such input, [`Error::Nobody`] when nobody keeps its letters,
    /// [`Error::Broker`] when they cannot be read.
    pub async fn open(&self, binding: &str, place: Option<&str>) -> Result<OpenLetters, Error> {
        let known = self.inputs.iter().find(|input| input.binding.eq_ignore_ascii_case(binding));
        let input = known.ok_or_else(|| Error::Unknown(self.unknown(binding)))?;
        let letters = self.bound(input, place).await?.ok_or_else(|| Error::Nobody(input.binding.clone()))?;
        let binder = self.binders.get(&input.binder).cloned().ok_or_else(|| no_binder(input))?;
        Ok(OpenLetters::new(letters, binder, spec(input)))
    }

    async fn bound(
        &self,
        input: &PlannedInput,
        place: Option<&str>,
    ) -> Result<Option<Box<dyn binder::Letters>>, binder::Error> {
        let binder = self.binders.get(&input.binder).ok_or_else(|| no_binder(input))?;
        let at = match (place, &input.dead_letter) {
            (Some(place), _) => LettersAt::Place(place.to_owned()),
            (None, Some(destination)) => LettersAt::Destination(destination.clone()),
            (None, None) => LettersAt::Settings,
        };
        binder.bind_letters(spec(input), at).await
    }

    fn unknown(&self, binding: &str) -> String {
        let names = self.inputs.iter().map(|input| input.binding.as_str());
        let near = names.clone().min_by_key(|name| strsim::damerau_levenshtein(name, binding));
        let near = near.filter(|name| strsim::damerau_levenshtein(name, binding) <= 3);
        let hint = match near {
            Some(near) => format!(", did you mean `{near}`?"),
            None if self.inputs.is_empty() => ": nothing is bound here".to_owned(),
            None => format!(", expected one of {}", names.collect::<Vec<_>>().join(", ")),
        };
        format!("no input is named `{binding}`{hint}")
    }
}

fn no_binder(input: &PlannedInput) -> binder::Error {
    binder::Error::new(binder::Kind::Refused, format!("no binder is named `{}`", input.binder))
}

fn spec(input: &PlannedInput) -> InputSpec {
    InputSpec {
        binding: input.binding.clone(),
        destinations: input.destinations.clone(),
        group: input.group.clone(),
        max_in_flight: 1,
        sharing: input.sharing,
    }
}

/// Why letters cannot be looked after.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No input has that name; a sentence that tells which there are.
    Unknown(String),
    /// Nobody keeps the dead letters of this input.
    Nobody(String),
    /// The broker, or its binder, does not do it.
    Broker(binder::Error),
}

impl Error {
    /// Whether the broker could not be reached, so that a later try may succeed.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Broker(error) if error.kind() == binder::Kind::Unreachable)
    }
}

impl From<binder::Error> for Error {
    fn from(error: binder::Error) -> Self {
        Self::Broker(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(sentence) => f.write_str(sentence),
            Self::Nobody(binding) => write!(
                f,
                "nobody keeps the dead letters of `{binding}`: it has neither `consumer.dead-letter` nor a setting of its \
                 binder such as `enable-dlq` or `auto-bind-dlq`"
            ),
            Self::Broker(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broker(error) => std::error::Error::source(error),
            Self::Unknown(_) | Self::Nobody(_) => None,
        }
    }
}
