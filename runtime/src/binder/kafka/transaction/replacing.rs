//! A producer that has failed for good is replaced by another of the same id, which ends what was left open.
//!
//! That happens when a transaction was open for longer than the broker allows, when another producer has taken the id, or
//! when client and broker do not agree on what was done. Whether the last transaction was committed is not known then;
//! the group knows it, once the new producer has taken over.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;

use super::{Outlet, STEP, Transaction};
use crate::binder::Error;
use crate::binder::kafka::positions::ask_committed;
use crate::binder::kafka::slot::Slot;

/// How long a producer is left alone before each try to replace it: whoever has the same id gets something done.
const REST: Duration = Duration::from_millis(500);

impl Transaction {
    /// Notes that the producer can do no more. The input goes on with another one, if that can be.
    pub(super) fn lose(&self, what: &str, error: KafkaError) -> Result<(), Error> {
        // Nothing follows: what was not committed comes again elsewhere.
        if self.shared.closing_for().is_some() {
            return Err(self.failed(what, error));
        }
        self.lock().state.lose();
        let cause = error.to_string();
        let error = self.failed(what, error);
        tracing::error!(
            binding = self.binding, %error, cause,
            "another producer takes over; everything that is not committed comes again"
        );
        Ok(())
    }

    /// Puts another producer in the place of the one that has failed. Blocks until that is done, but not for long once the
    /// input is to close.
    pub(super) fn replace(
        &self,
        consumer: &BaseConsumer<impl ConsumerContext>,
        slots: &[Arc<Slot>],
    ) -> Result<(), Error> {
        let old = {
            let mut inner = self.lock();
            inner.mail.tell_all();
            inner.outlet.take()
        };
        drop(old);
        while !self.is_giving_up() {
            thread::sleep(REST);
            match self.take_over(consumer, slots) {
                Ok(outlet) => {
                    let mut inner = self.lock();
                    inner.outlet = Some(Arc::new(outlet));
                    inner.state.aborted();
                    inner.mail.wake_all();
                    return Ok(());
                }
                Err(error) if is_final(&error) => return Err(self.failed("cannot begin again", error)),
                Err(error) => {
                    tracing::warn!(binding = self.binding, %error, "no other producer yet; trying again");
                }
            }
        }
        Ok(())
    }

    fn take_over(
        &self,
        consumer: &BaseConsumer<impl ConsumerContext>,
        slots: &[Arc<Slot>],
    ) -> Result<Outlet, KafkaError> {
        let outlet = self.recipe.make()?;
        self.insist(|| {
            let begun = outlet.producer().init_transactions(STEP);
            // Nobody else listens yet to what the producer has to say.
            let _ = outlet.poll_reports(&mut Context::from_waker(Waker::noop()), |_, _| {});
            begun
        })?;
        ask_committed(consumer, slots, STEP)?;
        outlet.producer().begin_transaction()?;
        Ok(outlet)
    }
}

/// Whether no other producer would be allowed more.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::TransactionalIdAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::InvalidTransactionTimeout
                | Code::UnsupportedFeature
        )
    )
}
