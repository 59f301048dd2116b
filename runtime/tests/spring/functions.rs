//! The functions of the rows and how they are called without bindings.
#![allow(clippy::needless_pass_by_value, reason = "a function owns its payload")]

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use wellspring::{
    Catalog, CatalogBuilder, ContentType, EncodedMessage, Error, Headers, Incoming, Message, Output, Reply,
    Streaming, Wanted,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) name: String,
}

pub(crate) fn uppercase(text: String) -> String {
    text.to_uppercase()
}

pub(crate) fn reverse(text: String) -> String {
    text.chars().rev().collect()
}

pub(crate) fn shout(mut person: Person) -> Person {
    person.name = person.name.to_uppercase();
    person
}

/// Functions on values and on streams.
pub(crate) fn builder() -> CatalogBuilder {
    Catalog::builder()
        .function("uppercase", uppercase)
        .function("reverse", reverse)
        .function("uppercaseFlux", |texts: Streaming<String>| texts.map(uppercase))
        .function("reverseFlux", |texts: Streaming<String>| texts.map(reverse))
        .function("shout", shout)
        .supplier("word", || "hello".to_owned())
        .supplier("words", || stream::iter(["one", "two"].map(str::to_owned)))
        .consumer("sink", |_: String| ())
}

pub(crate) fn catalog() -> Catalog {
    builder().build().unwrap()
}

pub(crate) fn json(payload: impl Into<bytes::Bytes>) -> EncodedMessage {
    Message::encoded(payload, ContentType::JSON)
}

pub(crate) fn plain(payload: impl Into<bytes::Bytes>) -> EncodedMessage {
    Message::encoded(payload, ContentType::TEXT)
}

/// What a caller asks for who wants these content types, the best first.
pub(crate) fn any_of(types: &str) -> Wanted {
    Wanted::AnyOf(types.split(',').map(|text| ContentType::parse(text).unwrap()).collect())
}

/// Everything that a definition answers.
pub(crate) async fn replies(
    catalog: &Catalog,
    definition: &str,
    incoming: Incoming,
    wanted: Wanted,
) -> Result<Vec<Reply>, Error> {
    let output: Output = catalog.compose(definition).unwrap().call(incoming, &wanted).await?;
    let replies: BoxStream<'static, _> = output.into_stream();
    replies.collect::<Vec<_>>().await.into_iter().collect()
}

/// The texts that a definition answers to one message.
pub(crate) async fn call(
    catalog: &Catalog,
    definition: &str,
    message: EncodedMessage,
) -> Result<Vec<String>, Error> {
    Ok(texts(&replies(catalog, definition, Incoming::One(message), Wanted::Natural).await?))
}

/// The texts that a definition answers to a stream of texts.
pub(crate) async fn call_stream(
    catalog: &Catalog,
    definition: &str,
    payloads: &[&'static str],
) -> Result<Vec<String>, Error> {
    let messages: Vec<_> = payloads.iter().map(|payload| Ok(plain(*payload))).collect();
    let incoming = Incoming::Stream(Headers::new(), stream::iter(messages).boxed());
    Ok(texts(&replies(catalog, definition, incoming, Wanted::Natural).await?))
}

/// The texts that a supplier gives.
pub(crate) async fn get(catalog: &Catalog, definition: &str) -> Vec<String> {
    texts(&replies(catalog, definition, Incoming::Nothing, Wanted::Natural).await.unwrap())
}

pub(crate) fn texts(replies: &[Reply]) -> Vec<String> {
    replies.iter().map(|reply| String::from_utf8(reply.message.bytes().to_vec()).unwrap()).collect()
}
