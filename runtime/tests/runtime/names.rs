//! Names of bindings: whatever functions are called, however their definitions and keys are spelled.

use std::collections::BTreeSet;

use proptest::prelude::*;
use wellspring::binding::Plan;
use wellspring::{CatalogBuilder, Runtime};

use super::app::builder;

fn echoes(names: &BTreeSet<String>) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static {
    let names = names.clone();
    move |catalog| names.iter().fold(catalog, |catalog, name| catalog.function(name, |text: String| text))
}

fn plan(yaml: &str, names: &BTreeSet<String>) -> Plan {
    let built: Result<Runtime, _> = builder(yaml, echoes(names)).build();
    built.unwrap_or_else(|problems| panic!("{problems}\n{yaml}")).plan().clone()
}

/// The names of both ends of the only function.
fn ends(plan: &Plan) -> (&str, &str) {
    let function = &plan.functions[0];
    (&function.inputs[0].binding, &function.outputs[0].binding)
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Zäπ数_][a-zA-Z0-9äπ数_/]{0,6}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_spelling_of_a_composition_has_the_same_bindings(
        names in proptest::collection::vec(name(), 1..5),
        separators in proptest::collection::vec(prop::sample::select(vec!["|", ",", " | ", " ,"]), 4),
    ) {
        let all: BTreeSet<_> = names.iter().cloned().collect();
        let mut spelled = names[0].clone();
        for (name, separator) in names[1..].iter().zip(&separators) {
            spelled = format!("{spelled}{separator}{name}");
        }
        let base = names.concat();
        let expected = (format!("{base}-in-0"), format!("{base}-out-0"));
        let plan = plan(&format!("function: {{ definition: '{spelled}' }}"), &all);
        prop_assert_eq!(ends(&plan), (expected.0.as_str(), expected.1.as_str()));
    }

    #[test]
    fn a_key_with_separators_or_in_another_case_means_the_same_binding(
        names in proptest::collection::vec(name(), 1..4),
        separator in prop::sample::select(vec!["", "|", ",", ", "]),
        upper in any::<bool>(),
    ) {
        let all: BTreeSet<_> = names.iter().cloned().collect();
        let mut key = format!("{}-in-0", names.join(separator));
        if upper {
            key = key.to_uppercase();
        }
        let yaml = format!(
            "function: {{ definition: '{}' }}\nstream: {{ bindings: {{ '{key}': {{ destination: there, group: g }} }} }}",
            names.join("|")
        );
        let plan = plan(&yaml, &all);
        let input = &plan.functions[0].inputs[0];
        prop_assert_eq!(&input.destinations, &["there".to_owned()]);
        prop_assert_eq!(input.group.as_deref(), Some("g"));
        prop_assert!(plan.outputs.is_empty() && plan.inactive.is_empty());
    }

    #[test]
    fn a_new_name_replaces_the_old_one(names in proptest::collection::vec(name(), 1..4), new in "[a-z]{1,8}") {
        let all: BTreeSet<_> = names.iter().cloned().collect();
        let base = names.concat();
        let yaml = format!(
            "
function: {{ definition: '{}' }}
stream:
  function: {{ bindings: {{ '{base}-in-0': new-{new} }} }}
  bindings: {{ new-{new}: {{ group: g }} }}
",
            names.join("|")
        );
        let plan = plan(&yaml, &all);
        let expected = (format!("new-{new}"), format!("{base}-out-0"));
        prop_assert_eq!(ends(&plan), (expected.0.as_str(), expected.1.as_str()));
        let input = &plan.functions[0].inputs[0];
        prop_assert_eq!(&input.destinations[0], &expected.0, "the destination follows the name");
        prop_assert_eq!(input.group.as_deref(), Some("g"));
    }

    #[test]
    fn no_two_bindings_of_an_accepted_plan_have_the_same_name(
        definitions in proptest::collection::vec(proptest::collection::vec("[ab]{1,2}", 1..3), 1..5),
    ) {
        let all: BTreeSet<_> = definitions.iter().flatten().cloned().collect();
        let definition = definitions.iter().map(|names| names.join("|")).collect::<Vec<_>>().join(";");
        let built = builder(&format!("function: {{ definition: '{definition}' }}"), echoes(&all)).build();
        let bases: BTreeSet<_> = definitions.iter().map(|names| names.concat()).collect();
        prop_assert_eq!(built.is_ok(), bases.len() == definitions.len(), "{}", definition);
    }
}
