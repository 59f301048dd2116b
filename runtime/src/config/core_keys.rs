//! What becomes of the keys of Spring Cloud Function and Stream that belong to no binder, one line each: the page of
//! the documentation is made of it, and refusals are.

use super::SpringKey;

macro_rules! keys {
    ($($state:tt $key:literal: $note:expr,)*) => { &[$(keys!(@ $state $key, $note),)*] };
    (@ + $key:expr, $note:expr) => { SpringKey::supported($key, $note) };
    (@ - $key:expr, $note:expr) => { SpringKey::refused($key, $note) };
}

const FILES: &str = "pass every file with `--config`";
const PROFILE: &str = "put these settings into `application-<profile>.yaml`";
const PROFILES: &str = "list the profiles in `profiles.active`";
const DEFINITION: &str = "name the functions to run in `function.definition`";
const POLLER: &str = "use `fixed-delay` or `cron`";
const ROUTING: &str =
    "name one definition per profile in `function.definition`, or send by name with `Sender`";
const REGISTERED: &str = "leave it out: functions are registered by their attributes, nothing is scanned";
const ADAPTER: &str = "leave it out: functions are called over HTTP and by bindings";
const SCHEMAS: &str = "leave it out: let the function take bytes and read the schema's format itself";
const MAPPING: &str = "put a function that sets the headers into the composition";
const INDICES: &str = "run one instance for each index and set `instance-index`";
const NATIVE_IN: &str = "leave it out and let the function take the payload as bytes";
const NATIVE_OUT: &str = "leave it out and let the function return the payload as bytes";
const EXCEPTION: &str = "name the Rust type of the error, such as `shop::OrderError`";
const OTHER_BROKER: &str = "use a binder for that broker, under its own name";

