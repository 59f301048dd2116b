//! Every refusal that syntax alone can tell, each with its place and a sentence that says what to do.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{FnArg, GenericParam, Safety, Signature, Type};

use crate::args::Args;
use crate::fallback::Problems;
use crate::kind::Kind;
use crate::model::Written;
use crate::types::{members, result_arguments};

/// How many arguments may follow the payload.
const MOST_INJECTED: usize = 8;

/// Finds every problem of a function.
pub(crate) fn validate(kind: Kind, args: &Args, written: &Written, problems: &mut Problems) {
    attributes(kind, written, problems);
    qualifiers(kind, &written.signature, problems);
    generics(&written.signature, problems);
    arguments(kind, written, problems);
    output(kind, written, problems);
    options(kind, args, written, problems);
}

fn attributes(kind: Kind, written: &Written, problems: &mut Problems) {
    for attribute in &written.attributes {
        let segments: Vec<_> = attribute.path().segments.iter().map(|part| part.ident.to_string()).collect();
        let second = match segments.as_slice() {
            [name] => name,
            [krate, name] if ["wellspring", "wellspring_functions"].contains(&krate.as_str()) => name,
            _ => continue,
        };
        if Kind::NAMES.contains(&second.as_str()) {
            let sentence = if second == kind.name() {
                format!("`#[{second}]` is given twice; remove one")
            } else {
                format!("a function is of one kind, found `#[{}]` and `#[{second}]`; remove one", kind.name())
            };
            problems.refuse(attribute, sentence);
        }
    }
}

fn qualifiers(kind: Kind, signature: &Signature, problems: &mut Problems) {
    let name = kind.name();
    if let Safety::Unsafe(token) = &signature.safety {
        problems.refuse(
            token,
            format_args!(
                "a {name} cannot be `unsafe`: it is called with whatever a message holds; make it safe, and put `unsafe` on the block inside that needs it"
            ),
        );
    }
    if let Some(abi) = &signature.abi {
        problems
            .refuse(abi, format_args!("a {name} cannot have a foreign calling convention; remove `extern`"));
    }
    if let Some(variadic) = &signature.variadic {
        problems.refuse(
            variadic,
            format_args!("a {name} has a fixed number of arguments; take a `Vec` as the payload"),
        );
    }
}

fn generics(signature: &Signature, problems: &mut Problems) {
    for parameter in &signature.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => problems.refuse(
                lifetime,
                "a registered function cannot borrow: its arguments come out of a message; remove the lifetime and take them by value",
            ),
            GenericParam::Type(parameter) => problems.refuse(
                &parameter.ident,
                format_args!(
                    "a registered function cannot be generic: nobody says what `{0}` is; put a type in the place of `{0}`, and call the generic function from here",
                    parameter.ident
                ),
            ),
            GenericParam::Const(parameter) => problems.refuse(
                &parameter.ident,
                format_args!(
                    "a registered function cannot be generic: nobody says what `{0}` is; put a value in the place of `{0}`, and call the generic function from here",
                    parameter.ident
                ),
            ),
        }
    }
}

fn arguments(kind: Kind, written: &Written, problems: &mut Problems) {
    let receiver = written.signature.receiver();
    if let Some(receiver) = receiver {
        let sentence = "a registered function is a free function, not a method; move it out of the `impl` block and take what it needs of `self` as `State<S>`";
        problems.refuse(receiver, sentence);
    }
    let payloads = usize::from(kind != Kind::Supplier);
    if payloads == 1 && receiver.is_none() && written.signature.inputs.is_empty() {
        let sentence = match kind {
            Kind::Consumer => "a consumer takes a payload: add an argument for it",
            Kind::Function | Kind::Supplier => {
                "a function takes a payload: add an argument for it, or use `#[supplier]`"
            }
        };
        problems.refuse(Parentheses(&written.signature), sentence);
    }
    for input in &written.signature.inputs {
        let attributes = match input {
            FnArg::Receiver(receiver) => &receiver.attrs,
            FnArg::Typed(argument) => &argument.attrs,
        };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
            let sentence = "an argument of a registered function cannot be conditional; put `#[cfg(…)]` on the function, and write it twice";
            problems.refuse(attribute, sentence);
        }
    }
    for (index, argument) in written.arguments().enumerate() {
        if let (0, false) = (index, kind == Kind::Supplier) {
            Borrows { problems, advice: Advice::Payload }.visit_type(&argument.ty);
        } else {
            Borrows { problems, advice: Advice::Injected }.visit_type(&argument.ty);
        }
        if index == payloads + MOST_INJECTED {
            let sentence = format!(
                "at most {MOST_INJECTED} injected arguments{}; put what belongs together into one `State<S>`",
                if payloads == 1 { " after the payload" } else { "" }
            );
            problems.refuse(&argument.ty, sentence);
        }
    }
}

/// The parentheses of the arguments, which are never empty as tokens are.
struct Parentheses<'a>(&'a Signature);

impl ToTokens for Parentheses<'_> {
    fn to_tokens(&self, tokens: &mut proc_macro2::TokenStream) {
        self.0.paren_token.surround(tokens, |_| ());
    }
}

