//! The rest of a composition, as a stage sees it: where it hands its result.

use std::any::TypeId;
use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use serde::Serialize;

use crate::codec::{Codecs, Length, natural_content_type, short_name};
use crate::content_type::ContentType;
use crate::error::{Error, Kind};
use crate::headers::Headers;
use crate::message::Message;
use crate::notes::Notes;
use crate::optional::is_none;
use crate::stage::{Call, Input, Output, OwnedCall, Reply, Stage, Step, Wanted};
use crate::streaming::TypedStream;

/// The stages of a composition, resolved once.
pub(crate) struct Chain {
    pub(crate) links: Box<[Link]>,
    pub(crate) codecs: Codecs,
    /// Of its answers.
    pub(crate) length: Length,
}

/// One stage and how its input reaches it.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) name: Arc<str>,
    pub(crate) stage: Arc<dyn Stage>,
    /// The stage before returns the very type that this one takes: the value moves.
    pub(crate) moves: bool,
    /// The stage takes a stream.
    pub(crate) takes_stream: bool,
}

/// The rest of a composition after one stage, with what accompanies the call.
pub struct Next<'a> {
    chain: &'a Arc<Chain>,
    index: usize,
    call: Call<'a>,
}

/// A [`Next`] that outlives the call it was made in.
#[derive(Clone)]
pub(crate) struct OwnedNext {
    chain: Arc<Chain>,
    index: usize,
    call: OwnedCall,
}

impl OwnedNext {
    /// From here on it is not known which item of a batch anything belongs to.
    pub(crate) fn forget_items(&self) {
        if let Some(notes) = self.call.notes() {
            notes.items(|items| items.stand(usize::MAX, Vec::new()));
        }
    }

    /// The same for one of several outputs.
    pub(crate) fn for_output(mut self, index: usize) -> Self {
        if let Wanted::PerOutput(types) = &self.call.wanted {
            self.call.wanted = types.get(index).cloned().map_or(Wanted::Natural, Wanted::Labelled);
        }
        self
    }

    pub(crate) fn borrow(mut self, run: impl FnOnce(Next<'_>) -> Step) -> Step {
        run(Next { chain: &self.chain, index: self.index, call: self.call.hand_over() })
    }

    fn lend(&self) -> Next<'_> {
        Next { chain: &self.chain, index: self.index, call: self.call.lend() }
    }
}

impl<'a> Next<'a> {
    #[inline(always)]
    pub(crate) fn start(chain: &'a Arc<Chain>, call: Call<'a>, input: Input<'_>) -> Step {
        match chain.links.first() {
            Some(link) => link.stage.call(input, Self { chain, index: 1, call }),
            None => Step::Ready(Ok(Output::Nothing)),
        }
    }

