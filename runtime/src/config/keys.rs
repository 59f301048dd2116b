//! Every key of the configuration, as data: what it is called, what it takes, its default, what it does.
//!
//! Unknown-key detection, suggestions, relaxed names, variables and the reference file all come from this table.

use super::kind::Kind;

/// One key of the table.
///
/// In `path`, `<name>` stands for a name the user chooses, `<name..>` for one that may contain dots, and `**` for
/// a free subtree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) default: Option<&'static str>,
    pub(super) doc: &'static str,
    /// Other full spellings, Spring's among them, beside those that the prefixes of [`PREFIXES`] give.
    pub(super) also: &'static [&'static str],
}

const fn with(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Row {
    Row { path, kind, default: Some(default), doc, also: &[] }
}

const fn bare(path: &'static str, kind: Kind, doc: &'static str) -> Row {
    Row { path, kind, default: None, doc, also: &[] }
}

impl Row {
    const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }
}

/// Prefixes that mean one of ours; what follows them is the same in both.
pub(super) const PREFIXES: &[(&str, &str)] = &[
    ("spring.cloud.function", "function"),
    ("spring.cloud.stream", "stream"),
    ("spring.cloud.function.http", "http.methods"),
    ("spring.integration.poller", "stream.poller"),
    ("function.bindings", "stream.function.bindings"),
    ("spring.kafka", "stream.kafka"),
    ("spring.cloud.stream.kafka.binder", "stream.kafka"),
    ("stream.kafka.binder", "stream.kafka"),
    ("spring.rabbitmq", "stream.rabbitmq"),
    ("spring.cloud.stream.rabbit.binder", "stream.rabbitmq"),
    ("spring.cloud.stream.rabbit", "stream.rabbitmq"),
    ("stream.rabbit", "stream.rabbitmq"),
    (
        "spring.cloud.stream.binders.<binder>.environment.spring.rabbitmq",
        "stream.binders.<binder>.environment",
    ),
    ("spring.cloud.stream.binders.<binder>.environment.spring.kafka", "stream.binders.<binder>.environment"),
    (
        "spring.cloud.stream.binders.<binder>.environment.spring.cloud.stream.kafka.binder",
        "stream.binders.<binder>.environment",
    ),
    (
        "spring.cloud.stream.binders.<binder>.environment.spring.cloud.stream.rabbit.binder",
        "stream.binders.<binder>.environment",
    ),
    ("stream.binders.<binder>.environment.spring.rabbitmq", "stream.binders.<binder>.environment"),
    ("stream.binders.<binder>.environment.spring.kafka", "stream.binders.<binder>.environment"),
];

/// The two places that take the [`BINDING_ROWS`].
pub(super) const BINDING_PLACES: [&str; 2] = ["stream.default", "stream.bindings.<binding>"];

