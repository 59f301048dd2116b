//! Every accepted shape, called.

use std::future::Future;
use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use wellspring_functions::{
    ContentType, Error, Headers, Incoming, Message, Output, State, Streaming, consumer, function, supplier,
};

use super::{answers, call, is_over_at_once};

#[derive(Clone)]
pub(crate) struct Greeting(pub(crate) &'static str);

#[function]
fn plain(n: u64) -> u64 {
    n + 1
}

#[function]
async fn awaited(n: u64) -> u64 {
    std::future::ready(n + 1).await
}

#[function]
#[expect(clippy::manual_async_fn, reason = "a future of the user's own making")]
fn future(n: u64) -> impl Future<Output = Result<Option<u64>, String>> {
    async move { Ok((n > 1).then_some(n)) }
}

#[function]
fn boxed_future(n: u64) -> Pin<Box<dyn Future<Output = Option<u64>> + Send>> {
    Box::pin(async move { (n > 1).then_some(n) })
}

#[function]
fn optional(n: u64) -> Option<u64> {
    (n > 1).then_some(n)
}

#[function]
async fn optional_result(n: u64) -> Result<Option<Message<u64>>, Error> {
    Ok((n > 1).then(|| Message::new(n).with_header("big", true)))
}

#[function]
fn result_in_option(n: u64) -> Option<Result<u64, String>> {
    match n {
        0 => None,
        1 => Some(Err("one".to_owned())),
        n => Some(Ok(n)),
    }
}

#[function]
fn message(message: Message<String>) -> Message<String> {
    message.map(|text| text + "!").with_header("seen", true)
}

#[function]
fn list(n: u16) -> Vec<u16> {
    (0..n).map(|n| n + 10).collect()
}

#[function(each)]
fn each_of(n: u8) -> Vec<u16> {
    (0..u16::from(n)).collect()
}

#[function(each)]
async fn each_of_result(n: u8) -> Result<Option<Vec<Message<u8>>>, String> {
    Ok(Some((0..n).map(Message::new).collect()))
}

#[function]
fn messages(n: u8) -> Option<Vec<Message<u8>>> {
    Some((0..n).map(Message::new).collect())
}

#[function]
fn out_stream(n: u8) -> impl Stream<Item = u8> {
    stream::iter(0..n)
}

#[function]
async fn out_stream_of_results(
    n: u8,
) -> Result<impl Stream<Item = Result<Message<u8>, &'static str>>, Error> {
    Ok(stream::iter(0..n).map(|n| if n < 2 { Ok(Message::new(n)) } else { Err("too many") }))
}

#[function]
fn whole_stream(numbers: Streaming<u8>) -> impl Stream<Item = u8> {
    numbers.map(|n| n * 2)
}

#[function]
async fn fold(mut numbers: Streaming<Message<u8>>) -> u8 {
    let mut sum = 0;
    while let Some(number) = numbers.next().await {
        sum += number.payload();
    }
    sum
}

#[function]
fn injected(
    text: String,
    State(Greeting(greeting)): State<Greeting>,
    headers: Headers,
    _: State<u64>,
) -> String {
    format!("{greeting}{text} as {}", headers.content_type().map_or("nothing", ContentType::as_str))
}

#[function]
async fn mutable(mut text: String) -> String {
    text.push('!');
    text
}

#[function]
fn parts((first, [second, ..]): (u8, [u8; 3])) -> u8 {
    first + second
}

#[function]
fn unit((): ()) -> &'static [u8] {
    &[1, 2]
}

#[consumer]
fn eats(_: u64) {}

#[consumer]
async fn eats_later(n: u64) -> Result<(), String> {
    if n > 1 { Err("too big".to_owned()) } else { Ok(()) }
}

#[supplier]
fn supplies(State(n): State<u64>) -> Result<u64, std::num::ParseIntError> {
    Ok(n)
}

#[supplier]
async fn supplies_later() -> Option<String> {
    Some("later".to_owned())
}

