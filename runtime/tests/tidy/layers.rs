//! Which modules a module names: `crate::x`, `crate::{x, y}`, and chains of `super` that lead to the root.

use crate::source::Source;

/// Names that follow `root`, such as `crate::`, each with its line.
pub(crate) fn named_after(code: &str, root: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "_:$".contains(c)) {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        named.extend(first_names(&code[at + root.len()..]).into_iter().map(|name| (line, name)));
    }
    named
}

/// The modules of the crate that a file names, each with its line; `module` is its path, such as `["binder", "memory"]`.
pub(crate) fn modules_named(source: &Source, module: &[&str]) -> Vec<(usize, String)> {
    let mut named = named_after(&source.shipped, "crate::");
    if !module.is_empty() {
        named.extend(named_after(&source.shipped, &"super::".repeat(module.len())));
    }
    named
}

/// The module path of a file below `src`: `binder/memory/mod.rs` is `["binder", "memory"]`.
pub(crate) fn module_of(below_src: &str) -> Vec<&str> {
    let path = below_src.strip_suffix(".rs").unwrap_or(below_src);
    path.split('/').filter(|name| !["mod", "lib"].contains(name)).collect()
}

/// The first name of a path, or of each path in a group.
fn first_names(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()];
    };
    let (mut depth, mut names, mut starts) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => starts = true,
            c if starts && (c.is_alphanumeric() || c == '_') => {
                starts = false;
                names.extend(first_names(&group[at..]));
            }
            _ => {}
        }
    }
    names
}

#[test]
fn finds_modules_in_paths_groups_and_chains_of_super() {
    let code = "use crate::binder::{self, Input};\nuse crate::{config::Config, binding::{Plan, State}};\nsuper::super::http::x();";
    let source = Source { path: String::new(), shipped: code.to_owned(), tested: String::new() };
    let named: Vec<_> =
        modules_named(&source, &["binder", "memory"]).into_iter().map(|(_, name)| name).collect();
    assert_eq!(named, ["binder", "config", "binding", "http"]);
    assert_eq!(module_of("binder/memory/mod.rs"), ["binder", "memory"]);
    assert_eq!(module_of("lib.rs"), Vec::<&str>::new());
}
