//! The arguments of an attribute: `name = "…"`, `each`, `outputs`, `blocking`, `crate = path`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, LitStr, Token};

use crate::fallback::Problems;
use crate::kind::Kind;

/// What was asked for beside the kind.
#[derive(Default)]
pub(crate) struct Args {
    /// Another name than the function's own.
    pub(crate) name: Option<LitStr>,
    /// Every element of the list is a message of its own.
    pub(crate) each: Option<Span>,
    /// Every member of the tuple goes to an output of its own.
    pub(crate) outputs: Option<Span>,
    /// Call it on threads that may block.
    pub(crate) blocking: Option<Span>,
    /// Where the crate is re-exported.
    pub(crate) krate: Option<syn::Path>,
}

/// One argument as it was written.
struct Arg {
    key: Ident,
    value: Option<Expr>,
}

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(syn::Lit) {
            let literal: syn::Lit = input.parse()?;
            return Err(syn::Error::new_spanned(literal, "expected `name = \"…\"`"));
        }
        let key = input.call(Ident::parse_any)?;
        if input.peek(syn::token::Paren) {
            let sentence = format!(
                "`{key}` takes no arguments in parentheses, expected `name = \"…\"`, `each`, `outputs`, `blocking` or `crate = path`"
            );
            return Err(syn::Error::new(key.span(), sentence));
        }
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Self { key, value })
    }
}

impl Args {
    /// Reads the arguments; what cannot be read is a problem and counts as not given.
    pub(crate) fn parse(kind: Kind, tokens: TokenStream, problems: &mut Problems) -> Self {
        let mut args = Self::default();
        match Punctuated::<Arg, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(given) => given.into_iter().for_each(|arg| args.set(kind, arg, problems)),
            Err(problem) => problems.add(problem),
        }
        args
    }

    fn set(&mut self, kind: Kind, Arg { key, value }: Arg, problems: &mut Problems) {
        let twice = match key.to_string().as_str() {
            "name" => name(&key, value, problems).and_then(|name| self.name.replace(name)).is_some(),
            "each" => flag(&key, value, problems).and_then(|each| self.each.replace(each)).is_some(),
            "outputs" => {
                flag(&key, value, problems).and_then(|outputs| self.outputs.replace(outputs)).is_some()
            }
            "blocking" => {
                flag(&key, value, problems).and_then(|blocking| self.blocking.replace(blocking)).is_some()
            }
            "crate" => path(&key, value, problems).and_then(|path| self.krate.replace(path)).is_some(),
            unknown => return problems.refuse_at(key.span(), unknown_argument(kind, unknown)),
        };
        if twice {
            problems.refuse_at(key.span(), format_args!("`{key}` is given twice; remove one"));
        }
    }
}

fn name(key: &Ident, value: Option<Expr>, problems: &mut Problems) -> Option<LitStr> {
    let sentence = "expected a string literal: `name = \"…\"`";
    match value {
        Some(Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. })) => {
            if let Some(sentence) = invalid_name(&name.value()) {
                problems.refuse_at(name.span(), sentence);
            }
            Some(name)
        }
        Some(other) => {
            problems.refuse(other, sentence);
            None
        }
        None => {
            problems.refuse_at(key.span(), sentence);
            None
        }
    }
}

fn flag(key: &Ident, value: Option<Expr>, problems: &mut Problems) -> Option<Span> {
    if let Some(value) = value {
        problems.refuse(value, format_args!("`{key}` takes no value; write `{key}` alone"));
    }
    Some(key.span())
}

fn path(key: &Ident, value: Option<Expr>, problems: &mut Problems) -> Option<syn::Path> {
    match value {
        Some(Expr::Path(path)) if path.qself.is_none() => return Some(path.path),
        Some(other) => problems.refuse(other, "expected a path: `crate = path::to::wellspring`"),
        None => problems.refuse_at(key.span(), "expected a path: `crate = path::to::wellspring`"),
    }
    None
}

/// The catalog's own rule for names, with a sentence for the compiler.
fn invalid_name(name: &str) -> Option<String> {
    let forbidden = |c: &char| c.is_whitespace() || c.is_control() || "|,;?#".contains(*c);
    match name.chars().find(forbidden) {
        None => {
            name.is_empty().then(|| "the name is empty, expected what definitions call the function".into())
        }
        Some(character) => Some(format!(
            "`{}` is not part of a name: definitions could not call this function; remove it, or put `-`, `_`, `.` or `/` there",
            character.escape_debug()
        )),
    }
}

fn unknown_argument(kind: Kind, unknown: &str) -> String {
    let known: &[&str] = match kind {
        Kind::Consumer => &["name", "blocking", "crate"],
        Kind::Supplier | Kind::Function => &["name", "each", "outputs", "blocking", "crate"],
    };
    let near = known
        .iter()
        .map(|known| (strsim::jaro_winkler(&unknown.to_lowercase(), known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let suggestion = near.map_or_else(String::new, |(_, near)| format!("; did you mean `{near}`?"));
    let known = known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
    format!("`#[{}]` has no argument `{unknown}`, expected one of {known}{suggestion}", kind.name())
}
