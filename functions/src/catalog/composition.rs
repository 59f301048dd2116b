//! Compositions: functions joined end to end, every joint checked once.

use std::borrow::Cow;
use std::sync::Arc;

use futures_core::stream::BoxStream;

use super::{CompositionError, Definition, Function, Joint};
use crate::codec::{Codecs, Length};
use crate::error::Error;
use crate::headers::Headers;
use crate::inputs::Door;
use crate::message::EncodedMessage;
use crate::next::{Chain, Link, Next};
use crate::notes::Notes;
use crate::signature::{FunctionKind, Port, Shape, Signature};
use crate::stage::{Call, Input, Output, Step, Wanted};

/// One function or several joined end to end, ready to be called.
///
/// | members | is |
/// |---|---|
/// | supplier, then functions | a supplier |
/// | functions | a function |
/// | functions, then a consumer | a consumer |
/// | supplier, perhaps functions, then a consumer | a self-running pair |
#[derive(Clone)]
pub struct Composition {
    definition: Definition,
    signature: Signature,
    chain: Arc<Chain>,
    /// The same, entered through each of several inputs.
    entrances: Vec<Self>,
}

/// What a composition is called with.
pub enum Incoming {
    /// Nothing: for a supplier.
    Nothing,
    /// One message.
    One(EncodedMessage),
    /// A stream of messages, and the headers that accompany it as a whole: for a function over a stream.
    Stream(Headers, BoxStream<'static, Result<EncodedMessage, Error>>),
    /// Many messages, each of its own: for a function that takes [`Batch`](crate::Batch)es. What it answers is an
    /// [`Output::Batch`], or an error that is that of every item.
    Batch(Vec<EncodedMessage>),
}

impl Composition {
    pub(super) fn new(
        definition: Definition,
        functions: &[&Function],
        codecs: &Codecs,
    ) -> Result<Self, CompositionError> {
        let mut links = Vec::with_capacity(functions.len());
        let mut previous: Option<&Function> = None;
        for function in functions {
            let moves = previous.map_or(Ok(false), |previous| check_joint(previous, function))?;
            check_outputs(&functions[..links.len()], function)?;
            let takes_stream =
                function.signature.input.as_ref().is_some_and(|input| input.shape == Shape::Stream);
            let (name, stage) = (Arc::clone(&function.name), Arc::clone(&function.stage));
            links.push(Link { name, stage, moves, takes_stream });
            previous = Some(function);
        }
        let signature = Signature {
            input: functions.first().and_then(|first| first.signature.input.clone()),
            output: functions
                .last()
                .and_then(|last| last.signature.output.clone())
                .map(|output| Port { shape: shape_of(functions), ..output }),
        };
        let entered = |door: &Door, function: &Function| {
            let (name, stage) = (Arc::clone(&function.name), Arc::clone(&door.stage));
            let takes_stream = door.port.shape == Shape::Stream;
            let door_link = Link { name, stage, moves: false, takes_stream };
            Self {
                definition: definition.clone(),
                signature: Signature { input: Some(door.port.clone()), ..signature.clone() },
                chain: Arc::new(Chain {
                    links: std::iter::once(door_link).chain(links.iter().cloned()).collect(),
                    codecs: codecs.clone(),
                    length: Length::default(),
                }),
                entrances: Vec::new(),
            }
        };
        let doors =
            functions.first().into_iter().flat_map(|first| first.doors.iter().map(move |door| (door, first)));
        let entrances = doors.map(|(door, first)| entered(door, first)).collect();
        let chain =
            Arc::new(Chain { links: links.into(), codecs: codecs.clone(), length: Length::default() });
        Ok(Self { definition, signature, chain, entrances })
    }

    /// The definition, in canonical form.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// What goes in and out of the whole.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Which kind the whole is; a self-running pair counts as a supplier.
    #[must_use]
    pub const fn kind(&self) -> FunctionKind {
        match (&self.signature.input, &self.signature.output) {
            (None, _) => FunctionKind::Supplier,
            (Some(_), Some(_)) => FunctionKind::Function,
            (Some(_), None) => FunctionKind::Consumer,
        }
    }

    /// Whether the whole takes nothing and returns nothing: a supplier joined to a consumer.
    #[must_use]
    pub const fn is_self_running(&self) -> bool {
        self.signature.input.is_none() && self.signature.output.is_none()
    }

    /// Whether the first function takes a stream.
    #[must_use]
    pub fn takes_stream(&self) -> bool {
        self.signature.input.as_ref().is_some_and(|input| input.shape == Shape::Stream)
    }

    /// The composition as messages of each of its inputs enter it, the first input first; with one input, itself.
    #[must_use]
    pub fn entrances(&self) -> &[Self] {
        if self.entrances.is_empty() { std::slice::from_ref(self) } else { &self.entrances }
    }

    /// Whether the first function takes batches.
    #[must_use]
    pub fn takes_batches(&self) -> bool {
        self.signature.input.as_ref().is_some_and(|input| input.takes_batches)
    }

