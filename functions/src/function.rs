//! Plain functions become stages: the door between user code and the rest of the program.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::error::{Error, Kind};
use crate::inject::Inject;
use crate::input::FromInput;
use crate::inputs::Door;
use crate::next::Next;
use crate::reply::IntoReply;
use crate::resources::{MissingResource, Resources};
use crate::signature::{Port, Signature};
use crate::stage::{FnStage, Input, Stage, Step};

/// A function that takes a payload first and injected arguments after it.
///
/// Implemented for every `Fn(In, I…) -> Out` where `In` is an input ([`FromInput`]), each `I` is injected
/// ([`Inject`]) and `Out` is a result ([`IntoReply`]). The parameter `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a function that can be registered",
    note = "expected `Fn(payload, injected…) -> result`, up to 8 injected arguments: see the notes above for what they may be"
)]
pub trait IntoFunction<M>: Send + Sync + 'static {
    /// Whether calls may send.
    const SENDS: bool;

    /// What goes in and what comes out.
    fn signature() -> Signature;

    /// The single inputs, where there are several.
    #[must_use]
    fn doors() -> Vec<Door>;

    /// Looks up what is injected and makes the stage.
    ///
    /// # Errors
    /// When the application does not provide what is to be injected.
    fn into_stage(self, resources: &Resources, threads: Threads) -> Result<Arc<dyn Stage>, MissingResource>;
}

/// A function that takes no payload, only injected arguments. The parameter `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a supplier that can be registered",
    note = "expected `Fn(injected…) -> result`, up to 8 injected arguments"
)]
pub trait IntoSupplier<M>: Send + Sync + 'static {
    /// Whether calls may send.
    const SENDS: bool;

    /// What comes out.
    fn signature() -> Signature;

    /// Looks up what is injected and makes the stage.
    ///
    /// # Errors
    /// When the application does not provide what is to be injected.
    fn into_stage(self, resources: &Resources, threads: Threads) -> Result<Arc<dyn Stage>, MissingResource>;
}

/// On which threads a synchronous function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threads {
    /// Where the call is made: right for functions that compute for microseconds.
    #[default]
    Caller,
    /// On threads that may block: right for functions that wait for a disk or compute for long.
    Blocking,
}

/// Runs blocking work on threads of its own; provided as a resource by the runtime.
pub trait Offload: Send + Sync + 'static {
    /// Runs the work; its result is handed back as it is.
    fn run(&self, work: BlockingWork) -> BoxFuture<'static, Result<BlockingResult, Error>>;
}

/// Work that may block.
pub type BlockingWork = Box<dyn FnOnce() -> BlockingResult + Send>;
/// What blocking work returned.
pub type BlockingResult = Box<dyn std::any::Any + Send>;

type Pool = Option<Arc<dyn Offload>>;

fn pool(resources: &Resources, threads: Threads) -> Pool {
    match threads {
        Threads::Caller => None,
        Threads::Blocking => resources.get::<Arc<dyn Offload>>().cloned(),
    }
}

fn on_pool<M, R: IntoReply<M>>(
    pool: &Arc<dyn Offload>,
    next: Next<'_>,
    work: impl FnOnce() -> R + Send + 'static,
) -> Step {
    let (done, rest) = (pool.run(Box::new(|| Box::new(work()))), next.into_owned());
    Step::Pending(Box::pin(async move {
        let reply = match done.await {
            Ok(reply) => reply.downcast::<R>(),
            Err(error) => return rest.borrow(|next| next.fail(error)).await,
        };
        match reply {
            Ok(reply) => rest.borrow(|next| reply.reply(next)).await,
            Err(_) => {
                Err(Error::message(Kind::Fatal, "the blocking function returned a value of another type"))
            }
        }
    }))
}

fn output<M, R: IntoReply<M>>() -> Option<Port> {
    let nothing = [TypeId::of::<()>(), TypeId::of::<Vec<()>>()];
    (!nothing.contains(&TypeId::of::<R::Payload>())).then(R::port)
}

/// A function that runs where it is called. No closure: its arguments would be copied once more on their way in.
struct PlainStage<F, M, P> {
    function: F,
    prepared: P,
    marker: PhantomData<fn() -> M>,
}

impl<F, M, P> PlainStage<F, M, P> {
    const fn new(function: F, prepared: P) -> Self {
        Self { function, prepared, marker: PhantomData }
    }
}