#[supplier]
fn supplies_many() -> impl Stream<Item = u8> {
    stream::iter(0..3)
}

#[supplier(blocking)]
fn supplies_slowly() -> u8 {
    1
}

#[test]
fn one_payload_in_one_out() {
    for name in ["plain", "awaited"] {
        assert_eq!(answers(name, "1"), ["2"], "{name}");
    }
    assert_eq!(answers("mutable", "hi"), ["hi!"]);
    assert_eq!(answers("parts", "[1,[2,3,4]]"), ["3"]);
    assert_eq!(answers("unit", "null"), ["[1,2]"]);
    assert_eq!(answers("injected", "bob"), ["hello, bob as application/json"]);
    assert_eq!(answers("list", "3"), ["[10,11,12]"]);
}

#[test]
fn perhaps_nothing() {
    for name in ["optional", "optional_result", "future", "boxed_future"] {
        assert_eq!(answers(name, "2"), ["2"], "{name}");
        assert!(matches!(call(name, "1"), Ok(Output::Nothing)), "{name}");
    }
    assert!(matches!(call("result_in_option", "0"), Ok(Output::Nothing)));
    assert_eq!(call("result_in_option", "1").unwrap_err().text(), "one");
    assert_eq!(answers("result_in_option", "2"), ["2"]);
}

#[test]
fn messages_set_headers() {
    let Ok(Output::One(reply)) = call("message", "hi") else { panic!("one message") };
    assert!(reply.sets_headers && reply.message.headers().contains("seen"));
}

#[test]
fn several_messages() {
    for name in ["each_of", "each_of_result", "messages"] {
        assert!(matches!(call(name, "3"), Ok(Output::Many(_))), "{name}");
        assert_eq!(answers(name, "3"), ["0", "1", "2"], "{name}");
    }
}

#[test]
fn streams_in_and_out() {
    assert_eq!(answers("out_stream", "3"), ["0", "1", "2"]);
    assert_eq!(answers("out_stream_of_results", "2"), ["0", "1"]);
    assert_eq!(answers("out_stream|whole_stream", "3"), ["0", "2", "4"]);
    assert_eq!(answers("out_stream|whole_stream|fold", "4"), ["12"]);
}

#[test]
fn the_error_of_an_item_ends_the_stream() {
    let Ok(Output::Stream(replies)) = call("out_stream_of_results", "9") else { panic!("a stream") };
    let replies: Vec<_> = futures_util::FutureExt::now_or_never(replies.take(4).collect()).unwrap();
    assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 2);
    assert_eq!(replies[2].as_ref().unwrap_err().to_string(), "`out_stream_of_results`: too many");
}

#[test]
fn consumers_and_suppliers() {
    assert!(matches!(call("eats", "1"), Ok(Output::Nothing)));
    assert!(matches!(call("eats_later", "1"), Ok(Output::Nothing)));
    assert_eq!(call("eats_later", "2").unwrap_err().to_string(), "`eats_later`: too big");
    assert_eq!(answers("supplies", ""), ["10"]);
    assert_eq!(answers("supplies_later", ""), ["later"]);
    assert_eq!(answers("supplies_many", ""), ["0", "1", "2"]);
    assert_eq!(answers("supplies_slowly", ""), ["1"]);
}

#[test]
fn synchronous_functions_stay_synchronous() {
    let payload = || Incoming::One(Message::encoded("2", ContentType::JSON));
    for name in [
        "plain",
        "optional",
        "message",
        "list",
        "each_of",
        "messages",
        "injected",
        "eats",
        "plain|optional|eats",
    ] {
        assert!(is_over_at_once(name, payload()), "{name}");
    }
    assert!(is_over_at_once("supplies", Incoming::Nothing));
    for name in ["awaited", "future", "boxed_future", "eats_later"] {
        assert!(!is_over_at_once(name, payload()), "{name}");
    }
}
