//! Several inputs of one function.

use futures_util::FutureExt;
use wellspring_functions::{
    ContentType, Either, Either3, Error, Incoming, Kind, Message, Output, Wanted, consumer, function,
    schemars,
};

use super::{call, catalog};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Order {
    number: u64,
}

#[function]
async fn describe(event: Either<Order, Message<String>>, factor: wellspring_functions::State<u64>) -> String {
    match event {
        Either::In0(order) => format!("order {}", order.number * factor.0),
        Either::In1(text) => {
            format!("{} of {}", text.payload(), text.headers().text("tenant").unwrap_or("nobody"))
        }
    }
}

#[consumer]
fn takes_three(event: Either3<u64, bool, Vec<String>>) -> Result<(), Error> {
    match event {
        Either3::In0(_) => Ok(()),
        Either3::In1(yes) => yes.then_some(()).ok_or_else(|| Error::invalid("no")),
        Either3::In2(texts) => Err(Error::fatal(texts.join(" "))),
    }
}

#[function]
fn joins(event: Either<u64, u64>) -> u64 {
    match event {
        Either::In0(n) => n,
        Either::In1(n) => n * 100,
    }
}

/// Calls a definition through one of its inputs.
fn through(definition: &str, input: usize, message: Message<Option<bytes::Bytes>>) -> Result<String, Error> {
    let composition = catalog().compose(definition).unwrap();
    let answer = composition.entrances()[input].call(Incoming::One(message), &Wanted::Natural);
    match answer.now_or_never().unwrap()? {
        Output::One(reply) => Ok(String::from_utf8(reply.message.bytes().to_vec()).unwrap()),
        Output::Nothing => Ok(String::new()),
        other => panic!("{other:?}"),
    }
}

fn json(payload: &'static str) -> Message<Option<bytes::Bytes>> {
    Message::encoded(payload, ContentType::JSON)
}

#[test]
fn each_input_is_read_as_its_own_type() {
    assert_eq!(through("describe", 0, json(r#"{"number":7}"#)).unwrap(), "order 70");
    let text = Message::encoded("hi", ContentType::TEXT).with_header("tenant", "me");
    assert_eq!(through("describe", 1, text).unwrap(), "hi of me");
    let error = through("describe", 0, json("7")).unwrap_err();
    assert_eq!((error.kind(), error.function()), (Kind::Undecodable, Some("describe")));
    assert_eq!(through("takes_three", 0, json("1")).unwrap(), "");
    assert_eq!(through("takes_three", 1, json("false")).unwrap_err().to_string(), "`takes_three`: no");
    assert_eq!(through("takes_three", 2, json(r#"["a","b"]"#)).unwrap_err().text(), "a b");
}

#[test]
fn a_composition_may_begin_with_several_inputs() {
    assert_eq!(through("joins|tuple_is_one_message|adds", 1, json("2")).unwrap(), "400");
    assert_eq!(catalog().compose("joins|adds").unwrap_err().to_string().matches("inputs.rs").count(), 1);
    let refused = catalog().compose("adds|joins").unwrap_err().to_string();
    assert!(refused.ends_with("follows `adds`, but has several inputs; expected it first"), "{refused}");
}

#[test]
fn the_signature_tells_every_input() {
    let composition = catalog().compose("describe").unwrap();
    assert_eq!(composition.signature().to_string(), "Order or String → String");
    let entered: Vec<_> = composition.entrances().iter().map(|door| door.signature().to_string()).collect();
    assert_eq!(entered, ["Order → String", "String → String"]);
    assert_eq!(catalog().compose("adds").unwrap().entrances().len(), 1);
}

#[test]
fn a_call_that_does_not_tell_its_input_is_refused() {
    let error = call("joins", "1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`joins`: `Either<u64, u64>` stands for several inputs; only messages of their bindings tell which"
    );
}
