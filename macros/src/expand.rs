//! The tokens of a registration.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

use crate::assertions;
use crate::kind::Kind;
use crate::model::Model;

impl Model<'_> {
    /// The module with everything that a registration uses.
    pub(crate) fn private(&self) -> TokenStream {
        let krate = &self.krate;
        quote!(#krate::private)
    }
}

/// Registers a function: what the runtime needs to know of it, and a closure that calls it with a normalised result.
///
/// No item is declared, so nothing can clash with a name of the user's; local names are our own by hygiene.
pub(crate) fn registration(model: &Model<'_>) -> TokenStream {
    let private = model.private();
    let Model { name, description, guards, .. } = model;
    let (arguments, output) = (assertions::arguments(model), assertions::output(model));
    let call = call(model);
    // A macro call with the user's own span says where the function is, not where the attribute is.
    let location = quote_spanned! {model.span()=>
        #private::Location { file: ::core::file!(), line: ::core::line!() }
    };
    let register = format_ident!("ask_{}", model.kind.name());
    let input_schema = (model.kind != Kind::Supplier)
        .then(|| quote_spanned!(Span::mixed_site()=> .with_input_schema((&&input).ask_input_schema())));
    let output_schema = (model.kind != Kind::Consumer).then(|| match model.outputs {
        Some(_) => quote_spanned!(Span::mixed_site()=> .with_output_schemas(schemas)),
        None => quote_spanned!(Span::mixed_site()=> .with_output_schema((&&output).ask_output_schema(), (&&output).ask_data_kind()))
    });
    let blocking = model.blocking.then(|| quote!(.blocking()));
    quote_spanned! {Span::mixed_site()=>
        #(#guards)*
        const _: () = {
            #private::inventory::submit! {
                #private::Registration(|| {
                    use #private::answers::*;
                    #arguments
                    #output
                    let call = #call;
                    let gate = #private::Ask::of_value(&call);
                    (&&gate).#register(#name, #location, call)
                        .described(#description)
                        #input_schema
                        #output_schema
                        #blocking
                })
            }
        };
    }
}

/// A closure that calls the function and answers `Result<_, Error>`, or a future of one.
fn call(model: &Model<'_>) -> TokenStream {
    let private = model.private();
    let (function, types) = (model.function, &model.arguments);
    let names: Vec<_> =
        (0..types.len()).map(|index| format_ident!("argument{index}", span = Span::mixed_site())).collect();
    // How the payload comes in, and so its type, is for the door to say.
    let takes_payload = model.kind != Kind::Supplier;
    let arguments = names.iter().zip(types).enumerate().map(|(index, (name, of))| match index {
        0 if takes_payload => quote!(#name),
        _ => quote!(#name: #of),
    });
    let given = names.iter().enumerate().map(|(index, name)| match index {
        0 if takes_payload => quote_spanned!(Span::mixed_site()=> door.open(#name)),
        _ => quote!(#name),
    });
    let items = if model.each {
        quote_spanned!(Span::mixed_site()=> (&&&#private::Look(&value)).look_list())
    } else {
        quote_spanned!(Span::mixed_site()=> (&&&door.look(&value)).look_items())
    };
    let item = fallible(&private, &quote_spanned!(Span::mixed_site()=> value));
    let sent = quote_spanned! {Span::mixed_site()=>
        (&&#private::Look(&value)).look_option().wrap(value, |value| #items.each(value, |out| #item))
    };
    let out = fallible(
        &private,
        &model.outputs.as_ref().map_or(sent.clone(), |members| per_output(members, &sent, &private)),
    );
    quote_spanned! {Span::mixed_site()=>
        move |#(#arguments),*| {
            let out = #function(#(#given),*);
            (&&#private::Look(&out)).look_time().run(out, move |out| #out)
        }
    }
}

/// What each member of a tuple sends.
fn per_output(members: &[&Type], sent: &TokenStream, private: &TokenStream) -> TokenStream {
    let names: Vec<_> =
        (0..members.len()).map(|index| format_ident!("member{index}", span = Span::mixed_site())).collect();
    quote_spanned! {Span::mixed_site()=>
        (&&#private::Look(&value)).look_option().wrap(value, |(#(#names),*)| {
            #private::PerOutput((#({
                let value = #names;
                #sent
            }),*))
        })
    }
}

/// Turns `out`, be it a `Result` or not, into a `Result<_, Error>`; what becomes of the `value` of a success is given.
fn fallible(private: &TokenStream, success: &TokenStream) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        match (&&#private::Look(&out)).look_result().split(out) {
            ::core::result::Result::Ok(value) => {
                ::core::result::Result::<_, #private::Error>::Ok(#success)
            }
            ::core::result::Result::Err(error) => ::core::result::Result::Err(
                (&&&&&#private::Look(&error)).look_error().convert(error),
            ),
        }
    }
}
