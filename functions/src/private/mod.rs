//! What the attributes expand to; not for use by hand.
//!
//! An expansion knows the tokens of a function, never its types. It asks about them here, by method resolution: a
//! trait on `&Ask<Result<T, E>>` is found before one on `Ask<T>` when the method is called on `&&Ask<_>`. That sees
//! through aliases, and asks nothing of types that have no answer.

mod ask;
mod assertions;
mod door;
mod gate;
mod look;

pub use ask::{Ask, any};
pub use assertions::{
    assert_error, assert_injected, assert_list, assert_nothing, assert_payload_first, assert_readable,
    assert_send_future, assert_send_input, assert_send_result, assert_supplied, assert_writable,
};
pub use door::PlainDoor;
pub use inventory;
pub use look::Look;

pub use crate::entry::{Entry, Registration};
pub use crate::error::Error;
pub use crate::outputs::PerOutput;
pub use crate::signature::Location;

/// The traits that answer, without names.
pub mod answers {
    pub use super::ask::{
        DataKindAbsent as _, DataKindKnown as _, ErrorAbsent as _, ErrorBoxes as _, ErrorConverts as _,
        ErrorFound as _, ErrorUnconverted as _, FirstArgument as _, FirstInjected as _, FirstReadable as _,
        FutureAbsent as _, FutureFound as _, FutureKept as _, ItemAbsent as _, ItemListed as _,
        ItemStreamed as _, ListAbsent as _, ListFound as _, MessageAbsent as _, MessageFound as _,
        NoFuture as _, OptionAbsent as _, OptionFound as _, ResultAbsent as _, ResultFound as _,
        SchemaAbsent as _, SchemaKnown as _,
    };
    pub use super::door::{
        DoorOfBytes as _, DoorOfList as _, DoorOfOne as _, FallibleInBatch as _, ListInBatch as _,
        MessagesInBatch as _, OutcomesInBatch as _, SingleInBatch as _, StreamInBatch as _, WholeItself as _,
        WholeListed as _,
    };
    pub use super::gate::{FunctionGate as _, ShutGate as _, SupplierGate as _};
    pub use super::look::{
        BoxedKind as _, ClassifiedKind as _, DisplayKind as _, FallibleKind as _, FutureKind as _,
        IntoErrorKind as _, ListKind as _, NoErrorKind as _, NoListKind as _, OptionKind as _,
        PlainKind as _, PresentKind as _, ResultKind as _, SingleKind as _, StreamKind as _, ValueKind as _,
    };
}