/// Everything but what a binding takes.
pub(super) const ROWS: &[Row] = &[
    bare("application.name", Kind::Text, "the name of this application in logs and metrics")
        .also(&["spring.application.name"]),
    bare("profiles.active", Kind::List, "profiles to load on top, in this order; only in the base file")
        .also(&["spring.profiles.active"]),
    bare(
        "function.definition",
        Kind::Text,
        "functions to run, `;` between definitions, `|` inside a composition",
    )
    .also(&["stream.function.definition", "spring.cloud.stream.function.definition"]),
    with("function.max-stages", Kind::Count, "64", "the longest composition that is accepted"),
    bare(
        "function.configuration.<definition>.copy-input-headers",
        Kind::Bool,
        "copy the headers of the input to the output; `default` as definition means all",
    ),
    with("stream.enabled", Kind::Bool, "true", "start the bindings"),
    with("stream.default-binder", Kind::Name, "memory", "the binder of every binding that names none"),
    with(
        "stream.binding-retry-interval",
        Kind::Seconds,
        "10s",
        "longest pause between tries to reach a broker at start; 0 means `fail-fast`",
    ),
    with("stream.fail-fast", Kind::Bool, "false", "end start-up when a broker cannot be reached")
        .also(&["fail-fast"]),
    with("stream.instance-count", Kind::Count, "1", "how many instances of this application run"),
    with(
        "stream.max-in-flight-bytes",
        Kind::Size,
        "256MB",
        "bytes of payload that all inputs together may have unsettled; beyond it, only those with none receive",
    ),
    with(
        "stream.dynamic-destinations",
        Kind::List,
        "",
        "destinations that code may send to without a binding, or their beginnings with a `*` after it",
    ),
    with("stream.instance-index", Kind::Index, "0", "which of them this one is, from 0"),
    bare("stream.binders.<binder>.type", Kind::Name, "the kind of broker of a named binder"),
    with(
        "stream.binders.<binder>.inherit-environment",
        Kind::Bool,
        "true",
        "take what `stream.<type>` says beneath the settings of this binder",
    ),
    with(
        "stream.binders.<binder>.default-candidate",
        Kind::Bool,
        "true",
        "be the default binder if no other could be and `stream.default-binder` is not set",
    ),
    bare("stream.binders.<binder>.environment.**", Kind::Tree, "settings of this named binder alone"),
    bare(
        "stream.memory.**",
        Kind::Tree,
        "settings of the memory binder: messages a group's queue holds, and partitions of a destination at least",
    ),
    bare("stream.kafka.**", Kind::Tree, "settings of the Kafka binder"),
    bare("stream.rabbitmq.**", Kind::Tree, "settings of the RabbitMQ binder"),
    bare("stream.function.bindings.<binding>", Kind::Name, "gives a binding another name"),
    with("stream.poller.fixed-delay", Kind::Duration, "1s", "pause between two calls of a supplier"),
    with("stream.poller.initial-delay", Kind::Duration, "0ms", "pause before the first call"),
    bare("stream.poller.cron", Kind::Cron, "call at these times instead; with seconds: `0 */5 * * * *`"),
    with("stream.poller.max-messages-per-poll", Kind::Count, "1", "calls in a row at each time"),
    with("http.enabled", Kind::Bool, "true", "serve functions over HTTP"),
    with("http.port", Kind::Port, "8080", "the port to listen on; 0 takes any free one")
        .also(&["server.port"]),
    with("http.address", Kind::Address, "0.0.0.0", "the address to listen on").also(&["server.address"]),
    with("http.path", Kind::Prefix, "", "prefix of every function's path, such as `/functions`")
        .also(&["spring.cloud.function.web.path"]),
    with("http.max-body-size", Kind::Size, "10MB", "larger request bodies are refused"),
    with("http.timeout", Kind::Duration, "30s", "longest time until an answer"),
    with("http.max-concurrency", Kind::Count, "10000", "requests being answered at a time; more are refused"),
    with(
        "http.header-read-timeout",
        Kind::Duration,
        "10s",
        "longest time a client may take to send its headers",
    ),
    with("http.max-header-size", Kind::Size, "64KB", "larger request headers are refused")
        .also(&["server.max-http-request-header-size"]),
    with("http.ignored-headers", Kind::List, "", "headers that never become message or response headers")
        .also(&["spring.cloud.function.http.ignored-headers"]),
    bare("http.methods.get", Kind::Definitions, "the only definitions that GET may call, `;` between them"),
    bare("http.methods.post", Kind::Definitions, "the only definitions that POST may call, `;` between them"),
    with(
        "management.enabled",
        Kind::Bool,
        "true",
        "serve health and the catalogue on a listener of their own",
    ),
    with("management.port", Kind::Port, "8081", "the port to listen on; 0 takes any free one")
        .also(&["management.server.port"]),
    with("management.address", Kind::Address, "127.0.0.1", "the address to listen on")
        .also(&["management.server.address"]),
    with(
        "logging.format",
        Kind::LogFormat,
        "auto",
        "`text`, `json`, or `auto`: text, in colour on a terminal",
    ),
    with("logging.level.root", Kind::Level, "info", "the level of everything not named below"),
    bare("logging.level.<target..>", Kind::Level, "the level of one crate or module"),
    with("shutdown.timeout", Kind::Duration, "30s", "longest time to finish what is in flight when stopping")
        .also(&["spring.lifecycle.timeout-per-shutdown-phase"]),
    bare("app.**", Kind::Tree, "the application's own settings, in any shape"),
];

