//! What becomes of Spring's keys for RabbitMQ, one line each: the page of the documentation is made of it.

use crate::binder::SpringKey;

/// Each key below `spring.cloud.stream.rabbit.bindings.*`, once for consumers and once for producers.
macro_rules! both {
    ($($key:literal: $note:literal,)*) => {
        &[$(
            SpringKey::supported(concat!("spring.cloud.stream.rabbit.bindings.*.consumer.", $key), $note),
            SpringKey::supported(concat!("spring.cloud.stream.rabbit.bindings.*.producer.", $key), $note),
        )*]
    };
}

/// Keys below one prefix: `+` is supported, `-` refused.
macro_rules! keys {
    ($prefix:literal, $($state:tt $key:literal: $note:literal,)*) => {
        &[$(keys!(@ $state concat!($prefix, $key), $note),)*]
    };
    (@ + $key:expr, $note:literal) => { SpringKey::supported($key, $note) };
    (@ - $key:expr, $note:literal) => { SpringKey::refused($key, $note) };
}

const CONNECTION: &[SpringKey] = keys! { "spring.rabbitmq.",
    + "host": "",
    + "port": "",
    + "username": "",
    + "password": "",
    + "virtual-host": "",
    + "addresses": "",
    - "address-shuffle-mode": "leave it out: addresses are tried in the order they are written in",
    + "requested-heartbeat": "",
    + "requested-channel-max": "",
    + "connection-timeout": "",
    - "channel-rpc-timeout": "set `publish-timeout` or `connection-timeout`",
    - "max-inbound-message-body-size": "leave it out: whatever the broker takes is read; `max-message-size` bounds what is sent",
    + "publisher-confirm-type": "messages are always confirmed: `none` is refused",
    + "publisher-returns": "messages that no queue takes always come back: `false` is refused; `allow-unroutable` allows them",
    + "ssl.enabled": "",
    - "ssl.bundle": "name PEM files in `ssl.ca-certificate`, `ssl.certificate` and `ssl.private-key`",
    + "ssl.key-store": "a PKCS #12 file; PEM files go into `ssl.certificate` and `ssl.private-key`",
    + "ssl.key-store-type": "`PKCS12` alone",
    + "ssl.key-store-password": "",
    - "ssl.key-store-algorithm": "leave it out",
    - "ssl.trust-store": "name a PEM file in `ssl.ca-certificate`",
    - "ssl.trust-store-type": "name a PEM file in `ssl.ca-certificate`",
    - "ssl.trust-store-password": "name a PEM file in `ssl.ca-certificate`",
    - "ssl.trust-store-algorithm": "name a PEM file in `ssl.ca-certificate`",
    - "ssl.algorithm": "leave it out: TLS 1.3 and 1.2 are spoken",
    + "ssl.validate-server-certificate": "certificates are always checked: `false` is refused",
    + "ssl.verify-hostname": "names are always checked: `false` is refused",
    - "cache.**": "leave it out: every input and output has a channel of its own, on one connection for each direction",
    - "dynamic": "leave it out: what a binding needs is declared, `bind-queue` and `declare-exchange` prevent it",
    - "listener.**": "set `stream.rabbitmq.bindings.<name>.consumer`; bindings do not use these in Spring either",
    - "template.**": "set `stream.rabbitmq.bindings.<name>.producer`; bindings do not use these in Spring either",
    - "stream.**": "streams are read over the broker's usual port: set `consumer.container-type: stream`",
};

const BINDER: &[SpringKey] = keys! { "spring.cloud.stream.rabbit.binder.",
    + "compression-level": "",
    + "connection-name-prefix": "behind it stand the name of the binder and the direction, not `#n`",
    - "admin-addresses": "leave it out: the broker itself leads to the node of a queue",
    - "nodes": "leave it out: the broker itself leads to the node of a queue",
};

const BOTH: &[SpringKey] = both! {
    "exchange-type": "",
    "declare-exchange": "",
    "exchange-durable": "",
    "exchange-auto-delete": "",
    "delayed-exchange": "the broker needs the plugin `rabbitmq_delayed_message_exchange`",
    "queue-name-group-only": "",
    "bind-queue": "",
    "binding-routing-key": "",
    "binding-routing-key-delimiter": "",
    "queue-binding-arguments.**": "",
    "ttl": "",
    "expires": "",
    "max-length": "",
    "max-length-bytes": "",
    "max-priority": "",
    "lazy": "",
    "overflow-behavior": "",
    "quorum.enabled": "",
    "quorum.initial-group-size": "",
    "quorum.delivery-limit": "",
    "single-active-consumer": "",
    "auto-bind-dlq": "",
    "dead-letter-queue-name": "",
    "dead-letter-exchange": "",
    "dead-letter-exchange-type": "",
    "declare-dlx": "",
    "dead-letter-routing-key": "",
    "dlq-ttl": "",
    "dlq-expires": "",
    "dlq-max-length": "",
    "dlq-max-length-bytes": "",
    "dlq-max-priority": "",
    "dlq-lazy": "",
    "dlq-overflow-behavior": "",
    "dlq-quorum.enabled": "",
    "dlq-quorum.initial-group-size": "",
    "dlq-quorum.delivery-limit": "",
    "dlq-single-active-consumer": "",
    "dlq-dead-letter-exchange": "",
    "dlq-dead-letter-routing-key": "",
    "dlq-binding-arguments.**": "",
    "prefix": "",
};

