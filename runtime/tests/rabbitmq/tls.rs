//! An encrypted connection: who is trusted, who we are, and what is said when one of them is wrong.

use std::path::PathBuf;

use wellspring::binder::rabbitmq::{Config, RabbitMq, Ssl};
use wellspring::binder::{Binder, Kind, Settlement};

use super::ends::{Broker, Member, Writer, broker, json, payloads};

/// The broker, the address of its encrypted port, and where its certificates are.
async fn encrypted(test: &str) -> Option<(Broker, String, PathBuf)> {
    let broker = broker(test).await?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let uri = variable("WELLSPRING_TEST_RABBITMQ_TLS");
    let found = uri.zip(variable("WELLSPRING_TEST_RABBITMQ_CERTIFICATES"));
    let Some((uri, certificates)) = found else {
        let reason = "`WELLSPRING_TEST_RABBITMQ_TLS` is not set; `scripts/brokers` opens an encrypted port where there is \
                      `openssl`";
        crate::skip::skipped("rabbitmq", reason);
        return None;
    };
    Some((broker, uri, certificates.into()))
}

fn binder(uri: &str, ssl: Ssl) -> RabbitMq {
    RabbitMq::new("rabbitmq", Config { uri: Some(uri.to_owned()), ssl, ..Config::default() })
}

fn file(folder: &std::path::Path, name: &str) -> Option<String> {
    Some(folder.join(name).to_str().unwrap().to_owned())
}

/// The way there and back over an encrypted connection.
async fn goes_through(broker: &Broker, binder: &RabbitMq) {
    let destination = broker.name("d");
    let mut member = Member::join(binder, &destination, "g").await;
    Writer::open(binder, &destination).await.send(json("7")).await.unwrap();
    let received = member.receive(1).await;
    assert_eq!(payloads(&received), ["7"]);
    member.settle(received, Settlement::Ack).await;
    member.leave().await;
}

async fn refused(binder: &RabbitMq, parts: &[&str]) {
    let error = binder.bind_input(super::ends::input_spec("d", "g")).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    for part in parts {
        assert!(error.to_string().contains(part), "{error}: {part}");
    }
}

#[tokio::test]
async fn a_server_whose_authority_is_named_is_trusted() {
    let Some((broker, uri, certificates)) = encrypted("authority").await else { return };
    let by_path = Ssl { ca_certificate: file(&certificates, "ca.pem"), ..Ssl::default() };
    goes_through(&broker, &binder(&uri, by_path)).await;
    let text = std::fs::read_to_string(certificates.join("ca.pem")).unwrap();
    let by_text = Ssl { ca_certificate: Some(text), ..Ssl::default() };
    goes_through(&broker, &binder(&uri, by_text)).await;
    // Spring's way to say the same: no scheme, but a switch.
    let port = uri.rsplit(':').next().unwrap().split('/').next().unwrap().parse().ok();
    let ssl = Ssl { enabled: true, ca_certificate: file(&certificates, "ca.pem"), ..Ssl::default() };
    let config = Config { host: "localhost".to_owned(), port, ssl, ..Config::default() };
    goes_through(&broker, &RabbitMq::new("rabbitmq", config)).await;
    broker.clean().await;
}

#[tokio::test]
async fn a_client_shows_the_certificate_it_was_given() {
    let Some((broker, uri, certificates)) = encrypted("client certificate").await else { return };
    let ssl = Ssl {
        ca_certificate: file(&certificates, "ca.pem"),
        certificate: file(&certificates, "client.pem"),
        private_key: file(&certificates, "client.key"),
        ..Ssl::default()
    };
    let own = broker.name("shown");
    let config = Config { connection_name_prefix: own.clone(), uri: Some(uri), ssl, ..Config::default() };
    let binder = RabbitMq::new("rabbitmq", config);
    let mut writer = Writer::open(&binder, &broker.name("d")).await;
    super::ends::eventually("the broker has seen the certificate", async || {
        let connections = broker.management("connections").await.unwrap_or_default();
        let subject = connections.as_array().unwrap().iter().find_map(|one| {
            let name = one["client_properties"]["connection_name"].as_str()?;
            name.starts_with(&own).then(|| one["peer_cert_subject"].clone())
        });
        subject == Some(serde_json::json!("CN=wellspring"))
    })
    .await;
    let _ = writer.send(json("1")).await;
    broker.clean().await;
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_and_files_that_are_not_there_are_refused() {
    let Some((_broker, uri, certificates)) = encrypted("not trusted").await else { return };
    let shown = uri.replace("guest:guest", "guest");
    refused(&binder(&uri, Ssl::default()), &[&shown, "certificate"]).await;
    let absent = Ssl { ca_certificate: Some("/nowhere/ca.pem".to_owned()), ..Ssl::default() };
    refused(&binder(&uri, absent), &["`ssl.ca-certificate` names `/nowhere/ca.pem`", "cannot be read"]).await;
    let no_pem = Ssl { ca_certificate: file(&certificates, "openssl.log"), ..Ssl::default() };
    refused(&binder(&uri, no_pem), &["holds no PEM"]).await;
    // The certificate is for `localhost`, not for this.
    let other = uri.replace("localhost", "127.0.0.1");
    let ssl = Ssl { ca_certificate: file(&certificates, "ca.pem"), ..Ssl::default() };
    refused(&binder(&other, ssl), &["127.0.0.1", "not valid for name"]).await;
}

#[tokio::test]
async fn a_port_without_encryption_is_refused_with_the_reason() {
    let Some((broker, _, _)) = encrypted("no tls there").await else { return };
    let plain = broker.uri.replace("amqp://", "amqps://");
    let shown = plain.replace("guest:guest", "guest");
    refused(&binder(&plain, Ssl::default()), &[&shown, "cannot be connected to"]).await;
}
