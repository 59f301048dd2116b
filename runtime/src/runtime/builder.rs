//! What an application provides: functions, state, configuration of its own, routes.

use std::sync::Arc;

use wellspring_functions::{Catalog, CatalogBuilder, Inject, Offload, Resources, Sender, State};

use super::Runtime;
use super::hooks::{Hook, Hooks};
use crate::binder::{Binder, factories};
use crate::binding::{Binders, Plan, SenderOutputs, check_promises, definitions};
use crate::config::{Config, Problem, Problems, Sources};
use crate::invocation::{BlockingPool, Functions};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Provide =
    Box<dyn FnOnce(&Config, CatalogBuilder, &mut Resources) -> Result<CatalogBuilder, BoxError> + Send>;
type Prepare = Box<dyn FnOnce(&Resources) -> Result<Hook, BoxError> + Send>;

/// A crate that nobody names is not linked, and its functions with it.
const NO_FUNCTIONS: &str = "is their crate named? write `use my_functions as _;` in the binary";

/// Collects what an application provides. Functions with attributes are found by themselves.
///
/// ```standalone_crate
/// use wellspring::Runtime;
/// use wellspring::config::Sources;
///
/// let runtime = Runtime::builder()
///     .functions(|catalog| catalog.function("uppercase", |text: String| text.to_uppercase()))
///     .sources(Sources::new().arg("--function.definition=uppercase"))
///     .build()?;
/// assert_eq!(runtime.functions().catalog().len(), 1);
/// # Ok::<(), wellspring::config::Problems>(())
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until it is built or run"]
pub struct RuntimeBuilder {
    provide: Vec<Provide>,
    prepare: Vec<Prepare>,
    sources: Option<Sources>,
    built_in: Vec<(String, String)>,
    binders: Binders,
    pub(crate) version: Option<String>,
    #[cfg(feature = "http")]
    routes: Option<axum::Router>,
}

impl RuntimeBuilder {
    /// Adds functions, codecs or resources without attributes.
    pub fn functions(self, add: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static) -> Self {
        self.provide(|_, catalog, _| Ok(add(catalog)))
    }

    /// Provides application state, which functions take as `State<S>`.
    pub fn state<S: Clone + Send + Sync + 'static>(self, state: S) -> Self {
        self.state_with(|_| Ok::<_, std::convert::Infallible>(state))
    }

    /// Provides application state that is made from the configuration.
    ///
    /// It is made for every command, also for those that only look (`check`, `functions`): do not connect here, but
    /// in [`on_start`](Self::on_start) or at first use.
    pub fn state_with<S, E>(self, make: impl FnOnce(&Config) -> Result<S, E> + Send + 'static) -> Self
    where
        S: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
    {
        self.provide(|config, catalog, resources| {
            let state = make(config).map_err(Into::into)?;
            resources.insert(State(state.clone()));
            Ok(catalog.state(state))
        })
    }

    /// Prepares the application before anything is bound: creates tables, warms a cache. The argument is application
    /// state that was provided before.
    pub fn on_start<S, E, F>(mut self, prepare: impl FnOnce(S) -> F + Send + 'static) -> Self
    where
        S: Clone + Send + Sync + 'static,
        E: Into<BoxError>,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.prepare.push(Box::new(move |resources| {
            let state = <State<S> as Inject>::prepare(resources)?;
            Ok(Box::new(|| Box::pin(async move { prepare(state).await.map_err(Into::into) })))
        }));
        self
    }

    /// Builds a configuration file into the program, such as `application.yaml`; files on disk override it.
    pub fn config(mut self, name: &str, text: &str) -> Self {
        self.built_in.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Reads the configuration from here instead of from the process's arguments, environment and directory.
    pub fn sources(mut self, sources: Sources) -> Self {
        self.sources = Some(sources);
        self
    }

    /// Uses a binder of one's own under a name.
    pub fn binder(mut self, name: &str, binder: Arc<dyn Binder>) -> Self {
        self.binders = self.binders.with(name, binder);
        self
    }

    /// The version that `--version` prints; `env!("CARGO_PKG_VERSION")` is the usual one.
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Mounts the application's own routes beside the functions; they come first.
    #[cfg(feature = "http")]
    pub fn routes(mut self, routes: axum::Router) -> Self {
        self.routes = Some(match self.routes.take() {
            Some(own) => own.merge(routes),
            None => routes,
        });
        self
    }

    /// Runs the command line of the application: see [`cli`](crate::cli).
    #[cfg(feature = "cli")]
    pub fn main(self) -> std::process::ExitCode {
        crate::cli::main(self)
    }

    /// Checks everything: configuration, functions, definitions, bindings, settings of binders. Connects nothing.
    ///
    /// # Errors
    /// Every problem there is, each with its place.
    pub fn build(self) -> Result<Runtime, Problems> {
        let mut sources = self.sources.unwrap_or_else(Sources::from_process);
        for (name, text) in self.built_in {
            sources = sources.built_in(name, text);
        }
        for factory in factories() {
            sources = sources.binder(factory.name);
        }
        let config = Config::load(&sources)?;
        let (sender, mut resources) = (SenderOutputs::default(), Resources::new());
        let catalog = catalog(&config, self.provide, &sender, &mut resources)?;
        let mut problems = Problems::new();
        if catalog.is_empty() {
            problems.push(Problem::new("there are no functions at all").suggest(NO_FUNCTIONS));
        }
        let mut hooks = Vec::new();
        for prepare in self.prepare {
            match prepare(&resources) {
                Ok(hook) => hooks.push(hook),
                Err(error) => problems.push(Problem::new(format!("a preparation cannot run: {error}"))),
            }
        }
        let mut plan = Plan::new(&config, &catalog).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Plan::default()
        });
        let binders = self.binders.make(&plan, &config.stream).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Binders::default()
        });
        problems.extend(check_promises(&mut plan, &binders).err().into_iter().flatten());
        let functions = problems.or(()).and_then(|()| functions(&config, catalog))?;
        Ok(Runtime {
            config,
            functions,
            plan,
            binders,
            sender,
            hooks: Hooks(hooks),
            #[cfg(feature = "http")]
            routes: self.routes,
        })
    }

    fn provide(
        mut self,
        provide: impl FnOnce(&Config, CatalogBuilder, &mut Resources) -> Result<CatalogBuilder, BoxError>
        + Send
        + 'static,
    ) -> Self {
        self.provide.push(Box::new(provide));
        self
    }
}

fn catalog(
    config: &Config,
    provide: Vec<Provide>,
    sender: &SenderOutputs,
    resources: &mut Resources,
) -> Result<Catalog, Problems> {
    let mut builder = Catalog::builder().registered().max_stages(config.function.max_stages.value as usize);
    for provide in provide {
        builder = provide(config, builder, resources)
            .map_err(|error| Problem::new(format!("application state cannot be made: {error}")))?;
    }
    let codecs = builder.codecs();
    let pool: Arc<dyn Offload> = Arc::new(BlockingPool);
    let builder = builder.resource(pool).resource(Sender::new(Arc::new(sender.clone()), codecs));
    builder.build().map_err(|errors| errors.0.iter().map(|error| Problem::new(error.to_string())).collect())
}

fn functions(config: &Config, catalog: Catalog) -> Result<Functions, Problems> {
    let definitions = definitions(config, &catalog)?;
    let deadline = Some(config.http.timeout).filter(|deadline| !deadline.is_zero());
    Functions::new(catalog, &definitions, deadline).map_err(|error| Problem::new(error.to_string()).into())
}

impl std::fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeBuilder").field("sources", &self.sources).finish_non_exhaustive()
    }
}
