//! Finding functions, and what is called when nobody says what.

use std::thread;

use futures_util::FutureExt;
use wellspring::invocation::Functions;
use wellspring::{Catalog, Incoming, Wanted};

use crate::functions::{any_of, builder, call, catalog, plain, replies, texts, uppercase};
use crate::row::{Row, differs, no_counterpart, not_yet, refuses, same};

fn functions(catalog: Catalog, definition: &str) -> Functions {
    let definitions = wellspring::Definition::parse_list(definition).unwrap();
    Functions::new(catalog, &definitions, None).unwrap()
}

fn only_uppercase() -> Catalog {
    Catalog::builder().function("uppercase", uppercase).build().unwrap()
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        same!("C-001", { assert!(functions(catalog(), "").default_invocation().is_none()) }),
        same!("C-002", {
            let functions = functions(catalog(), "uppercase");
            let composition = functions.default_invocation().unwrap().composition().clone();
            assert_eq!(composition.definition().names().len(), 1);
        }),
        differs!("C-004", "an unknown name is an error, so that a slip never reaches another function", {
            let error = functions(only_uppercase(), "").get("upper").unwrap_err().to_string();
            assert_eq!(error, "no function is named `upper`, did you mean `uppercase`?");
        }),
        same!("C-005", { assert!(functions(only_uppercase(), "").default_invocation().is_some()) }),
        same!("C-006", {
            let functions = functions(only_uppercase(), "");
            assert!(functions.get("missing").is_err() && functions.get("uppercase").is_ok());
        }),
        same!("C-008", {
            assert!(Catalog::builder().build().unwrap().compose("uppercase").is_err());
            assert!(only_uppercase().compose("uppercase").is_ok());
        }),
        differs!("C-009", "what runs is said by `function.definition` alone", {
            refuses("spring.cloud.function.ineligible-definitions")
        }),
        differs!("C-010", "every function is listed, whether it is bound or not", {
            assert_eq!(functions(catalog(), "uppercase").catalog().functions().len(), catalog().len())
        }),
        no_counterpart("C-012", "what is registered is a function by its type, or does not compile"),
        same!("C-013", {
            fn make(times: usize) -> impl Fn(u32) -> String + Send + Sync + 'static {
                move |n| n.to_string().repeat(times)
            }
            let catalog = Catalog::builder().function("made", make(1)).build().unwrap();
            assert_eq!(call(&catalog, "made", plain("1")).await.unwrap(), ["1"]);
        }),
        same!("C-014", {
            let catalog = builder().function("upper", uppercase).build().unwrap();
            for name in ["upper", "uppercase"] {
                assert_eq!(call(&catalog, name, plain("a")).await.unwrap(), ["A"]);
            }
        }),
        no_counterpart("C-016", "the compiler knows the type of every function"),
        no_counterpart("C-017", "nothing is scanned: functions register themselves where they are written"),
        not_yet("C-018", "the catalog cannot be injected into a function yet"),
        same!("C-020", { look_up_concurrently(&["uppercase", "reverse"]) }),
        same!("C-021", { look_up_concurrently(&["uppercase|reverse"]) }),
        same!("C-022", { answers_every_content_type().await }),
        differs!("C-024", "what is kept is bounded by a constant, and what is configured is always kept", {
            compose_many()
        }),
    ]
}

fn look_up_concurrently(definitions: &[&str]) {
    let functions = functions(catalog(), "");
    let before = functions.catalog().len();
    thread::scope(|scope| {
        for _ in 0..100 {
            let functions = &functions;
            scope.spawn(move || {
                for definition in definitions {
                    let invocation = functions.get(definition).unwrap();
                    let incoming = Incoming::One(plain("ab"));
                    let answer = invocation.composition().call(incoming, &any_of("text/plain"));
                    assert!(answer.now_or_never().unwrap().is_ok());
                }
            });
        }
    });
    assert_eq!(functions.catalog().len(), before);
}

/// What one caller wants has no influence on what another gets.
async fn answers_every_content_type() {
    let catalog = Catalog::builder().function("double", |n: u64| n * 2).build().unwrap();
    for (wanted, expected) in [
        ("application/json", "application/json"),
        ("text/plain", "text/plain"),
        ("foo/bar,application/json", "application/json"),
    ] {
        let incoming = Incoming::One(plain("4"));
        let answer = replies(&catalog, "double", incoming, any_of(wanted)).await.unwrap();
        assert_eq!(texts(&answer), ["8"]);
        assert_eq!(answer[0].message.headers().content_type().unwrap().as_str(), expected);
    }
    let refused = replies(&catalog, "double", Incoming::One(plain("4")), any_of("foo/bar")).await;
    assert_eq!(refused.unwrap_err().kind(), wellspring::Kind::Unacceptable);
    let natural = replies(&catalog, "double", Incoming::One(plain("4")), Wanted::Natural).await.unwrap();
    assert_eq!(natural[0].message.headers().content_type().unwrap().as_str(), "application/json");
}

fn compose_many() {
    let functions = functions(catalog(), "uppercase|reverse");
    thread::scope(|scope| {
        for thread in 0..20u32 {
            let functions = &functions;
            scope.spawn(move || {
                for number in 0..200u32 {
                    let choice = |bit: u32| {
                        if (thread * 200 + number) >> bit & 1 == 1 { "uppercase" } else { "reverse" }
                    };
                    let definition = (0..12).map(choice).collect::<Vec<_>>().join("|");
                    assert!(functions.get(&definition).is_ok(), "{definition}");
                }
            });
        }
    });
    assert!(functions.get("uppercase|reverse").is_ok());
}
