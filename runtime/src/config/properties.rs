//! Reads a Java properties file: `key=value`, `key: value`, `key value`, comments, continued lines and escapes.

use super::node::{Entry, Node, Shown, gather_lists, split_key};
use super::{Origin, Problem, Problems};

/// Reads `text`, the content of `file`.
///
/// # Errors
/// Keys that are malformed or given twice, and broken escapes.
pub(super) fn read(text: &str, file: &Origin) -> Result<Vec<Entry>, Problems> {
    let mut problems = Problems::new();
    let mut entries: Vec<Entry> = Vec::new();
    for line in logical_lines(text) {
        let origin = file.at(line.number, line.column);
        match entry(&line.text, origin.clone()) {
            Err(sentence) => problems.push(Problem::new(sentence).at(origin)),
            Ok(entry) => match entries.iter().find(|other| other.path == entry.path) {
                Some(first) => problems.push(
                    Problem::new(format!(
                        "the key `{}` is given twice, first at {}",
                        Shown(&entry.path),
                        first.key
                    ))
                    .at(origin),
                ),
                None => entries.push(entry),
            },
        }
    }
    problems.or(gather_lists(entries))
}

fn entry(line: &str, origin: Origin) -> Result<Entry, String> {
    let (key, value) = split(line);
    let key = unescaped(key)?;
    let value = unescaped(value)?;
    let path = split_key(&key).map_err(|wrong| format!("the key `{key}` is malformed: {wrong}"))?;
    Ok(Entry::flat(path, Node::text(value, origin)))
}

/// A line with its continuations joined, comments and blank lines left out.
struct Line {
    number: u32,
    column: u32,
    text: String,
}

fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Option<Line> = None;
    for (index, raw) in text.lines().enumerate() {
        let trimmed = raw.trim_start_matches([' ', '\t', '\u{c}']);
        let mut line = match open.take() {
            Some(line) => line,
            None if trimmed.is_empty() || trimmed.starts_with(['#', '!']) => continue,
            None => Line {
                number: u32::try_from(index + 1).unwrap_or(u32::MAX),
                column: u32::try_from(raw.chars().count() - trimmed.chars().count() + 1).unwrap_or(u32::MAX),
                text: String::new(),
            },
        };
        let backslashes = trimmed.chars().rev().take_while(|c| *c == '\\').count();
        if backslashes % 2 == 1 {
            line.text.push_str(&trimmed[..trimmed.len() - 1]);
            open = Some(line);
        } else {
            line.text.push_str(trimmed);
            lines.push(line);
        }
    }
    lines.extend(open);
    lines
}

/// Splits at the first `=`, `:` or blank that is not escaped; blanks around the separator belong to neither side.
fn split(line: &str) -> (&str, &str) {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\u{c}');
    let mut escaped = false;
    let end = line
        .char_indices()
        .find(|(_, c)| {
            let found = !escaped && (blank(*c) || matches!(c, '=' | ':'));
            escaped = !escaped && *c == '\\';
            found
        })
        .map_or(line.len(), |(at, _)| at);
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(blank))
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            flush(&mut units, &mut plain)?;
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let unit = match digits.len() {
                    4 => u16::from_str_radix(&digits, 16).ok(),
                    _ => None,
                };
                units.push(
                    unit.ok_or_else(|| format!("`\\u{digits}` is no unicode escape, which has four digits"))?,
                );
                continue;
            }
            Some(escaped) => {
                flush(&mut units, &mut plain)?;
                match escaped {
                    't' => plain.push('\t'),
                    'n' => plain.push('\n'),
                    'r' => plain.push('\r'),
                    'f' => plain.push('\u{c}'),
                    // A placeholder is escaped with the same sign: leave it for the placeholder to see.
                    '$' => plain.push_str("\\$"),
                    other => plain.push(other),
                }
            }
            None => {}
        }
    }
    flush(&mut units, &mut plain)?;
    Ok(plain)
}

/// Appends pending UTF-16 units, which may be two halves of one character.
fn flush(units: &mut Vec<u16>, plain: &mut String) -> Result<(), String> {
    for decoded in char::decode_utf16(units.drain(..)) {
        plain.push(
            decoded.map_err(|half| format!("`\\u{:04x}` is half a character", half.unpaired_surrogate()))?,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(String, String, String)> {
        let entries = read(text, &Origin::file("a.properties")).expect("good properties");
        entries
            .into_iter()
            .map(|entry| (Shown(&entry.path).to_string(), entry.node.described(), entry.key.to_string()))
            .collect()
    }

    #[test]
    fn reads_every_notation_of_a_line() {
        let cases = [
            ("a.b=c", "a.b", "c"),
            ("a.b : c", "a.b", "c"),
            ("a.b c d", "a.b", "c d"),
            ("  a.b=  c", "a.b", "c"),
            ("a.b", "a.b", ""),
            ("a.b=x=y", "a.b", "x=y"),
            ("a\\=b=c", "a=b", "c"),
            ("a=one, \\\n   two", "a", "one, two"),
            ("a=\\u00fc\\ud83d\\ude00", "a", "ü😀"),
            ("a=tab\\there", "a", "tab\there"),
            ("a=c:\\\\dir", "a", "c:\\dir"),
            ("a=\\${b}", "a", "\\${b}"),
            ("a=b\\", "a", "b"),
        ];
        for (text, key, value) in cases {
            let entries = all(text);
            assert_eq!(entries.len(), 1, "{text}");
            assert_eq!((entries[0].0.as_str(), entries[0].1.as_str()), (key, value), "{text}");
        }
    }

    #[test]
    fn skips_comments_and_keeps_line_numbers() {
        let entries = all("# one\n! two\n\n  a=1\\\n  2\nb=3\n");
        assert_eq!(entries[0].2, "a.properties:4:3");
        assert_eq!(entries[0].1, "12");
        assert_eq!(entries[1].2, "a.properties:6:1");
    }

    #[test]
    fn joins_lists() {
        assert_eq!(all("a[0]=x\na[1]=y"), [("a".into(), "a list".into(), "a.properties:1:1".into())]);
    }

    #[test]
    fn refuses_broken_lines() {
        let cases = [
            ("a=1\na=2", "a.properties:2:1: the key `a` is given twice, first at a.properties:1:1"),
            (
                "a..b=1",
                "a.properties:1:1: the key `a..b` is malformed: it has an empty name between its dots",
            ),
            ("a=\\u00", "a.properties:1:1: `\\u00` is no unicode escape, which has four digits"),
            ("a=\\ud83d!", "a.properties:1:1: `\\ud83d` is half a character"),
        ];
        for (text, expected) in cases {
            let problems = read(text, &Origin::file("a.properties")).expect_err(text);
            assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        }
    }
}
