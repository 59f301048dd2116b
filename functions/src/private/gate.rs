//! The gate to registration, open to what can be registered: so that a mistake is reported once, by its assertion.

use super::ask::Ask;
use crate::entry::Entry;
use crate::function::{IntoFunction, IntoSupplier};
use crate::signature::Location;

/// Lets functions and consumers through.
pub trait FunctionGate<M> {
    /// The function.
    type Function;
    /// Registers a function.
    fn ask_function(&self, name: &str, location: Location, function: Self::Function) -> Entry;
    /// Registers a consumer.
    fn ask_consumer(&self, name: &str, location: Location, consumer: Self::Function) -> Entry;
}

impl<M, F: IntoFunction<M>> FunctionGate<M> for &Ask<F> {
    type Function = F;

    fn ask_function(&self, name: &str, location: Location, function: F) -> Entry {
        Entry::function(name, location, function)
    }

    fn ask_consumer(&self, name: &str, location: Location, consumer: F) -> Entry {
        Entry::consumer(name, location, consumer)
    }
}

/// Lets suppliers through.
pub trait SupplierGate<M> {
    /// The supplier.
    type Supplier;
    /// Registers a supplier.
    fn ask_supplier(&self, name: &str, location: Location, supplier: Self::Supplier) -> Entry;
}

impl<M, F: IntoSupplier<M>> SupplierGate<M> for &Ask<F> {
    type Supplier = F;

    fn ask_supplier(&self, name: &str, location: Location, supplier: F) -> Entry {
        Entry::supplier(name, location, supplier)
    }
}

/// Lets nothing through. An assertion has refused the function already; should one be missing, this refuses it, also
/// at compile time: the condition depends on the type, so that it is looked at only where a method is really used.
pub trait ShutGate: Sized {
    /// What was to be registered.
    type Refused;

    /// Refuses.
    fn ask_function(&self, _: &str, _: Location, _: Self::Refused) -> Entry {
        const {
            assert!(
                size_of::<Self>() == usize::MAX,
                "this function cannot be registered: see `FromInput` and `IntoReply`"
            )
        };
        std::process::abort()
    }
    /// Refuses.
    fn ask_consumer(&self, _: &str, _: Location, _: Self::Refused) -> Entry {
        const {
            assert!(
                size_of::<Self>() == usize::MAX,
                "this consumer cannot be registered: see `FromInput` and `IntoReply`"
            )
        };
        std::process::abort()
    }
    /// Refuses.
    fn ask_supplier(&self, _: &str, _: Location, _: Self::Refused) -> Entry {
        const { assert!(size_of::<Self>() == usize::MAX, "this supplier cannot be registered: see `IntoReply`") };
        std::process::abort()
    }
}

impl<F> ShutGate for Ask<F> {
    type Refused = F;
}
