//! Outputs that no binding is for, opened when code first sends to them; only those that the configuration allows.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use wellspring_functions::{ContentType, Error, Kind};

use super::{Open, Opening, OutputTask, Request};
use crate::binder;
use crate::binding::binders::Binders;
use crate::binding::making::publisher;
use crate::binding::plan::{DynamicOutputs, PlannedOutput};
use crate::binding::running::Outlets;

/// How many may be open: each has a connection or a channel of its own.
const MOST: usize = 1000;

/// Opens outputs on demand.
#[derive(Clone)]
pub(in crate::binding) struct Dynamic(Arc<Inner>);

struct Inner {
    planned: DynamicOutputs,
    binders: Binders,
    outlets: Outlets,
    open: Mutex<HashMap<String, Open>>,
}

impl Dynamic {
    pub(in crate::binding) fn new(planned: &DynamicOutputs, binders: &Binders, outlets: Outlets) -> Self {
        let (planned, binders) = (planned.clone(), binders.clone());
        Self(Arc::new(Inner { planned, binders, outlets, open: Mutex::default() }))
    }

    /// Whether code may send there.
    pub(super) fn allows(&self, destination: &str) -> bool {
        self.0.planned.allows(destination)
    }

    pub(super) fn content_type(&self) -> ContentType {
        self.0.planned.template.content_type.clone()
    }

    /// The queue of a destination, which is opened if it is not yet.
    pub(super) async fn queue(&self, destination: &str) -> Result<mpsc::Sender<Request>, Error> {
        let mut open = self.0.open.lock().await;
        if let Some(open) = open.get(destination) {
            return Ok(open.queue.clone());
        }
        if open.len() >= MOST {
            let sentence = format!("`{destination}` cannot be opened: {MOST} dynamic destinations are open");
            return Err(Error::message(Kind::OutputRefused, sentence));
        }
        let planned = PlannedOutput {
            binding: destination.to_owned(),
            destination: destination.to_owned(),
            ..self.0.planned.template.clone()
        };
        let publisher = publisher(&self.0.binders, &planned)
            .await
            .map_err(|error| refused(destination, &error.source))?;
        tracing::info!(destination, binder = planned.binder, "opened an output that no binding is for");
        let opening = Opening {
            name: destination.to_owned(),
            content_type: planned.content_type,
            publisher,
            stats: Arc::default(),
        };
        let (opened, task) = OutputTask::new(opening);
        self.0.outlets.run(task);
        let queue = opened.queue.clone();
        open.insert(destination.to_owned(), opened);
        Ok(queue)
    }
}

fn refused(destination: &str, cause: &binder::Error) -> Error {
    let kind = match cause.kind() {
        binder::Kind::Unreachable | binder::Kind::Closed => Kind::OutputUnreachable,
        binder::Kind::Refused | binder::Kind::Unroutable | binder::Kind::TooLarge => Kind::OutputRefused,
    };
    Error::message(kind, format!("the output `{destination}` cannot be opened: {cause}"))
}
