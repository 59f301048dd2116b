//! Several outputs of one function.

use futures_util::FutureExt;
use futures_util::stream::{self, Stream};
use wellspring_functions::{
    ContentType, Error, Incoming, Message, Output, Reply, Shape, Wanted, function, supplier,
};

use super::{call, catalog};

#[function(outputs)]
fn divide(n: u64) -> Result<(u64, Option<String>), Error> {
    match n {
        0 => Err(Error::invalid("nothing to divide")),
        n => Ok((n / 2, (n % 2 == 1).then(|| "odd".to_owned()))),
    }
}

#[function(outputs)]
async fn spread(n: u64) -> Option<(Message<u64>, Vec<Message<u64>>, Vec<u64>)> {
    (n > 0).then(|| (Message::new(n).with_header("n", "n"), (0..n).map(Message::new).collect(), vec![n]))
}

#[function(outputs)]
fn streams(n: u64) -> (impl Stream<Item = u64>, Result<u64, std::fmt::Error>) {
    (stream::iter(0..n), if n == 9 { Err(std::fmt::Error) } else { Ok(n) })
}

#[function(outputs)]
fn batched(numbers: Vec<u64>) -> (Vec<u64>, u64) {
    let sum = numbers.iter().sum();
    (numbers, sum)
}

#[supplier(outputs)]
fn pair() -> (u8, char) {
    (1, 'x')
}

#[function]
fn tuple_is_one_message(n: u64) -> (u64, u64) {
    (n, n)
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.message.bytes().to_vec()).unwrap()
}

/// What goes to each output.
fn sent(output: Output) -> Vec<Vec<String>> {
    let Output::PerOutput(outputs) = output else { panic!("expected several outputs, found {output:?}") };
    let texts = |output: Output| {
        use futures_util::StreamExt;
        let replies: Vec<_> = output.into_stream().collect().now_or_never().unwrap();
        replies.into_iter().map(|reply| text(&reply.unwrap())).collect()
    };
    outputs.into_iter().map(texts).collect()
}

#[test]
fn each_member_goes_to_an_output_of_its_own() {
    assert_eq!(sent(call("divide", "7").unwrap()), [vec!["3"], vec!["odd"]]);
    assert_eq!(sent(call("divide", "8").unwrap()), [vec!["4"], vec![]]);
    assert_eq!(call("divide", "0").unwrap_err().to_string(), "`divide`: nothing to divide");
    assert_eq!(sent(call("spread", "2").unwrap()), [vec!["2"], vec!["0", "1"], vec!["[2]"]]);
    assert!(matches!(call("spread", "0"), Ok(Output::Nothing)));
    assert_eq!(sent(call("streams", "2").unwrap()), [vec!["0", "1"], vec!["2"]]);
    assert!(call("streams", "9").is_err(), "an error of one output sends nothing");
    assert_eq!(super::answers("tuple_is_one_message", "7"), ["[7,7]"]);
}

#[test]
fn a_composition_may_end_with_several_outputs() {
    assert_eq!(sent(call("tuple_is_one_message|adds|divide", "7").unwrap()), [vec!["7"], vec![]]);
    let refused = catalog().compose("divide|adds").unwrap_err().to_string();
    assert!(
        refused.starts_with("`adds` follows `divide` (functions/tests/attributes/outputs.rs:"),
        "{refused}"
    );
    assert!(refused.ends_with("), which has several outputs; expected it last"), "{refused}");
    let refused = catalog().compose("counts|divide").unwrap_err().to_string();
    assert!(
        refused.contains("has several outputs and would be called for each message of `counts`"),
        "{refused}"
    );
}

#[function]
fn adds((a, b): (u64, u64)) -> u64 {
    a + b
}

#[function(each)]
fn counts(n: u64) -> Vec<u64> {
    (0..n).collect()
}

#[test]
fn each_output_has_its_own_content_type_and_port() {
    let composition = catalog().compose("divide").unwrap();
    let port = composition.signature().output.clone().unwrap();
    assert_eq!((port.shape, port.to_string().as_str()), (Shape::PerOutput, "(u64, String)"));
    assert_eq!(port.each().iter().map(|port| port.schema().is_some()).collect::<Vec<_>>(), [true, true]);
    let vendor = ContentType::parse("application/vnd.shop+json").unwrap();
    let wanted = Wanted::PerOutput([vendor.clone(), ContentType::TEXT].into());
    let message = Message::encoded("7", ContentType::JSON);
    let answer = composition.call(Incoming::One(message), &wanted).now_or_never().unwrap().unwrap();
    let Output::PerOutput(outputs) = answer else { panic!("several outputs") };
    let types = outputs.iter().map(|output| match output {
        Output::One(reply) => reply.message.headers().content_type().cloned(),
        _ => None,
    });
    assert_eq!(types.collect::<Vec<_>>(), [Some(vendor), Some(ContentType::TEXT)]);
}

#[test]
fn a_supplier_and_a_batch_may_have_several_outputs() {
    let pair = catalog().compose("pair").unwrap().call(Incoming::Nothing, &Wanted::Natural);
    assert_eq!(sent(pair.now_or_never().unwrap().unwrap()), [vec!["1"], vec!["\"x\""]]);
    let messages = ["1", "2"].map(|text| Message::encoded(text, ContentType::JSON)).to_vec();
    let answer = catalog().compose("batched").unwrap().call(Incoming::Batch(messages), &Wanted::Natural);
    let Ok(Output::Batch(outcome)) = answer.now_or_never().unwrap() else { panic!("a batch") };
    let wellspring_functions::BatchReplies::Whole(output) = outcome.replies else { panic!("of the whole") };
    assert_eq!(sent(output), [vec!["1", "2"], vec!["3"]]);
    assert_eq!(sent(call("batched", "[1,2]").unwrap()), [vec!["[1,2]"], vec!["3"]]);
}
