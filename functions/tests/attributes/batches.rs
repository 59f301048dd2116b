//! A `Vec` as the first argument: a list, or a batch.

use futures_util::FutureExt;
use wellspring_functions::{
    BatchError, BatchReplies, Catalog, ContentType, Error, Incoming, Message, Output, Wanted, consumer,
    function,
};

use super::answers;

type Numbers = Vec<u64>;

#[function]
fn doubles(numbers: Numbers) -> Vec<u64> {
    numbers.iter().map(|n| n * 2).collect()
}

#[function]
fn halves(numbers: Vec<u64>) -> Vec<Result<u64, String>> {
    numbers.into_iter().map(|n| if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }).collect()
}

#[function]
async fn halves_later(numbers: Vec<u64>) -> Result<Vec<Result<Option<u64>, Error>>, std::fmt::Error> {
    Ok(halves(numbers).into_iter().map(|half| half.map(Some).map_err(Error::invalid)).collect())
}

#[function]
fn headed(texts: Vec<Message<String>>, factor: wellspring_functions::State<u64>) -> Vec<Message<String>> {
    texts.into_iter().map(|text| text.map(|text| text + &factor.0.to_string())).collect()
}

#[function]
fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

#[consumer]
fn stores(numbers: Vec<u64>) -> Result<(), BatchError> {
    numbers
        .iter()
        .enumerate()
        .filter(|(_, n)| **n == 0)
        .map(|(item, _)| (item, std::fmt::Error))
        .collect::<BatchError>()
        .into_result()
}

#[consumer]
fn stores_each(numbers: Vec<u64>) -> Vec<Result<(), Error>> {
    numbers.into_iter().map(|n| if n > 0 { Ok(()) } else { Err(Error::invalid("zero")) }).collect()
}

fn catalog() -> Catalog {
    super::catalog()
}

/// The items that failed, and each message with the item that it came of, if that is known.
fn batch(name: &str, payloads: &[&str]) -> (Vec<usize>, Vec<(Option<usize>, String)>) {
    let messages =
        payloads.iter().map(|text| Message::encoded((*text).to_owned(), ContentType::JSON)).collect();
    let answer = catalog().compose(name).unwrap().call(Incoming::Batch(messages), &Wanted::Natural);
    let Output::Batch(outcome) = answer.now_or_never().unwrap().unwrap() else { panic!("{name}: no batch") };
    let text =
        |reply: wellspring_functions::Reply| String::from_utf8(reply.message.bytes().to_vec()).unwrap();
    let replies = match outcome.replies {
        BatchReplies::PerItem(replies) => {
            replies.into_iter().map(|(item, reply)| (Some(item), text(reply))).collect()
        }
        BatchReplies::Whole(Output::Many(replies)) => {
            replies.into_iter().map(|reply| (None, text(reply))).collect()
        }
        BatchReplies::Whole(_) => Vec::new(),
    };
    (outcome.failed.iter().map(|item| item.index).collect(), replies)
}

#[test]
fn a_list_comes_and_goes_as_it_is_bound() {
    assert_eq!(answers("doubles", "[1,2]"), ["[2,4]"]);
    let sent = ["2", "4"].map(|text| (None, text.to_owned()));
    assert_eq!(batch("doubles", &["1", "2"]), (vec![], sent.to_vec()));
    let sent = ["a10", "b10"].map(|text| (None, text.to_owned()));
    assert_eq!(batch("headed", &["a", "b"]), (vec![], sent.to_vec()));
}

#[test]
fn outcomes_belong_to_items() {
    for name in ["halves", "halves_later"] {
        assert_eq!(answers(name, "[2,4]"), ["[1,2]"]);
        let sent = vec![(Some(0), "1".to_owned()), (Some(3), "2".to_owned())];
        assert_eq!(batch(name, &["2", "1", "x", "4"]), (vec![1, 2], sent), "{name}");
    }
    assert_eq!(batch("stores", &["1", "0"]), (vec![1], vec![]));
    assert_eq!(batch("stores_each", &["0", "1"]), (vec![0], vec![]));
}

#[test]
fn only_lists_take_batches() {
    let takes = |name: &str| catalog().compose(name).unwrap().takes_batches();
    assert!(takes("doubles") && takes("headed") && takes("stores_each"));
    assert!(!takes("length") && !takes("value_of_each_kind_is_no_list"));
    assert_eq!(answers("length", "abc"), ["3"]);
}

#[function]
fn value_of_each_kind_is_no_list(value: Message<Vec<u64>>) -> u64 {
    value.payload().iter().sum()
}

#[test]
fn the_signature_is_that_of_the_list() {
    let signature = |name: &str| catalog().compose(name).unwrap().signature().to_string();
    assert_eq!(signature("halves"), "Vec<u64> → Vec<u64>");
    assert_eq!(signature("headed"), "Vec<String> → many String");
    assert_eq!(signature("stores_each"), "Vec<u64> →");
    assert_eq!(signature("doubles|halves|doubles"), "Vec<u64> → Vec<u64>");
}
