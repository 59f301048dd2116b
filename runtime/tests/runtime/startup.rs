//! Applications that must not start, and what they say.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use wellspring::binder::{Binder, Capabilities, Error, Input, InputSpec, Kind, Output, OutputSpec};
use wellspring::testing::Destinations;
use wellspring::{Batch, CatalogBuilder, ContentType, Message, State};

use super::app::{builder, problems};

fn texts(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog
        .function("uppercase", |text: String| text.to_uppercase())
        .function("reverse", |text: String| text.chars().rev().collect::<String>())
        .function("length", |text: String| text.len() as u64)
        .function("lengths", |list: Vec<String>| list.len() as u64)
        .consumer("sink", |_: String| ())
        .supplier("word", || "word".to_owned())
}

/// The problem of a definition, without its place.
fn refusal(definition: &str) -> String {
    let mut problems = problems(&format!("function: {{ definition: \"{definition}\" }}"), texts);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let place = "built-in application.yaml:1:25: `function.definition`: ";
    problems.remove(0).strip_prefix(place).unwrap().to_owned()
}

#[test]
fn a_definition_that_makes_no_sense_is_refused() {
    assert_eq!(refusal("upercase"), "no function is named `upercase`, did you mean `uppercase`?");
    assert_eq!(refusal("uppercase|"), "member 2 of `uppercase|` is empty, expected a function's name");
    assert_eq!(
        refusal("up case"),
        "` ` in `up case` is not part of a name, expected a function's name or names joined by `|`"
    );
    assert!(
        refusal("sink|uppercase")
            .starts_with("`uppercase` follows the consumer `sink` (runtime/tests/runtime/startup.rs:")
    );
    assert!(refusal("uppercase|word").starts_with("the supplier `word` ("));
    assert!(refusal("length|lengths").contains("returns `u64`, a number, which `lengths`"));
    let long = vec!["uppercase"; 10_000].join("|");
    assert_eq!(
        refusal(&long),
        "the definition has 10000 members, expected at most 64 (`function.max-stages`)"
    );
    assert_eq!(problems(&format!("function: {{ max-stages: 10000, definition: '{long}' }}"), texts), [""; 0]);
}

#[test]
fn a_definition_that_is_given_twice_is_refused() {
    assert_eq!(
        refusal("uppercase;reverse; uppercase"),
        "`uppercase` is given twice, expected each definition once (`consumer.concurrency` runs a function several times)"
    );
    assert_eq!(
        refusal("uppercase|reverse;uppercase,reverse").split(" is given").next(),
        Some("`uppercase|reverse`")
    );
}

#[test]
fn definitions_whose_bindings_would_have_the_same_name_are_refused() {
    let functions = |catalog: CatalogBuilder| {
        let same = |text: String| text;
        catalog.function("ab", same).function("c", same).function("a", same).function("bc", same)
    };
    assert_eq!(
        problems("function: { definition: ab|c;a|bc }", functions),
        [
            "built-in application.yaml:1:25: `function.definition`: `ab|c` and `a|bc` would both be bound as `abc`; rename one of the functions"
        ]
    );
}

#[test]
fn a_catalog_without_functions_is_refused_with_advice() {
    let advice =
        "there are no functions at all; is their crate named? write `use my_functions as _;` in the binary";
    assert_eq!(problems("{}", |catalog| catalog), [advice]);
}

#[derive(Clone)]
struct Database;

#[test]
fn everything_missing_is_named_by_type_and_place() {
    let problems = problems("function: { definition: nope }", |catalog| {
        catalog
            .function("needs", |n: u64, _: State<Database>| n)
            .function("twice", |n: u64| n)
            .function("twice", |n: u64| n + 1)
    });
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("`needs` at runtime/tests/runtime/startup.rs:"), "{problems:?}");
    assert!(problems[0].contains("state of type `Database` is missing"), "{problems:?}");
    assert!(problems[1].starts_with("the name `twice` is given twice: at runtime/"), "{problems:?}");
    assert_eq!(problems[1].matches("runtime/tests/runtime/startup.rs:").count(), 2, "{problems:?}");
}