/// All of them.
pub(super) const CORE_KEYS: &[SpringKey] = keys! {
    + "spring.application.name": "",
    + "spring.profiles.active": "",
    - "spring.profiles.include": PROFILES,
    - "spring.profiles.group.**": PROFILES,
    - "spring.profiles.default": PROFILES,
    - "spring.config.import": FILES,
    - "spring.config.location": FILES,
    - "spring.config.additional-location": FILES,
    - "spring.config.name": "pass the file with `--config`",
    - "spring.config.activate.**": PROFILE,
    - "spring.functional.enabled": REGISTERED,
    + "spring.cloud.function.definition": "",
    + "spring.cloud.function.configuration.*.copy-input-headers": "",
    + "spring.cloud.function.web.path": "",
    + "spring.cloud.function.http.get": "",
    + "spring.cloud.function.http.post": "",
    + "spring.cloud.function.http.ignored-headers": "",
    - "spring.cloud.function.http.put": "call the function with `POST`",
    - "spring.cloud.function.http.delete": "call the function with `POST`",
    - "spring.cloud.function.http.request-only-headers": "leave it out: request headers are never echoed",
    - "spring.cloud.function.routing-expression": ROUTING,
    - "spring.cloud.function.routing.enabled": ROUTING,
    - "spring.cloud.function.single-function-fallback-enabled": "call the function by its name, or at `/`",
    - "spring.cloud.function.ineligible-definitions": DEFINITION,
    - "spring.cloud.function.registry.cache-size": "leave it out: nothing is looked up twice",
    - "spring.cloud.function.scan.**": REGISTERED,
    - "spring.cloud.function.configuration.*.input-header-mapping-expression.**": MAPPING,
    - "spring.cloud.function.configuration.*.output-header-mapping-expression.**": MAPPING,
    - "spring.cloud.function.preferred-json-mapper": "leave it out: there is one",
    - "spring.cloud.function.expected-content-type": "set `content-type` of the binding",
    - "spring.cloud.function.observability.enabled": "leave it out: there is nothing to switch",
    - "spring.cloud.function.web.export.**": "call other services from a function",
    - "spring.cloud.function.grpc.**": ADAPTER,
    - "spring.cloud.function.rsocket.**": ADAPTER,
    - "spring.cloud.function.location": REGISTERED,
    - "spring.cloud.function.function-class": REGISTERED,
    - "spring.cloud.function.function-name": DEFINITION,
    + "spring.cloud.stream.function.definition": "",
    + "spring.cloud.stream.function.bindings.*": "",
    - "spring.cloud.stream.function.autodetect": DEFINITION,
    - "spring.cloud.stream.function.routing.enabled": ROUTING,
    - "spring.cloud.stream.function.batch-mode": "set `consumer.batch-mode` of the binding",
    + "spring.cloud.stream.default-binder": "`rabbit` is `rabbitmq`",
    + "spring.cloud.stream.instance-count": "",
    + "spring.cloud.stream.instance-index": "",
    - "spring.cloud.stream.instance-index-list": INDICES,
    - "spring.cloud.stream.input-bindings": "leave it out: inputs belong to functions",
    - "spring.cloud.stream.output-bindings": "name the output under `bindings`, and send to it with `Sender`",
    - "spring.cloud.stream.pollable-source": "pause and resume the binding of a function",
    - "spring.cloud.stream.source": "name the suppliers in `function.definition`",
    + "spring.cloud.stream.dynamic-destinations": "without it none is opened; Spring opens any",
    - "spring.cloud.stream.dynamic-destination-cache-size": "leave it out: what is opened stays open",
    - "spring.cloud.stream.sendto.destination": "it is a header, which a function sets on its result",
    + "spring.cloud.stream.binding-retry-interval": "the longest wait; the first ones are shorter",
    - "spring.cloud.stream.override-cloud-connectors": "leave it out: Spring has forgotten it too",
    + "spring.cloud.stream.binders.*.type": "",
    + "spring.cloud.stream.binders.*.environment.**": "",
    + "spring.cloud.stream.binders.*.inherit-environment": "",
    + "spring.cloud.stream.binders.*.default-candidate": "",
    + "spring.cloud.stream.poller.fixed-delay": "",
    + "spring.cloud.stream.poller.initial-delay": "",
    + "spring.cloud.stream.poller.cron": "",
    + "spring.cloud.stream.poller.max-messages-per-poll": "",
    - "spring.cloud.stream.poller.fixed-rate": POLLER,
    + "spring.integration.poller.fixed-delay": "",
    + "spring.integration.poller.initial-delay": "",
    + "spring.integration.poller.cron": "",
    + "spring.integration.poller.max-messages-per-poll": "",
    - "spring.integration.poller.fixed-rate": POLLER,
    - "spring.integration.poller.receive-timeout": "leave it out: suppliers are called, not waited for",
    - "spring.cloud.stream.schema.**": SCHEMAS,
    - "spring.cloud.stream.schema-registry-client.**": SCHEMAS,
    - "spring.cloud.stream.metrics.**": "ask `/health` and the counts of the bindings",
    - "spring.cloud.stream.pulsar.**": OTHER_BROKER,
    - "spring.pulsar.**": OTHER_BROKER,
    + "spring.cloud.stream.bindings.*.destination": "an output takes one",
    + "spring.cloud.stream.bindings.*.group": "",
    + "spring.cloud.stream.bindings.*.content-type": "",
    + "spring.cloud.stream.bindings.*.binder": "",
    - "spring.cloud.stream.bindings.*.error-handler-definition":
        "use `consumer.dead-letter` and read that destination with a function",
    + "spring.cloud.stream.bindings.*.consumer.auto-startup": "",
    + "spring.cloud.stream.bindings.*.consumer.concurrency": "",
    + "spring.cloud.stream.bindings.*.consumer.partitioned": "",
    + "spring.cloud.stream.bindings.*.consumer.instance-count": "",
    + "spring.cloud.stream.bindings.*.consumer.instance-index": "",
    - "spring.cloud.stream.bindings.*.consumer.instance-index-list": INDICES,
    + "spring.cloud.stream.bindings.*.consumer.max-attempts": "1 is one call, on every binder",
    + "spring.cloud.stream.bindings.*.consumer.back-off-initial-interval": "",
    + "spring.cloud.stream.bindings.*.consumer.back-off-max-interval": "",
    + "spring.cloud.stream.bindings.*.consumer.back-off-multiplier": "",
    + "spring.cloud.stream.bindings.*.consumer.default-retryable": "for every error that `retryable-exceptions` does not name",
    - "spring.cloud.stream.bindings.*.consumer.retryable-exceptions.*.*.**": EXCEPTION,
    + "spring.cloud.stream.bindings.*.consumer.retryable-exceptions.*":
        "errors by their Rust type, its last part, or the name they give themselves",
    - "spring.cloud.stream.bindings.*.consumer.retry-template-name":
        "use `consumer.max-attempts` and `consumer.back-off-initial-interval`",
    + "spring.cloud.stream.bindings.*.consumer.header-mode": "`headers` only",
    - "spring.cloud.stream.bindings.*.consumer.use-native-decoding": NATIVE_IN,
    + "spring.cloud.stream.bindings.*.consumer.multiplex":
        "an input with several destinations is always one",
    + "spring.cloud.stream.bindings.*.consumer.batch-mode":
        "how many and how long: `consumer.batch-size`, `consumer.batch-max-wait`, on every binder",
    + "spring.cloud.stream.bindings.*.producer.auto-startup": "",
    + "spring.cloud.stream.bindings.*.producer.partition-key-expression": "",
    - "spring.cloud.stream.bindings.*.producer.partition-key-extractor-name":
        "use `producer.partition-key-expression`",
    + "spring.cloud.stream.bindings.*.producer.partition-selector-expression": "",
    - "spring.cloud.stream.bindings.*.producer.partition-selector-name":
        "use `producer.partition-selector-expression`",
    + "spring.cloud.stream.bindings.*.producer.partition-count": "",
    + "spring.cloud.stream.bindings.*.producer.required-groups": "",
    + "spring.cloud.stream.bindings.*.producer.header-mode": "`headers` only",
    - "spring.cloud.stream.bindings.*.producer.use-native-encoding": NATIVE_OUT,
    - "spring.cloud.stream.bindings.*.producer.error-channel-enabled":
        "leave it out: a message that is not accepted fails the call that sent it",
    + "spring.cloud.stream.bindings.*.producer.poller.fixed-delay": "",
    + "spring.cloud.stream.bindings.*.producer.poller.initial-delay": "",
    + "spring.cloud.stream.bindings.*.producer.poller.cron": "",
    + "spring.cloud.stream.bindings.*.producer.poller.max-messages-per-poll": "",
    - "spring.cloud.stream.bindings.*.producer.poller.fixed-rate": POLLER,
    - "spring.cloud.stream.bindings.*.producer.dynamic-partition-updates-enabled":
        "restart the program when the topic has got more partitions",
};