    /// Calls the functions, one after the other.
    ///
    /// Most calls are over when this returns; a function that waits gives a step to await. A panic of a function
    /// passes through: callers that must survive it catch it.
    #[must_use = "a call that goes on must be awaited"]
    #[inline]
    pub fn call(&self, incoming: Incoming, wanted: &Wanted) -> Step {
        if let Incoming::Batch(messages) = incoming {
            return self.call_batch(messages, wanted);
        }
        let (input, headers) = incoming.into_parts();
        self.call_with(input, Call::new(&headers, wanted))
    }

    /// Calls the functions with a batch.
    #[cold]
    fn call_batch(&self, messages: Vec<EncodedMessage>, wanted: &Wanted) -> Step {
        let notes = Notes::of_batch(messages.len());
        let headers = Headers::new();
        let mut call = Call::new(&headers, wanted);
        *call.notes_mut() = Some(notes.clone());
        let alone = self.chain.links.len() == 1 && self.signature.output.is_none();
        let conclude = move |result| match notes.take_items() {
            Some(items) => items.conclude(result, alone).map(|outcome| Output::Batch(Box::new(outcome))),
            None => result,
        };
        match self.call_with(Input::Batch(messages), call) {
            Step::Ready(result) => Step::Ready(conclude(result)),
            Step::Pending(call) => Step::Pending(Box::pin(async move { conclude(call.await) })),
        }
    }

    /// As [`call`](Self::call), with what is lent: nothing is moved more often than needed.
    #[must_use = "a call that goes on must be awaited"]
    #[inline(always)]
    pub fn call_with(&self, input: Input<'_>, call: Call<'_>) -> Step {
        Next::start(&self.chain, call, input)
    }
}

impl Incoming {
    /// The input of the first function, and the headers that accompany it.
    #[must_use]
    #[inline]
    pub fn into_parts(self) -> (Input<'static>, Headers) {
        match self {
            Self::One(message) => {
                let (payload, headers) = message.into_parts();
                (Input::Encoded(payload.map(Cow::Owned)), headers)
            }
            Self::Nothing => (Input::Nothing, Headers::new()),
            Self::Stream(headers, messages) => (Input::Stream(messages), headers),
            Self::Batch(messages) => (Input::Batch(messages), Headers::new()),
        }
    }
}

/// Whether the value moves from one function to the next; an error when it can't even be converted.
fn check_joint(from: &Function, to: &Function) -> Result<bool, CompositionError> {
    let Some(output) = &from.signature.output else {
        return Err(CompositionError::AfterConsumer {
            consumer: from.name.to_string(),
            location: from.location,
            next: to.name.to_string(),
        });
    };
    let Some(input) = &to.signature.input else {
        return Err(CompositionError::SupplierNotFirst {
            supplier: to.name.to_string(),
            location: to.location,
            previous: from.name.to_string(),
        });
    };
    if input.shape == Shape::OneOf {
        return Err(CompositionError::SeveralInputs {
            function: to.name.to_string(),
            location: to.location,
            previous: from.name.to_string(),
        });
    }
    if output.shape == Shape::PerOutput {
        return Err(CompositionError::AfterSeveral {
            function: from.name.to_string(),
            location: from.location,
            next: to.name.to_string(),
        });
    }
    if output.type_id == input.type_id {
        return Ok(true);
    }
    if output.data_kind.can_be_read_as(input.data_kind) {
        return Ok(false);
    }
    Err(CompositionError::Joint(Box::new(Joint {
        from: from.name.to_string(),
        from_location: from.location,
        output: output.type_name.clone(),
        output_kind: output.data_kind,
        to: to.name.to_string(),
        to_location: to.location,
        input: input.type_name.clone(),
        input_kind: input.data_kind,
    })))
}

/// Refuses a function with several outputs that is called for each of several messages.
fn check_outputs(before: &[&Function], function: &Function) -> Result<(), CompositionError> {
    let takes_stream = function.signature.input.as_ref().is_some_and(|input| input.shape == Shape::Stream);
    let has_several =
        function.signature.output.as_ref().is_some_and(|output| output.shape == Shape::PerOutput);
    match before.last() {
        Some(previous) if has_several && !takes_stream && shape_of(before) != Shape::One => {
            Err(CompositionError::SeveralForEach {
                function: function.name.to_string(),
                location: function.location,
                previous: previous.name.to_string(),
            })
        }
        _ => Ok(()),
    }
}

/// Once a member returns a stream or several messages, so does the whole, unless a later one folds a stream into one.
fn shape_of(functions: &[&Function]) -> Shape {
    functions.iter().fold(Shape::One, |shape, function| {
        let takes_stream =
            function.signature.input.as_ref().is_some_and(|input| input.shape == Shape::Stream);
        let own = function.signature.output.as_ref().map_or(Shape::One, |output| output.shape);
        match (shape, own) {
            (_, Shape::PerOutput) => own,
            (_, own) if takes_stream => own,
            (Shape::One, own) => own,
            (Shape::Many | Shape::Stream | Shape::PerOutput | Shape::OneOf, _) => Shape::Stream,
        }
    })
}

impl std::fmt::Debug for Composition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Composition({}: {})", self.definition, self.signature)
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::One(message) => f.debug_tuple("One").field(message).finish(),
            Self::Stream(..) => f.write_str("Stream"),
            Self::Batch(messages) => f.debug_tuple("Batch").field(messages).finish(),
        }
    }
}
