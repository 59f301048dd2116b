//! The plan: which function end is to be bound to which destination. Made from configuration and catalog alone.

mod input;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use wellspring_functions::{Catalog, Composition, ContentType, Definition};

use super::partition::Partitioning;
use super::schedule::Schedule;
use super::warnings::Warning;
use crate::config::{BindingConfig, Config, Located, Problem, Problems};

pub use input::{Batching, Circuit, Flow, PlannedInput};

/// What is to be bound. It can be printed without starting anything.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The functions that are bound, in the order of their definitions.
    pub functions: Vec<PlannedFunction>,
    /// Outputs that no function is bound to: code sends to them by name.
    pub outputs: Vec<PlannedOutput>,
    /// Outputs that are opened when code sends to them, if any may be.
    pub dynamic: Option<DynamicOutputs>,
    /// How many bytes of payload all inputs may have in flight together.
    pub max_in_flight_bytes: u64,
    /// Bindings of functions that exist but are not among the definitions: another profile runs them.
    pub inactive: Vec<String>,
    /// What the configuration says and hardly means.
    pub warnings: Vec<Warning>,
}

/// One bound function or composition.
#[derive(Debug, Clone)]
pub struct PlannedFunction {
    /// What is called.
    pub composition: Composition,
    /// Where its inputs come from, in their order; a supplier has none.
    pub inputs: Vec<PlannedInput>,
    /// Where its outputs go, in their order; a consumer has none.
    pub outputs: Vec<PlannedOutput>,
    /// When it is called, if it is a supplier.
    pub schedule: Option<Schedule>,
    /// Whether headers of the input go along with the output, where the configuration decides it.
    pub copy_headers: Option<bool>,
}

/// An output.
#[derive(Debug, Clone)]
pub struct PlannedOutput {
    /// The binding's name.
    pub binding: String,
    /// The destination that is written.
    pub destination: String,
    /// The binder's name.
    pub binder: String,
    /// What payloads are labelled as.
    pub content_type: ContentType,
    /// How many partitions the destination is to have at least.
    pub partition_count: u32,
    /// How the partition of a message is chosen, if not by the binder.
    pub partitioning: Option<Partitioning>,
    /// Groups that must exist before the first message.
    pub required_groups: Vec<String>,
    /// Whether a supplier starts as soon as its output is bound.
    pub auto_startup: bool,
}

/// Outputs that no binding is for.
#[derive(Debug, Clone)]
pub struct DynamicOutputs {
    /// Destinations, or their beginnings with a `*` after it.
    pub allowed: Vec<String>,
    /// What each of them is like, but for its name.
    pub template: PlannedOutput,
}

impl DynamicOutputs {
    /// Whether code may send to a destination.
    #[must_use]
    pub fn allows(&self, destination: &str) -> bool {
        self.allowed.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(beginning) => destination.starts_with(beginning),
            None => destination == allowed,
        })
    }
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    /// Every definition that cannot be resolved, every binding that belongs to nothing, every setting that does not
    /// fit what it is for.
    pub fn new(config: &Config, catalog: &Catalog) -> Result<Self, Problems> {
        let mut planner = Planner { config, problems: Problems::new(), used: BTreeSet::new() };
        let mut plan = Self::default();
        for composition in planner.compositions(catalog) {
            let function = planner.function(composition, catalog);
            plan.functions.push(function);
        }
        (plan.outputs, plan.inactive) = planner.other_bindings(catalog);
        plan.dynamic = planner.dynamic_outputs();
        plan.max_in_flight_bytes = config.stream.max_in_flight_bytes;
        planner.check_renames();
        if !config.stream.enabled {
            plan = Self::default();
        }
        planner.problems.or(plan)
    }

    /// The names of the binders that are used.
    #[must_use]
    pub fn binders(&self) -> BTreeSet<&str> {
        let inputs = self.all_inputs().map(|input| &*input.binder);
        inputs.chain(self.all_outputs().map(|output| &*output.binder)).collect()
    }

    /// Every input.
    pub fn all_inputs(&self) -> impl Iterator<Item = &PlannedInput> {
        self.functions.iter().flat_map(|function| &function.inputs)
    }

    /// Every output, those of functions first.
    pub fn all_outputs(&self) -> impl Iterator<Item = &PlannedOutput> {
        self.functions.iter().flat_map(|function| &function.outputs).chain(&self.outputs)
    }

    /// Whether nothing is to be bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.outputs.is_empty()
    }
}

/// The definitions that the configuration names; without any, the only function there is.
///
/// # Errors
/// A text that is no definition.
pub(crate) fn definitions(config: &Config, catalog: &Catalog) -> Result<Vec<Definition>, Problem> {
    let Some(text) = &config.function.definition else {
        return Ok(match catalog.functions().as_slice() {
            [only] => Definition::parse(&only.name).into_iter().collect(),
            _ => Vec::new(),
        });
    };
    Definition::parse_list(&text.value)
        .map_err(|error| Problem::new(error.to_string()).path("function.definition").at(text.origin.clone()))
}

