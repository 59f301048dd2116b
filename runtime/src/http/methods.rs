//! Which methods a resource answers.

use hyper::Method;
use hyper::header::HeaderValue;
use wellspring_functions::{Composition, FunctionKind};

/// A set of methods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Methods {
    /// GET and HEAD.
    pub(super) get: bool,
    pub(super) post: bool,
}

/// What a method asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// GET or HEAD.
    Get,
    Post,
    Options,
    Other,
}

impl Verb {
    pub(super) const fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::POST => Self::Post,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

impl Methods {
    /// What the kind of a composition admits at its own path.
    pub(super) const fn of(composition: &Composition) -> Self {
        match composition.kind() {
            FunctionKind::Supplier if composition.is_self_running() => Self { get: false, post: true },
            FunctionKind::Supplier => Self { get: true, post: false },
            FunctionKind::Function | FunctionKind::Consumer => Self { get: false, post: true },
        }
    }

    pub(super) const fn is_empty(self) -> bool {
        !self.get && !self.post
    }

    pub(super) const fn admits(self, verb: Verb) -> bool {
        match verb {
            Verb::Get => self.get,
            Verb::Post => self.post,
            Verb::Options => !self.is_empty(),
            Verb::Other => false,
        }
    }

    /// The value of `Allow`.
    pub(super) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match (self.get, self.post) {
            (true, true) => "GET, HEAD, POST, OPTIONS",
            (true, false) => "GET, HEAD, OPTIONS",
            (false, true) => "POST, OPTIONS",
            (false, false) => "OPTIONS",
        })
    }
}
