//! A function's doc comment as its description.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue};

/// The doc comment as an expression of type `&str`, trimmed.
pub(crate) fn of(attributes: &[Attribute]) -> TokenStream {
    let mut text = String::new();
    let mut before = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(MetaNameValue { value, .. }) = &attribute.meta else { continue };
        if let Expr::Lit(ExprLit { lit: Lit::Str(comment), .. }) = value {
            plain(&comment.value(), &mut text);
        } else {
            // `#[doc = include_str!("…")]` and the like: the compiler knows the text, we do not.
            let written = std::mem::take(&mut text);
            before.push(quote!(#written, #value, "\n",));
        }
    }
    if before.is_empty() {
        text.trim().to_token_stream()
    } else {
        quote!(::core::concat!(#(#before)* #text).trim())
    }
}

/// The lines of a comment without what makes them a comment.
fn plain(comment: &str, text: &mut String) {
    // In a block every line but the first may start with a star.
    let starred = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('*');
    let stars = comment.contains('\n') && comment.lines().skip(1).all(starred);
    for line in comment.split('\n') {
        let line = if stars { line.trim_start().strip_prefix('*').unwrap_or(line) } else { line };
        text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(item: &str) -> String {
        let function: syn::ItemFn = syn::parse_str(item).unwrap();
        of(&function.attrs).to_string()
    }

    #[test]
    fn is_the_text_of_every_sort_of_comment() {
        assert_eq!(description("/// One.\n///\n///   - two \nfn f() {}"), r#""One.\n\n  - two""#);
        assert_eq!(description("/** One.\n * Two.\n */ fn f() {}"), r#""One.\nTwo.""#);
        assert_eq!(description("/**\n * One.\n *\n * Two.\n */ fn f() {}"), r#""One.\n\nTwo.""#);
        assert_eq!(description("fn f() {}"), r#""""#);
    }

    #[test]
    fn what_only_the_compiler_knows_is_left_to_it() {
        let text =
            description("#[doc = \"One. \"] #[doc = include_str!(\"two.md\")] #[doc(hidden)] fn f() {}");
        assert_eq!(
            text.replace(' ', ""),
            r#"::core::concat!("One.\n",include_str!("two.md"),"\n","").trim()"#
        );
    }
}
