//! One function as it was registered, before it is resolved against an application.

use std::sync::Arc;

use schemars::Schema;

use crate::data_kind::DataKind;
use crate::function::{IntoFunction, IntoSupplier, Threads};
use crate::inputs::Door;
use crate::posting::PostingStage;
use crate::resources::{MissingResource, Resources};
use crate::signature::{FunctionKind, Location, Signature};
use crate::stage::Stage;

/// One function as it was registered: what it is, and how its stage is made once the application is known.
pub struct Entry {
    pub(crate) name: String,
    pub(crate) kind: FunctionKind,
    pub(crate) description: String,
    pub(crate) location: Location,
    pub(crate) signature: Signature,
    pub(crate) doors: Vec<Door>,
    pub(crate) threads: Threads,
    pub(crate) make: Make,
}

type Make = Box<dyn FnOnce(&Resources, Threads) -> Result<Arc<dyn Stage>, MissingResource> + Send>;

/// A stage that sends what its calls post, if they may.
fn posting(sends: bool, stage: Arc<dyn Stage>) -> Arc<dyn Stage> {
    if sends { Arc::new(PostingStage(stage)) } else { stage }
}

impl Entry {
    /// A supplier.
    pub fn supplier<M, F: IntoSupplier<M>>(name: &str, location: Location, supplier: F) -> Self {
        let make: Make =
            Box::new(|resources, threads| Ok(posting(F::SENDS, supplier.into_stage(resources, threads)?)));
        Self::new(name, FunctionKind::Supplier, location, F::signature(), make)
    }

    /// A function.
    pub fn function<M, F: IntoFunction<M>>(name: &str, location: Location, function: F) -> Self {
        let make: Make =
            Box::new(|resources, threads| Ok(posting(F::SENDS, function.into_stage(resources, threads)?)));
        let entry = Self::new(name, FunctionKind::Function, location, F::signature(), make);
        Self { doors: F::doors(), ..entry }
    }

    /// A consumer.
    pub fn consumer<M, F: IntoFunction<M>>(name: &str, location: Location, consumer: F) -> Self {
        Self { kind: FunctionKind::Consumer, ..Self::function(name, location, consumer) }
    }

    fn new(name: &str, kind: FunctionKind, location: Location, signature: Signature, make: Make) -> Self {
        let (description, threads) = (String::new(), Threads::Caller);
        let (name, doors) = (name.to_owned(), Vec::new());
        Self { name, kind, description, location, signature, doors, threads, make }
    }

    /// Says what the function does, in the words of its documentation.
    #[must_use]
    pub fn described(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Runs a synchronous function on threads that may block.
    #[must_use]
    pub fn blocking(self) -> Self {
        Self { threads: Threads::Blocking, ..self }
    }

    /// Gives the JSON Schema of the input.
    #[must_use]
    pub fn with_input_schema(mut self, schema: Option<fn() -> Schema>) -> Self {
        if let Some(input) = &mut self.signature.input {
            input.schema = schema;
        }
        self
    }

    /// Gives the JSON Schema of the output, and the kind of its data as the type itself reads it.
    #[must_use]
    pub fn with_output_schema(mut self, schema: Option<fn() -> Schema>, kind: Option<DataKind>) -> Self {
        if let Some(output) = &mut self.signature.output {
            output.schema = schema;
            output.data_kind = kind.unwrap_or(output.data_kind);
        }
        self
    }

    /// As [`with_output_schema`](Self::with_output_schema), for each of several outputs.
    #[must_use]
    pub fn with_output_schemas(
        mut self,
        schemas: impl IntoIterator<Item = (Option<fn() -> Schema>, Option<DataKind>)>,
    ) -> Self {
        let outputs = self.signature.output.iter_mut().flat_map(|output| &mut output.several);
        for (output, (schema, kind)) in outputs.zip(schemas) {
            output.schema = schema;
            output.data_kind = kind.unwrap_or(output.data_kind);
        }
        self
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({} `{}` {} at {})", self.kind, self.name, self.signature, self.location)
    }
}

/// What an attribute submits: how to make its entry. Collected from every linked crate.
#[derive(Debug, Clone, Copy)]
pub struct Registration(pub fn() -> Entry);

inventory::collect!(Registration);
