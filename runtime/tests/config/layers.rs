//! Which layer wins, and where a value says it comes from.

use std::time::Duration;

use wellspring::config::{LogFormat, Sources};

use crate::support::{explained, load, report, yaml};

#[test]
fn starts_with_nothing_at_all() {
    let config = load(&Sources::new());
    assert_eq!(config.http.port, 8080);
    assert_eq!(config.http.address.to_string(), "0.0.0.0");
    assert_eq!(config.http.max_body_size, 10 << 20);
    assert_eq!(config.management.address.to_string(), "127.0.0.1");
    assert_eq!(config.stream.default_binder.value, "memory");
    assert_eq!(config.shutdown_timeout, Duration::from_secs(30));
    assert_eq!(config.logging.format, LogFormat::Auto);
    assert_eq!(config.function.max_stages.value, 64);
    assert!(config.stream.default_binder.origin.is_default());
    assert_eq!(explained(&config, "http.port"), ("8080".into(), "default".into()));
}

#[test]
fn every_layer_overrides_the_one_below() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, port: u16| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, format!("http:\n  port: {port}\n")).expect("a file");
    };
    let mut sources = Sources::new().directory(directory.path());
    let expect = |sources: &Sources, port: &str, place: &str| {
        let (value, origin) = explained(&load(sources), "http.port");
        assert_eq!(value, port);
        assert!(origin.ends_with(place), "{origin} is not {place}");
    };
    expect(&sources, "8080", "default");
    sources = sources.built_in("application.yaml", "http: { port: 1 }").built_in("application-x.yaml", "");
    expect(&sources, "1", "built-in application.yaml:1:15");
    sources = sources.built_in("application-x.yaml", "http: { port: 2 }").arg("--profile=x");
    expect(&sources, "2", "built-in application-x.yaml:1:15");
    write("application.yaml", 3);
    expect(&sources, "3", "/application.yaml:2:9");
    write("config/application.yaml", 4);
    expect(&sources, "4", "/config/application.yaml:2:9");
    write("application-x.yaml", 5);
    expect(&sources, "5", "/application-x.yaml:2:9");
    sources = sources.env("SERVER_PORT", "6");
    expect(&sources, "6", "variable `SERVER_PORT`");
    sources = sources.env("SPRING_APPLICATION_JSON", r#"{"server":{"port":7}}"#);
    expect(&sources, "7", "variable `SPRING_APPLICATION_JSON`");
    sources = sources.arg("--http.port=9");
    expect(&sources, "9", "flag `--http.port`");
}

#[test]
fn maps_are_joined_and_lists_replaced() {
    let sources = yaml("http: { ignored-headers: [one, two], port: 1 }\nstream.bindings.a-in-0.group: g")
        .built_in(
            "application-p.yaml",
            "http: { ignored-headers: [three] }\nstream.bindings.a-in-0.destination: d",
        )
        .arg("--profile")
        .arg("p");
    let config = load(&sources);
    assert_eq!(config.http.ignored_headers, ["three"]);
    assert_eq!(config.http.port, 1);
    let binding = config.stream.binding("a-in-0");
    assert_eq!(binding.destination.value, "d");
    assert_eq!(binding.group.expect("a group").value, "g");
}

#[test]
fn profiles_apply_in_order_wherever_they_are_chosen() {
    let files = |base: &str| {
        yaml(base)
            .built_in("application-one.yaml", "application.name: one\nhttp.port: 1")
            .built_in("application-two.toml", "application.name = 'two'")
    };
    let name = |sources: &Sources| {
        let config = load(sources);
        (config.profiles.join("+"), config.application_name.unwrap_or_default(), config.http.port)
    };
    let both = ("one+two".to_owned(), "two".to_owned(), 1);
    assert_eq!(name(&files("profiles.active: [one, two]")), both);
    assert_eq!(name(&files("spring.profiles.active: one, two")), both);
    assert_eq!(name(&files("profiles: { active: '${WHICH}' }").env("WHICH", "one,two")), both);
    assert_eq!(name(&files("").env("WELLSPRING_PROFILES_ACTIVE", "one,two")), both);
    assert_eq!(name(&files("").env("SPRING_PROFILES_ACTIVE", "one, two")), both);
    assert_eq!(name(&files("").arg("--profile").arg("one").arg("--profile=two")), both);
    assert_eq!(name(&files("").arg("--spring.profiles.active=one,two")), both);
    let overridden = files("profiles.active: one").env("SPRING_PROFILES_ACTIVE", "one").arg("--profile=two");
    assert_eq!(name(&overridden), ("two".into(), "two".into(), 8080));
}

