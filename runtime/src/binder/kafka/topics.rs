//! Which topics an input reads, how many partitions they need, and where it starts in them.

use super::config::{Config, ConsumerSettings, StartOffset};
use super::provision::{Provisioner, Wanted};
use crate::binder::{Error, InputSpec};

/// Makes the topics of an input ready; tells how many partitions each has. Those of a pattern are not known.
pub(super) fn provision(
    provisioner: &Provisioner<'_>,
    spec: &InputSpec,
    settings: &ConsumerSettings,
) -> Result<Vec<(String, u32)>, Error> {
    if is_pattern(settings) {
        return Ok(spec.destinations.iter().map(|topic| (anchored(topic), 0)).collect());
    }
    let (partitions, strict) = (members(spec), is_static(settings));
    let ready = |topic: &String| {
        let found = provisioner.ready(&Wanted { topic, partitions, settings: &settings.topic, strict })?;
        Ok((topic.clone(), found))
    };
    spec.destinations.iter().map(ready).collect()
}

/// Where a group begins that has committed nothing.
pub(super) fn start_offset(config: &Config, settings: &ConsumerSettings, spec: &InputSpec) -> StartOffset {
    let default = if spec.group.is_some() { StartOffset::Earliest } else { StartOffset::Latest };
    settings.start_offset.or(config.consumer.auto_offset_reset).unwrap_or(default)
}

pub(super) fn is_pattern(settings: &ConsumerSettings) -> bool {
    settings.destination_is_pattern.unwrap_or(false)
}

/// How many partitions the members of this application need.
fn members(spec: &InputSpec) -> u32 {
    let sharing = &spec.sharing;
    let instances = if sharing.partitioned { sharing.instance_count } else { 1 };
    instances.saturating_mul(sharing.concurrency)
}

/// Whether each instance takes its own partitions, without the group's coordination.
pub(super) fn is_static(settings: &ConsumerSettings) -> bool {
    settings.auto_rebalance_enabled == Some(false)
}

/// The whole name must fit, as in Spring.
fn anchored(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    format!("^({inner})$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for pattern in ["a.*", "^a.*", "a.*$", "^a.*$"] {
            assert_eq!(anchored(pattern), "^(a.*)$");
        }
    }
}
