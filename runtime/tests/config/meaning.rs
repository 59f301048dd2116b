//! What a configuration means: bindings with their defaults, binders, methods, levels.

use std::time::Duration;

use wellspring::config::{Level, LogFormat};

use crate::support::{load, problems, yaml};

#[test]
fn a_binding_takes_its_own_then_the_shared_then_the_documented_value() {
    let config = load(&yaml(
        "
stream:
  instance-count: 4
  instance-index: 1
  default: { group: shared, consumer: { max-attempts: 7, back-off-max-interval: 1m } }
  bindings:
    email-in-0: { destination: 'a, b', consumer: { max-attempts: 1 } }
    bare:
",
    ));
    let binding = config.stream.binding("email-in-0");
    assert_eq!(binding.consumer.max_attempts.value, 1);
    assert_eq!(binding.consumer.back_off_max_interval, Duration::from_secs(60));
    assert_eq!(binding.consumer.back_off_initial_interval, Duration::from_secs(1));
    assert_eq!(binding.consumer.back_off_multiplier.to_string(), "2");
    assert_eq!(binding.consumer.instance_count.value, 4);
    assert_eq!(binding.consumer.instance_index.value, 1);
    assert_eq!(binding.destinations().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(binding.group.as_ref().expect("a group").origin.to_string(), "built-in application.yaml:5:21");
    assert_eq!(config.stream.bindings.keys().collect::<Vec<_>>(), ["bare", "email-in-0"]);

    let other = config.stream.binding("sms-in-0");
    assert_eq!(other.name, "sms-in-0");
    assert_eq!(other.destination.value, "sms-in-0");
    assert!(other.destination.origin.is_default());
    assert_eq!(other.consumer.max_attempts.value, 7);
    assert!(other.producer.auto_startup);
    assert_eq!(other.producer.poller.fixed_delay, Duration::from_secs(1));
}

#[test]
fn the_pipe_of_a_composition_may_stay_in_a_binding_name_and_case_does_not_matter() {
    let config =
        load(&yaml("stream.bindings: { 'email|sms-in-0': { group: g }, EMAILSMS-in-0: { destination: d } }"));
    assert_eq!(config.stream.bindings.len(), 1);
    let binding = config.stream.binding("emailSms-in-0");
    assert_eq!((binding.group.expect("a group").value, binding.destination.value), ("g".into(), "d".into()));
}

#[test]
fn the_poller_of_a_binding_overrides_the_shared_one() {
    let config = load(&yaml(
        "
stream:
  poller: { cron: '0 0 * * * *', max-messages-per-poll: 5 }
  bindings:
    a-out-0: { producer: { poller: { fixed-delay: 250 } } }
    b-out-0: { producer: { poller: { cron: '*/5 * * * *', initial-delay: 2s } } }
",
    ));
    let poller = |name: &str| config.stream.binding(name).producer.poller;
    assert_eq!((poller("a-out-0").cron, poller("a-out-0").fixed_delay), (None, Duration::from_millis(250)));
    assert_eq!(poller("b-out-0").cron.expect("a cron").value, "*/5 * * * *");
    assert_eq!(poller("b-out-0").initial_delay, Duration::from_secs(2));
    assert_eq!(poller("c-out-0").cron.expect("a cron").value, "0 0 * * * *");
    assert_eq!(poller("c-out-0").max_messages_per_poll, 5);
}

#[test]
fn named_binders_inherit_the_settings_of_their_type() {
    let sources = yaml(
        "
stream:
  default-binder: two
  memory: { queue-size: 10, name: shared }
  binders:
    two: { type: memory, environment: { queue-size: 20 } }
    memory: { environment: {} }
",
    );
    let config = load(&sources);
    let two = config.stream.binder("two");
    assert_eq!(two.kind.value, "memory");
    assert_eq!(two.environment.get("queue-size").expect("a value").value, "20");
    assert_eq!(two.environment.get("name").expect("a value").value, "shared");
    assert_eq!(config.stream.binder("memory").environment.get("queueSize").expect("a value").value, "10");
    assert!(config.stream.section("unheard-of").is_empty());
}

#[test]
fn functions_methods_and_levels_are_read() {
    let config = load(&yaml(
        "
function:
  definition: email|sms;update
  configuration: { 'email|sms': { copy-input-headers: true }, default: { copyInputHeaders: false } }
  bindings: { emailsms-in-0: nice }
http.methods: { GET: 'account; heartbeat', POST: [email|sms] }
logging: { format: json, level: { root: WARN, 'my_app::mail': trace, org.springframework: 'off' } }
",
    ));
    assert_eq!(config.function.definition.as_ref().expect("a definition").value, "email|sms;update");
    assert_eq!(config.function.copy_input_headers("email,sms").map(|copy| copy.value), Some(true));
    assert_eq!(config.function.copy_input_headers("other").map(|copy| copy.value), Some(false));
    assert_eq!(config.stream.renames["emailsms-in-0"].value, "nice");
    assert_eq!(config.http.methods.get.expect("a list").value, ["account", "heartbeat"]);
    assert_eq!(config.http.methods.post.expect("a list").value, ["email|sms"]);
    assert_eq!((config.logging.format, config.logging.root), (LogFormat::Json, Level::Warn));
    assert_eq!(config.logging.levels["my_app::mail"], Level::Trace);
    assert_eq!(config.logging.levels["org.springframework"], Level::Off);
}

#[test]
fn an_empty_name_counts_as_not_set() {
    let config = load(&yaml("stream.bindings.a-in-0: { group: '${GROUP:}', destination: '' }"));
    let binding = config.stream.binding("a-in-0");
    assert_eq!(binding.group, None);
    assert_eq!(binding.destination.value, "a-in-0");
}

#[test]
fn refuses_binders_that_are_not_there() {
    let place = "built-in application.yaml";
    let cases = [
        (
            "stream.default-binder: kafak",
            vec![format!(
                "{place}:1:24: `stream.default-binder`: found `kafak`, expected a binder of this program: `memory`; did you mean `kafka`? its feature is off: `cargo add wellspring --features kafka`"
            )],
        ),
        (
            "stream.default-binder: kafka",
            vec![format!(
                "{place}:1:24: `stream.default-binder`: found `kafka`, expected a binder of this program: `memory`; its feature is off: `cargo add wellspring --features kafka`"
            )],
        ),
        (
            "stream.binders.two.type: rabbit",
            vec![format!(
                "{place}:1:26: `stream.binders.two.type`: found `rabbitmq`, expected a binder of this program: `memory`; its feature is off: `cargo add wellspring --features rabbitmq`"
            )],
        ),
        (
            "stream.bindings.a-in-0.binder: memroy",
            vec![format!(
                "{place}:1:32: `stream.bindings.a-in-0.binder`: found `memroy`, expected a binder of this program: `memory`; did you mean `memory`?"
            )],
        ),
        (
            "stream.binders.one.type: nats",
            vec![format!(
                "{place}:1:26: `stream.binders.one.type`: found `nats`, expected a binder of this program: `memory`"
            )],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), expected, "{text}");
    }
}