struct Planner<'a> {
    config: &'a Config,
    problems: Problems,
    /// Names of bindings that belong to a function.
    used: BTreeSet<String>,
}

impl Planner<'_> {
    fn compositions(&mut self, catalog: &Catalog) -> Vec<Composition> {
        let definitions = definitions(self.config, catalog).unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        });
        let stated = self.config.function.definition.as_ref();
        let (mut compositions, mut bases) = (Vec::new(), BTreeMap::new());
        for definition in definitions {
            if let Some(first) = bases.insert(definition.binding_base().to_lowercase(), definition.clone()) {
                let problem = Problem::new(same_bindings(&first, &definition)).path("function.definition");
                self.problems.extend(stated.map(|text| problem.at(text.origin.clone())));
                continue;
            }
            match catalog.resolve(&definition) {
                // A function that nobody named is bound only when its bindings are configured.
                Ok(composition) if stated.is_some() || self.is_configured(&composition) => {
                    compositions.push(composition);
                }
                Ok(_) => {}
                Err(error) => {
                    let problem = Problem::new(error.to_string()).path("function.definition");
                    self.problems.push(match stated {
                        Some(text) => problem.at(text.origin.clone()),
                        None => problem,
                    });
                }
            }
        }
        compositions
    }

    fn is_configured(&self, composition: &Composition) -> bool {
        let base = composition.definition().binding_base();
        let stream = &self.config.stream;
        let mut names = stream.bindings.keys().chain(stream.renames.keys());
        names.any(|name| function_end(name).is_some_and(|(own, _)| own == base))
    }

    fn function(&mut self, composition: Composition, catalog: &Catalog) -> PlannedFunction {
        let base = composition.definition().binding_base();
        let first = composition.definition().names().next().and_then(|name| catalog.function(name));
        let mut inputs = Vec::new();
        for (index, entrance) in composition.entrances().iter().enumerate() {
            let port = entrance.signature().input.as_ref();
            inputs.extend(port.map(|port| self.input(&format!("{base}-in-{index}"), port, first)));
        }
        let count = composition.signature().output.as_ref().map_or(0, |output| output.each().len());
        let outputs =
            (0..count).map(|index| self.output_of_function(&format!("{base}-out-{index}"))).collect();
        let schedule = inputs.is_empty().then(|| self.schedule(&format!("{base}-out-0")));
        let copy_headers = self.config.function.copy_input_headers(&base).map(|copy| copy.value);
        PlannedFunction { composition, inputs, outputs, schedule, copy_headers }
    }

    /// The binding of a function's end, under its new name if it has one.
    fn binding(&mut self, name: &str) -> BindingConfig {
        let renames = &self.config.stream.renames;
        let renamed =
            renames.iter().find(|(old, _)| old.eq_ignore_ascii_case(name)).map(|(_, new)| &*new.value);
        let binding = self.config.stream.binding(renamed.unwrap_or(name));
        self.used.insert(binding.name.to_lowercase());
        self.used.insert(name.to_lowercase());
        binding
    }

    fn output_of_function(&mut self, name: &str) -> PlannedOutput {
        let binding = self.binding(name);
        self.output(&binding)
    }

    fn output(&mut self, binding: &BindingConfig) -> PlannedOutput {
        let producer = &binding.producer;
        if let (Some(selector), None) =
            (&producer.partition_selector_expression, &producer.partition_key_expression)
        {
            let path = format!("stream.bindings.{}.producer.partition-key-expression", binding.name);
            let sentence = format!("selects a partition for a key that nothing says; set `{path}`");
            self.wrong(binding, "producer.partition-selector-expression", selector, &sentence);
        }
        PlannedOutput {
            binding: binding.name.clone(),
            destination: binding.destination.value.clone(),
            binder: self.binder(binding),
            content_type: self.content_type(binding).unwrap_or(ContentType::JSON),
            partition_count: binding.producer.partition_count.value,
            partitioning: Partitioning::of(&binding.producer),
            required_groups: binding.producer.required_groups.value.clone(),
            auto_startup: binding.producer.auto_startup,
        }
    }

    fn content_type(&mut self, binding: &BindingConfig) -> Option<ContentType> {
        let text = binding.content_type.as_ref()?;
        match ContentType::parse(&text.value) {
            Ok(range) if range.as_str().contains('*') => {
                let sentence = format!("`{range}` is a range, expected one type such as `application/json`");
                self.wrong(binding, "content-type", text, &sentence);
            }
            Ok(content_type) => return Some(content_type),
            Err(error) => self.wrong(binding, "content-type", text, &error),
        }
        None
    }

    fn schedule(&mut self, output: &str) -> Schedule {
        let binding = self.binding(output);
        let poller = &binding.producer.poller;
        let at_most = poller.max_messages_per_poll.max(1);
        let Some(cron) = &poller.cron else {
            return Schedule::every(poller.fixed_delay, poller.initial_delay, at_most);
        };
        Schedule::cron(&cron.value, at_most).unwrap_or_else(|error| {
            self.wrong(&binding, "producer.poller.cron", cron, &error);
            Schedule::every(Duration::from_secs(1), Duration::ZERO, at_most)
        })
    }

    fn binder(&self, binding: &BindingConfig) -> String {
        binding.binder.as_ref().unwrap_or(&self.config.stream.default_binder).value.clone()
    }

    fn wrong<T>(
        &mut self,
        binding: &BindingConfig,
        key: &str,
        found: &Located<T>,
        error: &impl fmt::Display,
    ) {
        let path = format!("stream.bindings.{}.{key}", binding.name);
        self.problems.push(Problem::new(error.to_string()).path(path).at(found.origin.clone()));
    }

    /// Bindings that belong to no bound function: outputs for sending from code, ends of functions that are not run
    /// here, or mistakes.
    fn other_bindings(&mut self, catalog: &Catalog) -> (Vec<PlannedOutput>, Vec<String>) {
        let (mut outputs, mut inactive) = (Vec::new(), Vec::new());
        for (name, binding) in &self.config.stream.bindings {
            if self.used.contains(&name.to_lowercase()) {
                continue;
            }
            let end = function_end(name);
            if end.is_some_and(|(base, _)| !self.is_bound(base) && is_composed_of(base, catalog)) {
                inactive.push(name.clone());
                continue;
            }
            let near =
                self.used.iter().find(|used| strsim::damerau_levenshtein(used, &name.to_lowercase()) <= 2);
            let direction = match end {
                Some((_, "in")) => "input",
                Some((base, _)) if self.is_bound(base) => "output",
                _ if near.is_some() => "output",
                _ => {
                    let output = self.output(binding);
                    outputs.push(output);
                    continue;
                }
            };
            let problem = Problem::new(format!("no function has the {direction} `{name}`"));
            let problem =
                problem.path(format!("stream.bindings.{name}")).at(binding.destination.origin.clone());
            self.problems.push(problem.suggest_near(name, self.used.iter().map(String::as_str)));
        }
        (outputs, inactive)
    }

    /// Whether a function is bound whose bindings begin with this.
    fn is_bound(&self, base: &str) -> bool {
        ["in", "out"].iter().any(|end| self.used.contains(&format!("{base}-{end}-0").to_lowercase()))
    }

    /// What code may send to beside the bindings.
    fn dynamic_outputs(&mut self) -> Option<DynamicOutputs> {
        let allowed = self.config.stream.dynamic_destinations.value.clone();
        let template = (!allowed.is_empty()).then(|| self.output(&self.config.stream.binding("")))?;
        Some(DynamicOutputs { allowed, template })
    }

    fn check_renames(&mut self) {
        let mut given = BTreeMap::new();
        for (old, new) in &self.config.stream.renames {
            if let Some(other) = given.insert(new.value.to_lowercase(), old) {
                let sentence = format!("`{}` is the new name of `{other}` already", new.value);
                let path = format!("stream.function.bindings.{old}");
                self.problems.push(Problem::new(sentence).path(path).at(new.origin.clone()));
            }
            if !self.used.contains(&old.to_lowercase()) {
                let path = format!("stream.function.bindings.{old}");
                let problem = Problem::new(format!("no function has the binding `{old}`")).path(path);
                let problem = problem.suggest_near(old, self.used.iter().map(String::as_str));
                self.problems.push(problem.at(new.origin.clone()));
            }
        }
    }
}

/// Why two definitions cannot both be bound.
fn same_bindings(first: &Definition, second: &Definition) -> String {
    if first == second {
        return format!(
            "`{second}` is given twice, expected each definition once (`consumer.concurrency` runs a function several times)"
        );
    }
    let base = second.binding_base();
    format!("`{first}` and `{second}` would both be bound as `{base}`; rename one of the functions")
}

/// `emailsms-in-0` is the end `in` of `emailsms`.
fn function_end(name: &str) -> Option<(&str, &str)> {
    let (rest, index) = name.rsplit_once('-')?;
    let (base, end) = rest.rsplit_once('-')?;
    let is_end =
        matches!(end, "in" | "out") && !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    is_end.then_some((base, end))
}

/// Whether a text is made of the names of functions, one after the other, as the names of bindings are.
fn is_composed_of(base: &str, catalog: &Catalog) -> bool {
    let mut reached = vec![false; base.len() + 1];
    reached[0] = true;
    for start in 0..base.len() {
        let Some(rest) = base.get(start..).filter(|_| reached[start]) else { continue };
        for function in catalog.functions() {
            if rest.starts_with(&*function.name) {
                reached[start + function.name.len()] = true;
            }
        }
    }
    reached[base.len()]
}
