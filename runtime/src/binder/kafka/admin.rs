//! The client that asks about topics and makes them: it notices at once when the broker does not let it in.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, NoCustomPartitioner, Producer as _, ProducerContext};

use super::config::Config;
use super::failure::failed;
use crate::binder::{Error, Kind};

/// How long the broker may be silent before it is asked why.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the answer is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Notes why no connection comes about.
#[derive(Debug, Default)]
struct Troubles {
    last: Mutex<Option<(KafkaError, String)>>,
}

impl ClientContext for Troubles {
    fn error(&self, error: KafkaError, reason: &str) {
        // That all brokers are down says less than why.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.lock() = Some((error, reason.to_owned()));
        }
    }
}

impl ProducerContext<NoCustomPartitioner> for Troubles {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

impl Troubles {
    fn lock(&self) -> MutexGuard<'_, Option<(KafkaError, String)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
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
    config: &'a Config,
    pub(super) client: AdminClient<DefaultClientContext>,
}

impl<'a> Admin<'a> {
    pub(super) fn new(config: &'a Config) -> Result<Self, Error> {
        let client = config.admin_client().create();
        let client = client.map_err(|error| failed(cannot_make("admin client", config), error))?;
        Ok(Self { config, client })
    }

    /// Waits for an answer about a topic, on a thread that may block; no longer than until the broker refuses us.
    pub(super) fn wait<T>(
        &self,
        topic: &str,
        answer: impl Future<Output = Result<T, KafkaError>>,
    ) -> Result<T, Error> {
        let mut reason = None;
        let answered = tokio::runtime::Handle::current().block_on(async {
            tokio::select! {
                answered = answer => Some(answered),
                () = self.refusal(&mut reason) => None,
            }
        });
        match answered {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(self.unreachable(topic, error, reason.as_ref())),
            None => {
                let (at, reason) = (self.config.addresses(), reason.unwrap_or_default());
                let sentence = format!("Kafka at {at} refuses who asks about the topic `{topic}`: {reason}");
                Err(Error::new(Kind::Refused, sentence))
            }
        }
    }

    /// Ends when the broker is known to refuse us. An admin client does not say why it hears nothing, so that another
    /// client, which does, asks as well when there is nothing to be heard; what it says last is put into `reason`.
    async fn refusal(&self, reason: &mut Option<String>) {
        tokio::time::sleep(SILENCE).await;
        let witness: Result<BaseProducer<Troubles>, _> =
            self.config.admin_client().create_with_context(Troubles::default());
        let Ok(witness) = witness else { return std::future::pending().await };
        loop {
            witness.poll(Duration::ZERO);
            if let Some((error, said)) = witness.context().lock().take() {
                *reason = Some(said);
                if is_refusal(&error) {
                    return;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Why nothing is known about a topic.
    pub(super) fn unreachable(&self, topic: &str, error: KafkaError, reason: Option<&String>) -> Error {
        let (at, after) = (self.config.addresses(), self.config.bind_timeout.as_millis());
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        failed(
            format!("Kafka at {at} says nothing about the topic `{topic}` within {after}ms{reason}"),
            error,
        )
    }

    pub(super) fn options(&self) -> AdminOptions {
        let timeout = Some(self.config.bind_timeout);
        AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
    }
}

pub(super) fn cannot_make(what: &str, config: &Config) -> String {
    format!("the {what} for Kafka at {} cannot be made", config.addresses())
}
