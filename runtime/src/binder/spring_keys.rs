//! What becomes of Spring's keys in the settings of a binder: supported, or refused with what to use instead.

use crate::config::{KeyState, Origin, Problem, Problems, Section, SpringKey, spring_key};

const NO_TRANSACTIONS: &str = "use Kafka for it: this broker has no transactions that hold what is read and what is sent, and messages are delivered at least once";

/// What only one kind of broker has.
const ELSEWHERE: [SpringKey; 2] = [
    SpringKey::refused("transaction-id-prefix", NO_TRANSACTIONS),
    SpringKey::refused("transaction.transaction-id-prefix", NO_TRANSACTIONS),
];

/// Says of unknown keys that Spring has them, where it does.
pub(super) fn explain(keys: &[SpringKey], settings: &Section, problems: Problems) -> Problems {
    let mut explained = Problems::new();
    for problem in problems {
        let told = refusals(keys, settings, &problem);
        if told.is_empty() {
            explained.push(problem);
        } else {
            explained.extend(told);
        }
    }
    explained
}

/// The keys of Spring's that an unknown key is, or that are written below it.
fn refusals(keys: &[SpringKey], settings: &Section, problem: &Problem) -> Vec<Problem> {
    let Some(path) = problem.key().filter(|_| problem.is_unknown_key()) else { return Vec::new() };
    let written = path.strip_prefix(settings.path()).unwrap_or(path).trim_start_matches('.');
    let refused = || keys.iter().filter(|key| key.state == KeyState::Refused).chain(&ELSEWHERE);
    let refuse = |known: &SpringKey, path: &str, origin: Option<&Origin>| {
        let told = Problem::new("is not supported").path(path);
        let told = if known.note.is_empty() { told } else { told.suggest(known.note) };
        match origin {
            Some(origin) => told.at(origin.clone()),
            None => told,
        }
    };
    if let Some(known) = refused().find(|known| spring_key::is(known.key, written)) {
        return vec![refuse(known, path, problem.origin())];
    }
    let below = refused().filter_map(|known| {
        let rest = spring_key::rest_of(known.key, written)?;
        let found = settings.get(&format!("{written}.{rest}"))?;
        Some(refuse(known, &format!("{path}.{rest}"), Some(&found.origin)))
    });
    below.collect()
}

/// What a table and the settings say differently: keys called supported that are unknown, and the reverse.
#[cfg(test)]
pub(super) fn differences<F: super::Factory>() -> Vec<String> {
    let factory = super::ErasedFactory::of::<F>();
    let mut wrong = Vec::new();
    for SpringKey { key, state, .. } in F::SPRING_KEYS {
        let below = spring_key::below_binder(key).replace(".**", ".any").replace('*', "some-in-0");
        let text = below.rsplit('.').fold("'1'".to_owned(), |inner, name| format!("{{ '{name}': {inner} }}"));
        let settings = Section::from_yaml(format!("stream.{}", F::NAME), &text).expect("yaml");
        let problems = factory.build("test", &settings).err().unwrap_or_default();
        let says = |sentence: &str| problems.iter().any(|problem| problem.to_string().contains(sentence));
        let is = match state {
            KeyState::Supported => !says("unknown key") && !says("is not supported"),
            KeyState::Refused => says("is not supported"),
        };
        if !is {
            wrong.push(format!("{key} is not {state:?}: {problems}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::Deserialize;

    use super::*;
    use crate::binder::memory::MemoryFactory;
    use crate::binder::{Binder, ErasedFactory, Factory};

    struct Any;

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
    struct Settings {
        bindings: std::collections::BTreeMap<String, Self>,
        default: Option<Box<Self>>,
        group_size: Option<u32>,
    }

    impl Factory for Any {
        const NAME: &'static str = "kafka";
        const SPRING_KEYS: &'static [SpringKey] = &[
            SpringKey::supported("spring.kafka.group-size", ""),
            SpringKey::refused("spring.kafka.listener.ack-mode", "leave it out"),
            SpringKey::refused("spring.cloud.stream.kafka.binder.transaction.**", ""),
            SpringKey::refused("spring.cloud.stream.kafka.bindings.*.header-mode", "use headers"),
        ];
        type Config = Settings;

        fn validate(settings: &Settings) -> Vec<String> {
            let all = settings.bindings.values().chain(settings.default.as_deref());
            all.filter(|own| own.group_size == Some(0)).map(|_| "empty".to_owned()).collect()
        }

        fn build(name: &str, _: Settings) -> Arc<dyn Binder> {
            MemoryFactory::build(name, crate::binder::memory::Config::default())
        }
    }

    fn problems(text: &str) -> String {
        let settings = Section::from_yaml("stream.kafka", text).unwrap();
        ErasedFactory::of::<Any>().build("any", &settings).unwrap_err().to_string()
    }

    #[test]
    fn a_key_that_only_spring_has_is_refused_by_name_with_what_to_use() {
        let told = problems("bindings: { a-in-0: { headerMode: none } }");
        assert!(
            told.contains("`stream.kafka.bindings.a-in-0.headerMode`: is not supported; use headers"),
            "{told}"
        );
        for (text, name) in [
            ("default: { header-mode: none }", "stream.kafka.default.header-mode"),
            ("transaction: { transaction-id-prefix: x }", "stream.kafka.transaction"),
            ("transaction.transaction-id-prefix: x", "stream.kafka.transaction.transaction-id-prefix"),
            ("listener.ackMode: x", "stream.kafka.listener.ackMode"),
            ("listener: { ackMode: x }", "stream.kafka.listener.ack-mode"),
        ] {
            let told = problems(text);
            assert!(told.contains(&format!("`{name}`: is not supported")), "{told}");
        }
    }

    #[test]
    fn transactions_are_refused_where_there_are_none_with_the_reason() {
        let settings = |text| Section::from_yaml("stream.memory", text).unwrap();
        for text in ["transaction-id-prefix: x", "transaction: { transaction-id-prefix: x }"] {
            let told = ErasedFactory::of::<MemoryFactory>().build("any", &settings(text)).unwrap_err();
            assert!(told.to_string().contains("this broker has no transactions"), "{told}");
        }
    }

    #[test]
    fn a_key_that_nobody_has_stays_unknown() {
        let told = problems("group-sice: 1");
        assert!(told.contains("unknown key; did you mean `group-size`?"), "{told}");
    }

    #[test]
    fn a_table_that_says_what_the_settings_do_has_no_differences() {
        assert_eq!(differences::<Any>(), Vec::<String>::new());
    }
}
