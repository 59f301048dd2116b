//! A function whose calls keep to the script of a scenario.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, sleep_until};
use wellspring_functions::{Catalog, ContentType, Error, Incoming, Kind, Message, Wanted};

use super::Shared;
use super::scenario::{Act, Answers, DEADLINE, Then};
use crate::invocation::Invocation;

/// How often a function is called before it is trusted with the caller's thread.
const TRIALS: u32 = 4;

/// The function of a scenario, called often enough to run where it is called.
pub(super) async fn invocation(shared: &Shared, answers: Answers) -> Invocation {
    let shared = shared.clone();
    let catalog = match answers {
        Answers::Nothing => Catalog::builder().consumer("work", move |text: String| {
            let call = Call::begin(&shared, &text);
            async move {
                call.run().await?.end(Ok(0));
                Ok::<_, Error>(())
            }
        }),
        Answers::One => Catalog::builder().function("work", move |text: String| {
            let call = Call::begin(&shared, &text);
            async move {
                let mut call = call.run().await?;
                call.end(Ok(1));
                Ok::<_, Error>(call.answer())
            }
        }),
        Answers::Many => Catalog::builder().function("work", move |text: String| {
            let call = Call::begin(&shared, &text);
            async move { call.run().await.map(Call::answers) }
        }),
    };
    let composition = catalog.build().unwrap().compose("work").unwrap();
    let invocation = Invocation::new(composition, Some(DEADLINE));
    for _ in 0..TRIALS {
        let message = Message::encoded("trial", ContentType::TEXT);
        let _ = invocation.call(Incoming::One(message), Wanted::Natural).await;
    }
    invocation
}

/// One call under way. It is over when this is dropped, if not before.
struct Call {
    shared: Shared,
    /// Which delivery, and which of its calls; nothing for a trial.
    of: Option<(usize, u32)>,
    act: Act,
    is_over: bool,
}

impl Call {
    fn begin(shared: &Shared, text: &str) -> Self {
        let mut referee = shared.lock();
        let message = text.split(':').next().and_then(|number| number.parse().ok());
        let of = message.and_then(|message| referee.begins(message));
        let well = Act { takes: 0, then: Then::Answer(1) };
        let act = match (message, of) {
            (Some(message), Some(_)) => referee.next_act(message).unwrap_or(well),
            _ => well,
        };
        Self { shared: shared.clone(), of, act, is_over: of.is_none() }
    }

    /// Does what the script says, up to the first message.
    async fn run(mut self) -> Result<Self, Error> {
        self.take_time().await;
        match self.act.then {
            Then::Answer(_) | Then::Break(_) => Ok(self),
            Then::Fail(kind) => Err(self.fail(kind)),
            Then::Panic => {
                self.end(Err(Kind::Panic));
                std::panic::resume_unwind(Box::new("on purpose"))
            }
            Then::Hang => std::future::pending().await,
        }
    }

    async fn take_time(&self) {
        if self.act.takes > 0 {
            sleep_until(Instant::now() + Duration::from_millis(self.act.takes)).await;
        }
    }

    fn fail(&mut self, kind: Kind) -> Error {
        self.end(Err(kind));
        Error::message(kind, "on purpose")
    }

    fn end(&mut self, result: Result<u32, Kind>) {
        if let Some((delivery, _)) = self.of
            && !std::mem::replace(&mut self.is_over, true)
        {
            self.shared.lock().ends(delivery, result);
        }
    }

    /// A message that tells which call it came of.
    fn answer(&self) -> String {
        self.of.map_or_else(String::new, |(delivery, call)| format!("{delivery}:{call}:"))
    }

    /// The stream of messages that the script says.
    fn answers(self) -> BoxStream<'static, Result<String, Error>> {
        let (count, breaks) = match self.act.then {
            Then::Break(count) => (count, true),
            Then::Answer(count) => (count, false),
            Then::Fail(_) | Then::Panic | Then::Hang => (0, false),
        };
        let steps = stream::unfold((self, 0), move |(mut call, sent)| async move {
            if sent < count {
                if sent > 0 {
                    call.take_time().await;
                }
                return Some((Ok(call.answer()), (call, sent + 1)));
            }
            if breaks && !call.is_over {
                let error = call.fail(Kind::Retryable);
                return Some((Err(error), (call, sent)));
            }
            call.end(Ok(count));
            None
        });
        steps.boxed()
    }
}

/// Given up: at the deadline, or with the binding.
impl Drop for Call {
    fn drop(&mut self) {
        self.end(Err(Kind::Timeout));
    }
}