    /// What accompanies the call.
    #[must_use]
    pub const fn call(&self) -> &Call<'a> {
        &self.call
    }

    /// The place of the stage that is handing on its result.
    pub(crate) const fn stage(&self) -> usize {
        self.index.saturating_sub(1)
    }

    /// Whether nothing follows.
    pub(crate) fn is_last(&self) -> bool {
        self.index >= self.chain.links.len()
    }

    pub(crate) const fn call_mut(&mut self) -> &mut Call<'a> {
        &mut self.call
    }

    pub(crate) fn codecs(&self) -> &'a Codecs {
        &self.chain.codecs
    }

    pub(crate) fn into_owned(self) -> OwnedNext {
        OwnedNext { chain: Arc::clone(self.chain), index: self.index, call: self.call.into_owned() }
    }

    /// The call ends with nothing to send.
    #[inline]
    pub(crate) fn accept_nothing(self) -> Step {
        if self.call.is_unchanged() {
            // There is nothing to drop, which is said faster than found out.
            mem::forget(self);
            return Step::Ready(Ok(Output::Nothing));
        }
        match self.take_failure() {
            Some(error) => self.fail(error),
            None => Step::Ready(Ok(Output::Nothing)),
        }
    }

    /// The call ends with an error of the stage that ran last.
    #[cold]
    pub(crate) fn fail(&self, error: Error) -> Step {
        Step::Ready(Err(self.blame(error)))
    }

    /// Hands a value to the next stage, or encodes it when there is none.
    #[inline(always)]
    pub(crate) fn accept<T: Serialize + Send + 'static>(mut self, value: T) -> Step {
        if TypeId::of::<T>() == TypeId::of::<()>() || is_none(&value) {
            return self.accept_nothing();
        }
        if let Some(error) = self.take_failure() {
            return self.fail(error);
        }
        let Some(link) = self.chain.links.get(self.index) else {
            return match self.encode(value) {
                Ok(reply) => Step::Ready(Ok(Output::One(reply))),
                Err(error) => self.fail(error),
            };
        };
        if link.moves {
            let mut slot = Some(value);
            return link.stage.call(Input::Value(&mut slot), self.advance());
        }
        match self.convert(value) {
            Ok(payload) => link.stage.call(Input::Encoded(Some(Cow::Owned(payload))), self.advance()),
            Err(error) => self.fail(error),
        }
    }

    /// Hands a value to the next stage, which takes the very type.
    pub(crate) fn hand_over<T: Send + 'static>(self, value: T) -> Step {
        let Some(link) = self.chain.links.get(self.index) else { return self.accept_nothing() };
        let mut slot = Some(value);
        link.stage.call(Input::Value(&mut slot), self.advance())
    }

    /// Lays the headers of a message over those of the call, then hands on its payload.
    pub(crate) fn accept_message<T: Serialize + Send + 'static>(mut self, message: Message<T>) -> Step {
        let (payload, headers) = message.into_parts();
        self.set_headers(headers);
        self.accept(payload)
    }

    /// Hands on several messages: each goes its own way through the rest.
    pub(crate) fn accept_many<T: Serialize + Send + 'static>(
        self,
        messages: Vec<Message<T>>,
        set: bool,
    ) -> Step {
        if self.index < self.chain.links.len() {
            return self.accept_stream(stream::iter(messages.into_iter().map(Ok)).boxed(), set);
        }
        let replies = messages.into_iter().map(|message| self.encode_message(message, set)).collect();
        match replies {
            Ok(replies) => Step::Ready(Ok(Output::Many(replies))),
            Err(error) => self.fail(error),
        }
    }

    /// Hands on a stream: as a whole to a stage that takes streams, item by item to one that takes values.
    pub(crate) fn accept_stream<T: Serialize + Send + 'static>(
        self,
        items: BoxStream<'static, Result<Message<T>, Error>>,
        set: bool,
    ) -> Step {
        let Some(link) = self.chain.links.get(self.index) else {
            return Step::Ready(Ok(Output::Stream(self.encode_stream(items, set))));
        };
        if !link.takes_stream {
            return Step::Ready(Ok(Output::Stream(self.into_owned().each(items, set))));
        }
        if link.moves {
            let mut slot = Some(TypedStream(items));
            return link.stage.call(Input::Value(&mut slot), self.advance());
        }
        let codecs = self.chain.codecs.clone();
        let encoded = items.map(move |item| {
            let (payload, mut headers) = item?.into_parts();
            let wanted = natural_content_type::<T>();
            let payload = codecs.encode(payload, &wanted)?;
            headers.set_content_type(wanted);
            Ok(Message::from_parts(Some(payload), headers))
        });
        link.stage.call(Input::Stream(encoded.boxed()), self.advance())
    }

    fn advance(self) -> Self {
        Self { index: self.index + 1, ..self }
    }

    fn set_headers(&mut self, headers: Headers) {
        match self.call.set_mut() {
            Some(set) => set.overlay(headers.clone()),
            none @ None => *none = Some(headers.clone()),
        }
        self.call.headers_mut().overlay(headers);
    }

    fn take_failure(&self) -> Option<Error> {
        self.call.notes().and_then(Notes::take_failure)
    }

    pub(crate) fn blame(&self, error: Error) -> Error {
        match self.index.checked_sub(1).and_then(|index| self.chain.links.get(index)) {
            Some(link) => error.in_function(&link.name),
            None => error,
        }
    }

    /// Encodes a value for a next stage of another type.
    fn convert<T: Serialize + 'static>(&mut self, value: T) -> Result<Bytes, Error> {
        let content_type = natural_content_type::<T>();
        let payload = self.chain.codecs.encode(value, &content_type)?;
        self.call.headers_mut().set_content_type(content_type);
        Ok(payload)
    }

    #[inline(always)]
    fn encode<T: Serialize + 'static>(&mut self, value: T) -> Result<Reply, Error> {
        let set = self.call.take_set();
        let sets_headers = set.is_some();
        encode(self.chain, value, set.unwrap_or_default(), self.call.wanted(), sets_headers)
    }

    pub(crate) fn encode_message<T: Serialize + 'static>(
        &self,
        message: Message<T>,
        set: bool,
    ) -> Result<Reply, Error> {
        let mut headers = self.call.set().cloned().unwrap_or_default();
        let (payload, own) = message.into_parts();
        headers.overlay(own);
        encode(self.chain, payload, headers, self.call.wanted(), set || self.call.set().is_some())
    }

    fn encode_stream<T: Serialize + Send + 'static>(
        self,
        items: BoxStream<'static, Result<Message<T>, Error>>,
        set: bool,
    ) -> BoxStream<'static, Result<Reply, Error>> {
        let owned = self.into_owned();
        let notes = owned.call.notes().cloned();
        let encoded = items.map(move |item| {
            let next = owned.lend();
            item.and_then(|message| next.encode_message(message, set)).map_err(|error| next.blame(error))
        });
        encoded
            .chain(stream::iter(notes).filter_map(|notes| async move { notes.take_failure().map(Err) }))
            .boxed()
    }
}