#[test]
fn refuses_a_profile_that_has_no_file() {
    let sources = yaml("").built_in("application-message.yaml", "").built_in("application-accounts.yaml", "");
    assert_eq!(
        report(&sources.clone().arg("--profile=mesage")),
        "1 problem in the configuration:\n  1. flag `--profile`: there is no file `application-mesage.*` for the \
         profile `mesage`; did you mean `message`?"
    );
    assert_eq!(
        report(&sources.arg("--profile=zzz")),
        "1 problem in the configuration:\n  1. flag `--profile`: there is no file `application-zzz.*` for the profile \
         `zzz`; there are `accounts`, `message`"
    );
}

#[test]
fn a_profile_cannot_leave_its_directory() {
    assert!(report(&yaml("").arg("--profile=../../etc/passwd")).contains("expected a profile of letters"));
}

#[test]
fn a_profile_cannot_choose_profiles() {
    let sources = yaml("").built_in("application-p.yaml", "spring.profiles.active: q").arg("--profile=p");
    assert!(report(&sources).contains("the file of a profile cannot choose profiles"));
}

#[test]
fn reads_flags() {
    let config = load(
        &Sources::new().arg("--stream.enabled=false").arg("--http.path=/a=b").arg("--management.enabled"),
    );
    assert!(!config.stream.enabled);
    assert!(config.management.enabled);
    assert_eq!(config.http.path, "/a=b");
    let config = load(&Sources::new().arg("--http.ignored-headers[0]=a").arg("--http.ignoredHeaders[1]=b"));
    assert_eq!(config.http.ignored_headers, ["a", "b"]);
}

#[test]
fn refuses_broken_flags() {
    let cases = [
        ("--config", "flag `--config`: a value is missing; write `--config <value>`"),
        ("--http.prot=1", "flag `--http.prot`: `http.prot`: unknown key; did you mean `port`?"),
        (
            "--http..port=1",
            "flag `--http..port`: the key `http..port` is malformed: it has an empty name between its dots",
        ),
        ("run", "the argument `run` is no setting; write `--<key>=<value>`, such as `--http.port=8080`"),
    ];
    for (flag, expected) in cases {
        assert_eq!(
            report(&Sources::new().arg(flag)),
            format!("1 problem in the configuration:\n  1. {expected}")
        );
    }
}

#[test]
fn placeholders_name_settings_and_variables() {
    let text = "
application.name: ${NAME:accounts}
stream.bindings.${x}-in-0.group: g
app:
  greeting: Hello ${application.name} at ${server.port} and ${http.max-stages:none}
  nested: ${NONE:${ALSO_NONE:${NAME:deep}}}
  raw: \\${NAME}
  list: ['${NAME:one}', two]
";
    let text = text.replace("stream.bindings.${x}-in-0.group: g\n", "");
    let config = load(&yaml(&text));
    let app = |path: &str| config.app().get(path).expect("a value").value;
    assert_eq!(app("greeting"), "Hello accounts at 8080 and none");
    assert_eq!(app("nested"), "deep");
    assert_eq!(app("raw"), "${NAME}");
    let config = load(&yaml(&text).env("NAME", "orders").env("SERVER_PORT", "9"));
    assert_eq!(config.app().get("greeting").expect("a value").value, "Hello orders at 9 and none");
}

#[test]
fn a_flag_cannot_nest_without_end() {
    let flag = format!("--app{}=1", ".a".repeat(100_000));
    assert!(report(&Sources::new().arg(flag)).ends_with("is malformed: it has too many names"));
}
