//! The files of the repository, and what of a Rust file is code.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file of the repository.
pub(crate) struct File {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A Rust file whose comments and literals are blanked out, line for line.
pub(crate) struct Source {
    pub(crate) path: String,
    /// What ships: lines of test modules are empty.
    pub(crate) shipped: String,
    /// What is only there for tests: other lines are empty.
    pub(crate) tested: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file, by path; what is built, hidden or not text is left out, but not the folders of the build servers.
pub(crate) fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|file| file.path == "functions/src/lib.rs"), "this is not the repository");
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder that can be read") {
        let entry = entry.expect("an entry that can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if name == "target" || (name.starts_with('.') && ![".ci", ".github"].contains(&name.as_str())) {
            continue;
        }
        if entry.file_type().expect("a type of file").is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
}

/// The Rust files that a predicate on their path chooses. The cases of the UI tests are wrong on purpose: never they.
pub(crate) fn sources(files: &[File], chosen: impl Fn(&str) -> bool) -> Vec<Source> {
    let rust = || files.iter().filter(|file| file.path.ends_with(".rs") && !file.path.contains("/tests/ui/"));
    let for_tests: Vec<_> = rust().flat_map(test_modules).collect();
    let only_tests = |path: &str| {
        path.contains("/tests/")
            || for_tests
                .iter()
                .any(|module| path.strip_prefix(&**module).is_some_and(|rest| rest.starts_with(['.', '/'])))
    };
    rust().filter(|file| chosen(&file.path)).map(|file| Source::of(file, only_tests(&file.path))).collect()
}

/// The modules behind `#[cfg(test)]` that are files of their own, without `.rs`: `runtime/src/binding/tests`.
fn test_modules(file: &File) -> Vec<String> {
    let code = blank(&file.text);
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let folder = match name.strip_suffix(".rs") {
        None | Some("mod" | "lib" | "main") => folder.to_owned(),
        Some(stem) => format!("{folder}/{stem}"),
    };
    let items = test_items(&code).into_iter();
    let named = items
        .filter_map(|item| code[item].strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name.trim()));
    named.map(|name| format!("{folder}/{name}")).collect()
}

impl Source {
    fn of(file: &File, only_tests: bool) -> Self {
        let code = blank(&file.text);
        let path = file.path.clone();
        let tested = if only_tests { std::iter::once(0..code.len()).collect() } else { test_items(&code) };
        let keep = |inside: bool| -> String {
            let is_tested = |at| tested.iter().any(|item| item.contains(&at));
            let chars = code.char_indices();
            chars.map(|(at, c)| if c == '\n' || is_tested(at) == inside { c } else { ' ' }).collect()
        };
        Self { path, shipped: keep(false), tested: keep(true) }
    }
}

/// The items behind `#[cfg(test)]`, as ranges of bytes.
fn test_items(code: &str) -> Vec<std::ops::Range<usize>> {
    let mut items = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        let end = end_of_item(&code[at..]).map_or(code.len(), |length| at + length);
        items.push(at..end);
        from = end;
    }
    items
}

/// Where the first item ends: at its `;`, or where its braces close.
fn end_of_item(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return Some(at + 1),
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text with comments and the insides of literals replaced by blanks; line breaks stay where they are.
pub(crate) fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = literal(rest, code.chars().next_back()).unwrap_or(0);
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

/// How long the comment or literal is that begins here, if one does.
fn literal(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    if let Some(text) = rest.strip_prefix('"') {
        return Some(closing(text, '"') + 1);
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with('r') && !in_word {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = 2 + hashes;
            return Some(rest[inside..].find(&end).map_or(rest.len(), |at| inside + at + end.len()));
        }
    }
    // A lifetime has no second quote: `'a'` and `'\n'` are characters, `'a` is not.
    let mut chars = rest.strip_prefix('\'')?.chars();
    match (chars.next()?, chars.next()?) {
        ('\\', _) => Some(closing(&rest[1..], '\'') + 1),
        (one, '\'') => Some(one.len_utf8() + 2),
        _ => None,
    }
}

/// How many bytes there are up to and with the quote that is not escaped.
fn closing(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "let a = \"unsafe \\\" x\"; // unsafe\nlet b = r#\"unsafe \" y\"#; /* unsafe\n */ let 'c': &'static = '\\'';";
    let code = blank(text);
    assert!(!code.contains("unsafe") && !code.contains(" x") && !code.contains(" y"), "{code}");
    assert_eq!(code.lines().count(), 3);
    assert!(code.contains("let b =") && code.contains("&'static"), "{code}");
}

#[test]
fn test_modules_are_told_from_what_ships() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(test)]\nmod more;\nfn d() {}\n";
    let file = File { path: "x/src/a.rs".to_owned(), text: text.to_owned() };
    assert_eq!(test_modules(&file), ["x/src/a/more"]);
    let source = Source::of(&file, false);
    assert!(
        source.shipped.contains("fn a") && source.shipped.contains("fn c") && source.shipped.contains("fn d")
    );
    assert!(!source.shipped.contains("fn b") && source.tested.contains("fn b"));
    assert_eq!(source.shipped.lines().count(), text.lines().count());
}
