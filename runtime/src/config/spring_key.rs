//! One key of Spring's and what becomes of it, and Spring's names of keys that belong to a binder.

use super::keys::PREFIXES;
use super::names::normalised;
use super::spring::fits;

/// One key that Spring has, and what becomes of it here.
///
/// [`Config::spring_keys`](super::Config::spring_keys) and the tables of the binders
/// ([`Factory::SPRING_KEYS`](crate::binder::Factory::SPRING_KEYS)) are what the documentation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpringKey {
    /// The key in full, such as `spring.cloud.stream.kafka.bindings.*.consumer.ack-mode`. `*` stands for one name,
    /// `**` at the end for anything below; what is said of `bindings.*` holds for `default` as well.
    pub key: &'static str,
    /// Whether it is understood.
    pub state: KeyState,
    /// For a supported key what is different here, if anything is; for a refused one what to use instead, as a clause.
    pub note: &'static str,
}

/// Whether a key of Spring's is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is read and does what it does in Spring.
    Supported,
    /// It is refused by name, whatever its value is.
    Refused,
}

impl SpringKey {
    /// A key that means here what it means in Spring, give or take the note.
    #[must_use]
    pub const fn supported(key: &'static str, note: &'static str) -> Self {
        Self { key, state: KeyState::Supported, note }
    }

    /// A key that is refused, and what to use instead; nothing if there is nothing.
    #[must_use]
    pub const fn refused(key: &'static str, instead: &'static str) -> Self {
        Self { key, state: KeyState::Refused, note: instead }
    }
}

/// What Spring's key is called below the settings of its binder: `spring.kafka.ssl.protocol` is `ssl.protocol`.
pub(crate) fn below_binder(spring: &str) -> String {
    let behind = |prefix: &str| spring.strip_prefix(prefix)?.strip_prefix('.');
    let meant = PREFIXES.iter().filter_map(|(prefix, ours)| Some((prefix.len(), *ours, behind(prefix)?)));
    let Some((_, ours, rest)) = meant.max_by_key(|(length, ..)| *length) else { return spring.to_owned() };
    // `stream.kafka`, or `stream` alone with the name of the binder still to come.
    match ours.split_once('.') {
        Some(_) => rest.to_owned(),
        None => rest.split_once('.').map_or(rest, |(_, below)| below).to_owned(),
    }
}

/// Whether `written`, a path below the settings of a binder, is what Spring calls `spring`, which may hold `*`. What
/// is written for `default` is meant for every binding; a path that stops early is meant if only `**` could follow.
pub(crate) fn is(spring: &str, written: &str) -> bool {
    let below = below_binder(spring);
    let names: Vec<&str> = written.split('.').collect();
    if fits(&below, &names) {
        return true;
    }
    if let ["default", rest @ ..] = names.as_slice()
        && let Some(of_binding) = below.strip_prefix("bindings.*.")
    {
        return fits(of_binding, rest);
    }
    // The words of a variable do not say where a name ends.
    let (joined, whole) = (normalised(&written.replace('.', "")), normalised(&below.replace('.', "")));
    !whole.contains('*') && joined == whole
        || whole.strip_suffix("**").is_some_and(|start| joined.starts_with(start))
}

/// What is left of Spring's key behind `written`, a path that ends before it does.
pub(crate) fn rest_of(spring: &str, written: &str) -> Option<String> {
    let below = below_binder(spring);
    let (names, count) = (below.split('.'), written.split('.').count());
    let start: Vec<&str> = names.clone().take(count).collect();
    let rest: Vec<&str> = names.skip(count).collect();
    let is_start = !rest.is_empty() && fits(&start.join("."), &written.split('.').collect::<Vec<_>>());
    is_start.then(|| rest.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_below_the_binder() {
        for (spring, below) in [
            ("spring.kafka.ssl.protocol", "ssl.protocol"),
            ("spring.cloud.stream.kafka.binder.brokers", "brokers"),
            ("spring.cloud.stream.kafka.bindings.*.consumer.ack-mode", "bindings.*.consumer.ack-mode"),
            ("spring.cloud.stream.rabbit.bindings.*.producer.prefix", "bindings.*.producer.prefix"),
            ("spring.rabbitmq.host", "host"),
        ] {
            assert_eq!(below_binder(spring), below);
        }
    }

    #[test]
    fn knows_a_key_in_every_spelling() {
        let spring = "spring.cloud.stream.kafka.bindings.*.consumer.ack-mode";
        for written in ["bindings.a-in-0.consumer.ackMode", "default.consumer.ack_mode"] {
            assert!(is(spring, written), "{written}");
        }
        assert!(!is(spring, "bindings.a-in-0.producer.ack-mode"));
        assert!(is("spring.cloud.stream.kafka.binder.transaction.**", "transaction-transaction-id-prefix"));
        assert!(is("spring.kafka.listener.ack-mode", "listener-ack-mode"));
    }
}
