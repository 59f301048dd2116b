//! What Spring has and we do not: keys that are not supported yet, and areas of Spring Boot that are not ours.

use super::names::{normalised, spells};
use super::node::Piece;

/// A pattern of Spring's keys that mean something to functions or bindings but have no counterpart yet.
///
/// `*` stands for one name, `**` at the end for anything below. `instead` says what to use today.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    pub(super) pattern: &'static str,
    pub(super) instead: Option<&'static str>,
}

const fn missing(pattern: &'static str) -> Missing {
    Missing { pattern, instead: None }
}

const fn instead(pattern: &'static str, instead: &'static str) -> Missing {
    Missing { pattern, instead: Some(instead) }
}

/// What every binding takes in Spring Cloud Stream, below `bindings.<name>` and `default`.
pub(super) const MISSING_IN_BINDINGS: &[Missing] = &[
    instead(
        "error-handler-definition",
        "use `consumer.dead-letter` and read that destination with a function",
    ),
    missing("consumer.instance-index-list"),
    missing("consumer.default-retryable"),
    instead(
        "consumer.retryable-exceptions.**",
        "let the function return an error that says whether a retry can help",
    ),
    missing("consumer.retry-template-name"),
    missing("consumer.header-mode"),
    instead("consumer.use-native-decoding", "take the payload as bytes"),
    missing("consumer.multiplex"),
    missing("consumer.batch-mode"),
    missing("producer.partition-key-expression"),
    missing("producer.partition-key-extractor-name"),
    missing("producer.partition-selector-name"),
    missing("producer.partition-selector-expression"),
    missing("producer.header-mode"),
    instead("producer.use-native-encoding", "return the payload as bytes"),
    missing("producer.error-channel-enabled"),
    missing("producer.dynamic-partition-updates-enabled"),
    instead("producer.poller.fixed-rate", "use `producer.poller.fixed-delay` or `producer.poller.cron`"),
];

/// Every other one.
pub(super) const MISSING: &[Missing] = &[
    missing("spring.cloud.function.routing-expression"),
    missing("spring.cloud.function.routing.enabled"),
    missing("spring.cloud.function.single-function-fallback-enabled"),
    instead(
        "spring.cloud.function.ineligible-definitions",
        "name the functions to run in `function.definition`",
    ),
    missing("spring.cloud.function.registry.cache-size"),
    instead(
        "spring.cloud.function.scan.**",
        "functions are registered by their attribute, nothing is scanned",
    ),
    missing("spring.cloud.function.configuration.*.input-header-mapping-expression.**"),
    missing("spring.cloud.function.configuration.*.output-header-mapping-expression.**"),
    missing("spring.cloud.function.preferred-json-mapper"),
    missing("spring.cloud.function.expected-content-type"),
    missing("spring.cloud.function.observability.enabled"),
    missing("spring.cloud.function.http.put"),
    missing("spring.cloud.function.http.delete"),
    instead("spring.cloud.function.http.request-only-headers", "request headers are never echoed"),
    missing("spring.cloud.function.web.export.**"),
    missing("spring.cloud.function.grpc.**"),
    missing("spring.cloud.function.rsocket.**"),
    missing("spring.cloud.function.location"),
    missing("spring.cloud.function.function-class"),
    missing("spring.cloud.function.function-name"),
    instead("spring.functional.enabled", "leave it out: functions are always registered without scanning"),
    instead("spring.cloud.stream.function.autodetect", "name the functions to run in `function.definition`"),
    missing("spring.cloud.stream.function.routing.enabled"),
    missing("spring.cloud.stream.function.batch-mode"),
    missing("spring.cloud.stream.input-bindings"),
    missing("spring.cloud.stream.output-bindings"),
    missing("spring.cloud.stream.pollable-source"),
    instead("spring.cloud.stream.source", "name the suppliers in `function.definition`"),
    missing("spring.cloud.stream.instance-index-list"),
    missing("spring.cloud.stream.dynamic-destination-cache-size"),
    missing("spring.cloud.stream.dynamic-destinations"),
    missing("spring.cloud.stream.override-cloud-connectors"),
    missing("spring.cloud.stream.binders.*.inherit-environment"),
    missing("spring.cloud.stream.binders.*.default-candidate"),
    missing("spring.cloud.stream.schema.**"),
    missing("spring.cloud.stream.schema-registry-client.**"),
    missing("spring.cloud.stream.metrics.**"),
    missing("spring.cloud.stream.sendto.destination"),
    missing("spring.cloud.stream.pulsar.**"),
    missing("spring.pulsar.**"),
    instead(
        "spring.cloud.stream.poller.fixed-rate",
        "use `stream.poller.fixed-delay` or `stream.poller.cron`",
    ),
    instead(
        "spring.integration.poller.fixed-rate",
        "use `stream.poller.fixed-delay` or `stream.poller.cron`",
    ),
    missing("spring.integration.poller.receive-timeout"),
    instead("spring.config.import", "pass every file with `--config`"),
    instead("spring.config.location", "pass every file with `--config`"),
    instead("spring.config.additional-location", "pass every file with `--config`"),
    instead("spring.config.name", "pass the file with `--config`"),
    instead("spring.config.activate.**", "put these settings into `application-<profile>.yaml`"),
    instead("spring.profiles", "put these settings into `application-<profile>.yaml`"),
    instead("spring.profiles.include", "list the profiles in `profiles.active`"),
    instead("spring.profiles.group.**", "list the profiles in `profiles.active`"),
    instead("spring.profiles.default", "list the profiles in `profiles.active`"),
];

