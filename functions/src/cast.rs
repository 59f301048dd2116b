//! Passing a value across a generic boundary when both sides turn out to be the same type, without a box.

use std::any::Any;

/// The value as `T` when that is its type.
pub(crate) fn cast<A: 'static, T: 'static>(value: A) -> Option<T> {
    (&mut Some(value) as &mut dyn Any).downcast_mut::<Option<T>>()?.take()
}
