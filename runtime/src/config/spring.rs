//! What Spring has and we do not: keys that are refused by name, and areas of Spring Boot that are not ours.

use super::core_keys::CORE_KEYS;
use super::names::{normalised, spells};
use super::node::Piece;
use super::{KeyState, SpringKey};

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

/// Spring's key that a path as written means, if it is one that is refused, and what to use instead.
pub(super) fn refused_key(path: &[Piece]) -> Option<(String, &'static str)> {
    let full = spring_names(path)?;
    let as_binding: Vec<&str> = match full.as_slice() {
        ["spring", "cloud", "stream", "default", inner @ ..] => {
            ["spring", "cloud", "stream", "bindings", "*"].iter().chain(inner).copied().collect()
        }
        _ => full.clone(),
    };
    let refused = |key: &&SpringKey| key.state == KeyState::Refused && fits(key.key, &as_binding);
    CORE_KEYS.iter().find(refused).map(|key| (full.join("."), key.note))
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
                "spring.cloud.stream.bindings.x-in-0.consumer.use-native-decoding",
                "spring.cloud.stream.bindings.x-in-0.consumer.use-native-decoding",
            ),
            (
                "stream.bindings.x-in-0.consumer.useNativeDecoding",
                "spring.cloud.stream.bindings.x-in-0.consumer.useNativeDecoding",
            ),
            (
                "stream.default.producer.error-channel-enabled",
                "spring.cloud.stream.default.producer.error-channel-enabled",
            ),
            ("function.routing-expression", "spring.cloud.function.routing-expression"),
            ("spring.cloud.stream.input-bindings", "spring.cloud.stream.input-bindings"),
            ("spring.config.import", "spring.config.import"),
        ];
        for (written, expected) in cases {
            assert_eq!(refused_key(&pieces(written)).map(|(name, _)| name).as_deref(), Some(expected));
        }
        for known in ["stream.bindings.x-in-0.group", "http.port", "spring.datasource.url"] {
            assert_eq!(refused_key(&pieces(known)), None, "{known}");
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
    fn every_key_is_what_the_table_says() {
        let schema = Schema::new(&[]);
        for SpringKey { key, state, note } in CORE_KEYS {
            let sample = key.replace("**", "x").replace('*', "x");
            let is_known = matches!(schema.lookup(&pieces(&sample)), Lookup::Found(_));
            assert_eq!(is_known, *state == KeyState::Supported, "{key}");
            assert_eq!(refused_key(&pieces(&sample)).is_some(), *state == KeyState::Refused, "{key}");
            assert!(is_known || !note.is_empty(), "{key} is refused without a word");
        }
    }
}
