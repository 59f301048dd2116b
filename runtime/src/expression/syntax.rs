//! The part of Spring's expression language that people write into bindings, read into a tree.

use std::sync::Arc;

use wellspring_functions::HeaderValue;

use super::Root;

/// The deepest that parentheses may be nested.
const DEEPEST: usize = 32;

/// What an expression is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    /// A value that is written down.
    Literal(HeaderValue),
    /// A header, by its name.
    Header(Arc<str>),
    /// The payload, or what lies in it at a path.
    Payload(Vec<Step>),
    /// The key that a partition is to be selected for.
    Key,
    /// What lies in a header of many values.
    Inside(Box<Self>, Step),
    /// Two values joined.
    Joined(Operator, Box<Self>, Box<Self>),
    /// What a method of a value gives.
    Called(Box<Self>, Method),
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Name(Arc<str>),
    Index(usize),
}

/// What joins two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
}

/// A method that every value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    GetBytes,
    HashCode,
    ToString,
}

/// Where an expression ceases to be of these forms, and what is there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unread {
    /// Bytes before the place.
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

type Read<T> = Result<T, Unread>;

/// Reads an expression.
pub(super) fn parse(text: &str, root: Root) -> Read<Term> {
    let mut parser = Parser { text, at: 0, root, depth: 0 };
    let term = parser.sum()?;
    parser.skip_blanks();
    if parser.rest().is_empty() { Ok(term) } else { Err(parser.unread("the end or an operator")) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    root: Root,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn unread(&self, expected: &'static str) -> Unread {
        Unread { at: self.at, expected }
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a text if it is next.
    fn take(&mut self, wanted: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn name(&mut self) -> Option<&'a str> {
        self.skip_blanks();
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += end;
        Some(name)
    }

    fn sum(&mut self) -> Read<Term> {
        let mut left = self.product()?;
        loop {
            let operator = match () {
                () if self.take("+") => Operator::Plus,
                () if self.take("-") => Operator::Minus,
                () => return Ok(left),
            };
            left = self.joined(operator, left, Self::product)?;
        }
    }

    fn product(&mut self) -> Read<Term> {
        let mut left = self.value()?;
        loop {
            let operator = match () {
                () if self.take("*") => Operator::Times,
                () if self.take("/") => Operator::Over,
                () if self.take("%") => Operator::Modulo,
                () => return Ok(left),
            };
            left = self.joined(operator, left, Self::value)?;
        }
    }

    fn joined(&mut self, operator: Operator, left: Term, next: fn(&mut Self) -> Read<Term>) -> Read<Term> {
        let at = self.at;
        let right = next(self)?;
        let only_joins_numbers = |term: &Term| matches!(term, Term::Literal(HeaderValue::Text(_)));
        if operator != Operator::Plus && (only_joins_numbers(&left) || only_joins_numbers(&right)) {
            return Err(Unread { at, expected: "a number on either side" });
        }
        Ok(Term::Joined(operator, Box::new(left), Box::new(right)))
    }

    /// A value with everything that is asked of it.
    fn value(&mut self) -> Read<Term> {
        let mut term = self.first()?;
        loop {
            term = if self.take("[") {
                let step = self.index()?;
                into(term, step)
            } else if self.take("?.") || self.take(".") {
                let at = self.at;
                let name = self.name().ok_or_else(|| self.unread("a name"))?;
                self.member(term, name).map_err(|unread| Unread { at, ..unread })?
            } else {
                return Ok(term);
            };
        }
    }

    fn first(&mut self) -> Read<Term> {
        if let Some(text) = self.quote() {
            return Ok(Term::Literal(text?.into()));
        }
        if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return self.number().map(Term::Literal);
        }
        if self.take("(") {
            return self.group();
        }
        let start = self.at;
        if self.root == Root::Key && (self.take("#root") || self.take("#this")) {
            return Ok(Term::Key);
        }
        match (self.name(), self.root) {
            (Some("null"), _) => Ok(Term::Literal(HeaderValue::Null)),
            (Some("true"), _) => Ok(Term::Literal(true.into())),
            (Some("false"), _) => Ok(Term::Literal(false.into())),
            (Some("key"), Root::Key) => Ok(Term::Key),
            (Some("payload"), Root::Message) => Ok(Term::Payload(Vec::new())),
            (Some("headers"), Root::Message) => self.header(),
            // A method without a value before it is the key's.
            (Some(name), Root::Key) if self.rest().starts_with('(') => self.member(Term::Key, name),
            _ => {
                self.at = start;
                Err(self.unread(self.root.expected()))
            }
        }
    }

    fn group(&mut self) -> Read<Term> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.unread("fewer parentheses"));
        }
        let inner = self.sum()?;
        self.depth -= 1;
        if self.take(")") { Ok(inner) } else { Err(self.unread("`)`")) }
    }

    /// What follows `headers`: `['x']`, `.x`, `.get('x')`.
    fn header(&mut self) -> Read<Term> {
        let start = self.at;
        let name: Arc<str> = if self.take("[") {
            match self.index()? {
                Step::Name(name) => name,
                Step::Index(_) => return Err(Unread { at: start, expected: "`['name']`" }),
            }
        } else if self.take("?.") || self.take(".") {
            let name = self.name().ok_or_else(|| self.unread("the name of a header"))?;
            if name == "get" && self.take("(") {
                let name = self.quote().ok_or_else(|| self.unread("a name in quotes"))??;
                self.close(")")?;
                name.into()
            } else {
                name.into()
            }
        } else {
            return Err(self.unread("`['name']` or `.name` of a header"));
        };
        Ok(Term::Header(name))
    }

    fn close(&mut self, bracket: &'static str) -> Read<()> {
        let expected = if bracket == "]" { "`]`" } else { "`)`" };
        if self.take(bracket) { Ok(()) } else { Err(self.unread(expected)) }
    }

    /// What stands between brackets, behind the first.
    fn index(&mut self) -> Read<Step> {
        let step = if let Some(name) = self.quote() {
            Step::Name(name?.into())
        } else if let Some(name) = self.name() {
            // As in Spring a name needs no quotes here.
            Step::Name(name.into())
        } else {
            let rest = self.rest();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let index = rest[..end].parse().map_err(|_| self.unread("a name in quotes or an index"))?;
            self.at += end;
            Step::Index(index)
        };
        self.close("]")?;
        Ok(step)
    }

    /// What follows a dot: a name, or a method.
    fn member(&mut self, of: Term, name: &str) -> Read<Term> {
        if !self.rest().starts_with('(') {
            let is_bytes = name == "bytes" && !matches!(of, Term::Payload(_));
            return Ok(if is_bytes {
                Term::Called(Box::new(of), Method::GetBytes)
            } else {
                into(of, Step::Name(name.into()))
            });
        }
        self.take("(");
        let method = match name {
            "getBytes" => {
                // A character set, of which there is one.
                let _ = ["'UTF-8'", "\"UTF-8\"", "'utf-8'", "\"utf-8\""].iter().any(|set| self.take(set));
                Method::GetBytes
            }
            "hashCode" => Method::HashCode,
            "toString" => Method::ToString,
            name => {
                let property = property(name).filter(|_| matches!(of, Term::Payload(_)));
                let property = property.ok_or_else(|| self.unread("a method that is known here"))?;
                self.close(")")?;
                return Ok(into(of, Step::Name(property.into())));
            }
        };
        self.close(")")?;
        Ok(Term::Called(Box::new(of), method))
    }

    /// A text in quotes, if one is next.
    fn quote(&mut self) -> Option<Read<String>> {
        self.skip_blanks();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        Some(self.quoted(quote))
    }

    /// A text in quotes; a quote in it is written twice.
    fn quoted(&mut self, quote: char) -> Read<String> {
        let start = self.at;
        self.at += quote.len_utf8();
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(quote) else {
                return Err(Unread { at: start, expected: "a quote at the end of the text" });
            };
            text.push_str(&rest[..end]);
            self.at += end + quote.len_utf8();
            if !self.rest().starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.at += quote.len_utf8();
        }
    }

    fn number(&mut self) -> Read<HeaderValue> {
        let unread = self.unread("a number such as `42`, `42L` or `4.2`");
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let end = rest[1..].find(|c| !is_part(c)).map_or(rest.len(), |end| end + 1);
        let written = &rest[..end];
        self.at += end;
        let value = match written.strip_suffix(['L', 'l']) {
            Some(long) => long.parse::<i64>().map(HeaderValue::from).ok(),
            None if written.contains('.') => written.parse::<f64>().map(HeaderValue::from).ok(),
            None => written.parse::<i32>().map(HeaderValue::from).ok(),
        };
        value.ok_or(unread)
    }
}

fn into(term: Term, step: Step) -> Term {
    match term {
        Term::Payload(mut path) => {
            path.push(step);
            Term::Payload(path)
        }
        other => Term::Inside(Box::new(other), step),
    }
}

/// The property that a getter gives: `getId` gives `id`.
fn property(getter: &str) -> Option<String> {
    let name = getter.strip_prefix("get").or_else(|| getter.strip_prefix("is"))?;
    let first = name.chars().next().filter(|c| c.is_uppercase())?;
    Some(first.to_lowercase().chain(name.chars().skip(1)).collect())
}
