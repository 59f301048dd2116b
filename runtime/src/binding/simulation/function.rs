//! A function whose calls keep to the script of a scenario.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, sleep_until};
use wellspring_functions::{Batch, Catalog, ContentType, Error, Incoming, Kind, Message, PerItem, Wanted};

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
        Answers::Each => Catalog::builder().function("work", move |Batch(texts): Batch<String>| {
            let call = Calls::begin(&shared, &texts);
            async move { PerItem(call.run().await) }
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
        let trial = match answers {
            Answers::Each => Incoming::Batch(vec![message]),
            Answers::Nothing | Answers::One | Answers::Many => Incoming::One(message),
        };
        let _ = invocation.call(trial, Wanted::Natural).await;
    }
    invocation
}

/// A call under way with one delivery or with one of several. It is over when this is dropped, if not before.
struct Call {
    shared: Shared,
    /// Which delivery, and which of its calls; nothing for a trial.
    of: Option<(usize, u32)>,
    act: Act,
    is_over: bool,
    /// Whether the call is over with it.
    is_whole: bool,
}

impl Call {
    fn begin(shared: &Shared, text: &str) -> Self {
        Self::join(shared, text, true)
    }

    /// `begins`: it is the only delivery of the call, or the first.
    fn join(shared: &Shared, text: &str, begins: bool) -> Self {
        let mut referee = shared.lock();
        let message = text.split(':').next().and_then(|number| number.parse().ok());
        if begins && message.is_some() {
            referee.calls();
        }
        let of = message.and_then(|message| referee.begins(message));
        let well = Act { takes: 0, then: Then::Answer(1) };
        let act = match (message, of) {
            (Some(message), Some(_)) => referee.next_act(message).unwrap_or(well),
            _ => well,
        };
        Self { shared: shared.clone(), of, act, is_over: of.is_none(), is_whole: begins }
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
            let mut referee = self.shared.lock();
            if self.is_whole {
                referee.returns();
            }
            referee.ends(delivery, result);
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

/// A call under way with a batch.
struct Calls(Vec<Call>);

impl Calls {
    fn begin(shared: &Shared, texts: &[String]) -> Self {
        let join = |(place, text): (usize, &String)| Call::join(shared, text, place == 0);
        Self(texts.iter().enumerate().map(join).collect())
    }

    /// Takes as long as the slowest; hangs or panics as a whole.
    async fn run(mut self) -> Vec<Result<String, Error>> {
        if let Some(slowest) = self.0.iter().max_by_key(|call| call.act.takes) {
            slowest.take_time().await;
        }
        if self.0.iter().any(|call| matches!(call.act.then, Then::Hang)) {
            std::future::pending::<()>().await;
        }
        if self.0.iter().any(|call| matches!(call.act.then, Then::Panic)) {
            self.0.iter_mut().for_each(|call| call.end(Err(Kind::Panic)));
            std::panic::resume_unwind(Box::new("on purpose"));
        }
        let answer = |call: &mut Call| match call.act.then {
            Then::Fail(kind) => Err(call.fail(kind)),
            Then::Answer(_) | Then::Break(_) | Then::Panic | Then::Hang => {
                call.end(Ok(1));
                Ok(call.answer())
            }
        };
        self.0.iter_mut().map(answer).collect()
    }
}

/// Given up: at the deadline, or with the binding.
impl Drop for Call {
    fn drop(&mut self) {
        self.end(Err(Kind::Timeout));
    }
}
