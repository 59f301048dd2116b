//! What an application does once before it runs: create tables, warm a cache.

use futures_util::future::BoxFuture;

use super::StartError;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Hook = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), BoxError>> + Send>;

/// Preparations, in the order in which they were given.
#[derive(Default)]
pub(super) struct Hooks(pub(super) Vec<Hook>);

impl Hooks {
    pub(super) async fn run(self) -> Result<(), StartError> {
        for hook in self.0 {
            hook().await.map_err(StartError::Prepare)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hooks({})", self.0.len())
    }
}
