//! A binder whose names all begin with a prefix, so that a row may use short ones on a broker that others use too.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use wellspring::binder::{Binder, Capabilities, Error, Input, InputSpec, Output, OutputSpec};

#[derive(Debug)]
pub(crate) struct Prefixed {
    pub(crate) inner: Arc<dyn Binder>,
    pub(crate) prefix: String,
}

impl Prefixed {
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn named(&self, mut spec: InputSpec) -> InputSpec {
        spec.destinations = spec.destinations.iter().map(|name| self.name(name)).collect();
        spec.group = spec.group.map(|group| self.name(&group));
        spec
    }
}

impl Binder for Prefixed {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        self.inner.bind_input(self.named(spec))
    }

    fn bind_output(&self, mut spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        spec.destination = self.name(&spec.destination);
        spec.required_groups = spec.required_groups.iter().map(|name| self.name(name)).collect();
        self.inner.bind_output(spec)
    }

    fn bind_dead_letters(
        &self,
        input: InputSpec,
        destination: String,
    ) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        self.inner.bind_dead_letters(self.named(input), self.name(&destination))
    }
}