macro_rules! arity {
    ($($injected:ident $argument:ident),*) => {
        impl<F, In, InM, Out, OutM, $($injected),*> Stage
            for PlainStage<F, (InM, OutM, In, Out, ($($injected,)*)), ($($injected::Prepared,)*)>
        where
            F: Fn(In, $($injected),*) -> Out + Send + Sync + 'static,
            In: FromInput<InM>,
            InM: 'static,
            Out: IntoReply<OutM>,
            OutM: 'static,
            $($injected: Inject,)*
        {
            #[allow(non_snake_case, reason = "one definition for every number of arguments")]
            fn call(&self, input: Input<'_>, mut next: Next<'_>) -> Step {
                let ($($argument,)*) = &self.prepared;
                match In::from_input(input, &mut next) {
                    Ok(input) => (self.function)(input, $($injected::inject($argument, next.call())),*).reply(next),
                    Err(error) => next.fail(error),
                }
            }
        }

        impl<F, In, InM, Out, OutM, $($injected),*> IntoFunction<(InM, OutM, In, Out, ($($injected,)*))> for F
        where
            F: Fn(In, $($injected),*) -> Out + Send + Sync + 'static,
            In: FromInput<InM>,
            InM: 'static,
            Out: IntoReply<OutM>,
            OutM: 'static,
            $($injected: Inject,)*
        {
            const SENDS: bool = false $(|| $injected::SENDS)*;

            fn signature() -> Signature {
                Signature { input: Some(In::port()), output: output::<OutM, Out>() }
            }

            fn doors() -> Vec<Door> {
                In::doors()
            }

            #[allow(non_snake_case, unused_variables, reason = "one definition for every number of arguments")]
            fn into_stage(self, resources: &Resources, threads: Threads) -> Result<Arc<dyn Stage>, MissingResource> {
                $(let $argument = $injected::prepare(resources)?;)*
                let Some(pool) = pool(resources, threads) else {
                    let prepared = ($($argument,)*);
                    let stage: PlainStage<F, (InM, OutM, In, Out, ($($injected,)*)), _> = PlainStage::new(self, prepared);
                    return Ok(Arc::new(stage));
                };
                let function = Arc::new(self);
                Ok(Arc::new(FnStage(move |input: Input<'_>, mut next: Next<'_>| {
                    let input = match In::from_input(input, &mut next) {
                        Ok(input) => input,
                        Err(error) => return next.fail(error),
                    };
                    $(let $argument = $injected::inject(&$argument, next.call());)*
                    let function = Arc::clone(&function);
                    on_pool(&pool, next, move || function(input, $($argument),*))
                })))
            }
        }

        impl<F, Out, OutM, $($injected),*> IntoSupplier<(OutM, Out, ($($injected,)*))> for F
        where
            F: Fn($($injected),*) -> Out + Send + Sync + 'static,
            Out: IntoReply<OutM>,
            $($injected: Inject,)*
        {
            const SENDS: bool = false $(|| $injected::SENDS)*;

            fn signature() -> Signature {
                Signature { input: None, output: output::<OutM, Out>() }
            }

            #[allow(non_snake_case, unused_variables, reason = "one definition for every number of arguments")]
            fn into_stage(self, resources: &Resources, threads: Threads) -> Result<Arc<dyn Stage>, MissingResource> {
                $(let $argument = $injected::prepare(resources)?;)*
                let Some(pool) = pool(resources, threads) else {
                    return Ok(Arc::new(FnStage(move |_: Input<'_>, next: Next<'_>| {
                        self($($injected::inject(&$argument, next.call())),*).reply(next)
                    })));
                };
                let function = Arc::new(self);
                Ok(Arc::new(FnStage(move |_: Input<'_>, next: Next<'_>| {
                    $(let $argument = $injected::inject(&$argument, next.call());)*
                    let function = Arc::clone(&function);
                    on_pool(&pool, next, move || function($($argument),*))
                })))
            }
        }
    };
}

arity!();
arity!(A a);
arity!(A a, B b);
arity!(A a, B b, C c);
arity!(A a, B b, C c, D d);
arity!(A a, B b, C c, D d, E e);
arity!(A a, B b, C c, D d, E e, G g);
arity!(A a, B b, C c, D d, E e, G g, H h);
arity!(A a, B b, C c, D d, E e, G g, H h, I i);
