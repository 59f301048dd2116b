//! The names that Java's client has for its properties, and what the client library makes of them.

/// Properties that the client library knows by two names, each with the one that is used here: of both, it would take the
/// one that happens to be set last.
const SYNONYMS: &[(&str, &str)] = &[
    ("compression.codec", "compression.type"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("max.in.flight.requests.per.connection", "max.in.flight"),
    ("message.send.max.retries", "retries"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("request.required.acks", "acks"),
    ("sasl.mechanisms", "sasl.mechanism"),
];

/// Properties of Java's client that have another name here.
const RENAMED: &[(&str, &str)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.request.size", "message.max.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
    ("ssl.keystore.key", "ssl.key.pem"),
    ("ssl.truststore.location", "ssl.ca.location"),
];

/// Properties that cannot be set, each with what to use instead.
const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "`stream.kafka.brokers`"),
    ("metadata.broker.list", "`stream.kafka.brokers`"),
    ("group.id", "`group` of the binding"),
    ("enable.auto.commit", "nothing: offsets are committed when their messages are settled"),
    ("auto.commit.enable", "nothing: offsets are committed when their messages are settled"),
    ("enable.auto.offset.store", "nothing: offsets are committed when their messages are settled"),
    ("allow.auto.create.topics", "`auto-create-topics`"),
    ("log_level", "`debug`, with which the library says everything, else what it warns of"),
    ("auto.offset.reset", "`start-offset` of the binding"),
    ("transactional.id", "`transaction-id-prefix`"),
    ("key.serializer", "nothing: a key is bytes or text"),
    ("value.serializer", "nothing: the content type of the binding decides"),
    ("key.deserializer", "nothing: a key is bytes"),
    ("value.deserializer", "nothing: the content type of the message decides"),
    ("spring.json.trusted.packages", "nothing: no class is ever loaded"),
    ("max.poll.records", "nothing: a batch is what has arrived"),
    ("max.block.ms", "nothing: an output that is full makes its function wait"),
    ("buffer.memory", "`queue.buffering.max.kbytes`"),
    ("interceptor.classes", "nothing: no class is ever loaded"),
    ("metric.reporters", "nothing: no class is ever loaded"),
    ("sasl.client.callback.handler.class", "`sasl.username` and `sasl.password`"),
    ("sasl.login.callback.handler.class", "`sasl.username` and `sasl.password`"),
    ("ssl.truststore.password", "a PEM file, which has none"),
    ("ssl.engine.factory.class", "nothing: no class is ever loaded"),
    ("schema.registry.url", "nothing: schema registries are not supported"),
];

/// One property as the client library takes it: what it is called here, or why it cannot be set.
///
/// # Errors
/// A clause that says what to use instead, or what was expected.
pub(super) fn translate(name: &str, value: &str) -> Result<Vec<(String, String)>, String> {
    if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(format!("cannot be set, use {instead}"));
    }
    let one = |name: &str, value: &str| Ok(vec![(name.to_owned(), value.to_owned())]);
    match name {
        "sasl.jaas.config" => jaas(value),
        "ssl.truststore.type" if !value.eq_ignore_ascii_case("PEM") => {
            Err(format!("is `{value}`, expected `PEM`; `keytool -exportcert -rfc` writes one"))
        }
        "ssl.keystore.type" if !value.eq_ignore_ascii_case("PKCS12") => Err(format!(
            "is `{value}`, expected `PKCS12`, or `ssl.certificate.location` and `ssl.key.location`"
        )),
        "ssl.truststore.type" | "ssl.keystore.type" => Ok(Vec::new()),
        // Java's way to switch it off.
        "ssl.endpoint.identification.algorithm" if value.trim().is_empty() => one(name, "none"),
        _ => {
            let renamed = RENAMED.iter().chain(SYNONYMS).find(|(other, _)| *other == name);
            one(renamed.map_or(name, |(_, ours)| ours), value)
        }
    }
}

/// User and password from the property that a Java client has for both: `<module> required username="…" password="…";`.
fn jaas(value: &str) -> Result<Vec<(String, String)>, String> {
    let value = value.trim();
    let (module, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let mechanism = match module.trim_end_matches(';').rsplit('.').next() {
        Some("PlainLoginModule") => Some("PLAIN"),
        Some("ScramLoginModule") => None,
        _ => {
            return Err(format!(
                "names the login module `{module}`, expected `PlainLoginModule` or `ScramLoginModule`"
            ));
        }
    };
    let mut properties = Vec::new();
    for (option, property) in [("username", "sasl.username"), ("password", "sasl.password")] {
        let found = option_of(rest, option).ok_or_else(|| format!("has no `{option}`"))?;
        properties.push((property.to_owned(), found));
    }
    properties.extend(mechanism.map(|mechanism| ("sasl.mechanism".to_owned(), mechanism.to_owned())));
    Ok(properties)
}

/// The value of `name="value"`, without quotes and escapes.
fn option_of(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let at = rest.find(name)?;
        let starts = rest[..at].chars().next_back().is_none_or(char::is_whitespace);
        let behind = rest[at + name.len()..].trim_start();
        let Some(value) = behind.strip_prefix('=').filter(|_| starts) else {
            rest = &rest[at + name.len()..];
            continue;
        };
        let value = value.trim_start();
        let Some(quoted) = value.strip_prefix('"') else {
            let end = value.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(value.len());
            return Some(value[..end].to_owned());
        };
        let mut found = String::new();
        let mut letters = quoted.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => return Some(found),
                '\\' => found.extend(letters.next()),
                letter => found.push(letter),
            }
        }
        return None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(name: &str, value: &str) -> Vec<(String, String)> {
        translate(name, value).expect("a property that can be set")
    }

    #[test]
    fn a_property_of_javas_client_has_its_name_here() {
        for (java, ours) in [("fetch.max.wait.ms", "fetch.wait.max.ms"), ("linger.ms", "linger.ms")] {
            assert_eq!(translated(java, "5"), [(ours.to_owned(), "5".to_owned())]);
        }
    }

    #[test]
    fn a_synonym_is_one_for_the_client_library_too() {
        for (name, ours) in SYNONYMS {
            let value = if name.contains("codec") {
                "lz4"
            } else if name.contains("sasl") {
                "PLAIN"
            } else {
                "7"
            };
            let mut client = rdkafka::ClientConfig::new();
            client.set(*name, value);
            let native = client.create_native_config().expect("a property of the library");
            assert_eq!(native.get(ours).expect("another name of it"), value, "{name}");
        }
    }

    #[test]
    fn a_login_of_java_is_a_user_and_a_password() {
        let login = r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="me" password="a\"b c;";"#;
        let expected = [("sasl.username", "me"), ("sasl.password", "a\"b c;"), ("sasl.mechanism", "PLAIN")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(translated("sasl.jaas.config", login), expected);
        let scram = "a.b.ScramLoginModule required\n username=me password=pw;";
        assert_eq!(translated("sasl.jaas.config", scram)[1].1, "pw");
        let kerberos =
            translate("sasl.jaas.config", "com.sun.security.auth.module.Krb5LoginModule required;");
        assert!(kerberos.unwrap_err().contains("expected `PlainLoginModule`"));
        assert!(translate("sasl.jaas.config", "x.PlainLoginModule required username=x;").is_err());
    }

    #[test]
    fn what_cannot_be_set_says_what_to_use() {
        let refused = translate("value.deserializer", "x").unwrap_err();
        assert!(refused.contains("the content type of the message decides"), "{refused}");
    }
}
