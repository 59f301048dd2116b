//! Why a listener cannot start.

use std::io;
use std::net::SocketAddr;

use wellspring_functions::CompositionError;

/// Why a listener cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {advice}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What to do about it.
        advice: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// An allow-list names a definition that cannot be resolved.
    #[error("`{key}` ({origin}) names a definition that cannot be called")]
    Allowed {
        /// The key.
        key: &'static str,
        /// Where it is written.
        origin: String,
        /// What is wrong with the definition.
        source: CompositionError,
    },
}

impl Error {
    /// `key` is the section of the configuration: `http` or `management`.
    pub(super) fn listen(address: SocketAddr, key: &'static str, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => format!(
                "the address is in use; stop the other program, or set `{key}.port` to another port (0 takes any free one)"
            ),
            io::ErrorKind::PermissionDenied => {
                format!("the port is reserved; set `{key}.port` to one from 1024 on")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("this machine does not have the address; set `{key}.address` to one it has")
            }
            _ => format!("see `{key}.address` and `{key}.port`"),
        };
        Self::Listen { address, advice, source }
    }
}
