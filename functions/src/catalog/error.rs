//! What can be wrong with a catalog or a composition, each with its sentence.

use std::fmt;

use super::definition::InvalidDefinition;
use crate::data_kind::DataKind;
use crate::resources::MissingResource;
use crate::signature::{FunctionKind, Location};

/// What is wrong with one function of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Two functions have the same name.
    #[error("the name `{name}` is given twice: at {first} and at {second}; rename one with `name = \"…\"`")]
    Duplicate {
        /// The name.
        name: String,
        /// Where it was registered first.
        first: Location,
        /// Where it was registered again.
        second: Location,
    },
    /// A name that no definition could use.
    #[error("the function at {location} has an invalid name: {source}")]
    InvalidName {
        /// Where it was registered.
        location: Location,
        /// What is wrong with it.
        source: InvalidDefinition,
    },
    /// Something that is to be injected is not there.
    #[error("`{name}` at {location}: {source}")]
    Missing {
        /// The function's name.
        name: String,
        /// Where it was registered.
        location: Location,
        /// What is missing.
        source: MissingResource,
    },
    /// A consumer returns something.
    #[error(
        "the consumer `{name}` at {location} returns `{output}`, expected nothing; register it as a function"
    )]
    ConsumerReturns {
        /// The function's name.
        name: String,
        /// Where it was registered.
        location: Location,
        /// What it returns.
        output: String,
    },
    /// A supplier or function returns nothing.
    #[error(
        "the {kind} `{name}` at {location} returns nothing, expected a result; register it as a consumer"
    )]
    ReturnsNothing {
        /// The function's name.
        name: String,
        /// Where it was registered.
        location: Location,
        /// What it was registered as.
        kind: FunctionKind,
    },
}

/// Everything that is wrong with a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogErrors(pub Vec<CatalogError>);

impl fmt::Display for CatalogErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogErrors {}

/// Why a definition cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompositionError {
    /// The text is no definition.
    #[error(transparent)]
    Invalid(#[from] InvalidDefinition),
    /// More functions than one composition may have.
    #[error("the definition has {found} members, expected at most {expected} (`function.max-stages`)")]
    TooLong {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        expected: usize,
    },
    /// No function has that name.
    #[error("no function is named `{name}`{}", suggest(.near, *.empty))]
    Unknown {
        /// The name.
        name: String,
        /// Names close to it.
        near: Vec<String>,
        /// Whether the catalog has no functions at all.
        empty: bool,
    },
    /// Something follows a consumer.
    #[error(
        "`{next}` follows the consumer `{consumer}` ({location}), which returns nothing; expected the consumer last"
    )]
    AfterConsumer {
        /// The consumer.
        consumer: String,
        /// Where it is.
        location: Location,
        /// What follows it.
        next: String,
    },
    /// A function with several inputs is not the first.
    #[error("`{function}` ({location}) follows `{previous}`, but has several inputs; expected it first")]
    SeveralInputs {
        /// The function with several inputs.
        function: String,
        /// Where it is.
        location: Location,
        /// What comes before it.
        previous: String,
    },
    /// Something follows a function with several outputs.
    #[error("`{next}` follows `{function}` ({location}), which has several outputs; expected it last")]
    AfterSeveral {
        /// The function with several outputs.
        function: String,
        /// Where it is.
        location: Location,
        /// What follows it.
        next: String,
    },
    /// A function with several outputs would be called for each of several messages.
    #[error(
        "`{function}` ({location}) has several outputs and would be called for each message of `{previous}`; expected a function before it that returns one message"
    )]
    SeveralForEach {
        /// The function with several outputs.
        function: String,
        /// Where it is.
        location: Location,
        /// What returns several messages.
        previous: String,
    },
    /// A supplier is not the first.
    #[error(
        "the supplier `{supplier}` ({location}) follows `{previous}`, but takes no input; expected the supplier first"
    )]
    SupplierNotFirst {
        /// The supplier.
        supplier: String,
        /// Where it is.
        location: Location,
        /// What comes before it.
        previous: String,
    },
    /// What one function returns cannot become what the next takes.
    #[error(transparent)]
    Joint(Box<Joint>),
}

/// Two functions that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{from}` ({from_location}) returns `{output}`, {output_kind}, which `{to}` ({to_location}) cannot read as `{input}`, {input_kind}"
)]
pub struct Joint {
    /// The function that returns.
    pub from: String,
    /// Where it is.
    pub from_location: Location,
    /// What it returns.
    pub output: String,
    /// What sort of data that is.
    pub output_kind: DataKind,
    /// The function that takes.
    pub to: String,
    /// Where it is.
    pub to_location: Location,
    /// What it takes.
    pub input: String,
    /// What sort of data that is.
    pub input_kind: DataKind,
}

fn suggest(near: &[String], empty: bool) -> String {
    if empty {
        return "; there are no functions at all: is their crate named? write `use my_functions as _;` in the binary"
            .to_owned();
    }
    match near {
        [] => String::new(),
        [only] => format!(", did you mean `{only}`?"),
        some => format!(
            ", did you mean one of {}?",
            some.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}
