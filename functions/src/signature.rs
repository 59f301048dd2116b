//! How a function looks from outside: its kind, and what goes in and out.

use std::any::TypeId;
use std::fmt;

use schemars::Schema;

use crate::codec::short_name;
use crate::data_kind::DataKind;

/// Which of the three kinds a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FunctionKind {
    /// Nothing in, output out.
    Supplier,
    /// Input in, output out.
    Function,
    /// Input in, nothing out.
    Consumer,
}

impl fmt::Display for FunctionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Supplier => "supplier",
            Self::Function => "function",
            Self::Consumer => "consumer",
        })
    }
}

/// How many payloads pass through a port in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One (an `Option`: at most one).
    One,
    /// A list of which each element is a message of its own.
    Many,
    /// A stream.
    Stream,
    /// For each of several outputs what its own port says.
    PerOutput,
    /// One, through one of several inputs.
    OneOf,
}

/// One end of a function: the type of its payload and how many pass.
#[derive(Clone)]
pub struct Port {
    /// The payload's type, without paths.
    pub type_name: String,
    /// How many payloads pass in one call.
    pub shape: Shape,
    /// What sort of data the payload is.
    pub data_kind: DataKind,
    /// Whether the list or stream that goes in may come as a batch: many messages, each an item of it.
    pub takes_batches: bool,
    /// The ports of the single inputs or outputs, where there are several; their order is that of the bindings.
    pub several: Vec<Self>,
    pub(crate) type_id: TypeId,
    pub(crate) schema: Option<fn() -> Schema>,
}

impl Port {
    pub(crate) fn new<T: 'static>(shape: Shape, data_kind: DataKind) -> Self {
        let type_name = short_name::<T>();
        let (several, type_id) = (Vec::new(), TypeId::of::<T>());
        Self { type_name, shape, data_kind, takes_batches: false, several, type_id, schema: None }
    }

    /// A port that stands for several.
    pub(crate) fn of_several(shape: Shape, several: Vec<Self>) -> Self {
        let names: Vec<_> = several.iter().map(ToString::to_string).collect();
        let type_name = match shape {
            Shape::OneOf => names.join(" or "),
            _ => format!("({})", names.join(", ")),
        };
        // Nothing else has this type, so that no value moves into it or out of it.
        Self { type_name, several, ..Self::new::<Several>(shape, DataKind::Any) }
    }

    /// The single ports: those it stands for, or itself.
    #[must_use]
    pub fn each(&self) -> &[Self] {
        if self.several.is_empty() { std::slice::from_ref(self) } else { &self.several }
    }

    /// The same list or stream, which may also come as a batch.
    pub(crate) fn batched(self) -> Self {
        Self { takes_batches: true, ..self }
    }

    /// Whether the payload is raw text: a `String`, which is not quoted in any content type.
    #[must_use]
    pub fn is_raw_text(&self) -> bool {
        [TypeId::of::<String>(), TypeId::of::<Option<String>>()].contains(&self.type_id)
    }

    /// The JSON Schema of the payload, where its type has one.
    #[must_use]
    pub fn schema(&self) -> Option<Schema> {
        self.schema.map(|schema| schema())
    }
}

/// The type of what is not one payload.
enum Several {}

/// `Account`, or `stream of Account`.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::One | Shape::PerOutput | Shape::OneOf => f.write_str(&self.type_name),
            Shape::Many => write!(f, "many {}", self.type_name),
            Shape::Stream => write!(f, "stream of {}", self.type_name),
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port({self}: {})", self.data_kind)
    }
}

/// What goes into a function and what comes out.
#[derive(Debug, Clone, Default)]
pub struct Signature {
    /// What goes in; a supplier has no input.
    pub input: Option<Port>,
    /// What comes out; a consumer has no output.
    pub output: Option<Port>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.input, &self.output) {
            (Some(input), Some(output)) => write!(f, "{input} → {output}"),
            (Some(input), None) => write!(f, "{input} →"),
            (None, Some(output)) => write!(f, "→ {output}"),
            (None, None) => f.write_str("→"),
        }
    }
}

/// A place in source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, the first is 1.
    pub line: u32,
}

impl From<&'static std::panic::Location<'static>> for Location {
    fn from(location: &'static std::panic::Location<'static>) -> Self {
        Self { file: location.file(), line: location.line() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
