//! From a method and a path to the function that is meant.
//!
//! A path is decoded before anything is looked up. What stands behind the prefix is a definition; for GET, a function's
//! name may be followed by `/` and its argument, and the longest name wins. An exact name costs one look-up in a map
//! that never changes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Deref;

use hyper::Method;
use wellspring_functions::{CompositionError, Definition, FunctionKind};

use super::Error;
use super::methods::{Methods, Verb};
use super::path;
use super::problem::Problem;
use crate::config::{HttpConfig, Located};
use crate::invocation::{Functions, Invocation};

/// The functions under the paths that reach them.
#[derive(Debug)]
pub(super) struct Directory {
    functions: Functions,
    /// What stands before every path: empty, or a path without a slash at its end.
    prefix: Box<str>,
    get: AllowList,
    post: AllowList,
    longest_name: usize,
}

/// The definitions that a method may call, in canonical form; `None` allows all.
type AllowList = Option<HashSet<String>>;

/// What a request is for.
pub(super) enum Target<'a> {
    /// A call.
    Call(Callee<'a>, Option<String>),
    /// The question which methods there are.
    Options(Methods),
}

/// The invocation to call.
pub(super) enum Callee<'a> {
    Prepared(&'a Invocation),
    Composed(Invocation),
}

impl Deref for Callee<'_> {
    type Target = Invocation;

    fn deref(&self) -> &Invocation {
        match self {
            Self::Prepared(invocation) => invocation,
            Self::Composed(invocation) => invocation,
        }
    }
}

impl Directory {
    /// # Errors
    /// When an allow-list names a definition that cannot be resolved.
    pub(super) fn new(functions: Functions, config: &HttpConfig) -> Result<Self, Error> {
        let get = allow_list(&functions, "http.methods.get", config.methods.get.as_ref())?;
        let post = allow_list(&functions, "http.methods.post", config.methods.post.as_ref())?;
        let names = functions.catalog().functions();
        let longest_name = names.iter().map(|function| function.name.len()).max().unwrap_or_default();
        Ok(Self { functions, prefix: config.path.trim_end_matches('/').into(), get, post, longest_name })
    }

