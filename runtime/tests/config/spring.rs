//! A Spring team starts from the file it has.

use crate::support::{load, problems, yaml};

const SPRING_SERVICE: &str = "
spring:
  application:
    name: message
  datasource: { url: 'jdbc:postgresql://localhost/accounts', username: sa }
  main: { banner-mode: 'off' }
  cloud:
    config: { enabled: false }
    function:
      definition: email|sms
      web: { path: /functions/ }
      http: { GET: email, ignored-headers: X-Secret }
    stream:
      defaultBinder: memory
      bindings:
        emailsms-in-0:
          destination: send-communication
          group: ${spring.application.name}
          consumer: { maxAttempts: 1, backOffInitialInterval: 500 }
        emailsms-out-0:
          destination: communication-sent
          contentType: application/json
          producer: { partitionCount: 3, requiredGroups: 'accounts,audit' }
  integration: { poller: { fixed-delay: 2000 } }
  lifecycle: { timeout-per-shutdown-phase: 20s }
server: { port: 9010, shutdown: graceful }
management: { server: { port: 9011 }, endpoints: { web: { exposure: { include: '*' } } } }
logging: { level: { root: info, org.springframework.cloud: DEBUG }, pattern: { level: '%5p' } }
eureka.client.enabled: false
";

#[test]
fn reads_the_application_yml_of_a_spring_service() {
    let config = load(&yaml(SPRING_SERVICE));
    assert_eq!(config.application_name.as_deref(), Some("message"));
    assert_eq!(config.function.definition.as_ref().expect("a definition").value, "email|sms");
    assert_eq!(
        (config.http.port, config.http.path.as_str(), config.management.port),
        (9010, "/functions", 9011)
    );
    assert_eq!(config.http.ignored_headers, ["x-secret"]);
    let input = config.stream.binding("emailsms-in-0");
    assert_eq!(
        (input.destination.value.as_str(), input.consumer.max_attempts.value),
        ("send-communication", 1)
    );
    assert_eq!(input.group.expect("a group").value, "message");
    assert_eq!(input.consumer.back_off_initial_interval.as_millis(), 500);
    let output = config.stream.binding("emailsms-out-0");
    assert_eq!(output.producer.partition_count.value, 3);
    assert_eq!(output.producer.required_groups.value, ["accounts", "audit"]);
    assert_eq!(output.producer.poller.fixed_delay.as_secs(), 2);
    assert_eq!(config.shutdown_timeout.as_secs(), 20);
    let ignored: Vec<String> = config.ignored.iter().map(|ignored| ignored.path.clone()).collect();
    assert_eq!(
        ignored,
        [
            "spring.datasource.url",
            "spring.datasource.username",
            "spring.main.banner-mode",
            "spring.cloud.config.enabled",
            "server.shutdown",
            "management.endpoints.web.exposure.include",
            "logging.pattern.level",
            "eureka.client.enabled",
        ]
    );
    assert_eq!(config.ignored[0].origin.to_string(), "built-in application.yaml:5:17");
}

#[test]
fn a_slip_of_the_pen_in_a_spring_key_is_no_foreign_key() {
    let cases = [
        ("server.prot: 1", "`server.prot`: unknown key; did you mean `port`?"),
        ("spring.clod.stream.x: 1", "`spring.clod`: unknown key; did you mean `cloud`?"),
        ("spring.cloud.strem.x: 1", "`spring.cloud.strem`: unknown key; did you mean `stream`?"),
        ("spring.aplication.name: x", "`spring.aplication`: unknown key; did you mean `application`?"),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), [format!("built-in application.yaml:1:1: {expected}")], "{text}");
    }
}

#[test]
fn names_properties_that_are_not_supported() {
    let cases = [
        (
            "spring.cloud.stream.bindings.x-in-0.consumer.use-native-decoding: true",
            "built-in application.yaml:1:1: `spring.cloud.stream.bindings.x-in-0.consumer.use-native-decoding`: is a \
             Spring Cloud Stream property that wellspring does not support; leave it out and let the function take the \
             payload as bytes",
        ),
        (
            "stream.bindings.x-in-0.error-handler-definition: f",
            "built-in application.yaml:1:1: `stream.bindings.x-in-0.error-handler-definition`: \
             `spring.cloud.stream.bindings.x-in-0.error-handler-definition` is a Spring Cloud Stream property that \
             wellspring does not support; use `consumer.dead-letter` and read that destination with a function",
        ),
        (
            "spring.cloud.function.routing-expression: x",
            "built-in application.yaml:1:1: `spring.cloud.function.routing-expression`: is a Spring Cloud Function \
             property that wellspring does not support; name one definition per profile in `function.definition`, or \
             send by name with `Sender`",
        ),
        (
            "spring.config.activate.on-profile: x",
            "built-in application.yaml:1:1: `spring.config.activate.on-profile`: is a Spring property that wellspring does \
             not support; put these settings into `application-<profile>.yaml`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn names_a_binder_that_the_program_lacks_once() {
    assert_eq!(
        problems(
            "spring.rabbitmq: { host: localhost, port: 5672 }\nspring.cloud.stream.rabbit.binder.nodes: a"
        ),
        [
            "built-in application.yaml:1:20: `spring.rabbitmq.host`: this program does not contain the `rabbitmq` binder; \
             it contains `memory`"
        ]
    );
}

#[test]
fn gives_a_binder_its_settings_whatever_they_are_called() {
    let sources = yaml(
        "
spring.kafka.bootstrap-servers: one:9092
spring.cloud.stream:
  kafka.binder: { brokers: two:9092, autoCreateTopics: false }
  kafka.bindings.a-in-0.consumer.start-offset: earliest
  binders:
    other:
      type: kafka
      environment: { spring: { kafka: { bootstrap-servers: three:9092 } } }
  default-binder: kafka
",
    )
    .binder("kafka");
    let config = load(&sources);
    let kafka = config.stream.section("kafka");
    let value = |path: &str| kafka.get(path).expect("a value").value;
    assert_eq!((value("bootstrap-servers"), value("brokers")), ("one:9092".into(), "two:9092".into()));
    assert_eq!(value("auto-create-topics"), "false");
    assert_eq!(value("bindings.a-in-0.consumer.startOffset"), "earliest");
    let other = config.stream.binder("other").environment;
    assert_eq!(other.get("bootstrap-servers").expect("a value").value, "three:9092");
    assert_eq!(other.get("brokers").expect("a value").value, "two:9092");
}

#[test]
fn two_spellings_of_a_key_must_agree() {
    assert_eq!(problems("server.port: 80\nhttp.port: 80"), Vec::<String>::new());
    assert_eq!(
        problems("server.port: 80\nhttp.port: 81"),
        ["built-in application.yaml:2:12: `http.port`: means the same key as `server.port` at built-in \
             application.yaml:1:14, but the values differ"]
    );
    assert_eq!(
        problems("stream.bindings.a-in-0: { content-type: a/b, contentType: a/c }").len(),
        1,
        "also inside one map"
    );
    let later = yaml("server.port: 80").built_in("application-p.yaml", "http.port: 81").arg("--profile=p");
    assert_eq!(load(&later).http.port, 81, "layers may differ");
}
