//! What is bound to what, when it runs, and how it is stopped and started.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use wellspring::binder::{Binder, Capabilities, Error, Input, InputSpec, Kind, Output, OutputSpec};
use wellspring::binding::State;
use wellspring::testing::Destinations;
use wellspring::{CatalogBuilder, Runtime};

use crate::app::{App, builder, eventually, problems, text};
use crate::functions::{plain, reverse, uppercase};
use crate::row::{Row, covered, differs, no_counterpart, not_yet, refused, same};

fn texts(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("upper", uppercase).function("reverse", reverse).consumer("sink", |_: String| ())
}

fn upper(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("upper", uppercase)
}

/// An application that is checked and not started.
fn planned(yaml: &str) -> Runtime {
    builder(yaml, texts).build().unwrap_or_else(|problems| panic!("{problems}"))
}

/// What a destination gets when another is sent a text.
async fn through(app: &App, from: &str, to: &str) -> String {
    let mut reader = app.reader(to).await;
    app.send(from, "Hello").await;
    text(&mut reader).await
}

pub(crate) fn rows() -> Vec<Row> {
    [definitions(), names(), destinations(), control(), suppliers(), starting()]
        .into_iter()
        .flatten()
        .collect()
}

fn definitions() -> Vec<Row> {
    vec![
        differs!(
            "C1",
            "a single function is bound without being named only when a binding of it is configured",
            {
                assert!(builder("{}", upper).build().unwrap().plan().is_empty());
                let yaml = "stream: { bindings: { upper-in-0: { group: g } } }";
                let app = App::start(yaml, upper).await;
                assert_eq!(through(&app, "upper-in-0", "upper-out-0").await, "HELLO");
                app.running.stop().await;
            }
        ),
        same!("C2", { assert!(planned("{}").plan().is_empty()) }),
        same!("C4", {
            let app = App::start("function: { definition: upper;reverse }", texts).await;
            assert_eq!(through(&app, "upper-in-0", "upper-out-0").await, "HELLO");
            assert_eq!(through(&app, "reverse-in-0", "reverse-out-0").await, "olleH");
            app.running.stop().await;
        }),
        same!("C5", {
            let app = App::start("function: { definition: upper|reverse;reverse|upper }", texts).await;
            for name in ["upperreverse", "reverseupper"] {
                let (from, to) = (format!("{name}-in-0"), format!("{name}-out-0"));
                assert_eq!(through(&app, &from, &to).await, "OLLEH");
            }
            app.running.stop().await;
        }),
        same!("C12", {
            let runtime = planned("function: { definition: upper|sink }");
            assert_eq!(runtime.plan().all_outputs().count(), 0);
            assert_eq!(runtime.plan().functions[0].inputs[0].binding, "uppersink-in-0");
        }),
        differs!("C45", "a tuple is one payload: an array of its members", {
            let join = |(a, b): (String, u64)| format!("{a}{b}");
            let app = App::start("function: { definition: join }", move |c| c.function("join", join)).await;
            let mut out = app.reader("join-out-0").await;
            app.send("join-in-0", r#"["a",1]"#).await;
            assert_eq!(text(&mut out).await, "a1");
            app.running.stop().await;
        }),
        covered("C44", ("runtime/ends.rs", "each_output_has_a_destination_of_its_own")),
    ]
}

fn names() -> Vec<Row> {
    vec![
        same!("C6", {
            let yaml = "
function: { definition: upper }
stream:
  function: { bindings: { upper-in-0: input, upper-out-0: output } }
  bindings: { input: { destination: myInput, group: g }, output: { destination: myOutput } }
";
            let app = App::start(yaml, texts).await;
            assert_eq!(through(&app, "myInput", "myOutput").await, "HELLO");
            assert!(app.running.binding("input").is_some() && app.running.binding("upper-in-0").is_none());
            app.running.stop().await;
        }),
        same!("C8", {
            let yaml = "
function: { definition: upper|reverse }
stream: { bindings: { 'upper|reverse-out-0': { destination: there, producer: { partition-count: 5 } } } }
";
            let runtime = planned(yaml);
            let output = runtime.plan().all_outputs().next().unwrap().clone();
            assert_eq!(
                (output.binding.as_str(), output.destination.as_str()),
                ("upperreverse-out-0", "there")
            );
            assert_eq!(output.partition_count, 5);
        }),
        refused(
            "C40",
            "an input without a function cannot be bound yet",
            "spring.cloud.stream.input-bindings",
        ),
        refused("C41", "an output is bound by configuring it alone", "spring.cloud.stream.output-bindings"),
        same!("C42", {
            let app = App::start("stream: { bindings: { x: { destination: there } } }", texts).await;
            let mut there = app.reader("there").await;
            let nothing = tokio::time::timeout(Duration::from_secs(3600), there.next()).await;
            assert!(nothing.is_err());
            assert!(app.running.bindings().is_empty());
            app.running.stop().await;
        }),
        differs!("C50", "the memory binder is the default, any other has to be named", {
            let runtime = planned("function: { definition: upper }");
            assert_eq!(runtime.plan().binders().into_iter().collect::<Vec<_>>(), ["memory"]);
            let other = "{ function: { definition: upper }, stream: { default-binder: pulsar } }";
            let found = problems(other, texts);
            assert!(found.len() == 1 && found[0].contains("`pulsar`"), "{found:?}");
        }),
    ]
}

fn destinations() -> Vec<Row> {
    vec![differs!("C16", "several destinations are one binding, which is looked at and paused as one", {
        let yaml = "
function: { definition: upper }
stream: { bindings: { upper-in-0: { destination: 'd1,d2, d3', group: g }, upper-out-0: { destination: out } } }
";
        let app = App::start(yaml, texts).await;
        let mut out = app.reader("out").await;
        for destination in ["d1", "d2", "d3"] {
            app.send(destination, destination).await;
            assert_eq!(text(&mut out).await, destination.to_uppercase());
        }
        assert_eq!(app.running.bindings().len(), 1);
        let binding = app.running.binding("upper-in-0").unwrap().clone();
        binding.pause();
        binding.reached(State::Paused).await;
        for destination in ["d1", "d2", "d3"] {
            app.send(destination, "later").await;
        }
        pass(Duration::from_secs(60)).await;
        assert_eq!(binding.stats().received.get(), 3);
        binding.resume();
        for _ in 0..3 {
            assert_eq!(text(&mut out).await, "LATER");
        }
        app.running.stop().await;
    })]
}

fn control() -> Vec<Row> {
    vec![
        same!("C17", {
            let app = App::start("function: { definition: upper }", texts).await;
            assert!(app.running.binding("nope-in-0").is_none());
            app.running.stop().await;
        }),
        differs!("C18", "stopping ends a binding for good; pausing is what can be undone", {
            let app = App::start("function: { definition: upper }", texts).await;
            let mut out = app.reader("upper-out-0").await;
            let binding = app.running.binding("upper-in-0").unwrap().clone();
            binding.pause();
            binding.reached(State::Paused).await;
            app.send("upper-in-0", "a").await;
            pass(Duration::from_secs(60)).await;
            assert_eq!(binding.stats().received.get(), 0);
            binding.resume();
            assert_eq!((text(&mut out).await.as_str(), binding.state()), ("A", State::Running));
            app.running.stop().await;
        }),
        same!("C49", {
            let yaml = "
function: { definition: upper }
stream: { bindings: { upper-in-0: { group: g, consumer: { auto-startup: false } } } }
";
            let app = App::start(yaml, texts).await;
            let mut out = app.reader("upper-out-0").await;
            let binding = app.running.binding("upper-in-0").unwrap().clone();
            app.send("upper-in-0", "a").await;
            pass(Duration::from_secs(60)).await;
            assert_eq!((binding.state(), binding.stats().received.get()), (State::Paused, 0));
            binding.resume();
            assert_eq!(text(&mut out).await, "A");
            app.running.stop().await;
        }),
        not_yet("C52", "there is no control endpoint yet; reports never show credentials"),
    ]
}

/// Lets time pass on the paused clock, with everything that is due in between; on a broker, whose clock is real, a
/// moment.
async fn pass(time: Duration) {
    let is_real = crate::app::PLACE.with_borrow(Option::is_some);
    let time = if is_real { time.min(Duration::from_secs(1)) } else { time };
    // What never comes is waited for until the time is over.
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// How many messages a supplier has given after some time.
async fn given(poller: &str, wait: Duration) -> u64 {
    let yaml = format!(
        "
function: {{ definition: tick }}
stream: {{ bindings: {{ tick-out-0: {{ destination: ticks, producer: {{ poller: {{ {poller} }} }} }} }} }}
"
    );
    let app = App::start(&yaml, |catalog| catalog.supplier("tick", || 1)).await;
    pass(wait).await;
    let given = app.stats("tick-out-0").received.get();
    assert_eq!(app.running.stop().await, 0);
    given
}

fn suppliers() -> Vec<Row> {
    vec![
        same!("C33", { assert_eq!(given("", Duration::from_millis(3500)).await, 4) }),
        same!("C34", {
            let poller = "fixed-delay: 7s, max-messages-per-poll: 13, initial-delay: 7s";
            assert_eq!(given(poller, Duration::from_millis(6900)).await, 0);
            assert_eq!(given(poller, Duration::from_millis(7500)).await, 13);
            assert_eq!(given(poller, Duration::from_millis(14_500)).await, 26);
        }),
        same!("C36", {
            let started = Instant::now();
            assert!(given("cron: '* * * * * *'", Duration::from_secs(10)).await >= 9);
            assert!(started.elapsed() >= Duration::from_secs(10));
        }),
        same!("C37", {
            let yaml = "
function: { definition: word;upper }
stream:
  bindings:
    word-out-0: { destination: output, producer: { poller: { initial-delay: 5m } } }
    upper-in-0: { destination: in, group: g }
    upper-out-0: { destination: output }
";
            let app = App::start(yaml, |catalog| texts(catalog).supplier("word", || "w".to_owned())).await;
            let mut output = app.reader("output").await;
            let started = Instant::now();
            app.send("in", "a").await;
            assert_eq!(text(&mut output).await, "A");
            assert_eq!(text(&mut output).await, "w", "what a supplier gives goes through no function");
            assert!(started.elapsed() >= Duration::from_secs(300));
            app.running.stop().await;
        }),
        not_yet("C38", "there is no hook after sending yet"),
    ]
}

/// A broker that refuses one destination.
#[derive(Debug)]
struct Picky(Arc<dyn Binder>);

impl Binder for Picky {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        if spec.destinations.iter().any(|name| name == "forbidden") {
            return async { Err(Error::new(Kind::Refused, "no access")) }.boxed();
        }
        self.0.bind_input(spec)
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        self.0.bind_output(spec)
    }
}

fn starting() -> Vec<Row> {
    vec![
        same!("C46", {
            let yaml = "
function: { definition: upper;sink }
stream: { bindings: { upper-in-0: { destination: in, group: g }, sink-in-0: { destination: forbidden } } }
";
            let destinations = Destinations::new();
            let binder = Arc::new(Picky(destinations.binder()));
            let runtime = builder(yaml, texts).binder("memory", binder).build().unwrap();
            let error = runtime.start().await.unwrap_err().to_string();
            assert!(error.contains("`sink-in-0`"), "{error}");
            let mut reader = destinations.reader("in", "g").await.unwrap();
            destinations.send("in", plain("x")).await.unwrap();
            assert_eq!(text(&mut reader).await, "x", "no member of the group is left");
        }),
        not_yet("C48", "a broker that is down ends the start; it is not tried again in the background yet"),
        no_counterpart("C10", "a function returns its messages as a `Vec`"),
        same!("C9", {
            let split = |text: String| {
                text.split(',').map(|part| wellspring::Message::new(part.to_owned())).collect::<Vec<_>>()
            };
            let app = App::start("function: { definition: split }", move |catalog: CatalogBuilder| {
                catalog.function("split", split)
            })
            .await;
            let mut out = app.reader("split-out-0").await;
            app.send("split-in-0", "aa,bb,cc,dd").await;
            for expected in ["aa", "bb", "cc", "dd"] {
                assert_eq!(text(&mut out).await, expected);
            }
            eventually("settled", || app.stats("split-in-0").succeeded.get() == 1).await;
            assert_eq!(app.stats("split-in-0").sent.get(), 4, "and nothing more");
            app.running.stop().await;
        }),
    ]
}