    /// Finds what a request is for.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Target<'_>, Problem> {
        let verb = Verb::of(method);
        if path == "*" && verb == Verb::Options {
            return Ok(Target::Options(Methods { get: true, post: true }));
        }
        let path = self.behind_prefix(path)?;
        if let Some(invocation) = self.functions.named(&path)
            && verb == Verb::Post
            && self.post.is_none()
            && Methods::of(invocation.composition()).post
        {
            return Ok(Target::Call(Callee::Prepared(invocation), None));
        }
        self.find_any(verb, &path)
    }

    /// What stands behind the prefix, decoded, without its first slash.
    fn behind_prefix<'p>(&self, path: &'p str) -> Result<Cow<'p, str>, Problem> {
        let rest = path.strip_prefix(&*self.prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(rest) = rest else { return Err(Problem::not_found("no function is at this path")) };
        path::decode(rest.strip_prefix('/').unwrap_or(rest))
            .map_err(|wrong| Problem::bad_request(format!("the path cannot be decoded: {wrong}")))
    }

    fn find_any(&self, verb: Verb, path: &str) -> Result<Target<'_>, Problem> {
        let argument_at = if verb == Verb::Post { None } else { self.argument_of(path) };
        let (definition, argument) = match argument_at {
            Some(at) => (&path[..at], Some(&path[at + 1..])),
            None => (path, None),
        };
        let callee = self.resolve(verb, definition)?;
        let (kind, methods) = (callee.composition().kind(), self.methods(&callee, argument.is_some()));
        match verb {
            _ if methods.is_empty() => Err(self.unknown(verb, path, &[])),
            Verb::Options => Ok(Target::Options(methods)),
            _ if methods.admits(verb) => Ok(Target::Call(callee, argument.map(str::to_owned))),
            Verb::Get if kind == FunctionKind::Function && self.allows_call(Verb::Get, &callee) => {
                let detail = "this function takes an argument: GET it with `/` and the argument behind its name, or POST it";
                Err(Problem::method_not_allowed(methods, detail))
            }
            Verb::Get | Verb::Post | Verb::Other => {
                Err(Problem::method_not_allowed(methods, format!("a {kind} does not answer this method")))
            }
        }
    }

    /// Which methods a definition answers at this path: by its kind, and as far as the allow-lists allow.
    fn methods(&self, callee: &Callee<'_>, with_argument: bool) -> Methods {
        let composition = callee.composition();
        let by_kind = if with_argument {
            Methods { get: composition.kind() == FunctionKind::Function, post: false }
        } else {
            Methods::of(composition)
        };
        Methods {
            get: by_kind.get && self.allows_call(Verb::Get, callee),
            post: by_kind.post && self.allows_call(Verb::Post, callee),
        }
    }

    /// Whether a method may call a definition in canonical form; for a method that calls nothing, whether any may.
    fn allows(&self, verb: Verb, definition: &str) -> bool {
        let allows = |list: &AllowList| list.as_ref().is_none_or(|list| list.contains(definition));
        match verb {
            Verb::Get => allows(&self.get),
            Verb::Post => allows(&self.post),
            Verb::Options | Verb::Other => allows(&self.get) || allows(&self.post),
        }
    }

    fn allows_all(&self) -> bool {
        self.get.is_none() && self.post.is_none()
    }

    fn allows_call(&self, verb: Verb, callee: &Callee<'_>) -> bool {
        self.allows_all() || self.allows(verb, &callee.composition().definition().to_string())
    }

    fn resolve(&self, verb: Verb, text: &str) -> Result<Callee<'_>, Problem> {
        let callee = if let Some(invocation) = self.functions.named(text) {
            Callee::Prepared(invocation)
        } else if text.is_empty() {
            let missing =
                "no function is at this path: name one (`/<name>`), or configure one (`function.definition`)";
            Callee::Prepared(self.functions.default_invocation().ok_or_else(|| Problem::not_found(missing))?)
        } else if self.may_compose(verb, text) {
            let found = self.functions.get(text);
            Callee::Composed(found.map_err(|error| self.unresolved(verb, text, &error))?)
        } else {
            return Err(self.unknown(verb, text, &[]));
        };
        if self.allows_call(verb, &callee) { Ok(callee) } else { Err(self.unknown(verb, text, &[])) }
    }

    /// Whether a definition may be looked at: with an allow-list, only what it holds, so that nothing else shows.
    fn may_compose(&self, verb: Verb, text: &str) -> bool {
        if self.allows_all() {
            return true;
        }
        let canonical = text.split(['|', ',']).map(str::trim).collect::<Vec<_>>().join("|");
        self.allows(verb, &canonical)
    }

    /// Where the argument's slash is, when the path is no definition as a whole.
    ///
    /// Walks the path once: a name that ends before a slash may end the definition, and every member before it must
    /// be a name.
    fn argument_of(&self, path: &str) -> Option<usize> {
        let (mut start, mut longest) = (0, None);
        for (at, byte) in path.bytes().enumerate() {
            match byte {
                b'/' if self.is_name(&path[start..at]) => longest = Some(at),
                b'|' | b',' if self.is_name(&path[start..at]) => start = at + 1,
                b'|' | b',' => return longest,
                _ => {}
            }
        }
        if self.is_name(&path[start..]) { None } else { longest }
    }

    fn is_name(&self, text: &str) -> bool {
        let name = text.trim();
        name.len() <= self.longest_name && self.functions.named(name).is_some()
    }

    /// Why a definition cannot be called, told without what only the application's author should see.
    fn unresolved(&self, verb: Verb, text: &str, error: &CompositionError) -> Problem {
        match error {
            CompositionError::Unknown { near, .. } => self.unknown(verb, text, near),
            CompositionError::TooLong { expected, .. } => Problem::bad_request(format!(
                "the composition is too long, expected at most {expected} functions"
            )),
            CompositionError::AfterConsumer { consumer, .. } => Problem::bad_request(format!(
                "`{consumer}` is a consumer, expected as the last of a composition"
            )),
            CompositionError::SupplierNotFirst { supplier, .. } => Problem::bad_request(format!(
                "`{supplier}` is a supplier, expected as the first of a composition"
            )),
            CompositionError::Joint(joint) => Problem::bad_request(format!(
                "what `{}` returns cannot be read by `{}`: {}, expected {}",
                joint.from, joint.to, joint.output_kind, joint.input_kind
            )),
            _ => self.unknown(verb, text, &[]),
        }
    }

    #[cold]
    fn unknown(&self, verb: Verb, text: &str, near: &[String]) -> Problem {
        let catalog = self.functions.catalog();
        let near = if near.is_empty() { catalog.near(text) } else { near.to_vec() };
        let near: Vec<_> =
            near.iter().filter(|name| self.allows(verb, name)).map(|name| format!("`{name}`")).collect();
        let what = if text.contains(['|', ',']) {
            "a member of the composition is no function"
        } else {
            "no function has this name"
        };
        Problem::not_found(match near.as_slice() {
            [] => what.to_owned(),
            [only] => format!("{what}, did you mean {only}?"),
            some => format!("{what}, did you mean one of {}?", some.join(", ")),
        })
    }
}

fn allow_list(
    functions: &Functions,
    key: &'static str,
    list: Option<&Located<Vec<String>>>,
) -> Result<AllowList, Error> {
    let Some(list) = list else { return Ok(None) };
    let canonical = list.value.iter().map(|text| {
        let resolved = Definition::parse(text).map_err(CompositionError::from).and_then(|definition| {
            functions.get(&definition.to_string())?;
            Ok(definition.to_string())
        });
        resolved.map_err(|source| Error::Allowed { key, origin: list.origin.to_string(), source })
    });
    canonical.collect::<Result<_, _>>().map(Some)
}
