//! Replies that say themselves where they go (Spring: `spring.cloud.stream.sendto.destination`).

use wellspring_functions::{Error, Outputs, Reply, header_names};

use super::sender::SenderOutputs;

/// Whether the function has said where the reply goes. Only a function says it: the headers of a delivery do not count.
#[inline]
pub(super) fn is_addressed(reply: &Reply) -> bool {
    reply.sets_headers && reply.message.headers().contains(header_names::SEND_TO_DESTINATION)
}

/// Sends a reply to where it says, and waits for the confirmation; one that says nothing is given back.
pub(super) async fn send(outputs: &SenderOutputs, mut reply: Reply) -> Option<Result<Reply, Error>> {
    if !is_addressed(&reply) {
        return Some(Ok(reply));
    }
    let headers = reply.message.headers_mut();
    let output = headers.text(header_names::SEND_TO_DESTINATION).map(str::to_owned).unwrap_or_default();
    headers.remove(header_names::SEND_TO_DESTINATION);
    outputs.send(&output, reply.message).await.err().map(Err)
}
