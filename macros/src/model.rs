//! A function as it was written, and as we mean to register it.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, FnArg, ReturnType, Signature, Type, Visibility};

use crate::args::Args;
use crate::fallback::Problems;
use crate::kind::{Home, Kind};
use crate::types::members;

/// A function as it was written, without its body, which is none of our business.
pub(crate) struct Written {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) signature: Signature,
}

impl Written {
    /// Reads the head of a function; anything else is a problem.
    pub(crate) fn parse(kind: Kind, item: TokenStream, problems: &mut Problems) -> Option<Self> {
        let head = |input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            input.parse::<Visibility>()?;
            if let Some(sentence) = not_a_function(kind, input) {
                return Err(syn::Error::new(input.span(), sentence));
            }
            let signature: Signature = input.parse()?;
            let rest: TokenStream = input.parse()?;
            let has_body = matches!(rest.into_iter().next(), Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace);
            if !has_body {
                let sentence = format!(
                    "`#[{}]` needs a function with a body; put it on a free function, not on one of a trait or an `extern` block",
                    kind.name()
                );
                return Err(syn::Error::new_spanned(&signature.ident, sentence));
            }
            Ok(Self { attributes, signature })
        };
        head.parse2(item).map_err(|problem| problems.add(problem)).ok()
    }

    /// The arguments that are no receiver.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &syn::PatType> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => Some(argument),
            FnArg::Receiver(_) => None,
        })
    }

    /// What is written behind the arrow.
    pub(crate) fn output(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, output) => Some(output),
        }
    }
}

/// Why the next tokens are no function, if they start another item.
fn not_a_function(kind: Kind, input: ParseStream<'_>) -> Option<String> {
    let ahead = input.fork();
    let first = ahead.call(Ident::parse_any).ok().map(|word| word.to_string());
    let second = ahead.call(Ident::parse_any).ok().map(|word| word.to_string());
    let found = match (first.as_deref()?, second.as_deref()) {
        ("struct", _) => "a struct",
        ("enum", _) => "an enum",
        ("union", Some(_)) => "a union",
        ("impl", _) | ("unsafe", Some("impl")) => "an `impl` block",
        ("trait", _) | ("unsafe" | "auto", Some("trait")) => "a trait",
        ("mod", _) => "a module",
        ("type", _) => "a type alias",
        ("static", _) => "a static",
        ("use", _) => "an import",
        ("safe", Some(_)) => "a function of an `extern` block",
        ("extern", Some("crate")) => "a crate import",
        ("macro_rules", _) => "a macro",
        ("const", Some(name)) if !["fn", "async", "unsafe", "extern"].contains(&name) => "a constant",
        _ => return None,
    };
    let name = kind.name();
    Some(format!("`#[{name}]` belongs on a free function, found {found}; put it on the `fn` itself"))
}

/// A function as it is registered. Valid: whatever syntax can tell has been checked.
pub(crate) struct Model<'a> {
    pub(crate) kind: Kind,
    /// The path of the crate whose `private` module is used.
    pub(crate) krate: TokenStream,
    pub(crate) name: String,
    pub(crate) function: &'a Ident,
    /// The types of the arguments; the first is the payload, unless it is a supplier.
    pub(crate) arguments: Vec<&'a Type>,
    /// The result as it was written, without the future of an `async fn`.
    pub(crate) output: Option<&'a Type>,
    /// Whether a future is returned, as far as syntax tells.
    pub(crate) is_async: bool,
    pub(crate) each: bool,
    /// The types of the single outputs, where there are several.
    pub(crate) outputs: Option<Vec<&'a Type>>,
    pub(crate) blocking: bool,
    pub(crate) description: TokenStream,
    /// `cfg`s and lint levels of the function: they hold for its registration too.
    pub(crate) guards: Vec<TokenStream>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(kind: Kind, home: Home, args: &Args, written: &'a Written) -> Self {
        let function = &written.signature.ident;
        Self {
            kind,
            krate: args.krate.as_ref().map_or_else(|| home.path(), ToTokens::to_token_stream),
            name: args.name.as_ref().map_or_else(|| function.unraw().to_string(), syn::LitStr::value),
            function,
            arguments: written.arguments().map(|argument| &*argument.ty).collect(),
            output: written.output(),
            is_async: written.signature.asyncness.is_some(),
            each: args.each.is_some(),
            outputs: args.outputs.and_then(|_| members(written.output()?)),
            blocking: args.blocking.is_some(),
            description: crate::description::of(&written.attributes),
            guards: guards(&written.attributes),
        }
    }

    /// The span of the function's name.
    pub(crate) fn span(&self) -> Span {
        self.function.span()
    }
}

/// The attributes that hold for the registration too: it is there only if the function is, and it may use what the
/// function may use.
fn guards(attributes: &[Attribute]) -> Vec<TokenStream> {
    let guard = |attribute: &Attribute| {
        let path = attribute.path();
        match &attribute.meta {
            _ if path.is_ident("cfg") || path.is_ident("allow") => Some(attribute.to_token_stream()),
            syn::Meta::List(list) if path.is_ident("expect") => {
                let lints = &list.tokens;
                Some(quote!(#[allow(#lints)]))
            }
            _ if path.is_ident("deprecated") => {
                Some(quote!(#[allow(deprecated, reason = "the function may be used where it is registered")]))
            }
            _ => None,
        }
    };
    attributes.iter().filter_map(guard).collect()
}
