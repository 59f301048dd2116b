//! Environment variables are matched against the keys, not split blindly.

use wellspring::config::Sources;

use crate::support::{explained, load, report, yaml};

#[test]
fn finds_the_key_a_variable_means() {
    let cases = [
        ("WELLSPRING_STREAM_DEFAULT_BINDER", "memory", "stream.default-binder"),
        ("WELLSPRING_HTTP_MAX_BODY_SIZE", "1MB", "http.max-body-size"),
        ("WELLSPRING_HTTP_MAXBODYSIZE", "1MB", "http.max-body-size"),
        ("WELLSPRING_HTTP__PORT", "1", "http.port"),
        ("SERVER_PORT", "1", "http.port"),
        ("MANAGEMENT_SERVER_PORT", "1", "management.port"),
        ("SPRING_APPLICATION_NAME", "a", "application.name"),
        ("SPRING_CLOUD_FUNCTION_DEFINITION", "email|sms", "function.definition"),
        (
            "SPRING_CLOUD_STREAM_BINDINGS_EMAILSMS_IN_0_DESTINATION",
            "d",
            "stream.bindings.emailsms-in-0.destination",
        ),
        (
            "SPRING_CLOUD_STREAM_BINDINGS_UPDATE_COMMUNICATION_IN_0_CONSUMER_MAXATTEMPTS",
            "4",
            "stream.bindings.update_communication-in-0.consumer.max-attempts",
        ),
        ("WELLSPRING_STREAM_DEFAULT_CONSUMER_MAX_ATTEMPTS", "4", "stream.default.consumer.max-attempts"),
        ("WELLSPRING_STREAM_POLLER_FIXED_DELAY", "5s", "stream.poller.fixed-delay"),
        ("SPRING_INTEGRATION_POLLER_FIXED_DELAY", "5s", "stream.poller.fixed-delay"),
        ("LOGGING_LEVEL_ROOT", "debug", "logging.level.root"),
        ("LOGGING_LEVEL_MY_CRATE", "debug", "logging.level.my_crate"),
        ("WELLSPRING_STREAM_FUNCTION_BINDINGS_EMAIL_IN_0", "nice", "stream.function.bindings.email-in-0"),
    ];
    for (variable, value, path) in cases {
        let config = load(&Sources::new().env(variable, value));
        assert_eq!(explained(&config, path), (value.into(), format!("variable `{variable}`")), "{variable}");
    }
}

#[test]
fn prefers_bindings_that_other_layers_name() {
    let file = "stream.bindings: { accounts-opened: { group: g }, 'Email.Sms_in': {} }"
        .replace("'Email.Sms_in'", "EmailSms");
    let config = load(
        &yaml(&file)
            .env("WELLSPRING_STREAM_BINDINGS_ACCOUNTS_OPENED_DESTINATION", "d")
            .env("WELLSPRING_STREAM_BINDINGS_EMAIL_SMS_GROUP", "h"),
    );
    assert_eq!(config.stream.bindings.keys().collect::<Vec<_>>(), ["EmailSms", "accounts-opened"]);
    assert_eq!(config.stream.binding("accounts-opened").destination.value, "d");
    assert_eq!(config.stream.binding("EmailSms").group.expect("a group").value, "h");
    let config = load(
        &Sources::new()
            .arg("--stream.bindings.odd-name.group=g")
            .env("WELLSPRING_STREAM_BINDINGS_ODD_NAME_DESTINATION", "d"),
    );
    assert_eq!(config.stream.binding("odd-name").destination.value, "d");
}

#[test]
fn joins_the_places_of_a_list() {
    let config = load(
        &Sources::new()
            .env("WELLSPRING_HTTP_IGNORED_HEADERS_1", "b")
            .env("WELLSPRING_HTTP_IGNORED_HEADERS_0", "a"),
    );
    assert_eq!(config.http.ignored_headers, ["a", "b"]);
    assert_eq!(
        load(&Sources::new().env("WELLSPRING_HTTP_IGNORED_HEADERS", "a, b")).http.ignored_headers,
        ["a", "b"]
    );
}

