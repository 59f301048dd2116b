//! A running application, and how it stops.

use std::time::Duration;

#[cfg(feature = "http")]
use crate::binding::State;
use crate::binding::{Binding, Bindings};
use crate::config::Config;

/// A running application.
#[derive(Debug)]
pub struct Running {
    bindings: Bindings,
    grace: Duration,
}

impl Running {
    /// Every binding that belongs to a function, to look at and to control.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        self.bindings.all()
    }

    /// A binding by its name.
    #[must_use]
    pub fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.get(name)
    }
}
