//! What the attributes refuse, and where the compiler then points.
//!
//! The texts are those of the oldest supported compiler; `TRYBUILD=overwrite` writes them anew. Read them after.

/// Whether this is the compiler whose texts are recorded.
#[cfg(feature = "macros")]
fn is_recorded_compiler() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = std::process::Command::new(rustc).arg("--version").output().expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let recorded = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".");
    let is_recorded = version.starts_with(recorded);
    if !is_recorded {
        println!("skipped: the texts are those of {recorded}x, this is {version}");
    }
    is_recorded
}

#[cfg(feature = "macros")]
#[test]
fn refuses_with_a_place_and_a_sentence_and_accepts_the_rest() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    if is_recorded_compiler() {
        cases.compile_fail("tests/ui/fail/*.rs");
    }
}
