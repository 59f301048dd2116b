//! What joins a function to its binders: its ends as one transaction where the binder has transactions, else each by itself.

use std::time::Duration;

use super::binders::Binders;
use super::making::{StartError, failed, find, publisher};
use super::plan::{PlannedInput, PlannedOutput};
use super::publisher::Publisher;
use crate::binder::{Binder, Delayed, Input, InputSpec, Together};
use crate::config::Guarantee;

/// What joins a function with an input to its binders.
pub(super) struct FunctionEnds {
    pub(super) input: Box<dyn Input>,
    pub(super) outputs: Vec<Publisher>,
    pub(super) letters: Option<Publisher>,
    /// Where deliveries wait at the broker for another attempt, each place with its wait, if they do.
    pub(super) later: Option<Vec<(Duration, Publisher)>>,
}

impl FunctionEnds {
    /// Binds the ends of a function, its input last.
    pub(super) async fn bind(
        binders: &Binders,
        input: &PlannedInput,
        outputs: &[PlannedOutput],
    ) -> Result<Self, StartError> {
        let binder = find(binders, &input.binding, &input.binder)?;
        let spec = input.spec();
        // Where dead letters go: what the binding says, or else what the settings of its binder say.
        let to = input.dead_letter.clone().or_else(|| binder.dead_letters(&spec));
        let is_one_binder = outputs.iter().all(|output| output.binder == input.binder);
        // What is settled first takes effect whatever comes of it.
        if is_one_binder && !input.durable_retry && input.delivery == Guarantee::AtLeastOnce {
            let specs: Vec<_> = outputs.iter().map(PlannedOutput::spec).collect();
            if let Some(bound) = binder.bind_together(&spec, &specs, to.as_deref()) {
                let bound = bound.await.map_err(failed(&input.binding, &input.binder))?;
                return Ok(Self::of(bound, input, outputs, to));
            }
        }
        let mut made = Vec::with_capacity(outputs.len());
        for output in outputs {
            made.push(publisher(binders, output).await?);
        }
        let letters = match to {
            Some(to) => Some(dead_letters(&**binder, input, spec.clone(), to).await?),
            None => None,
        };
        let cannot = failed(&input.binding, &input.binder);
        if input.durable_retry {
            let waits = input.failure.retry.durable_waits();
            let Delayed { input: receiving, delays } =
                binder.bind_delayed(spec, waits.clone()).await.map_err(cannot)?;
            let place =
                |delay, wait| Publisher::new(delay, &input.binding, &format!("what waits for {wait:?}"));
            let places = delays.into_iter().zip(waits).map(|(delay, wait)| (wait, place(delay, wait)));
            return Ok(Self { input: receiving, outputs: made, letters, later: Some(places.collect()) });
        }
        let input = binder.bind_input(spec).await.map_err(cannot)?;
        Ok(Self { input, outputs: made, letters, later: None })
    }

    fn of(bound: Together, input: &PlannedInput, outputs: &[PlannedOutput], to: Option<String>) -> Self {
        let sending = outputs.iter().zip(bound.outputs);
        let letters = bound.dead_letters.zip(to);
        Self {
            input: bound.input,
            outputs: sending.map(|(output, made)| output.publisher(made)).collect(),
            letters: letters.map(|(made, to)| Publisher::new(made, &input.binding, &to)),
            later: None,
        }
    }
}

async fn dead_letters(
    binder: &dyn Binder,
    input: &PlannedInput,
    spec: InputSpec,
    to: String,
) -> Result<Publisher, StartError> {
    let made = binder.bind_dead_letters(spec, to.clone()).await;
    let made = made.map_err(failed(&input.binding, &input.binder))?;
    Ok(Publisher::new(made, &input.binding, &to))
}
