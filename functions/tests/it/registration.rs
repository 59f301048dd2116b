//! What a catalog refuses, all at once and with places.

use wellspring_functions::{Catalog, Sender, State};

#[derive(Clone)]
struct Database;

#[test]
fn every_problem_is_reported_at_once() {
    let error = Catalog::builder()
        .function("twice", |n: u8| n)
        .function("twice", |n: u8| n)
        .function("needs", |n: u8, _: State<Database>| n)
        .function("sends", |n: u8, _: Sender| n)
        .function("a|b", |n: u8| n)
        .function("returns nothing", |_: u8| ())
        .function("silent", |_: u8| ())
        .consumer("loud", |n: u8| n)
        .build()
        .unwrap_err();
    let text = error.to_string().replace("functions/tests/it/registration.rs", "here");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "`needs` at here:13: state of type `Database` is missing, expected `.state(…)` with a `Database` where the application is built",
            "`sends` at here:14: the sender is missing, expected a runtime that binds outputs (`stream.enabled: true`)",
            "the consumer `loud` at here:18 returns `u8`, expected nothing; register it as a function",
            "the function `silent` at here:17 returns nothing, expected a result; register it as a consumer",
            "the function at here:15 has an invalid name: `|` in `a|b` is not part of a name, expected a function's name or names joined by `|`",
            "the function at here:16 has an invalid name: ` ` in `returns nothing` is not part of a name, expected a function's name or names joined by `|`",
            "the name `twice` is given twice: at here:11 and at here:12; rename one with `name = \"…\"`",
        ]
    );
}

#[test]
fn look_up_and_listing() {
    let catalog = Catalog::builder().function("b", |n: u8| n).function("a", |n: u8| n).build().unwrap();
    assert_eq!(catalog.functions().iter().map(|f| &*f.name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(catalog.function("a").unwrap().signature.to_string(), "u8 → u8");
    assert!(catalog.function("A").is_none());
}