/// Areas of Spring Boot and its companions that say nothing about functions or bindings; files may hold them.
const FOREIGN: &[&str] = &[
    "spring.**",
    "server.**",
    "management.server.**",
    "management.endpoint.**",
    "management.endpoints.**",
    "management.health.**",
    "management.info.**",
    "management.metrics.**",
    "management.observations.**",
    "management.opentelemetry.**",
    "management.otlp.**",
    "management.prometheus.**",
    "management.tracing.**",
    "management.zipkin.**",
    "management.httpexchanges.**",
    "logging.pattern.**",
    "logging.file.**",
    "logging.group.**",
    "logging.charset.**",
    "logging.config",
    "logging.logback.**",
    "logging.log4j2.**",
    "logging.structured.**",
    "logging.threshold.**",
    "logging.console.**",
    "logging.exception-conversion-word",
    "logging.include-application-name",
    "logging.include-application-group",
    "logging.register-shutdown-hook",
    "debug",
    "trace",
    "info.**",
    "eureka.**",
    "feign.**",
    "resilience4j.**",
    "springdoc.**",
    "springwolf.**",
    "wavefront.**",
];

/// Spring's key that a path as written means, if it is one we do not support yet.
pub(super) fn missing_key(path: &[Piece]) -> Option<(String, Option<&'static str>)> {
    let full = spring_names(path)?;
    let inner = match full.as_slice() {
        ["spring", "cloud", "stream", "bindings", _, inner @ ..] => inner,
        ["spring", "cloud", "stream", "default", inner @ ..] => inner,
        _ => &[],
    };
    let binding =
        MISSING_IN_BINDINGS.iter().find(|missing| !inner.is_empty() && fits(missing.pattern, inner));
    let missing = binding.or_else(|| MISSING.iter().find(|missing| fits(missing.pattern, &full)))?;
    Some((full.join("."), missing.instead))
}

/// Whether a path belongs to a part of Spring that is none of our business.
pub(super) fn is_foreign(path: &[Piece]) -> bool {
    let Some(names) = names(path) else { return false };
    let ours = ["spring.cloud.function.**", "spring.cloud.stream.**", "spring.profiles.**"];
    FOREIGN.iter().any(|area| fits(area, &names)) && !ours.iter().any(|area| fits(area, &names))
}

/// The names of a path in full: `stream.x` is `spring.cloud.stream.x`. The first names are put into Spring's spelling.
fn spring_names(path: &[Piece]) -> Option<Vec<&str>> {
    let names = names(path)?;
    let first = normalised(names.first()?);
    let prefix: &[&str] = match first.as_str() {
        "stream" | "function" => &["spring", "cloud"],
        _ => &[],
    };
    let mut full: Vec<&str> = prefix.to_vec();
    full.extend(names);
    for (name, spelling) in full.iter_mut().zip(["spring", "cloud"]) {
        if spells(name, spelling) {
            *name = spelling;
        }
    }
    Some(full)
}

/// The names of a path up to the first place in a list.
fn names(path: &[Piece]) -> Option<Vec<&str>> {
    let names: Vec<&str> = path.iter().map_while(Piece::as_name).collect();
    (!names.is_empty()).then_some(names)
}

pub(super) fn fits(pattern: &str, names: &[&str]) -> bool {
    let mut names = names.iter();
    for segment in pattern.split('.') {
        match (segment, names.next()) {
            ("**", _) => return true,
            (_, None) => return false,
            ("*", Some(_)) => {}
            (segment, Some(name)) if spells(name, &normalised(segment)) => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::split_key;
    use crate::config::schema::{Lookup, Schema};

    fn pieces(path: &str) -> Vec<Piece> {
        split_key(path).expect("a good key")
    }

    #[test]
    fn names_what_spring_has_and_we_do_not() {
        let cases = [
            (
                "spring.cloud.stream.bindings.x-in-0.consumer.batch-mode",
                "spring.cloud.stream.bindings.x-in-0.consumer.batch-mode",
            ),
            (
                "stream.bindings.x-in-0.consumer.batchMode",
                "spring.cloud.stream.bindings.x-in-0.consumer.batchMode",
            ),
            ("stream.default.producer.header-mode", "spring.cloud.stream.default.producer.header-mode"),
            ("function.routing-expression", "spring.cloud.function.routing-expression"),
            ("spring.cloud.stream.input-bindings", "spring.cloud.stream.input-bindings"),
            ("spring.config.import", "spring.config.import"),
        ];
        for (written, expected) in cases {
            assert_eq!(missing_key(&pieces(written)).map(|(name, _)| name).as_deref(), Some(expected));
        }
        for known in ["stream.bindings.x-in-0.group", "http.port", "spring.datasource.url"] {
            assert_eq!(missing_key(&pieces(known)), None, "{known}");
        }
    }

    #[test]
    fn tells_foreign_areas_from_ours() {
        for foreign in [
            "spring.datasource.url",
            "spring.main.banner-mode",
            "server.ssl.enabled",
            "eureka.client.x",
            "management.endpoints.web.exposure.include",
            "spring.cloud.config.uri",
        ] {
            assert!(is_foreign(&pieces(foreign)), "{foreign}");
        }
        for ours in
            ["spring.cloud.stream.bindngs", "spring.cloud.function.x", "management.prot", "loging.level"]
        {
            assert!(!is_foreign(&pieces(ours)), "{ours}");
        }
    }

    #[test]
    fn lists_no_key_that_the_table_has() {
        let schema = Schema::new(&[]);
        let bindings =
            MISSING_IN_BINDINGS.iter().map(|missing| format!("stream.bindings.x.{}", missing.pattern));
        for pattern in MISSING.iter().map(|missing| missing.pattern.to_owned()).chain(bindings) {
            let sample = pattern.replace("**", "x").replace('*', "x");
            assert!(!matches!(schema.lookup(&pieces(&sample)), Lookup::Found(_)), "{pattern} is supported");
        }
    }
}
