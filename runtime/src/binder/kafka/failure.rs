//! What errors of the client library mean to whoever uses the binder.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::binder::{Error, Kind};

/// What an error of the client means to whoever uses the binder.
pub(super) fn kind(error: &KafkaError) -> Kind {
    use RDKafkaErrorCode as Code;
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => Kind::TooLarge,
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => Kind::Unroutable,
        Some(
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            // The library lets a connection go, and what was on its way there.
            | Code::BrokerDestroy
            | Code::DestroyBroker
            | Code::Interrupted
            | Code::Retry
            | Code::ReplicaNotAvailable
            | Code::UnknownBroker
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::NetworkException
            | Code::KafkaStorageError
            | Code::WaitingForCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            // It is another broker by now, which the library looks for.
            | Code::NotCoordinator
            // Another message of its batch was refused, which is told so itself: sent again, this one goes without it.
            | Code::InvalidDifferentRecord
            | Code::QueueFull,
        ) => Kind::Unreachable,
        // It is the producer that has failed, and no message: see `replacing`.
        Some(
            Code::PurgeQueue
            | Code::PurgeInflight
            | Code::Fatal
            | Code::Fenced
            | Code::Inconsistent
            | Code::OutOfOrderSequenceNumber
            | Code::UnknownProducerId
            | Code::InvalidProducerEpoch
            | Code::ProducerFenced
            // Its transaction can only be given up, whatever is sent.
            | Code::State,
        ) => Kind::Closed,
        _ => Kind::Refused,
    }
}

/// An error of the client, with a sentence that names the object.
pub(super) fn failed(what: impl Into<String>, error: KafkaError) -> Error {
    Error::new(kind(&error), what).because(error)
}

/// Tells errors that end an input from those that pass.
pub(super) fn note(binding: &str, error: KafkaError) -> Result<(), Error> {
    use RDKafkaErrorCode as Code;
    match &error {
        KafkaError::MessageConsumptionFatal(_) | KafkaError::MessageConsumption(Code::Fatal) => {
            Err(failed(format!("the input `{binding}` has failed for good"), error))
        }
        KafkaError::MessageConsumption(
            Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::SaslAuthenticationFailed,
        ) => Err(failed(format!("the input `{binding}` is not allowed to read"), error)),
        KafkaError::PartitionEOF(_) | KafkaError::MessageConsumption(Code::PartitionEOF) => Ok(()),
        KafkaError::MessageConsumption(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
            tracing::warn!(binding, %error, "a topic does not exist any more; waiting for it");
            Ok(())
        }
        // The client tells that of itself, once: see `logging`.
        KafkaError::MessageConsumption(
            Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve,
        ) => {
            tracing::debug!(binding, %error, "trouble with the broker");
            Ok(())
        }
        _ => {
            tracing::warn!(binding, %error, "trouble with the broker; the client goes on trying");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_blamed_for_what_it_is_and_not_for_a_connection_that_goes() {
        let kinds = [
            (RDKafkaErrorCode::BrokerDestroy, Kind::Unreachable),
            (RDKafkaErrorCode::BrokerTransportFailure, Kind::Unreachable),
            (RDKafkaErrorCode::NotCoordinator, Kind::Unreachable),
            (RDKafkaErrorCode::InvalidDifferentRecord, Kind::Unreachable),
            (RDKafkaErrorCode::PurgeInflight, Kind::Closed),
            (RDKafkaErrorCode::State, Kind::Closed),
            (RDKafkaErrorCode::UnknownTopic, Kind::Unroutable),
            (RDKafkaErrorCode::MessageSizeTooLarge, Kind::TooLarge),
            (RDKafkaErrorCode::InvalidRecord, Kind::Refused),
        ];
        for (code, expected) in kinds {
            assert_eq!(kind(&KafkaError::MessageProduction(code)), expected, "{code:?}");
        }
    }
}
