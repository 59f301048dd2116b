//! Streams in, out and through compositions.

use futures_util::{FutureExt, Stream, StreamExt, stream};
use wellspring_functions::{
    Catalog, ContentType, Error, Headers, Incoming, Kind, Many, Message, Output, Streaming, Wanted,
};

use super::{call, text, texts};

fn catalog() -> Catalog {
    Catalog::builder()
        .supplier("words", || stream::iter(["a", "b"].map(str::to_owned)))
        .function("shout", |words: Streaming<String>| words.map(|word| word + "!"))
        .function("double", |numbers: Streaming<u64>| numbers.map(|n| n * 2))
        .function("upper", |word: String| word.to_uppercase())
        .function("total", |numbers: Streaming<u64>| numbers.fold(0u64, |sum, n| async move { sum + n }))
        .function("named", |words: Streaming<Message<String>>| {
            words.map(|word| word.map(|text| text + "?").with_header("n", 1))
        })
        .function("split", |text: String| Many(text.split(' ').map(str::to_owned).collect()))
        .function("failing", |words: Streaming<String>| -> std::pin::Pin<Box<dyn Stream<Item = Result<String, Error>> + Send>> {
            Box::pin(words.map(|word| if word == "b" { Err(Error::fatal("no b")) } else { Ok(word) }))
        })
        .build()
        .unwrap()
}

fn stream_in(definition: &str, payloads: &[&'static str]) -> Output {
    let messages: Vec<_> = payloads.iter().map(|p| Ok(Message::encoded(*p, ContentType::JSON))).collect();
    let composition = catalog().compose(definition).unwrap();
    let incoming = Incoming::Stream(Headers::new(), stream::iter(messages).boxed());
    composition.call(incoming, &Wanted::Natural).now_or_never().unwrap().unwrap()
}

#[test]
fn a_stream_goes_in_and_out() {
    assert_eq!(texts(stream_in("shout", &["x", "y"])).0, ["x!", "y!"]);
    assert_eq!(texts(stream_in("double", &["1", "2"])).0, ["2", "4"]);
    assert_eq!(texts(stream_in("double|total", &["1", "2"])).0, ["6"]);
    assert_eq!(texts(stream_in("named", &["x"])).0, ["x?"]);
    assert_eq!(texts(stream_in("shout", &[])).0, [""; 0]);
}

#[test]
fn values_and_streams_mix_in_a_composition() {
    assert_eq!(texts(stream_in("shout|upper|shout", &["x", "y"])).0, ["X!!", "Y!!"]);
    let catalog = catalog();
    assert_eq!(texts(call(&catalog, "upper|shout|upper", "x").unwrap()).0, ["X!"]);
    assert_eq!(texts(call(&catalog, "split|upper", "a b c").unwrap()).0, ["A", "B", "C"]);
    assert_eq!(text(call(&catalog, "total", "7")), "7");
    let words = catalog.compose("words|upper").unwrap().call(Incoming::Nothing, &Wanted::Natural);
    assert_eq!(texts(words.now_or_never().unwrap().unwrap()).0, ["A", "B"]);
}

#[test]
fn several_messages_are_each_of_their_own() {
    let Output::Many(replies) = call(&catalog(), "split", "a b").unwrap() else { panic!("expected many") };
    assert_eq!(replies.iter().map(|reply| reply.message.bytes()).collect::<Vec<_>>(), [b"a", b"b"]);
}

#[test]
fn an_item_that_fails_is_never_dropped_in_silence() {
    let (good, error) = texts(stream_in("double", &["1", "x", "3"]));
    assert_eq!(good, ["2"]);
    assert_eq!(error.unwrap().kind(), Kind::Undecodable);
    let (good, error) = texts(stream_in("failing|upper", &["a", "b"]));
    assert_eq!(
        (good, error.unwrap().function().map(str::to_owned)),
        (vec!["A".to_owned()], Some("failing".to_owned()))
    );
    let composition = catalog().compose("total").unwrap();
    let bad = stream::iter([Ok(Message::encoded("x", ContentType::JSON))]).boxed();
    let total =
        composition.call(Incoming::Stream(Headers::new(), bad), &Wanted::Natural).now_or_never().unwrap();
    assert_eq!(total.unwrap_err().kind(), Kind::Undecodable);
}
