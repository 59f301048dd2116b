//! Encryption of the connection: whom to trust, and who we are.

use std::fmt;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use serde::Deserialize;

use crate::binder::{Error, Kind};

/// What a file with a certificate or a key in it begins with.
const PEM: &str = "-----BEGIN";

/// Encryption of the connection (`stream.rabbitmq.ssl.*`).
///
/// Files are read whenever a connection is made, so that renewed ones hold from the next one on. The text of a PEM file
/// may be given in place of its path.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Ssl {
    /// Whether the connection is encrypted; `amqps://` says so too.
    pub enabled: bool,
    /// Certificates to trust besides those the system trusts, as PEM.
    pub ca_certificate: Option<String>,
    /// Our certificate with those that vouch for it, as PEM; needs `private-key`.
    pub certificate: Option<String>,
    /// The key of our certificate, as PEM.
    pub private_key: Option<String>,
    /// Our certificate and its key in one PKCS #12 file, instead of `certificate` and `private-key`.
    pub key_store: Option<String>,
    /// What kind of file that is: `PKCS12`, the default and the only one there is.
    pub key_store_type: Option<String>,
    /// What it is locked with.
    pub key_store_password: Option<String>,
    /// Spring's switch for the check of the server's certificate: it is always checked, so that `false` is refused.
    pub validate_server_certificate: Option<bool>,
    /// Spring's switch for the check of the server's name: it is always checked, so that `false` is refused.
    pub verify_hostname: Option<bool>,
}

impl Ssl {
    /// What is wrong beyond the types, a sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.certificate.is_some() != self.private_key.is_some() {
            let (given, missing) = if self.certificate.is_some() {
                ("certificate", "private-key")
            } else {
                ("private-key", "certificate")
            };
            problems
                .push(format!("`ssl.{given}` is given without `ssl.{missing}`, expected both or neither"));
        }
        if self.key_store.is_some() && self.certificate.is_some() {
            problems.push(
                "`ssl.key-store` and `ssl.certificate` are both given, expected one of them".to_owned(),
            );
        }
        if let Some(kind) = self.key_store_type.as_ref().filter(|kind| !kind.eq_ignore_ascii_case("pkcs12")) {
            let advice = "convert it: `keytool -importkeystore -deststoretype pkcs12`";
            problems.push(format!("`ssl.key-store-type` is `{kind}`, expected `PKCS12`; {advice}"));
        }
        for (key, switch, advice) in [
            (
                "validate-server-certificate",
                self.validate_server_certificate,
                "name the certificate to trust in `ssl.ca-certificate`",
            ),
            (
                "verify-hostname",
                self.verify_hostname,
                "connect to a name or an address that the server's certificate holds",
            ),
        ] {
            if switch == Some(false) {
                problems.push(format!(
                    "`ssl.{key}` is false: a server that nobody vouches for is not connected to, {advice}"
                ));
            }
        }
        problems
    }

    /// What the client needs to know.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else.
    pub(super) async fn load(&self) -> Result<OwnedTLSConfig, Error> {
        let cert_chain = match &self.ca_certificate {
            Some(written) => Some(text("ca-certificate", written).await?),
            None => None,
        };
        let identity = match (&self.certificate, &self.private_key, &self.key_store) {
            (Some(certificate), Some(key), _) => Some(OwnedIdentity::PKCS8 {
                pem: text("certificate", certificate).await?.into_bytes(),
                key: text("private-key", key).await?.into_bytes(),
            }),
            (_, _, Some(store)) => Some(OwnedIdentity::PKCS12 {
                der: read("key-store", store).await?,
                password: self.key_store_password.clone().unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(OwnedTLSConfig { identity, cert_chain })
    }
}

async fn text(key: &str, written: &str) -> Result<String, Error> {
    if written.trim_start().starts_with(PEM) {
        return Ok(written.to_owned());
    }
    let bytes = read(key, written).await?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.contains(PEM));
    text.ok_or_else(|| {
        let sentence = format!("`ssl.{key}` names `{written}`, which holds no PEM (`{PEM} ..`)");
        Error::new(Kind::Refused, sentence)
    })
}

async fn read(key: &str, path: &str) -> Result<Vec<u8>, Error> {
    let path = path.strip_prefix("file:").unwrap_or(path);
    tokio::fs::read(path).await.map_err(|cause| {
        Error::new(Kind::Refused, format!("`ssl.{key}` names `{path}`, which cannot be read: {cause}"))
    })
}

impl fmt::Debug for Ssl {
    /// Without keys and passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssl").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_missing_and_what_is_never_done() {
        let ssl = Ssl {
            certificate: Some("a.pem".to_owned()),
            key_store_type: Some("JKS".to_owned()),
            verify_hostname: Some(false),
            validate_server_certificate: Some(true),
            ..Ssl::default()
        };
        let problems = ssl.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(
            problems[0],
            "`ssl.certificate` is given without `ssl.private-key`, expected both or neither"
        );
        assert!(problems[1].starts_with("`ssl.key-store-type` is `JKS`, expected `PKCS12`"), "{problems:?}");
        assert!(problems[2].starts_with("`ssl.verify-hostname` is false"), "{problems:?}");
    }
}
