//! The attributes of Wellspring: `#[supplier]`, `#[function]` and `#[consumer]`.
//!
//! Use them through `wellspring`, or through `wellspring-functions` in a crate that depends on that alone. Each of the
//! two re-exports the attributes that name it in what they generate; `crate = path` names another one.
//!
//! The way of one function: `args` and `model` read it, `validate` refuses what can be refused by syntax alone,
//! `assertions` lets the compiler refuse the rest at the right place, `expand` registers it. The function itself is
//! always emitted as it was written; `fallback` adds what is wrong with it.

mod args;
mod assertions;
mod description;
mod expand;
mod fallback;
mod kind;
mod model;
mod types;
mod validate;

use fallback::Problems;
use kind::{Home, Kind};
use proc_macro::TokenStream;

#[doc = include_str!("docs/supplier.md")]
#[proc_macro_attribute]
pub fn supplier(args: TokenStream, item: TokenStream) -> TokenStream {
    register(Kind::Supplier, Home::Wellspring, args, item)
}

#[doc = include_str!("docs/function.md")]
#[proc_macro_attribute]
pub fn function(args: TokenStream, item: TokenStream) -> TokenStream {
    register(Kind::Function, Home::Wellspring, args, item)
}

#[doc = include_str!("docs/consumer.md")]
#[proc_macro_attribute]
pub fn consumer(args: TokenStream, item: TokenStream) -> TokenStream {
    register(Kind::Consumer, Home::Wellspring, args, item)
}

// The same three for crates that depend on `wellspring-functions` alone, which re-exports them under their short names.

#[doc = include_str!("docs/supplier.md")]
#[proc_macro_attribute]
pub fn functions_supplier(args: TokenStream, item: TokenStream) -> TokenStream {
    register(Kind::Supplier, Home::Functions, args, item)
}

#[doc = include_str!("docs/function.md")]
#[proc_macro_attribute]
pub fn functions_function(args: TokenStream, item: TokenStream) -> TokenStream {
    register(Kind::Function, Home::Functions, args, item)
}

#[doc = include_str!("docs/consumer.md")]
#[proc_macro_attribute]
pub fn functions_consumer(args: TokenStream, item: TokenStream) -> TokenStream {
    register(Kind::Consumer, Home::Functions, args, item)
}

fn register(kind: Kind, home: Home, args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let mut problems = Problems::default();
    let args = args::Args::parse(kind, args.into(), &mut problems);
    let registration = model::Written::parse(kind, item.clone(), &mut problems).and_then(|written| {
        validate::validate(kind, &args, &written, &mut problems);
        problems.is_empty().then(|| expand::registration(&model::Model::new(kind, home, &args, &written)))
    });
    fallback::emit(&item, registration.as_ref(), problems).into()
}
