//! Why an application did not start.

use crate::binding;

/// Why an application whose configuration is right did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A preparation of the application failed.
    #[error("the application could not prepare itself")]
    Prepare(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A binding could not be made.
    #[error(transparent)]
    Binding(#[from] binding::StartError),
    /// A port could not be listened on.
    #[cfg(feature = "http")]
    #[error(transparent)]
    Http(#[from] crate::http::Error),
}

impl StartError {
    /// Whether it was a broker that could not be reached, so that a later start may succeed.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Binding(error) if error.is_unreachable())
    }
}
