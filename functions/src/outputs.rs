//! Functions with several outputs: what each of them sends.

use crate::next::Next;
use crate::reply::IntoReply;
use crate::signature::{Port, Shape};
use crate::stage::{Output, Step};

/// A tuple of which each member goes to an output of its own: the first to `…-out-0`, the second to `…-out-1`.
///
/// A member is whatever a function may return: a payload, a [`Message`](crate::Message), an
/// [`Optional`](crate::Optional) or [`Many`](crate::Many) of either. The attributes make one of a tuple when asked by
/// `outputs`; a tuple without it is one message, a list.
///
/// ```
/// use wellspring_functions::{Catalog, Optional, PerOutput};
///
/// let catalog = Catalog::builder()
///     .function("split", |n: u64| PerOutput((n / 2, Optional((n % 2 == 1).then_some("odd".to_owned())))))
///     .build()?;
/// assert_eq!(catalog.compose("split")?.signature().to_string(), "u64 → (u64, String)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerOutput<T>(pub T);

/// Marker: a tuple of results, each for an output of its own.
#[derive(Debug)]
pub struct AsOutputs<M>(M);

macro_rules! tuples {
    ($($($result:ident $marker:ident $value:ident),*;)*) => {$(
        impl<$($marker, $result: IntoReply<$marker>),*> IntoReply<AsOutputs<($($marker,)*)>> for PerOutput<($($result,)*)> {
            type Payload = ($($result::Payload,)*);
            const SHAPE: Shape = Shape::PerOutput;

            fn reply(self, next: Next<'_>) -> Step {
                let ($($value,)*) = self.0;
                let rest = next.into_owned();
                rest.forget_items();
                let mut index = 0..;
                let mut to_next = || rest.clone().for_output(index.next().unwrap_or(0));
                all(vec![$(to_next().borrow(|next| $value.reply(next))),*])
            }

            fn port() -> Port {
                Port::of_several(Shape::PerOutput, vec![$($result::port()),*])
            }
        }
    )*};
}

tuples! {
    A MA a, B MB b;
    A MA a, B MB b, C MC c;
    A MA a, B MB b, C MC c, D MD d;
    A MA a, B MB b, C MC c, D MD d, E ME e;
    A MA a, B MB b, C MC c, D MD d, E ME e, F MF f;
    A MA a, B MB b, C MC c, D MD d, E ME e, F MF f, G MG g;
    A MA a, B MB b, C MC c, D MD d, E ME e, F MF f, G MG g, H MH h;
}

/// What each output sends, or the first error: then none sends anything.
fn all(steps: Vec<Step>) -> Step {
    let mut outputs = Vec::with_capacity(steps.len());
    let mut steps = steps.into_iter();
    for step in steps.by_ref() {
        match step {
            Step::Ready(Ok(output)) => outputs.push(output),
            Step::Ready(Err(error)) => return Step::Ready(Err(error)),
            Step::Pending(first) => {
                return Step::Pending(Box::pin(async move {
                    outputs.push(first.await?);
                    for step in steps {
                        outputs.push(step.await?);
                    }
                    Ok(Output::PerOutput(outputs))
                }));
            }
        }
    }
    Step::Ready(Ok(Output::PerOutput(outputs)))
}