impl OwnedNext {
    /// Runs the rest of the composition once for each item of a stream, in order.
    fn each<T: Serialize + Send + 'static>(
        self,
        items: BoxStream<'static, Result<Message<T>, Error>>,
        set: bool,
    ) -> BoxStream<'static, Result<Reply, Error>> {
        let notes = self.call.notes().cloned();
        let outputs = items.then(move |item| {
            let mut next = self.clone();
            next.call.forget_notes();
            let step = next.borrow(|next| match item {
                Ok(message) if set => next.accept_message(message),
                Ok(message) => next.accept(message.into_payload()),
                Err(error) => next.fail(error),
            });
            async move {
                step.await
                    .map_or_else(|error| stream::once(async { Err(error) }).boxed(), Output::into_stream)
            }
        });
        outputs
            .flatten()
            .chain(stream::iter(notes).filter_map(|notes| async move { notes.take_failure().map(Err) }))
            .boxed()
    }
}

impl Output {
    /// The output as a stream of its messages.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Reply, Error>> {
        match self {
            Self::Nothing => stream::empty().boxed(),
            Self::One(reply) => stream::once(async { Ok(reply) }).boxed(),
            Self::Many(replies) => stream::iter(replies.into_iter().map(Ok)).boxed(),
            Self::Stream(replies) => replies,
            Self::Batch(outcome) => outcome.into_stream(),
            Self::PerOutput(outputs) => stream::iter(outputs).flat_map(Self::into_stream).boxed(),
        }
    }
}

#[inline(always)]
fn encode<T: Serialize + 'static>(
    chain: &Chain,
    value: T,
    mut headers: Headers,
    wanted: &Wanted,
    sets_headers: bool,
) -> Result<Reply, Error> {
    let content_type = match headers.content_type() {
        Some(own) => own.clone(),
        None => negotiate::<T>(&chain.codecs, wanted)?,
    };
    let payload = chain.codecs.encode_expecting(value, &content_type, &chain.length)?;
    headers.set_content_type(content_type);
    Ok(Reply { message: Message::from_parts(Some(payload), headers), sets_headers })
}

#[inline(always)]
fn negotiate<T: 'static>(codecs: &Codecs, wanted: &Wanted) -> Result<ContentType, Error> {
    let natural = natural_content_type::<T>();
    match wanted {
        Wanted::Natural => Ok(natural),
        Wanted::Labelled(label) => Ok(label.clone()),
        Wanted::PerOutput(types) => Ok(types.first().cloned().unwrap_or(natural)),
        Wanted::AnyOf(ranges) => {
            let concrete = |range: &ContentType| !range.as_str().contains('*');
            ranges
                .iter()
                .find_map(|range| {
                    if natural.falls_under(range) {
                        Some(natural.clone())
                    } else {
                        (concrete(range) && codecs.can_encode::<T>(range)).then(|| range.clone())
                    }
                })
                .ok_or_else(|| unacceptable::<T>(&natural, ranges))
        }
    }
}

#[cold]
fn unacceptable<T>(natural: &ContentType, ranges: &[ContentType]) -> Error {
    let asked = match ranges {
        [] => "any type that is accepted".to_owned(),
        some => some.iter().map(|range| format!("`{range}`")).collect::<Vec<_>>().join(", "),
    };
    let name = short_name::<T>();
    Error::message(Kind::Unacceptable, format!("`{name}` cannot be written as {asked}, expected `{natural}`"))
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next")
            .field("index", &self.index)
            .field("of", &self.chain.links.len())
            .finish_non_exhaustive()
    }
}
