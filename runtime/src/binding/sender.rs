//! Sending from code: outputs that functions reach by name.

mod dynamic;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wellspring_functions::{ContentType, EncodedMessage, Error, Kind, Outputs};

use super::publisher::Publisher;
use super::stats::Stats;
pub(super) use dynamic::Dynamic;
pub(super) use task::OutputTask;

/// The outputs that the sender reaches. Made before the catalog, filled when the bindings start.
#[derive(Clone, Default)]
pub struct SenderOutputs {
    bound: Arc<OnceLock<Bound>>,
}

struct Bound {
    /// By the names of their bindings.
    open: HashMap<String, Open>,
    /// What opens outputs that no binding is for.
    dynamic: Option<Dynamic>,
}

/// An open output.
#[derive(Clone)]
struct Open {
    content_type: ContentType,
    queue: mpsc::Sender<Request>,
}

/// An output to open.
pub(super) struct Opening {
    pub(super) name: String,
    pub(super) content_type: ContentType,
    pub(super) publisher: Publisher,
    /// What code has sent to it.
    pub(super) stats: Arc<Stats>,
}

/// Messages to send, whose sender waits for all of them.
struct Request {
    messages: Messages,
    /// When code asked for it.
    since: Instant,
    done: oneshot::Sender<Result<(), Error>>,
}

enum Messages {
    One(EncodedMessage),
    Many(Vec<EncodedMessage>),
}

/// How many requests wait to be handed to the client.
const QUEUE: usize = 1024;

impl SenderOutputs {
    /// Opens outputs; the tasks returned run them until all senders are gone and everything is confirmed.
    pub(super) fn open(&self, outputs: Vec<Opening>, dynamic: Option<Dynamic>) -> Vec<OutputTask> {
        let mut tasks = Vec::new();
        let open = outputs.into_iter().map(|opening| {
            let name = opening.name.clone();
            let (open, task) = OutputTask::new(opening);
            tasks.push(task);
            (name, open)
        });
        let bound = Bound { open: open.collect(), dynamic };
        if self.bound.set(bound).is_err() {
            tracing::warn!("the outputs for sending from code were opened twice; the first ones stay");
        }
        tasks
    }

    /// The queue of an output, now if it is open, else when it is.
    fn queue(&self, output: &str) -> Result<Queue, Error> {
        let Some(bound) = self.bound.get() else {
            let sentence = format!("`{output}` is not connected yet");
            return Err(Error::message(Kind::OutputUnreachable, sentence));
        };
        match (bound.open.get(output), &bound.dynamic) {
            (Some(open), _) => Ok(Queue::Open(open.queue.clone())),
            (None, Some(dynamic)) if dynamic.allows(output) => {
                let (dynamic, output) = (dynamic.clone(), output.to_owned());
                Ok(Queue::Opening(async move { dynamic.queue(&output).await }.boxed()))
            }
            (None, dynamic) => Err(unknown(output, &bound.open, dynamic.is_some())),
        }
    }

    fn request(&self, output: &str, messages: Messages) -> BoxFuture<'static, Result<(), Error>> {
        let (queue, output) = (self.queue(output), output.to_owned());
        async move {
            let queue = match queue? {
                Queue::Open(queue) => queue,
                Queue::Opening(queue) => queue.await?,
            };
            let closed = || Error::message(Kind::OutputFailed, format!("`{output}` is closed"));
            let (done, result) = oneshot::channel();
            let since = Instant::now();
            if queue.send(Request { messages, since, done }).await.is_err() {
                return Err(closed());
            }
            result.await.unwrap_or_else(|_| Err(closed()))
        }
        .boxed()
    }
}

/// Where messages are to be put.
enum Queue {
    Open(mpsc::Sender<Request>),
    Opening(BoxFuture<'static, Result<mpsc::Sender<Request>, Error>>),
}

impl Outputs for SenderOutputs {
    fn content_type(&self, output: &str) -> Option<ContentType> {
        let bound = self.bound.get()?;
        let dynamic = || bound.dynamic.as_ref().map(Dynamic::content_type);
        bound.open.get(output).map(|open| open.content_type.clone()).or_else(dynamic)
    }

    fn send(&self, output: &str, message: EncodedMessage) -> BoxFuture<'static, Result<(), Error>> {
        self.request(output, Messages::One(message))
    }

    fn send_all(&self, output: &str, messages: Vec<EncodedMessage>) -> BoxFuture<'static, Result<(), Error>> {
        if messages.is_empty() {
            return async { Ok(()) }.boxed();
        }
        self.request(output, Messages::Many(messages))
    }
}

#[cold]
fn unknown(output: &str, open: &HashMap<String, Open>, some_are_dynamic: bool) -> Error {
    let likeness = |name: &&String| strsim::jaro_winkler(name, output);
    let near = open.keys().filter(|name| likeness(name) > 0.8);
    let near = near.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = near.map_or_else(String::new, |name| format!(", did you mean `{name}`?"));
    let beside = if some_are_dynamic { " or one of `stream.dynamic-destinations`" } else { "" };
    let sentence =
        format!("no output is named `{output}`, expected a key of `stream.bindings`{beside}{hint}");
    Error::message(Kind::Fatal, sentence)
}

impl std::fmt::Debug for SenderOutputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.bound.get().map(|bound| bound.open.keys().collect::<Vec<_>>());
        f.debug_tuple("SenderOutputs").field(&names).finish()
    }
}

#[cfg(test)]
mod tests;
