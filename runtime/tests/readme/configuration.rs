//! `docs/configuration.md` is made from the table of keys and the reference configuration.

use std::fmt::Write;

use wellspring::config::{Config, KeyInfo};

use crate::page::{read, root};

const PAGE: &str = "docs/configuration.md";

const HEAD: &str = "\
# Configuration

<!-- Made from the table of keys in `runtime/src/config/keys.rs`: `UPDATE_PAGES=1 cargo test -p wellspring --test readme`. -->

Layers, later ones win: defaults, files built into the program, `application.{yaml,yml,toml,properties}` in the working
directory and in its folder `config`, `application-<profile>.*` of every active profile, environment variables
(`WELLSPRING_HTTP_PORT`), the JSON document in `SPRING_APPLICATION_JSON`, flags (`--http.port=8080`).

Names may be written in kebab-case, camelCase, snake_case or upper case. Spring's prefixes are understood: what stands
below `function` may stand below `spring.cloud.function`, what stands below `stream` below `spring.cloud.stream`; see
[for Spring teams](spring.md). Values may refer to settings and variables: `${HOST:localhost}`. An unknown key is an
error, and all problems are reported together, each with its place.

`<binding>`, `<binder>`, `<definition>` and `<target>` stand for names of yours; `**` stands for anything below.

`stream.instance-*` and `consumer.instance-*` count only for an input that is `partitioned`. Settings of a binder that the
program does not contain are refused.
";

/// The page as it is to be.
fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut section = String::new();
    let described_once = |key: &KeyInfo| !key.path.starts_with("stream.bindings.");
    for key in Config::keys().into_iter().filter(described_once) {
        let of = section_of(&key);
        if of != section {
            let _ = write!(page, "\n## {of}\n\n| key | takes | default | |\n|---|---|---|---|\n");
            section = of;
        }
        let default = match key.default {
            None => String::new(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let path = key.path.replace("<target..>", "<target>");
        let row = [format!("`{path}`"), escape(key.expected), default, escape(key.doc)];
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
    let _ = write!(
        page,
        "\n## The reference configuration\n\nEvery program prints it: `cargo run -p hello -- config`. Where a value comes \
         from: `config http.port`.\n\n```yaml\n{}```\n",
        Config::reference()
    );
    page
}

/// What bindings take is one section: `stream.default` takes the same for all of them.
fn section_of(key: &KeyInfo) -> String {
    match key.path.split('.').next() {
        Some("stream") if key.path.starts_with("stream.default.") => {
            "`stream.bindings.<binding>`, and `stream.default` for all of them".to_owned()
        }
        first => format!("`{}`", first.unwrap_or_default()),
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_page_of_the_configuration_holds_every_key() {
    let page = page();
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(root().join(PAGE), &page).expect("the page is written");
    }
    let written = read(PAGE);
    assert!(
        written == page,
        "{PAGE} is out of date: run `UPDATE_PAGES=1 cargo test -p wellspring --test readme`"
    );
}