#[test]
fn refuses_unknown_variables_of_ours_with_a_suggestion() {
    assert_eq!(
        report(&Sources::new().env("WELLSPRING_HTP_PORT", "1").env("SPRING_CLOUD_STREAM_DEFAULT_BINDR", "x")),
        "2 problems in the configuration:\n  \
         1. variable `WELLSPRING_HTP_PORT`: no key of the configuration has this name; did you mean \
         `WELLSPRING_HTTP_PORT`?\n  \
         2. variable `SPRING_CLOUD_STREAM_DEFAULT_BINDR`: no key of the configuration has this name; did you mean \
         `SPRING_CLOUD_STREAM_DEFAULT_BINDER`?"
    );
}

#[test]
fn two_variables_of_one_key_must_agree() {
    let sources = Sources::new().env("WELLSPRING_HTTP_PORT", "1").env("SERVER_PORT", "2");
    assert_eq!(
        report(&sources),
        "1 problem in the configuration:\n  1. variable `SERVER_PORT`: `http.port`: given twice with different values, \
         also at variable `WELLSPRING_HTTP_PORT`"
    );
}

#[cfg(not(feature = "kafka"))]
#[test]
fn a_variable_for_a_binder_that_is_not_there_is_refused() {
    assert_eq!(
        report(&Sources::new().env("SPRING_KAFKA_BOOTSTRAP_SERVERS", "a")),
        "1 problem in the configuration:\n  1. variable `SPRING_KAFKA_BOOTSTRAP_SERVERS`: `stream.kafka`: this program \
         does not contain the `kafka` binder; it contains `memory`"
    );
}

#[test]
fn leaves_the_variables_of_others_alone() {
    let sources = Sources::new()
        .env("SPRING_DATASOURCE_URL", "jdbc:x")
        .env("SPRING_MAIN_BANNER_MODE", "off")
        .env("HTTP_PORT", "what")
        .env("STREAM_ENABLED", "what")
        .env("PATH", "/bin");
    assert_eq!(load(&sources).ignored, []);
}

#[test]
fn survives_what_kubernetes_injects_for_services() {
    let config = load(
        &Sources::new()
            .env("WELLSPRING_PORT", "tcp://10.0.0.1:80")
            .env("WELLSPRING_PORT_80_TCP_ADDR", "10.0.0.1")
            .env("WELLSPRING_SERVICE_HOST", "10.0.0.1")
            .env("WELLSPRING_SERVICE_PORT_HTTP", "80")
            .env("SERVER_PORT", "tcp://10.0.0.2:80"),
    );
    assert_eq!(config.http.port, 8080);
    assert_eq!(config.ignored.len(), 5);
}

#[cfg(unix)]
#[test]
fn refuses_values_that_are_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let text = report(&Sources::new().env("WELLSPRING_APPLICATION_NAME", OsStr::from_bytes(b"\xff")));
    assert!(text.contains("variable `WELLSPRING_APPLICATION_NAME`: the value is not valid UTF-8"), "{text}");
    let text = report(&Sources::new().arg(OsStr::from_bytes(b"--http.path=/\xff")));
    assert!(text.contains("is not valid UTF-8"), "{text}");
}

#[test]
fn reads_a_json_document() {
    let json = r#"{"spring":{"cloud":{"stream":{"bindings":{"a-in-0":{"group":"g"}}}}},"http.ignored-headers":["x"]}"#;
    let config = load(&Sources::new().env("SPRING_APPLICATION_JSON", json));
    assert_eq!(config.stream.binding("a-in-0").group.expect("a group").value, "g");
    assert_eq!(config.http.ignored_headers, ["x"]);
}

#[test]
fn variables_that_tell_tests_where_a_broker_is_are_no_settings() {
    load(&Sources::new().env("WELLSPRING_TEST_KAFKA", "127.0.0.1:9092"));
}
