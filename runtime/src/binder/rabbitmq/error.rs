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