/// What to say about an argument that is not by value.
#[derive(Clone, Copy)]
enum Advice {
    Payload,
    Injected,
}

/// Finds borrows and `impl Trait` in the type of an argument.
struct Borrows<'a> {
    problems: &'a mut Problems,
    advice: Advice,
}

impl<'ast> Visit<'ast> for Borrows<'_> {
    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        let owned = match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
            Type::Slice(slice) => format!("`Vec<{}>`", slice.elem.to_token_stream()),
            Type::Path(path) => format!("`{}` by value", path.to_token_stream()),
            _ => "it by value".to_owned(),
        };
        let sentence = match self.advice {
            Advice::Payload => {
                format!("the payload cannot be borrowed: it comes out of a message; take {owned}")
            }
            Advice::Injected => {
                "an injected argument cannot be borrowed; take `State<S>`, `Headers` or `Sender` by value"
                    .to_owned()
            }
        };
        self.problems.refuse(reference, sentence);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        if lifetime.ident != "static" {
            let sentence = "an argument of a registered function cannot borrow: it comes out of a message; take the owned type";
            self.problems.refuse(lifetime, sentence);
        }
    }

    fn visit_type_impl_trait(&mut self, trait_type: &'ast syn::TypeImplTrait) {
        let sentence = match self.advice {
            Advice::Payload => {
                "the payload needs a type that can be read from a message, found `impl Trait`; name the type (`Streaming<T>` for a stream)"
            }
            Advice::Injected => {
                "an injected argument needs a type that can be looked up, found `impl Trait`; name the type"
            }
        };
        self.problems.refuse(trait_type, sentence);
    }

    // Function pointers and trait objects have lifetimes of their own.
    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}

    fn visit_trait_bound(&mut self, bound: &'ast syn::TraitBound) {
        if bound.lifetimes.is_none() {
            visit::visit_trait_bound(self, bound);
        }
    }
}

fn output(kind: Kind, written: &Written, problems: &mut Problems) {
    let signature = &written.signature;
    let name = kind.name();
    match written.output() {
        Some(output @ Type::Never(_)) => {
            problems
                .refuse(output, format_args!("a {name} returns, found `!`; return when the call is over"));
        }
        output if kind != Kind::Consumer && output.is_none_or(is_nothing) => {
            let advice = match kind {
                Kind::Supplier => "return what it supplies",
                Kind::Function | Kind::Consumer => "return a result, or use `#[consumer]`",
            };
            let sentence = format!("a {name} returns something, found nothing; {advice}");
            match output {
                Some(output) => problems.refuse(output, sentence),
                None => problems.refuse(&signature.ident, sentence),
            }
        }
        _ => {}
    }
}

/// Whether a type is nothing to send, as it is written: `()`, `Result<(), E>`, a future of either.
fn is_nothing(output: &Type) -> bool {
    match output {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Paren(paren) => is_nothing(&paren.elem),
        Type::Group(group) => is_nothing(&group.elem),
        Type::Path(path) => result_arguments(path).is_some_and(|(success, _)| is_nothing(success)),
        _ => false,
    }
}

fn options(kind: Kind, args: &Args, written: &Written, problems: &mut Problems) {
    if let (Some(each), Kind::Consumer) = (args.each, kind) {
        problems.refuse_at(each, "a consumer returns nothing that `each` could send; remove `each`");
    }
    if let Some(outputs) = args.outputs {
        several_outputs(outputs, kind, args, written, problems);
    }
    if let (Some(blocking), Some(asyncness)) = (args.blocking, &written.signature.asyncness) {
        let sentence = "`blocking` is for synchronous functions: an async one gives its thread back where it awaits; remove `blocking`, or remove `async`";
        let mut problem = syn::Error::new(blocking, sentence);
        problem.combine(syn::Error::new(asyncness.span(), "the function is `async`"));
        problems.add(problem);
    }
}

/// How many outputs a function may have.
const MOST_OUTPUTS: usize = 8;

fn several_outputs(outputs: Span, kind: Kind, args: &Args, written: &Written, problems: &mut Problems) {
    if kind == Kind::Consumer {
        problems.refuse_at(outputs, "a consumer returns nothing that `outputs` could send; remove `outputs`");
        return;
    }
    if args.each.is_some() {
        let sentence = "`each` and `outputs` exclude each other; return a `Vec<Message<R>>` for an output that sends several messages";
        problems.refuse_at(outputs, sentence);
    }
    match written.output().and_then(members) {
        Some(members) if (2..=MOST_OUTPUTS).contains(&members.len()) => {}
        Some(members) => {
            let sentence = format!(
                "`outputs` sends each member of a tuple to an output of its own, found {} of them, expected 2 to {MOST_OUTPUTS}",
                members.len()
            );
            problems.refuse_at(outputs, sentence);
        }
        None => {
            let sentence = "`outputs` sends each member of a tuple to an output of its own; write the tuple as the result, alone or in an `Option` or a `Result`";
            problems.refuse_at(outputs, sentence);
        }
    }
}