#[test]
fn a_batch_needs_a_function_that_takes_a_list() {
    let yaml = "
function: { definition: twice;sum }
stream:
  bindings:
    twice-in-0: { destination: in, consumer: { batch-mode: true } }
    sum-in-0: { destination: in, consumer: { batch-mode: true } }
";
    let problems = problems(yaml, |catalog| {
        catalog
            .function("twice", |n: u64| n * 2)
            .function("sum", |Batch(numbers): Batch<u64>| numbers.iter().sum::<u64>())
    });
    assert_eq!(problems.len(), 1, "{problems:?}");
    let place =
        "5:60: `stream.bindings.twice-in-0.consumer.batch-mode`: `twice` (runtime/tests/runtime/startup.rs:";
    assert!(problems[0].contains(place), "{problems:?}");
    assert!(
        problems[0].ends_with(") takes `u64`, expected a `Vec` or a `Streaming` for `batch-mode`"),
        "{problems:?}"
    );
}

#[test]
fn every_problem_of_a_plan_is_reported_at_once() {
    let yaml = "
function: { definition: uppercase;reverse;nope }
stream:
  default-binder: memory
  bindings:
    uppercase-in-0: { destination: in, consumer: { partitioned: true } }
    reverze-out-0: { destination: out }
    other-in-0: { destination: other }
  function: { bindings: { revers-in-0: x, uppercase-out-0: X } }
";
    let found = problems(yaml, texts).join("\n");
    for expected in [
        "2:25: `function.definition`: no function is named `nope`",
        "6:65: `stream.bindings.uppercase-in-0.consumer.partitioned`: a partitioned input needs a group; set `stream.bindings.uppercase-in-0.group`",
        "7:35: `stream.bindings.reverze-out-0`: no function has the output `reverze-out-0`; did you mean `reverse-out-0`?",
        "8:32: `stream.bindings.other-in-0`: no function has the input `other-in-0`",
        "9:60: `stream.function.bindings.uppercase-out-0`: `X` is the new name of `revers-in-0` already",
        "9:40: `stream.function.bindings.revers-in-0`: no function has the binding `revers-in-0`",
    ] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
}

#[test]
fn a_binder_that_is_not_linked_is_named() {
    let yaml = "
function: { definition: uppercase }
stream: { bindings: { uppercase-in-0: { binder: pulsar } } }
";
    let found = problems(yaml, texts);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`pulsar`") && found[0].contains("`memory`"), "{found:?}");
}

/// A broker that accepts everything but one destination.
#[derive(Debug)]
struct Picky(Arc<dyn Binder>);

impl Binder for Picky {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        if spec.destinations.iter().any(|name| name == "forbidden") {
            let refused = Error::new(Kind::Refused, "access to `forbidden` is refused");
            return async { Err(refused) }.boxed();
        }
        self.0.bind_input(spec)
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        self.0.bind_output(spec)
    }
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_cannot_be_made_undoes_those_before_it() {
    let yaml = "
function: { definition: uppercase;sink }
stream:
  bindings:
    uppercase-in-0: { destination: in, group: g }
    uppercase-out-0: { destination: out }
    sink-in-0: { destination: forbidden, group: g }
";
    let destinations = Destinations::new();
    let binder = Arc::new(Picky(destinations.binder()));
    let error = builder(yaml, texts).binder("memory", binder).build().unwrap().start().await.unwrap_err();
    assert_eq!(error.to_string(), "the binding `sink-in-0` cannot be made on the binder `memory`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "access to `forbidden` is refused");

    destinations.send("in", Message::encoded("x", ContentType::TEXT)).await.unwrap();
    let mut untouched = destinations.reader("in", "g").await.unwrap();
    assert_eq!(untouched.next().await.unwrap().message.bytes(), b"x", "nobody else reads it");
}

#[tokio::test(start_paused = true)]
async fn a_preparation_that_fails_starts_nothing() {
    let runtime = builder("function: { definition: uppercase }", texts)
        .state(7u32)
        .on_start(|seven: u32| async move { Err::<(), _>(format!("{seven} is not enough")) })
        .build()
        .unwrap();
    let error = runtime.start().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        (error.to_string().as_str(), cause.as_str()),
        ("the application could not prepare itself", "7 is not enough")
    );

    let missing = builder("{}", texts).on_start(|_: u32| async { Ok::<_, std::io::Error>(()) }).build();
    let report = missing.unwrap_err().to_string();
    assert!(report.contains("a preparation cannot run: state of type `u32` is missing"), "{report}");
}

#[test]
fn the_management_port_must_not_be_the_port_of_the_functions() {
    let builder = wellspring::Runtime::builder().functions(texts);
    let sources = wellspring::config::Sources::new().args(["--http.port=9000", "--management.port=9000"]);
    let report = builder.sources(sources).build().unwrap_err().to_string();
    assert!(report.contains("give each listener a port of its own"), "{report}");
}
