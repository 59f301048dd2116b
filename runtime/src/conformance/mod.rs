//! The conformance suite: what every binder has to do, as tests that whoever writes one can run.
//!
//! A [`Subject`] says how the binder is made and reads and writes the broker without it, by a bare client. One line in
//! a file of tests makes a `#[test]` of every [case](cases):
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures_util::FutureExt;
//! use futures_util::future::BoxFuture;
//! use wellspring::binder::Binder;
//! use wellspring::conformance::{Found, Raw, Settings, Subject, Tap};
//! # use wellspring::binder::memory::{Config, Memory};
//!
//! struct MyBroker {
//!     binder: Memory, // in place of your own
//! }
//!
//! impl Subject for MyBroker {
//!     fn name(&self) -> &'static str {
//!         "my broker"
//!     }
//!
//!     fn binder(&self, _: &Settings) -> Arc<dyn Binder> {
//!         Arc::new(self.binder.clone())
//!     }
//!
//!     fn create<'a>(&'a self, _: &'a str, _: u32) -> BoxFuture<'a, Result<(), Found>> {
//!         async { Ok(()) }.boxed() // make the destination with a bare client
//!     }
//!
//!     fn publish<'a>(&'a self, _: &'a str, _: Vec<Raw>) -> BoxFuture<'a, Result<(), Found>> {
//!         async { Ok(()) }.boxed() // write with a bare client
//!     }
//!
//!     fn tap<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Box<dyn Tap>, Found>> {
//!         async { Err(Found::new("no bare client yet")) }.boxed() // read with a bare client
//!     }
//! }
//!
//! wellspring::conformance!(Some(MyBroker { binder: Memory::new(Config::default()) }));
//! # fn main() {}
//! ```
//!
//! Where the broker is not there, give `None` and say so on standard error. A case that asks for a
//! [capability](crate::binder::Capabilities) that the binder does not have checks instead that the runtime refuses a
//! configuration that asks for it. A case that the binder answers otherwise on purpose is an [`Exclusion`] with a
//! reason; one that passes nevertheless fails the run, so that the list stays true.
//!
//! Every case runs once as it is, and then several times side by side, each with a seed of its own, on a binder that
//! delays, splits batches and, where the case can bear it, loses its connection and delivers twice.
//! `WELLSPRING_CONFORMANCE_STRESS=20` says how many times; a failure names the seed, and
//! `WELLSPRING_CONFORMANCE_SEED` repeats it.

mod cases;
mod chaos;
mod ends;
mod found;
mod options;
mod random;
mod refusal;
mod run;
mod subject;
mod wire;
mod world;

pub use cases::{Case, Need, cases};
pub use found::Found;
pub use options::Options;
pub use run::{Failed, check_exclusions, run, run_with};
pub use subject::{Exclusion, Raw, Settings, Subject, Tap};
pub use wire::Wire;

/// Makes a `#[test]` of every case for a [`Subject`](crate::conformance::Subject), given as an expression of the type
/// `Option<impl Subject>` that each test evaluates; `None` skips the case.
#[macro_export]
macro_rules! conformance {
    ($subject:expr) => {
        $crate::__conformance_cases! { @list __conformance_tests { $subject; } }
    };
}

/// The tests of `conformance!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($subject:expr; $($module:ident :: $name:ident: [$($need:ident),*], $trouble:ident;)*) => {
        $(
            #[test]
            fn $name() -> ::std::result::Result<(), $crate::conformance::Failed> {
                $crate::conformance::run(stringify!($name), $subject)
            }
        )*

        #[test]
        fn every_exclusion_names_a_case_and_gives_a_reason() -> ::std::result::Result<(), $crate::conformance::Failed> {
            $crate::conformance::check_exclusions($subject)
        }
    };
}
