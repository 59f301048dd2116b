//! Errors of every accepted sort keep what they know.

use std::fmt;

use wellspring_functions::{Classify, Error, Kind, function};

use super::call;

#[derive(Debug, thiserror::Error, serde::Serialize)]
#[error("out of stock")]
struct OutOfStock;

#[derive(Debug, thiserror::Error)]
#[error("no such customer")]
struct NoSuchCustomer;

impl Classify for NoSuchCustomer {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn name(&self) -> Option<&'static str> {
        Some("no-such-customer")
    }
}

struct OnlyPrinted(std::rc::Rc<str>);

impl fmt::Display for OnlyPrinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Converts into a boxed error as `anyhow::Error` and `eyre::Report` do, without being one.
struct Report(OutOfStock);

impl From<Report> for Box<dyn std::error::Error + Send + Sync> {
    fn from(report: Report) -> Self {
        Box::new(report.0)
    }
}

/// Converts into ours without being an error.
struct Refusal;

impl From<Refusal> for Error {
    fn from(_: Refusal) -> Self {
        Self::fatal("refused")
    }
}

type Answer<T> = Result<T, OutOfStock>;

#[function]
fn std_error(_: u8) -> Result<u8, OutOfStock> {
    Err(OutOfStock)
}

#[function]
async fn in_alias(_: u8) -> Answer<Option<u8>> {
    Err(OutOfStock)
}

#[function]
fn classified(_: u8) -> Result<u8, NoSuchCustomer> {
    Err(NoSuchCustomer)
}

#[function]
fn ours(_: u8) -> Result<u8, Error> {
    Err(Error::invalid(OutOfStock))
}

#[function]
fn converts(_: u8) -> Result<u8, Refusal> {
    Err(Refusal)
}

#[function]
fn report(_: u8) -> Result<u8, Report> {
    Err(Report(OutOfStock))
}

#[function]
fn text(_: u8) -> Result<u8, String> {
    Err("as text".to_owned())
}

#[function]
async fn literal(_: u8) -> Result<u8, &'static str> {
    Err("as a literal")
}

#[function]
fn boxed(_: u8) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
    Err(OutOfStock.into())
}

#[function]
async fn boxed_here(_: u8) -> Result<u8, Box<dyn std::error::Error>> {
    Err(OutOfStock.into())
}

#[function]
async fn only_printed(_: u8) -> Result<u8, OnlyPrinted> {
    Err(OnlyPrinted("printed".into()))
}

#[test]
fn every_sort_of_error_converts() {
    for (name, kind, text) in [
        ("std_error", Kind::Retryable, "out of stock"),
        ("in_alias", Kind::Retryable, "out of stock"),
        ("classified", Kind::Invalid, "no such customer"),
        ("ours", Kind::Invalid, "out of stock"),
        ("converts", Kind::Fatal, "refused"),
        ("report", Kind::Retryable, "out of stock"),
        ("text", Kind::Retryable, "as text"),
        ("literal", Kind::Retryable, "as a literal"),
        ("boxed", Kind::Retryable, "out of stock"),
        ("boxed_here", Kind::Retryable, "out of stock"),
        ("only_printed", Kind::Retryable, "printed"),
    ] {
        let error = call(name, "1").unwrap_err();
        assert_eq!((error.kind(), error.text(), error.function()), (kind, text, Some(name)), "{name}");
    }
}

#[test]
fn the_error_underneath_is_kept() {
    assert!(call("std_error", "1").unwrap_err().downcast_ref::<OutOfStock>().is_some());
    assert!(call("ours", "1").unwrap_err().downcast_ref::<OutOfStock>().is_some());
    assert!(call("report", "1").unwrap_err().downcast_ref::<OutOfStock>().is_some());
    assert!(call("classified", "1").unwrap_err().downcast_ref::<NoSuchCustomer>().is_some());
}

#[test]
fn an_error_is_named_by_the_type_that_the_function_returned() {
    for (function, name) in [
        ("std_error", Some("errors::OutOfStock")),
        ("in_alias", Some("OutOfStock")),
        ("classified", Some("no-such-customer")),
        ("ours", Some("attributes::OutOfStock")),
        ("report", Some("Report")),
        ("only_printed", Some("OnlyPrinted")),
        ("converts", None),
        ("text", None),
        ("literal", None),
        ("boxed", None),
        ("boxed_here", None),
    ] {
        let error = call(function, "1").unwrap_err();
        match name {
            Some(name) => assert!(error.is_named(name), "{function}: {error:?}"),
            None => assert_eq!(error.name(), None, "{function}"),
        }
    }
}
