//! Making topics ready: created, large enough, or an error that says what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{
    AlterConfig, ConfigEntry, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::admin::Admin;
use super::config::{Config, TopicSettings};
use super::failure::failed;
use crate::binder::{Error, Kind};

/// The longest name that a topic may have.
const LONGEST: usize = 249;

/// A topic as a binding needs it.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) topic: &'a str,
    pub(super) partitions: u32,
    pub(super) settings: &'a TopicSettings,
    /// Whether fewer partitions are an error; else they are only told of.
    pub(super) strict: bool,
}

/// Talks to the cluster about topics. Blocks.
pub(super) struct Provisioner<'a> {
    config: &'a Config,
    admin: Admin<'a>,
}

impl<'a> Provisioner<'a> {
    pub(super) fn new(config: &'a Config) -> Result<Self, Error> {
        Ok(Self { config, admin: Admin::new(config)? })
    }

    /// Makes a topic ready; tells how many partitions it has.
    pub(super) fn ready(&self, wanted: &Wanted<'_>) -> Result<u32, Error> {
        check_name(wanted.topic)?;
        let assigned = wanted.settings.replicas_assignments.len();
        let partitions = if assigned > 0 { u32::try_from(assigned).unwrap_or(u32::MAX) } else { 1 };
        let partitions = partitions.max(wanted.partitions).max(self.config.min_partition_count);
        if self.config.auto_create_topics && self.create(wanted, partitions)? {
            return Ok(partitions);
        }
        let found = self.partitions(wanted.topic)?;
        if self.config.auto_alter_topics {
            self.alter(wanted)?;
        }
        let missing = if self.config.auto_create_topics { partitions } else { wanted.partitions };
        if found >= missing {
            return Ok(found);
        }
        if self.config.auto_add_partitions {
            self.add(wanted.topic, partitions)?;
            return Ok(partitions);
        }
        let topic = wanted.topic;
        let sentence = format!(
            "the topic `{topic}` has {found} partitions, expected at least {missing}; \
             set `stream.kafka.auto-add-partitions` to let it grow"
        );
        if wanted.strict {
            return Err(Error::new(Kind::Refused, sentence));
        }
        tracing::warn!(topic, "{sentence}");
        Ok(found)
    }

