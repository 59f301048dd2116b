//! Composition: the algebra of kinds, joints that move or convert, headers through the chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use wellspring_functions::{Catalog, CatalogBuilder, ContentType, FunctionKind, Message, Output, State};

use super::{call, call_message, one, text};

#[derive(Serialize, Deserialize)]
struct Account {
    number: u64,
}

/// Counts how often it was encoded.
struct Watched(Arc<AtomicU32>);

impl Serialize for Watched {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if std::any::type_name::<S>().contains("serde_json") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        serializer.serialize_u64(7)
    }
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|_| Self(Arc::default()))
    }
}

fn catalog() -> Catalog {
    Catalog::builder()
        .supplier("word", || "hello".to_owned())
        .function("uppercase", |text: String| text.to_uppercase())
        .function("reverse", |text: String| text.chars().rev().collect::<String>())
        .function("length", |text: String| text.len() as u64)
        .function("account", |number: u64| Account { number })
        .function("number", |account: Account| account.number)
        .function("json", |number: u64| format!("{{\"number\":{number}}}"))
        .function("bytes", |number: u64| number.to_be_bytes().to_vec())
        .consumer("sink", |_: String| ())
        .build()
        .unwrap()
}

#[test]
fn kinds_compose_as_an_algebra() {
    let catalog = catalog();
    let kind = |definition| catalog.compose(definition).unwrap().kind();
    assert_eq!(kind("word|uppercase"), FunctionKind::Supplier);
    assert_eq!(kind("uppercase,reverse"), FunctionKind::Function);
    assert_eq!(kind("uppercase|sink"), FunctionKind::Consumer);
    assert!(catalog.compose("word|uppercase|sink").unwrap().is_self_running());
    assert_eq!(catalog.compose("word|length").unwrap().signature().to_string(), "→ u64");
    assert_eq!(kind("uppercase|uppercase"), FunctionKind::Function);
}

#[test]
fn misuse_is_refused_with_a_sentence() {
    let catalog = catalog();
    let refusal =
        |definition: &str| catalog.compose(definition).unwrap_err().to_string().replace(char::is_numeric, "");
    let here = "functions/tests/it/composition.rs:";
    assert_eq!(
        refusal("sink|uppercase"),
        format!(
            "`uppercase` follows the consumer `sink` ({here}), which returns nothing; expected the consumer last"
        )
    );
    assert_eq!(
        refusal("uppercase|word"),
        format!(
            "the supplier `word` ({here}) follows `uppercase`, but takes no input; expected the supplier first"
        )
    );
    assert_eq!(refusal("uppercas|reverse"), "no function is named `uppercas`, did you mean `uppercase`?");
    assert_eq!(refusal("zzz"), "no function is named `zzz`");
    assert_eq!(
        refusal("length|number"),
        format!(
            "`length` ({here}) returns `u`, a number, which `number` ({here}) cannot read as `Account`, an object"
        )
    );
}

#[test]
fn joints_that_no_codec_can_bridge_are_refused_with_both_places() {
    let catalog = catalog();
    for definition in ["length|number", "bytes|number", "bytes|account"] {
        let error = catalog.compose(definition).unwrap_err().to_string();
        assert!(error.contains("cannot read as") && error.matches("composition.rs:").count() == 2, "{error}");
    }
    assert_eq!(text(call(&catalog, "account|number", "7")), "7");
    assert_eq!(text(call(&catalog, "json|number", "7")), "7");
    assert_eq!(text(call(&catalog, "number|uppercase", "{\"number\":8}")), "8");
}

#[test]
fn a_value_of_the_same_type_moves_without_being_encoded() {
    let encoded = Arc::new(AtomicU32::new(0));
    let catalog = Catalog::builder()
        .state(Arc::clone(&encoded))
        .function("make", |_: u64, State(count): State<Arc<AtomicU32>>| Watched(count))
        .function("pass", |watched: Watched| watched)
        .function("pass_later", |watched: Watched| async move { watched })
        .build()
        .unwrap();
    assert_eq!(text(call(&catalog, "make|pass|pass_later|pass", "1")), "7");
    assert_eq!(encoded.load(Ordering::Relaxed), 1, "encoded once, at the edge");
}

#[test]
fn headers_of_an_early_stage_reach_the_later_ones() {
    let catalog = Catalog::builder()
        .function("tag", |text: String| Message::new(text).with_header("tag", "red"))
        .function("plain", |text: String| text)
        .function("show", |message: Message<String>| {
            format!("{:?} {:?}", message.headers().text("tag"), message.headers().text("from"))
        })
        .build()
        .unwrap();
    let message = || Message::encoded("x", ContentType::TEXT).with_header("from", "me");
    assert_eq!(text(call_message(&catalog, "tag|plain|show", message())), "Some(\"red\") Some(\"me\")");
    let reply = one(call_message(&catalog, "tag|plain", message()).unwrap());
    assert_eq!(reply.message.headers().text("tag"), Some("red"));
    assert_eq!(
        reply.message.headers().text("from"),
        None,
        "headers of the input do not come back by themselves"
    );
}

#[test]
fn nothing_in_the_middle_ends_the_composition() {
    let seen = Arc::new(AtomicU32::new(0));
    let catalog = Catalog::builder()
        .state(Arc::clone(&seen))
        .function("odd", |n: u64| (n % 2 == 1).then_some(n))
        .consumer("count", |_: u64, State(seen): State<Arc<AtomicU32>>| {
            seen.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    for n in 0..10 {
        assert!(matches!(call(&catalog, "odd|count", &n.to_string()), Ok(Output::Nothing)));
    }
    assert_eq!(seen.load(Ordering::Relaxed), 5);
}

#[test]
fn a_definition_that_is_too_long_is_refused_before_it_is_read() {
    let catalog = catalog();
    let long = vec!["uppercase"; 10_000].join("|");
    let error = catalog.compose(&long).unwrap_err().to_string();
    assert_eq!(error, "the definition has 10000 members, expected at most 64 (`function.max-stages`)");
    assert!(catalog.compose(&vec!["uppercase"; 64].join(",")).is_ok());
}

#[test]
fn an_empty_catalog_says_how_functions_get_into_it() {
    let error = Catalog::builder().build().unwrap().compose("email").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no function is named `email`; there are no functions at all: is their crate named? write `use my_functions as _;` in the binary"
    );
}

#[test]
fn a_wrong_name_among_thousands_finds_those_next_to_it() {
    let names = (0..10_000).map(|number| format!("function{number:05}"));
    let add = |builder: CatalogBuilder, name: String| builder.function(&name, |text: String| text);
    let catalog = names.fold(Catalog::builder(), add).build().unwrap();
    for wrong in ["function0777", "function07777x", "function"] {
        let near = catalog.near(wrong);
        let stem = &wrong[..wrong.len().min(10)];
        assert!(near.len() == 3 && near.iter().all(|name| name.starts_with(stem)), "{wrong}: {near:?}");
    }
    assert_eq!(catalog.functions()[7].name.as_ref(), "function00007");
}
