//! Sending from code: to a named output, whenever the function likes (Spring: `StreamBridge`).

use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::Serialize;

use crate::codec::{Codecs, Length, natural_content_type};
use crate::content_type::ContentType;
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::message::{EncodedMessage, Message};
use crate::notes::Notes;
use crate::stage::Call;

/// Publishes messages to named outputs. Take one as an argument after the payload.
///
/// ```
/// use wellspring_functions::{Error, Sender};
///
/// async fn register(name: String, sender: Sender) -> Result<u64, Error> {
///     sender.send("send-communication", name).await?;
///     Ok(42)
/// }
/// ```
#[derive(Clone)]
pub struct Sender {
    outputs: Arc<dyn Outputs>,
    codecs: Codecs,
    /// Of the call that it was injected into.
    notes: Option<Notes>,
}

/// The outputs that a [`Sender`] publishes to; the runtime implements it.
pub trait Outputs: Send + Sync + 'static {
    /// The content type that an output is configured with, if any.
    fn content_type(&self, output: &str) -> Option<ContentType>;

    /// Publishes an encoded message and waits until the broker has confirmed it.
    fn send(&self, output: &str, message: EncodedMessage) -> BoxFuture<'static, Result<(), Error>>;

    /// Publishes encoded messages in their order, all of them on their way at once, and waits until the broker has
    /// confirmed each.
    fn send_all(&self, output: &str, messages: Vec<EncodedMessage>) -> BoxFuture<'static, Result<(), Error>>;
}

impl Sender {
    /// A sender to some outputs.
    #[must_use]
    pub fn new(outputs: Arc<dyn Outputs>, codecs: Codecs) -> Self {
        Self { outputs, codecs, notes: None }
    }

    /// The sender of a call.
    pub(crate) fn within(&self, call: &Call<'_>) -> Self {
        Self { notes: call.notes().cloned(), ..self.clone() }
    }

    /// Publishes a payload to an output binding when the call succeeds, and nothing when it fails. The call is over, and
    /// its delivery settled, when the broker has confirmed what it posted; where it does not, the call fails.
    ///
    /// For synchronous functions, and wherever nobody needs to wait. It belongs to the call for which the sender was
    /// injected, so that it is an error when that is over.
    ///
    /// ```
    /// use wellspring_functions::{Error, Sender};
    ///
    /// fn register(name: String, sender: Sender) -> Result<u64, Error> {
    ///     sender.post("send-communication", name)?;
    ///     Ok(42)
    /// }
    /// ```
    ///
    /// # Errors
    /// When the payload cannot be encoded, or there is no call that the message belongs to.
    pub fn post<T: Serialize + 'static>(&self, output: &str, payload: T) -> Result<(), Error> {
        self.post_message(output, Message::new(payload))
    }

    /// The same for a message with headers.
    ///
    /// # Errors
    /// As for [`post`](Self::post).
    pub fn post_message<T: Serialize + 'static>(
        &self,
        output: &str,
        message: Message<T>,
    ) -> Result<(), Error> {
        let message = self.encode(output, message)?;
        let post = self.outputs.send(output, message);
        if self.notes.as_ref().is_some_and(|notes| notes.post(post)) {
            return Ok(());
        }
        let sentence =
            format!("nothing can be posted to `{output}` when the call is over; await `send` instead");
        Err(Error::message(Kind::Fatal, sentence))
    }

    /// Publishes a payload to an output binding; resolves when the broker has confirmed it.
    ///
    /// # Errors
    /// When the payload cannot be encoded, no output has that name, or the broker did not accept the message.
    pub fn send<T: Serialize + 'static>(
        &self,
        output: &str,
        payload: T,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<T> {
        self.send_message(output, Message::new(payload))
    }

    /// Publishes a message with headers to an output binding; resolves when the broker has confirmed it.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_message<T: Serialize + 'static>(
        &self,
        output: &str,
        message: Message<T>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<T> {
        let sent = self.encode(output, message).map(|message| self.outputs.send(output, message));
        async move { sent?.await }
    }

    /// Publishes many payloads to an output binding, in their order; resolves when the broker has confirmed all of
    /// them. They are on their way together: this is much faster than one [`send`](Self::send) after the other, and
    /// cheaper than many at once.
    ///
    /// # Errors
    /// When a payload cannot be encoded nothing is sent. When the broker did not accept one of the messages, why not;
    /// others may have been accepted.
    pub fn send_all<T: Serialize + 'static>(
        &self,
        output: &str,
        payloads: impl IntoIterator<Item = T>,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let (payloads, content_type) = (payloads.into_iter(), self.content_type::<T>(output));
        // They are alike, which those of other calls need not be.
        let (mut all, length) = (Vec::with_capacity(payloads.size_hint().0), Length::default());
        for payload in payloads {
            match self.encode_as(&content_type, payload, Headers::new(), &length) {
                Ok(message) => all.push(message),
                Err(error) => return Box::pin(async { Err(error) }),
            }
        }
        self.outputs.send_all(output, all)
    }

    fn encode<T: Serialize + 'static>(
        &self,
        output: &str,
        message: Message<T>,
    ) -> Result<EncodedMessage, Error> {
        let (payload, headers) = message.into_parts();
        let own = headers.content_type().cloned();
        let content_type = own.unwrap_or_else(|| self.content_type::<T>(output));
        self.encode_as(&content_type, payload, headers, &Length::default())
    }

    fn encode_as<T: Serialize + 'static>(
        &self,
        content_type: &ContentType,
        payload: T,
        mut headers: Headers,
        length: &Length,
    ) -> Result<EncodedMessage, Error> {
        let payload = self.codecs.encode_expecting(payload, content_type, length)?;
        headers.set_content_type(content_type.clone());
        Ok(Message::from_parts(Some(payload), headers))
    }

    /// What a payload that says nothing itself is written as.
    fn content_type<T: 'static>(&self, output: &str) -> ContentType {
        self.outputs.content_type(output).unwrap_or_else(natural_content_type::<T>)
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}
