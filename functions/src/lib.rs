//! The programming model of Wellspring: plain functions on domain types, found by name, composed by definition.
//!
//! Business crates compile against this crate alone (through `wellspring`, which re-exports it); it knows no async
//! runtime, no server and no broker.
//!
//! 1. **Write** a function on your own types: a payload in, a payload out. See [`FromInput`] for what it may take,
//!    [`IntoReply`] for what it may return and [`Inject`] for what may follow the payload.
//! 2. **Register** it with an attribute (`#[supplier]`, `#[function]`, `#[consumer]`) or with [`CatalogBuilder`].
//! 3. **Look it up** in the [`Catalog`], alone or in a [`Composition`] such as `email|sms`.
//! 4. **Call** it with an encoded message; what it answers is an [`Output`].
//!
//! ```
//! use wellspring_functions::{Catalog, ContentType, Incoming, Message, Output, Wanted};
//!
//! let catalog = Catalog::builder()
//!     .function("double", |n: u64| n * 2)
//!     .function("describe", |n: u64| format!("it is {n}"))
//!     .build()?;
//! let composition = catalog.compose("double|describe")?;
//!
//! let message = Message::encoded("21", ContentType::JSON);
//! match futures_util::FutureExt::now_or_never(composition.call(Incoming::One(message), &Wanted::Natural)) {
//!     Some(Ok(Output::One(reply))) => assert_eq!(reply.message.bytes(), b"it is 42"),
//!     other => panic!("expected one message, found {other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod cast;
mod catalog;
mod codec;
mod content_type;
mod data_kind;
mod entry;
mod error;
mod function;
pub mod header_names;
mod header_value;
mod headers;
mod inject;
mod input;
mod inputs;
mod message;
mod next;
mod notes;
mod optional;
mod outputs;
mod posting;
#[doc(hidden)]
pub mod private;
mod reply;
mod resources;
mod sender;
mod signature;
mod stage;
mod streaming;

pub use batch::{AsBatch, AsPerItem, Batch, BatchError, BatchOutcome, BatchReplies, FailedItem, PerItem};
pub use catalog::{
    Catalog, CatalogBuilder, CatalogError, CatalogErrors, Composition, CompositionError, Definition,
    Function, Incoming, InvalidDefinition, Joint, check_name,
};
pub use codec::{Codec, Codecs, ReadPayload, natural_content_type, short_name};
pub use content_type::{ContentType, InvalidContentType};
pub use data_kind::DataKind;
pub use entry::{Entry, Registration};
pub use erased_serde;
pub use error::{Classify, Error, Kind};
pub use function::{BlockingResult, BlockingWork, IntoFunction, IntoSupplier, Offload, Threads};
pub use header_value::HeaderValue;
pub use headers::{HeaderName, HeaderSource, Headers};
pub use inject::{Inject, State};
pub use input::{AsMessage, AsStream, AsValue, FromInput};
pub use inputs::{AsEither, Door, Either, Either3, Either4};
pub use message::{EncodedMessage, Message};
pub use next::Next;
pub use optional::{Many, Optional};
pub use outputs::{AsOutputs, PerOutput};
pub use reply::{AsFuture, AsMany, AsOptional, AsResult, IntoItem, IntoReply};
pub use resources::{MissingResource, Resources};
pub use schemars;
pub use sender::{Outputs, Sender};
pub use signature::{FunctionKind, Location, Port, Shape, Signature};
pub use stage::{Call, Input, Output, Reply, Stage, Step, Wanted};
pub use streaming::Streaming;
#[cfg(feature = "macros")]
pub use wellspring_macros::{
    functions_consumer as consumer, functions_function as function, functions_supplier as supplier,
};

/// The attributes as `wellspring` re-exports them.
#[doc(hidden)]
#[cfg(feature = "macros")]
pub mod for_wellspring {
    pub use wellspring_macros::{consumer, function, supplier};
}