/// What a binding takes, below each of [`BINDING_PLACES`].
pub(super) const BINDING_ROWS: &[Row] = &[
    bare("destination", Kind::Name, "topic, exchange or queue; the binding's name if not set"),
    bare("group", Kind::Name, "consumers that share the destination; anonymous if not set"),
    bare(
        "content-type",
        Kind::ContentType,
        "what the payload is encoded as; `application/json` if nothing says",
    ),
    bare("binder", Kind::Name, "the binder, if not the default one"),
    with("consumer.auto-startup", Kind::Bool, "true", "start receiving at once"),
    with("consumer.concurrency", Kind::Count, "1", "how many deliveries are worked on at a time"),
    with(
        "consumer.batch-mode",
        Kind::Bool,
        "false",
        "call a function that takes a `Vec` with many messages, each decoded by itself",
    ),
    with("consumer.batch-size", Kind::Count, "500", "messages in one call at most, with `batch-mode`"),
    with(
        "consumer.batch-max-wait",
        Kind::Duration,
        "0ms",
        "how long the first message of a batch waits for others; 0 takes what is there",
    ),
    with("consumer.max-attempts", Kind::Count, "3", "calls in all, the first included"),
    with("consumer.back-off-initial-interval", Kind::Duration, "1s", "pause before the second attempt"),
    with("consumer.back-off-max-interval", Kind::Duration, "10s", "longest pause between two attempts"),
    with("consumer.back-off-multiplier", Kind::Factor, "2.0", "how much longer every further pause is"),
    with(
        "consumer.back-off-jitter",
        Kind::Share,
        "0.0",
        "share of each pause that is added to it at most, at random",
    ),
    with(
        "consumer.durable-retry",
        Kind::Bool,
        "false",
        "let messages wait at their broker for the next attempt: the wait survives a restart, their order is given up",
    ),
    bare(
        "consumer.default-retryable",
        Kind::Bool,
        "call again after errors that nothing names; true unless something in `retryable-exceptions` is",
    ),
    bare(
        "consumer.retryable-exceptions.<error>",
        Kind::Bool,
        "whether to call again after this error: a Rust type such as `shop::OrderError`, its last part, or the name it gives itself",
    ),
    bare(
        "consumer.on-failure.<failure>",
        Kind::OnFailure,
        "what follows a failure of this kind, such as `timeout`, or with this error, named as for `retryable-exceptions`",
    ),
    bare(
        "consumer.on-exhausted",
        Kind::Ending,
        "what follows the last attempt; `dead-letter` if there is a destination for it, else `drop`",
    ),
    with("consumer.timeout", Kind::Duration, "0ms", "longest time of one call; 0 means no limit"),
    with(
        "consumer.stuck-after",
        Kind::Duration,
        "1m",
        "deliveries in flight for longer are named in the log; 0 means never",
    ),
    bare(
        "consumer.order",
        Kind::Order,
        "within what deliveries keep their order; `partition` if `concurrency` is 1, else `key`",
    ),
    with(
        "consumer.delivery",
        Kind::Guarantee,
        "at-least-once",
        "whether a delivery is settled after all that came of it is confirmed, or before its call",
    ),
    with(
        "consumer.max-in-flight",
        Kind::Count,
        "10000",
        "deliveries that may be unsettled at a time; no more are received",
    ),
    with(
        "consumer.max-in-flight-bytes",
        Kind::Size,
        "64MB",
        "bytes of payload that may be unsettled at a time; no more are received",
    ),
    with(
        "consumer.circuit.failures",
        Kind::Index,
        "0",
        "failures in a row after which the binding pauses; 0 means never",
    ),
    with(
        "consumer.circuit.probe-after",
        Kind::Duration,
        "30s",
        "how long it pauses until one delivery is tried",
    ),
    with("consumer.partitioned", Kind::Bool, "false", "receive only the partitions of this instance"),
    bare(
        "consumer.instance-count",
        Kind::Count,
        "instances for this binding, if not `stream.instance-count`",
    ),
    bare("consumer.instance-index", Kind::Index, "index for this binding, if not `stream.instance-index`"),
    with(
        "consumer.header-mode",
        Kind::HeaderMode,
        "headers",
        "how headers travel; Spring's other ways are refused",
    ),
    with(
        "consumer.multiplex",
        Kind::Bool,
        "true",
        "one input for all its destinations; it is always one, whatever is said",
    ),
    bare("consumer.dead-letter", Kind::Name, "destination of deliveries whose attempts have ended"),
    with("producer.auto-startup", Kind::Bool, "true", "start sending at once"),
    with("producer.partition-count", Kind::Count, "1", "partitions of the destination"),
    bare(
        "producer.partition-key-expression",
        Kind::Expression,
        "what of a message decides its partition, such as `headers['tenant']` or `payload.id`",
    ),
    bare(
        "producer.partition-selector-expression",
        Kind::KeyExpression,
        "the partition of a key, before the modulus; `hashCode()` if not set",
    ),
    with(
        "producer.header-mode",
        Kind::HeaderMode,
        "headers",
        "how headers travel; Spring's other ways are refused",
    ),
    with(
        "producer.required-groups",
        Kind::List,
        "",
        "groups that must get every message, even before they run",
    ),
    bare("producer.poller.fixed-delay", Kind::Duration, "as `stream.poller.fixed-delay`, for this supplier"),
    bare(
        "producer.poller.initial-delay",
        Kind::Duration,
        "as `stream.poller.initial-delay`, for this supplier",
    ),
    bare("producer.poller.cron", Kind::Cron, "as `stream.poller.cron`, for this supplier"),
    bare("producer.poller.max-messages-per-poll", Kind::Count, "as `stream.poller.max-messages-per-poll`"),
];