const CONSUMER: &[SpringKey] = keys! { "spring.cloud.stream.rabbit.bindings.*.consumer.",
    + "acknowledge-mode": "`AUTO` and `NONE`; with `MANUAL` there is nothing to call: a function settles by what it returns",
    + "prefetch": "250 unless given, where Spring has 1: no peer can tell",
    - "batch-size": "set `consumer.batch-size` of the binding; acknowledgements are told together by themselves",
    - "tx-size": "leave it out: acknowledgements are told together by themselves",
    - "max-concurrency": "set `consumer.concurrency` of the binding: a reader that has nothing to do costs next to nothing",
    + "durable-subscription": "",
    + "republish-to-dlq": "a dead letter is confirmed before the original is acknowledged; where nobody takes it, the original stays",
    + "republish-delivery-mode": "it works under this name, which Spring documents and does not read",
    + "requeue-rejected": "it holds wherever a message is given up and not sent to the dead letters",
    + "frame-max-headroom": "",
    + "header-patterns": "",
    + "recovery-interval": "waits grow from `reconnect-initial-interval` to `reconnect-max-interval` unless given",
    + "exclusive": "",
    + "missing-queues-fatal": "",
    + "queue-declaration-retries": "0 unless given, where Spring has 3: what the broker refuses is told at once",
    + "failed-declaration-retry-interval": "",
    + "consumer-tag-prefix": "",
    + "container-type": "`simple` and `direct` are the same here; a stream is read over the usual port, from `consumer.stream-offset`",
    + "anonymous-group-prefix": "",
    - "enable-batching": "set `consumer.batch-mode` of the binding",
    - "receive-timeout": "set `consumer.batch-max-wait` of the binding",
    - "transacted": "leave it out: a message is acknowledged when its outputs are confirmed",
    - "super-stream": "set `partitioned`: an instance reads the partition of its index",
    + "consumer-priority": "",
    + "queue-max-priority": "",
    - "stream-stream-message-converter-bean-name": "leave it out: a function sees headers and payload",
};

const PRODUCER: &[SpringKey] = keys! { "spring.cloud.stream.rabbit.bindings.*.producer.",
    + "routing-key": "",
    + "routing-key-expression": "null is an error",
    + "delay-expression": "",
    + "delivery-mode": "",
    + "header-patterns": "",
    + "compress": "",
    - "batching-enabled": "leave it out: messages are sent one by one, without waiting for one another; what others put together is taken apart",
    - "batch-size": "leave it out: messages are sent one by one, without waiting for one another",
    - "batch-buffer-limit": "leave it out: messages are sent one by one, without waiting for one another",
    - "batch-timeout": "leave it out: messages are sent one by one, without waiting for one another",
    - "batching-strategy-bean-name": "leave it out: messages are sent one by one, without waiting for one another",
    - "transacted": "leave it out: messages are confirmed, one by one",
    - "confirm-ack-channel": "leave it out: a message counts as sent when it is confirmed, and whoever sends one is told",
    - "use-confirm-header": "leave it out: a message counts as sent when it is confirmed, and whoever sends one is told",
    - "producer-type": "leave it out: streams are written over the broker's usual port",
    - "super-stream": "set `partition-count`, `exchange-type: direct` and `declare-exchange: false`",
    - "stream-message-converter-bean-name": "leave it out: a function makes headers and payload",
    + "alternate-exchange.name": "",
    + "alternate-exchange.exists": "",
    + "alternate-exchange.type": "",
    + "alternate-exchange.binding.queue": "",
    + "alternate-exchange.binding.routing-key": "",
};

const PARTS: [&[SpringKey]; 5] = [CONNECTION, BINDER, BOTH, CONSUMER, PRODUCER];
const COUNT: usize = CONNECTION.len() + BINDER.len() + BOTH.len() + CONSUMER.len() + PRODUCER.len();

/// All of them.
pub(super) const ALL: [SpringKey; COUNT] = {
    let mut all = [SpringKey::supported("", ""); COUNT];
    let (mut part, mut to) = (0, 0);
    while part < PARTS.len() {
        let mut from = 0;
        while from < PARTS[part].len() {
            all[to] = PARTS[part][from];
            (from, to) = (from + 1, to + 1);
        }
        part += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use crate::binder::rabbitmq::RabbitMqFactory;
    use crate::binder::spring_keys::differences;

    #[test]
    fn every_key_is_what_the_table_says() {
        assert_eq!(differences::<RabbitMqFactory>(), Vec::<String>::new());
    }
}
