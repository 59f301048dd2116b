//! What is wrong with a function, and what is emitted then: the function as it was written, and every problem.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// Problems found so far; all are reported together.
#[derive(Debug, Default)]
pub(crate) struct Problems(Option<syn::Error>);

impl Problems {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A problem with some tokens.
    pub(crate) fn refuse(&mut self, culprit: impl ToTokens, sentence: impl Display) {
        self.add(syn::Error::new_spanned(culprit, sentence));
    }

    /// A problem at a place.
    pub(crate) fn refuse_at(&mut self, culprit: Span, sentence: impl Display) {
        self.add(syn::Error::new(culprit, sentence));
    }

    pub(crate) fn add(&mut self, problem: syn::Error) {
        match &mut self.0 {
            Some(problems) => problems.combine(problem),
            none => *none = Some(problem),
        }
    }
}

/// The item as it was written, with its registration or its problems.
pub(crate) fn emit(
    item: &TokenStream,
    registration: Option<&TokenStream>,
    problems: Problems,
) -> TokenStream {
    let problems = problems.0.map(syn::Error::into_compile_error);
    // A lint that advises what is refused: arguments come out of a message, so they are taken by value.
    let by_value = registration.map(|_| {
        quote!(#[allow(clippy::needless_pass_by_value, reason = "a registered function owns its arguments")])
    });
    quote! {
        #by_value
        #item
        #problems
        #registration
    }
}
