//! Arguments after the payload: what a function is given beside its message.

use crate::headers::Headers;
use crate::resources::{MissingResource, Resources};
use crate::sender::Sender;
use crate::stage::Call;

/// An argument after the payload. Implement it to inject things of your own.
///
/// ```
/// use wellspring_functions::{Call, Inject, MissingResource, Resources};
///
/// /// The caller's tenant, from a header.
/// struct Tenant(Option<String>);
///
/// impl Inject for Tenant {
///     type Prepared = ();
///     fn prepare(_: &Resources) -> Result<(), MissingResource> {
///         Ok(())
///     }
///     fn inject((): &(), call: &Call<'_>) -> Self {
///         Self(call.headers().text("tenant").map(str::to_owned))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected",
    label = "not an injected argument",
    note = "after the payload a function may take `State<S>`, `Headers`, `Sender`, or a type that implements `Inject`"
)]
pub trait Inject: Sized + Send + 'static {
    /// What is looked up once at start.
    type Prepared: Clone + Send + Sync + 'static;

    /// Whether it lets the function send in the name of its call, as [`Sender`] does. An argument of your own that holds
    /// an injected `Sender` says `Sender::SENDS`.
    const SENDS: bool = false;

    /// Looks up at start what every call needs.
    ///
    /// # Errors
    /// When the application does not provide it; the application then does not start.
    fn prepare(resources: &Resources) -> Result<Self::Prepared, MissingResource>;

    /// The argument of one call.
    fn inject(prepared: &Self::Prepared, call: &Call<'_>) -> Self;
}

/// Application state, provided with `.state(…)` where the application is built; a clone for each call.
///
/// ```
/// use wellspring_functions::State;
///
/// # #[derive(Clone)] struct Database;
/// fn save(account: u64, State(database): State<Database>) { /* … */ }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<S>(pub S);

impl<S: Clone + Send + Sync + 'static> Inject for State<S> {
    type Prepared = S;

    fn prepare(resources: &Resources) -> Result<S, MissingResource> {
        resources.get::<Self>().map(|state| state.0.clone()).ok_or_else(MissingResource::state::<S>)
    }

    #[inline]
    fn inject(prepared: &S, _: &Call<'_>) -> Self {
        Self(prepared.clone())
    }
}

impl Inject for Headers {
    type Prepared = ();

    fn prepare(_: &Resources) -> Result<(), MissingResource> {
        Ok(())
    }

    fn inject((): &(), call: &Call<'_>) -> Self {
        call.headers().clone()
    }
}

impl Inject for Sender {
    type Prepared = Self;
    const SENDS: bool = true;

    fn prepare(resources: &Resources) -> Result<Self, MissingResource> {
        let missing =
            || MissingResource::new("the sender", "a runtime that binds outputs (`stream.enabled: true`)");
        resources.get::<Self>().cloned().ok_or_else(missing)
    }

    fn inject(prepared: &Self, call: &Call<'_>) -> Self {
        prepared.within(call)
    }
}
