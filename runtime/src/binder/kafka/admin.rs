//! The client that asks about topics and makes them: it notices at once when the broker does not let it in.

use std::sync::{Mutex, PoisonError};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::Notify;

use super::client::failed;
use super::config::Config;
use super::rebalance;
use crate::binder::{Error, Kind};

/// Notes why no connection comes about: the library itself only says that time is over.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    last: Mutex<Option<(KafkaError, String)>>,
    refused: Notify,
}

impl ClientContext for Troubles {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        rebalance::log("wellspring-admin", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "trouble with the broker");
        let is_refusal = is_refusal(&error);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A refusal says more than that all brokers are down because of it.
        if is_refusal || !last.as_ref().is_some_and(|(known, _)| self::is_refusal(known)) {
            *last = Some((error, reason.to_owned()));
        }
        if is_refusal {
            self.refused.notify_one();
        }
    }
}

/// Whether trying again cannot help: the login or the certificate is wrong.
fn is_refusal(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::Authentication | Code::SSL | Code::SaslAuthenticationFailed)
    )
}

/// An admin client that says what is wrong. Blocks.
pub(super) struct Admin<'a> {
    pub(super) config: &'a Config,
    pub(super) client: AdminClient<Troubles>,
}

impl<'a> Admin<'a> {
    pub(super) fn new(config: &'a Config) -> Result<Self, Error> {
        let client = config.admin_client().create_with_context(Troubles::default());
        let client = client.map_err(|error| failed(cannot_make("admin client", config), error))?;
        Ok(Self { config, client })
    }

    /// Waits for an answer about a topic, on a thread that may block; no longer than until the broker refuses us.
    pub(super) fn wait<T>(
        &self,
        topic: &str,
        answer: impl Future<Output = Result<T, KafkaError>>,
    ) -> Result<T, Error> {
        let troubles = self.client.inner().context();
        let answer = async {
            tokio::select! {
                answer = answer => answer,
                () = troubles.refused.notified() => Err(KafkaError::AdminOp(RDKafkaErrorCode::Authentication)),
            }
        };
        tokio::runtime::Handle::current().block_on(answer).map_err(|error| self.unreachable(topic, error))
    }

    /// Why nothing is known about a topic.
    pub(super) fn unreachable(&self, topic: &str, error: KafkaError) -> Error {
        let at = self.config.addresses();
        let last = self.client.inner().context().last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some((cause, reason)) if is_refusal(&cause) => {
                let sentence =
                    format!("Kafka at {at} refuses the connection that asks about `{topic}`: {reason}");
                Error::new(Kind::Refused, sentence).because(cause)
            }
            last => {
                let after = self.config.bind_timeout.as_millis();
                let sentence =
                    format!("Kafka at {at} says nothing about the topic `{topic}` within {after}ms");
                failed(sentence, last.map_or(error, |(cause, _)| cause))
            }
        }
    }

    pub(super) fn options(&self) -> AdminOptions {
        let timeout = Some(self.config.bind_timeout);
        AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
    }
}

pub(super) fn cannot_make(what: &str, config: &Config) -> String {
    format!("the {what} for Kafka at {} cannot be made", config.addresses())
}
