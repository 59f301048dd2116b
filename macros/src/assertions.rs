//! Checks that need types: calls that only compile when a type fits, with the spans of the type as it was written.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use crate::kind::Kind;
use crate::model::Model;
use crate::types::error_type;

/// The first and the last place of some tokens, for errors that underline all of them.
#[derive(Clone, Copy)]
struct Ends {
    first: Span,
    last: Span,
}

impl Ends {
    fn of(tokens: impl ToTokens) -> Self {
        let mut spans = tokens.into_token_stream().into_iter().map(|token| token.span());
        let first = spans.next().unwrap_or_else(Span::call_site);
        Self { first: mixed(first), last: mixed(spans.last().unwrap_or(first)) }
    }

    /// `&name`, underlined from the first place to the last.
    fn borrow(&self, name: &str) -> TokenStream {
        let and = quote_spanned!(self.first=> &);
        let name = syn::Ident::new(name, self.last);
        quote!(#and #name)
    }
}

/// A place of the user's with names of our own.
fn mixed(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The checks of the arguments, which leave the type of the payload in `input`, and how it comes in in `door`.
pub(crate) fn arguments(model: &Model<'_>) -> TokenStream {
    let private = model.private();
    let (payload, injected) = match (model.kind, model.arguments.split_first()) {
        (Kind::Function | Kind::Consumer, Some((payload, injected))) => (Some(payload), injected),
        _ => (None, model.arguments.as_slice()),
    };
    let payload = payload.map(|payload| {
        let ends = Ends::of(payload);
        let (first, readable) = (ends.borrow("first"), ends.borrow("readable"));
        quote_spanned! {Span::mixed_site()=>
            let input = #private::Ask::<#payload>::new();
            let door = (&&&input).ask_door();
            let input = (&&&input).ask_item();
            let input = (&&input).ask_payload();
            let first = (&&&input).ask_first();
            #private::assert_payload_first(#first);
            let readable = first.to_read(input);
            #private::assert_readable(#readable);
            #private::assert_send_input::<#payload>();
        }
    });
    let payload = payload
        .unwrap_or_else(|| quote_spanned!(Span::mixed_site()=> let door = #private::PlainDoor::<()>::new();));
    let check = match model.kind {
        Kind::Supplier => quote!(assert_supplied),
        Kind::Function | Kind::Consumer => quote!(assert_injected),
    };
    quote_spanned! {Span::mixed_site()=>
        #payload
        #(#private::#check::<#injected>();)*
    }
}

/// The checks of the result, which leave the type of its payload in `output`, or of several outputs what the schema of
/// each is made of in `schemas`; `door` says how the argument comes in.
pub(crate) fn output(model: &Model<'_>) -> TokenStream {
    let private = model.private();
    let (function, arguments) = (model.function, &model.arguments);
    let result = model.output.map_or_else(|| Ends::of(function), Ends::of);
    let error = model.output.and_then(error_type).map_or_else(|| Ends::of(model.output), Ends::of);
    let future = if model.is_async { Ends::of(function) } else { result }.borrow("future");
    let error_place = error.borrow("error");
    let sent = match &model.outputs {
        None => sent(model, result, error),
        Some(members) => {
            let places = (0..members.len()).map(syn::Index::from);
            let sent = members.iter().map(|member| sent(model, Ends::of(member), Ends::of(member)));
            quote_spanned! {Span::mixed_site()=>
                let members = value.members();
                let schemas = [#({
                    let value = (&&members.#places).ask_some();
                    #sent
                    ((&&output).ask_output_schema(), (&&output).ask_data_kind())
                }),*];
            }
        }
    };
    quote_spanned! {Span::mixed_site()=>
        let returned = #private::Ask::of_call(|| #function(#(#private::any::<#arguments>()),*));
        let future = (&&returned).ask_future();
        #private::assert_send_future(#future);
        let resolved = (&&returned).ask_awaited();
        let error = (&&resolved).ask_error();
        let error = (&&&error).ask_unconverted();
        #private::assert_error(#error_place);
        let value = (&&resolved).ask_success();
        let value = (&&value).ask_some();
        #sent
    }
}

/// The checks of what one output sends: from its type in `value` to that of its payload in `output`.
fn sent(model: &Model<'_>, place: Ends, error: Ends) -> TokenStream {
    let private = model.private();
    let (value, output, item_error) =
        (place.borrow("value"), place.borrow("output"), error.borrow("item_error"));
    let list = model.each.then(|| {
        quote_spanned! {Span::mixed_site()=>
            #private::assert_list(#value);
            let item = (&&value).ask_element();
        }
    });
    let fits = match model.kind {
        Kind::Consumer => quote_spanned!(Span::mixed_site()=> #private::assert_nothing(#output);),
        Kind::Supplier | Kind::Function => quote_spanned! {Span::mixed_site()=>
            #private::assert_writable(#output);
            #private::assert_send_result(#value);
        },
    };
    quote_spanned! {Span::mixed_site()=>
        let whole = door.ask(value);
        let item = (&&&whole).ask_item();
        #list
        let item_error = (&&item).ask_error();
        let item_error = (&&&item_error).ask_unconverted();
        #private::assert_error(#item_error);
        let item = (&&item).ask_success();
        let output = (&&item).ask_payload();
        #fits
        let output = (&&whole).ask_whole(output);
    }
}
