//! Which attribute it is, and whose.

use quote::quote;

/// Which of the three attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Supplier,
    Function,
    Consumer,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Supplier => "supplier",
            Self::Function => "function",
            Self::Consumer => "consumer",
        }
    }

    /// All names, to find a second attribute on the same function.
    pub(crate) const NAMES: [&str; 3] = ["supplier", "function", "consumer"];
}

/// The crate that re-exports the attribute; what is generated names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Home {
    Wellspring,
    Functions,
}

impl Home {
    pub(crate) fn path(self) -> proc_macro2::TokenStream {
        match self {
            Self::Wellspring => quote!(::wellspring),
            Self::Functions => quote!(::wellspring_functions),
        }
    }
}