    /// Creates a topic; `false` if it is there already.
    fn create(&self, wanted: &Wanted<'_>, partitions: u32) -> Result<bool, Error> {
        let topic = wanted.topic;
        let replicas = wanted.settings.replication_factor.unwrap_or(self.config.replication_factor);
        let count = i32::try_from(partitions).unwrap_or(i32::MAX);
        let properties: BTreeMap<&str, &str> =
            wanted.settings.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let assigned = wanted.settings.assignments().unwrap_or_default();
        let placed = if assigned.is_empty() {
            TopicReplication::Fixed(replicas)
        } else {
            TopicReplication::Variable(&assigned)
        };
        let new = NewTopic::new(topic, count, placed);
        let new = properties.into_iter().fold(new, |new, (name, value)| new.set(name, value));
        let created = self.admin.client.create_topics([&new], &self.admin.options());
        let created = self.admin.wait(topic, created)?;
        match created.into_iter().next() {
            Some(Ok(_)) => {
                tracing::info!(topic, partitions, "created the topic");
                self.wait_until_known(topic, partitions);
                Ok(true)
            }
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
                // Somebody may have made it just now.
                self.wait_until_known(topic, 1);
                Ok(false)
            }
            Some(Err((
                _,
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed,
            )))
            | None => Ok(false),
            Some(Err((_, code))) => {
                let sentence = format!("the topic `{topic}` cannot be created: {code}");
                Err(failed(sentence, KafkaError::AdminOp(code)))
            }
        }
    }

    /// Gives a topic the properties that its binding says, and leaves it those that it has beyond them.
    fn alter(&self, wanted: &Wanted<'_>) -> Result<(), Error> {
        let (topic, properties) = (wanted.topic, &wanted.settings.properties);
        if properties.is_empty() {
            return Ok(());
        }
        let failed = |error| failed(format!("the properties of the topic `{topic}` cannot be set"), error);
        let described = self.described(topic)?.map_err(|code| failed(KafkaError::AdminOp(code)))?;
        let own = described.iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
        let own = own.filter_map(|entry| Some((entry.name.as_str(), entry.value.as_deref()?)));
        let mut all: BTreeMap<&str, &str> = own.collect();
        let before = all.clone();
        all.extend(properties.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if all == before {
            return Ok(());
        }
        let altered =
            all.iter().fold(AlterConfig::new(ResourceSpecifier::Topic(topic)), |altered, (name, value)| {
                altered.set(name, value)
            });
        let altered = self.admin.client.alter_configs([&altered], &self.admin.options());
        let altered = self.admin.wait(topic, altered)?;
        match altered.into_iter().next() {
            Some(Err((_, code))) => Err(failed(KafkaError::AdminOp(code))),
            _ => {
                tracing::info!(topic, "the properties of the topic have changed");
                Ok(())
            }
        }
    }

    /// How large a batch a topic takes, in bytes; nothing where the broker does not tell.
    pub(super) fn limit(&self, topic: &str) -> Option<u32> {
        let described = self.described(topic).ok()?.ok()?;
        let limit = described.into_iter().find(|entry| entry.name == "max.message.bytes")?;
        limit.value?.parse().ok()
    }

    /// The properties of a topic.
    fn described(&self, topic: &str) -> Result<Result<Vec<ConfigEntry>, RDKafkaErrorCode>, Error> {
        let resource = ResourceSpecifier::Topic(topic);
        let described = self.admin.client.describe_configs([&resource], &self.admin.options());
        let described = self.admin.wait(topic, described)?;
        let found = described.into_iter().next();
        Ok(found.map_or_else(|| Ok(Vec::new()), |found| found.map(|resource| resource.entries)))
    }

    /// A created topic is known to all brokers a little later.
    fn wait_until_known(&self, topic: &str, partitions: u32) {
        for _ in 0..50 {
            if self.partitions(topic).is_ok_and(|found| found >= partitions) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn add(&self, topic: &str, partitions: u32) -> Result<(), Error> {
        let new = NewPartitions::new(topic, partitions as usize);
        let added = self.admin.client.create_partitions([&new], &self.admin.options());
        let added = self.admin.wait(topic, added)?;
        if let Some(Err((_, code))) = added.into_iter().next() {
            let sentence = format!("the topic `{topic}` cannot get {partitions} partitions: {code}");
            return Err(failed(sentence, KafkaError::AdminOp(code)));
        }
        tracing::info!(topic, partitions, "the topic has grown");
        self.wait_until_known(topic, partitions);
        Ok(())
    }

    /// How many partitions a topic has.
    pub(super) fn partitions(&self, topic: &str) -> Result<u32, Error> {
        let metadata = self.admin.client.inner().fetch_metadata(Some(topic), self.config.bind_timeout);
        let metadata = metadata.map_err(|error| self.admin.unreachable(topic, error, None))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.map(|found| (found.error(), found.partitions().len())) {
            Some((None, partitions)) if partitions > 0 => Ok(u32::try_from(partitions).unwrap_or(u32::MAX)),
            Some((Some(error), _)) => {
                let code = RDKafkaErrorCode::from(error);
                let absent = matches!(
                    code,
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic
                );
                if absent {
                    Err(self.absent(topic))
                } else {
                    Err(self.admin.unreachable(topic, KafkaError::MetadataFetch(code), None))
                }
            }
            _ => Err(self.absent(topic)),
        }
    }

    /// The topics whose names begin with a text.
    pub(super) fn beginning_with(&self, text: &str) -> Result<Vec<String>, Error> {
        let metadata = self.admin.client.inner().fetch_metadata(None, self.config.bind_timeout);
        let metadata = metadata.map_err(|error| self.admin.unreachable(text, error, None))?;
        let names = metadata.topics().iter().map(|topic| topic.name());
        Ok(names.filter(|name| name.starts_with(text)).map(str::to_owned).collect())
    }

    fn absent(&self, topic: &str) -> Error {
        let hint =
            if self.config.auto_create_topics { "it was deleted" } else { "`auto-create-topics` is off" };
        let sentence = format!("the topic `{topic}` does not exist at {}: {hint}", self.config.addresses());
        Error::new(Kind::Refused, sentence)
    }
}

/// Refuses what a broker would refuse.
pub(super) fn check_name(topic: &str) -> Result<(), Error> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = !topic.is_empty() && topic.len() <= LONGEST && topic != "." && topic != "..";
    if fits && topic.chars().all(legal) {
        return Ok(());
    }
    let name = topic.escape_debug();
    let sentence =
        format!("`{name}` is no name of a topic, expected 1 to {LONGEST} letters, digits, `.`, `_` and `-`");
    Err(Error::new(Kind::Refused, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_the_broker_refuses() {
        for good in ["a", "a.b_c-9", &"x".repeat(249)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ż", &"x".repeat(250)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
