//! What the attributes refuse, and where the compiler then points.
//!
//! The texts are those of the oldest supported compiler; `TRYBUILD=overwrite` writes them anew. Read them after.
#![cfg(feature = "macros")]

#[test]
fn refuses_with_a_place_and_a_sentence_and_accepts_the_rest() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs").stdout;
    let version = String::from_utf8_lossy(&version);
    let recorded = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".");

    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    if version.starts_with(recorded) {
        cases.compile_fail("tests/ui/fail/*.rs");
    } else {
        println!("refusals skipped: their texts are those of {recorded}x, this is {version}");
    }
}
