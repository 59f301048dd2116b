//! What the client library can do and its safe wrapper cannot: taking many records at once, sending to a topic that
//! was looked up once, reading many delivery reports at once, looking for a cluster again that a client has forgotten.
//!
//! All unsafe code of this binder is in this module. It is sound because of how its types own things:
//!
//! * A [`Queue`] and a topic are references that the library counts. Each is given back exactly once, by `Drop`, and
//!   lies in a struct before the client it belongs to, so that it is given back while the client lives.
//! * What the library calls back is switched off, under the library's own lock, before the memory it points to is freed.
//! * Records and reports are lent to a closure for the length of one call, and given back when the call ends.
//! * The library allows every call made here from any thread at any time, which is why these types may be shared.
#![expect(unsafe_code, reason = "the safe wrapper takes records and reports one by one")]

mod bootstrap;
mod headers;
mod intake;
mod outlet;
mod queue;
#[cfg(test)]
mod tests;

pub(super) use headers::{RecordHeaders, SpareHeaders};
pub(super) use intake::{Intake, Received, Taken};
pub(super) use outlet::{Outlet, Refusal, Sent};
