//! Checks at compile time, each called with the span of the culprit, so that the compiler points there.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ask::{Ask, Payload};
use crate::inject::Inject;
use crate::inputs::{Either, Either3, Either4};
use crate::message::Message;

/// A payload that can be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as a payload",
    label = "does not implement `serde::Deserialize`",
    note = "add `#[derive(serde::Deserialize)]` to your type, or to the types of yours inside it"
)]
pub trait Readable {}
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Readable for T {}

#[diagnostic::do_not_recommend]
impl<T: Readable> Readable for Message<T> {}
#[diagnostic::do_not_recommend]
impl<A: Readable, B: Readable> Readable for Either<A, B> {}
#[diagnostic::do_not_recommend]
impl<A: Readable, B: Readable, C: Readable> Readable for Either3<A, B, C> {}
#[diagnostic::do_not_recommend]
impl<A: Readable, B: Readable, C: Readable, D: Readable> Readable for Either4<A, B, C, D> {}

/// A result that can be written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as a payload",
    label = "does not implement `serde::Serialize`",
    note = "add `#[derive(serde::Serialize)]` to your type, or to the types of yours inside it"
)]
pub trait Writable {}
#[diagnostic::do_not_recommend]
impl<T: Serialize> Writable for T {}

/// The first argument of a function or consumer.
#[diagnostic::on_unimplemented(
    message = "the payload is missing: the first argument of a function or consumer is what it is called with",
    label = "this is injected, not read from the message",
    note = "put the payload before it, or use `#[supplier]` for what takes no payload"
)]
pub trait First {}
#[diagnostic::do_not_recommend]
impl First for Payload {}

/// An argument after the payload.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected",
    label = "a second payload, or a type that does not implement `Inject`",
    note = "a function takes one payload; put what belongs together into one struct or tuple",
    note = "after the payload it may take `State<S>` (where `S` is `Clone + Send + Sync`), `Headers`, `Sender`, or a type that implements `Inject`"
)]
pub trait AfterPayload {}
#[diagnostic::do_not_recommend]
impl<T: Inject> AfterPayload for T {}

/// An argument of a supplier.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a supplier",
    label = "a supplier takes no payload",
    note = "use `#[function]` or `#[consumer]` for what takes a payload",
    note = "a supplier may take `State<S>` (where `S` is `Clone + Send + Sync`), `Headers`, `Sender`, or a type that implements `Inject`"
)]
pub trait Supplied {}
#[diagnostic::do_not_recommend]
impl<T: Inject> Supplied for T {}

/// An error that converts into ours.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a function",
    label = "does not implement `std::error::Error`, nor `Display`",
    note = "implement `std::error::Error` for `{Self}`, for example with `#[derive(thiserror::Error)]`"
)]
pub trait Convertible {}
#[diagnostic::do_not_recommend]
impl<E: std::fmt::Display> Convertible for E {}

/// What a consumer returns.
#[diagnostic::on_unimplemented(
    message = "a consumer returns nothing, but this one returns `{Self}`",
    label = "expected `()` or `Result<(), E>`",
    note = "use `#[function]` to send the result on"
)]
pub trait Nothing {}
#[diagnostic::do_not_recommend]
impl Nothing for () {}

/// What `each` takes apart.
#[diagnostic::on_unimplemented(
    message = "`each` sends every element of a `Vec`, but this function returns `{Self}`",
    label = "expected `Vec<R>`, alone or in an `Option` or a `Result`",
    note = "return a `Vec`, or remove `each`"
)]
pub trait List {}
#[diagnostic::do_not_recommend]
impl<T> List for Vec<T> {}

/// A future that may move between threads.
#[diagnostic::on_unimplemented(
    message = "the future of this function is not `Send`",
    label = "must be `Send`, because calls move between threads",
    note = "a value that is not `Send` (an `Rc`, a lock's guard) is held across an `.await`: drop it before, or use its thread-safe kind"
)]
pub trait SendFuture: Send {}
impl<F: Send> SendFuture for F {}

/// Refuses a payload that cannot be read.
pub const fn assert_readable<T: Readable>(_: &Ask<T>) {}
/// Refuses a result that cannot be written.
pub const fn assert_writable<T: Writable>(_: &Ask<T>) {}
/// Refuses an injected argument in the payload's place.
pub const fn assert_payload_first<T: First>(_: &T) {}
/// Refuses an argument after the payload that is not injected.
pub const fn assert_injected<T: AfterPayload>() {}
/// Refuses an argument of a supplier that is not injected.
pub const fn assert_supplied<T: Supplied>() {}
/// Refuses an error that does not convert.
pub const fn assert_error<E: Convertible>(_: &Ask<E>) {}
/// Refuses a consumer that returns something.
pub const fn assert_nothing<T: Nothing>(_: &Ask<T>) {}
/// Refuses `each` on anything but a list.
pub const fn assert_list<T: List>(_: &Ask<T>) {}
/// Refuses a future that cannot move between threads.
pub const fn assert_send_future<F: SendFuture>(_: &Ask<F>) {}
/// Refuses an input that cannot move between threads.
pub const fn assert_send_input<T: Send + 'static>() {}
/// Refuses a result that cannot move between threads.
pub const fn assert_send_result<T: Send + 'static>(_: &Ask<T>) {}