#[test]
fn refuses_what_does_not_fit_together() {
    let place = "built-in application.yaml";
    let cases = [
        (
            "http.port: 8081",
            vec![format!(
                "{place}:1:12: `management.port`: is 8081 as `http.port` is ({place}:1:12); give each listener a port of its own"
            )],
        ),
        ("http.port: 0\nmanagement.port: 0", vec![]),
        ("http: { port: 8081, address: 127.0.0.2 }", vec![]),
        ("http.port: 8081\nmanagement.enabled: false", vec![]),
        (
            "stream.instance-index: 1",
            vec![format!(
                "{place}:1:24: `stream.instance-index`: found `1`, expected less than the instance count, which is 1 (default)"
            )],
        ),
        (
            "stream.bindings.a-in-0.consumer.back-off-initial-interval: 20s",
            vec![format!(
                "{place}:1:60: `stream.bindings.a-in-0.consumer.back-off-initial-interval`: found `20000ms`, expected at most `back-off-max-interval`, which is 10000ms"
            )],
        ),
        (
            "stream.poller: { cron: '* * * * *', fixed-delay: 1 }",
            vec![format!(
                "{place}:1:24: `stream.poller.cron`: excludes `stream.poller.fixed-delay`, which is set at {place}:1:50; keep one of them"
            )],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), expected, "{text}");
    }
}
