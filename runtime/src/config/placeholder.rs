//! Replaces `${NAME:default}` by the setting or the environment variable it names.

/// Placeholders may be nested and refer to one another this deep.
const DEEPEST: usize = 32;

/// A value may grow to this many bytes, so that a few placeholders cannot fill the memory.
const LONGEST: usize = 1 << 20;

/// Why a text cannot be resolved: a sentence for a problem.
pub(super) type Failure = String;

/// What placeholders can name.
pub(super) trait Names {
    /// The value of a setting, not yet resolved, with the key's own path.
    fn setting(&self, name: &str) -> Option<(String, String)>;

    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// The documented default of a key.
    fn default_of(&self, name: &str) -> Option<String>;
}

/// Whether a text needs resolving at all.
pub(super) fn is_dynamic(text: &str) -> bool {
    text.contains("${")
}

/// The text with all placeholders replaced; `key` is the path of the setting it belongs to.
///
/// # Errors
/// A placeholder that is unknown, refers to itself, or is never closed.
pub(super) fn resolve(text: &str, key: &str, names: &dyn Names) -> Result<String, Failure> {
    Resolver { names, open: vec![key.to_owned()], depth: 0 }.expand(text)
}

struct Resolver<'a> {
    names: &'a dyn Names,
    /// The settings that are being resolved, outermost first.
    open: Vec<String>,
    depth: usize,
}

impl Resolver<'_> {
    fn expand(&mut self, text: &str) -> Result<String, Failure> {
        if self.depth >= DEEPEST {
            return Err("the placeholders are nested too deeply".to_owned());
        }
        self.depth += 1;
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('\\') {
                plain.push_str(before);
                plain.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let end = closing(inside).ok_or_else(|| {
                "the placeholder `${` is never closed; write `\\${` for the signs themselves".to_owned()
            })?;
            plain.push_str(&self.placeholder(&inside[..end])?);
            if plain.len() > LONGEST {
                return Err("the placeholders make the value longer than 1 MB".to_owned());
            }
            rest = &inside[end + 1..];
        }
        plain.push_str(rest);
        self.depth -= 1;
        Ok(plain)
    }

    fn placeholder(&mut self, inside: &str) -> Result<String, Failure> {
        let (name, default) = match separator(inside) {
            Some(at) => (&inside[..at], Some(&inside[at + 1..])),
            None => (inside, None),
        };
        let name = self.expand(name)?;
        let name = name.trim();
        if let Some((path, value)) = self.names.setting(name) {
            if self.open.contains(&path) {
                let chain: Vec<String> = self.open.iter().map(|path| format!("`{path}`")).collect();
                return Err(format!(
                    "the placeholder `${{{name}}}` refers to itself: {} → `{path}`",
                    chain.join(" → ")
                ));
            }
            self.open.push(path);
            let value = self.expand(&value)?;
            self.open.pop();
            return Ok(value);
        }
        if let Some(value) = self.names.variable(name) {
            return Ok(value);
        }
        if let Some(default) = default {
            return self.expand(default);
        }
        self.names.default_of(name).ok_or_else(|| {
            format!("the placeholder `${{{name}}}` names no setting and no environment variable, and has no default")
        })
    }
}

/// The byte index of the `}` that closes the placeholder.
fn closing(inside: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut previous = '\0';
    for (at, c) in inside.char_indices() {
        match c {
            '{' if previous == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    None
}

/// The byte index of the `:` before the default, outside nested placeholders.
fn separator(inside: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut previous = '\0';
    for (at, c) in inside.char_indices() {
        match c {
            '{' if previous == '$' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some(at),
            _ => {}
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table(&'static [(&'static str, &'static str)]);

    impl Names for Table {
        fn setting(&self, name: &str) -> Option<(String, String)> {
            let (path, value) = self.0.iter().find(|(path, _)| *path == name && name.contains('.'))?;
            Some(((*path).to_owned(), (*value).to_owned()))
        }

        fn variable(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        }

        fn default_of(&self, name: &str) -> Option<String> {
            (name == "http.port").then(|| "8080".to_owned())
        }
    }

    const TABLE: Table = Table(&[
        ("HOST", "example.org"),
        ("WHICH", "HOST"),
        ("RAW", "${HOST}"),
        ("a.one", "${a.two}-1"),
        ("a.two", "2"),
        ("loop.a", "${loop.b}"),
        ("loop.b", "x${loop.a}"),
        ("wide.a", "${wide.b}${wide.b}"),
        ("wide.b", "0123456789"),
    ]);

    #[test]
    fn replaces_placeholders() {
        let cases = [
            ("plain", "plain"),
            ("${HOST}", "example.org"),
            ("http://${HOST}:${PORT:80}/", "http://example.org:80/"),
            ("${a.one}", "2-1"),
            ("${${WHICH}}", "example.org"),
            ("${NONE:${HOST}}", "example.org"),
            ("${NONE:a:b}", "a:b"),
            ("${NONE:}", ""),
            ("${NONE:${ALSO_NONE:x}}", "x"),
            ("\\${HOST}", "${HOST}"),
            ("${RAW}", "${HOST}"),
            ("$HOST {x} }", "$HOST {x} }"),
            ("${http.port}", "8080"),
            ("${http.port:1}", "1"),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text, "key", &TABLE).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_resolved() {
        let cases = [
            (
                "${NONE}",
                "the placeholder `${NONE}` names no setting and no environment variable, and has no default",
            ),
            ("${HOST", "the placeholder `${` is never closed; write `\\${` for the signs themselves"),
            (
                "${loop.a}",
                "the placeholder `${loop.a}` refers to itself: `key` → `loop.a` → `loop.b` → `loop.a`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text, "key", &TABLE), Err(expected.to_owned()), "{text}");
        }
        let deep = format!("{}x{}", "${".repeat(5000), "}".repeat(5000));
        assert!(resolve(&deep, "key", &TABLE).is_err());
        assert_eq!(resolve("${wide.a}", "key", &TABLE).map(|text| text.len()), Ok(20));
    }
}
