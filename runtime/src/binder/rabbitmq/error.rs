//! What the client and the broker say when something fails, as errors of ours that name broker, object and cause.

use lapin::ErrorKind;
use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};

use crate::binder::{Error, Kind};

/// An operation on `object` failed. The client's error holds no address and no credentials.
pub(super) fn failed(broker: &str, operation: &str, object: &str, cause: &lapin::Error) -> Error {
    let object = if object.is_empty() { String::new() } else { format!(" `{object}`") };
    Error::new(kind(cause), format!("`{broker}` {operation}{object}: {}", sentence(cause)))
}

/// What a failure means for whoever waits: may a later try succeed?
pub(super) fn kind(cause: &lapin::Error) -> Kind {
    match cause.kind() {
        ErrorKind::ProtocolError(error) => kind_of_reply(error),
        // The two sides do not speak the same: no TLS there, or certificates that nobody vouches for.
        ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::InvalidData => Kind::Refused,
        ErrorKind::AuthProviderError(_)
        | ErrorKind::InvalidProtocolVersion(_)
        | ErrorKind::ChannelsLimitReached
        | ErrorKind::NoDefaultRuntime => Kind::Refused,
        ErrorKind::RuntimeShutdownError(_) => Kind::Closed,
        _ => Kind::Unreachable,
    }
}

fn kind_of_reply(error: &AMQPError) -> Kind {
    let text = error.get_message().as_str();
    match error.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::CONTENTTOOLARGE) => Kind::TooLarge,
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) if text.contains("larger than") => {
            Kind::TooLarge
        }
        AMQPErrorKind::Soft(
            AMQPSoftError::ACCESSREFUSED | AMQPSoftError::NOTFOUND | AMQPSoftError::PRECONDITIONFAILED,
        ) => {
            // A queue on a node that is down is not found, and is there again when the node is.
            // One that somebody else reads alone may be free later.
            if text.contains("exclusive use") {
                return Kind::Unreachable;
            }
            if text.contains("home node") || text.contains("is down") {
                Kind::Unreachable
            } else {
                Kind::Refused
            }
        }
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED | AMQPHardError::COMMANDINVALID)
            if !text.contains("is down") =>
        {
            Kind::Refused
        }
        _ => Kind::Unreachable,
    }
}

/// What is wrong with a message for which the broker has closed the channel; nothing where no message is at fault.
pub(super) fn blame(cause: &lapin::Error) -> Option<Kind> {
    let ErrorKind::ProtocolError(error) = cause.kind() else { return None };
    let text = error.get_message().as_str();
    match error.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::CONTENTTOOLARGE) => Some(Kind::TooLarge),
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => Some(kind_of_reply(error)),
        // Who may not write to the exchange at all may be allowed to; the routing key is the message's own.
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if text.contains("topic '") => Some(Kind::Refused),
        _ => None,
    }
    .filter(|kind| *kind != Kind::Unreachable)
}

/// A message of which nothing is known any more.
pub(super) fn unconfirmed(exchange: &str, why: &str) -> Error {
    let sentence = format!("a message to the exchange `{exchange}` was not confirmed: {why}");
    Error::new(Kind::Unreachable, sentence)
}

/// A message for which the broker closes the channel.
pub(super) fn refused(exchange: &str, kind: Kind, why: &str) -> Error {
    Error::new(kind, format!("the broker refuses a message to the exchange `{exchange}`: {why}"))
}

/// The cause in words: the broker's own where it said something.
pub(super) fn sentence(cause: &lapin::Error) -> String {
    match cause.kind() {
        ErrorKind::ProtocolError(error) => format!("{} ({})", error.get_message(), error.get_id()),
        ErrorKind::IOError(error) => error.to_string(),
        ErrorKind::MissingHeartbeatError => "no sign of life for too long".to_owned(),
        ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_) => {
            "the connection is lost".to_owned()
        }
        _ => cause.to_string(),
    }
}
