//! Functions that are called with many messages at once.

use futures_util::FutureExt;
use wellspring_functions::{
    Batch, BatchError, BatchOutcome, BatchReplies, Catalog, CatalogBuilder, ContentType, EncodedMessage,
    Error, Incoming, Kind, Message, Output, PerItem, Wanted,
};

use super::{call, text};

fn catalog() -> Catalog {
    let odd = |n: u64| if n % 2 == 1 { Ok(n) } else { Err(Error::invalid("even")) };
    let builder: CatalogBuilder = Catalog::builder()
        .function("double", |Batch(numbers): Batch<u64>| Batch(numbers.iter().map(|n| n * 2).collect()))
        .function("sum", |Batch(numbers): Batch<u64>| numbers.iter().sum::<u64>())
        .function("odd", move |Batch(numbers): Batch<u64>| PerItem(numbers.into_iter().map(odd).collect()))
        .function("small", |Batch(numbers): Batch<u64>| {
            PerItem(numbers.into_iter().map(|n| if n < 5 { Ok(Some(n)) } else { Ok(None) }).collect())
        })
        .function("tenants", |Batch(words): Batch<Message<String>>| {
            let named = |word: Message<String>| word.headers().text("tenant").unwrap_or("none").to_owned();
            Batch(words.into_iter().map(named).collect::<Vec<_>>())
        })
        .function("short", |Batch(numbers): Batch<u64>| {
            PerItem(numbers.into_iter().skip(1).map(Ok).collect())
        })
        .function("fails", |Batch(_): Batch<u64>| -> Result<u64, Error> { Err(Error::fatal("no")) })
        .function("blames", |Batch(_): Batch<u64>| -> Result<Batch<u64>, BatchError> { Err(blame(&[0])) })
        .function("optional", |Batch(items): Batch<Option<u64>>| {
            items
                .into_iter()
                .map(|item| item.map_or_else(|| "-".to_owned(), |n| n.to_string()))
                .collect::<String>()
        })
        .function("later", move |Batch(numbers): Batch<u64>| async move {
            PerItem(numbers.into_iter().map(odd).collect())
        })
        .consumer("store", |Batch(numbers): Batch<u64>| -> Result<(), BatchError> {
            numbers
                .iter()
                .enumerate()
                .filter(|(_, n)| **n == 0)
                .map(|(i, _)| (i, Error::fatal("zero")))
                .collect::<BatchError>()
                .into_result()
        })
        .consumer("checks", move |Batch(numbers): Batch<u64>| {
            PerItem(numbers.into_iter().map(|n| odd(n).map(drop)).collect())
        })
        .consumer("wrong", |Batch(_): Batch<u64>| -> Result<(), BatchError> { Err(blame(&[9])) });
    builder.build().unwrap()
}

fn blame(items: &[usize]) -> BatchError {
    items.iter().map(|item| (*item, Error::fatal("no"))).collect()
}

fn json(payload: &str) -> EncodedMessage {
    Message::encoded(payload.to_owned(), ContentType::JSON)
}

fn batch(definition: &str, messages: Vec<EncodedMessage>) -> Result<BatchOutcome, Error> {
    let composition = catalog().compose(definition).unwrap();
    match composition.call(Incoming::Batch(messages), &Wanted::Natural).now_or_never().unwrap()? {
        Output::Batch(outcome) => Ok(*outcome),
        other => panic!("expected the outcome of a batch, found {other:?}"),
    }
}

fn batch_of(definition: &str, payloads: &[&str]) -> Result<BatchOutcome, Error> {
    batch(definition, payloads.iter().map(|payload| json(payload)).collect())
}

/// Messages with the items that they came of, where that is known.
type Sent = Vec<(Option<usize>, String)>;

/// The items that failed with their kinds, and what is sent.
fn told(outcome: BatchOutcome) -> (Vec<(usize, Kind)>, Sent) {
    let failed = outcome.failed.iter().map(|item| (item.index, item.error.kind())).collect();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let replies = match outcome.replies {
        BatchReplies::PerItem(replies) => {
            replies.iter().map(|(item, reply)| (Some(*item), text(reply.message.bytes()))).collect()
        }
        BatchReplies::Whole(output) => super::texts(output).0.into_iter().map(|text| (None, text)).collect(),
    };
    (failed, replies)
}

fn whole(texts: &[&str]) -> Sent {
    texts.iter().map(|text| (None, (*text).to_owned())).collect()
}

fn each(texts: &[(usize, &str)]) -> Sent {
    texts.iter().map(|(item, text)| (Some(*item), (*text).to_owned())).collect()
}

#[test]
fn each_message_is_an_item_in_order() {
    assert_eq!(told(batch_of("double", &["1", "2", "3"]).unwrap()), (vec![], whole(&["2", "4", "6"])));
    assert_eq!(told(batch_of("sum", &["1", "2", "3"]).unwrap()), (vec![], whole(&["6"])));
    assert_eq!(told(batch_of("double", &[]).unwrap()), (vec![], vec![]));
}

#[test]
fn without_a_batch_a_list_is_one_message() {
    let catalog = catalog();
    assert_eq!(text(call(&catalog, "double", "[1,2]")), "[2,4]");
    assert_eq!(text(call(&catalog, "odd", "[1,3]")), "[1,3]");
    assert_eq!(call(&catalog, "odd", "[1,2]").unwrap_err().to_string(), "`odd`: even");
    assert!(matches!(call(&catalog, "checks", "[1,3]"), Ok(Output::Nothing)));
    assert_eq!(
        call(&catalog, "store", "[0,1]").unwrap_err().text(),
        "1 item failed, the first is item 0: zero"
    );
}

#[test]
fn an_item_that_cannot_be_decoded_fails_alone() {
    let (failed, replies) = told(batch_of("odd", &["x", "1", "{}", "2", "3"]).unwrap());
    assert_eq!(failed, [(0, Kind::Undecodable), (2, Kind::Undecodable), (3, Kind::Invalid)]);
    assert_eq!(replies, each(&[(1, "1"), (4, "3")]));
    let outcome = batch_of("sum", &["1", "x"]).unwrap();
    assert_eq!(outcome.failed[0].error.function(), Some("sum"));
    assert_eq!(told(outcome), (vec![(1, Kind::Undecodable)], whole(&["1"])));
}

#[test]
fn a_function_is_not_called_when_no_item_can_be_decoded() {
    let (failed, replies) = told(batch_of("fails", &["x", "y"]).unwrap());
    assert_eq!((failed.len(), replies.len()), (2, 0));
}

#[test]
fn a_tombstone_is_none_or_fails_alone() {
    let messages = || vec![json("1"), Message::new(None), json("3")];
    assert_eq!(told(batch("optional", messages()).unwrap()), (vec![], whole(&["1-3"])));
    assert_eq!(told(batch("sum", messages()).unwrap()), (vec![(1, Kind::Undecodable)], whole(&["4"])));
}

#[test]
fn items_keep_their_headers() {
    let messages = vec![Message::encoded("a", ContentType::TEXT).with_header("tenant", "one"), json("b")];
    assert_eq!(told(batch("tenants", messages).unwrap()), (vec![], whole(&["one", "none"])));
}

#[test]
fn outcomes_belong_to_their_items_through_a_composition() {
    let (failed, replies) = told(batch_of("odd|small", &["2", "3", "7", "4", "1"]).unwrap());
    assert_eq!(failed, [(0, Kind::Invalid), (3, Kind::Invalid)]);
    assert_eq!(replies, each(&[(1, "3"), (4, "1")]), "of 7 comes nothing");
    let (failed, replies) = told(batch_of("odd|sum", &["2", "3", "7"]).unwrap());
    assert_eq!((failed, replies), (vec![(0, Kind::Invalid)], whole(&["10"])));
    let (failed, replies) = told(batch_of("odd|double", &["2", "4"]).unwrap());
    assert_eq!((failed.len(), replies.len()), (2, 0));
}

#[test]
fn an_asynchronous_function_tells_outcomes_too() {
    let told = told(batch_of("later", &["1", "2"]).unwrap());
    assert_eq!(told, (vec![(1, Kind::Invalid)], each(&[(0, "1")])));
}

#[test]
fn outcomes_that_cannot_be_assigned_fail_the_batch() {
    let refused = |definition: &str| batch_of(definition, &["1", "3"]).unwrap_err().to_string();
    assert_eq!(refused("short"), "`short`: answered 1 outcomes for 2 items, expected one for each");
    assert_eq!(refused("double|odd"), "`odd`: even", "the items of `odd` are not those of the batch");
    assert_eq!(told(batch_of("double|small", &["1", "2"]).unwrap()), (vec![], whole(&["2", "4"])));
    assert_eq!(refused("fails"), "`fails`: no");
}

#[test]
fn a_consumer_names_the_items_that_failed() {
    let outcome = batch_of("store", &["x", "1", "0", "2", "0"]).unwrap();
    assert_eq!(outcome.failed[1].error.to_string(), "`store`: zero");
    let failed = vec![(0, Kind::Undecodable), (2, Kind::Fatal), (4, Kind::Fatal)];
    assert_eq!(told(outcome), (failed, vec![]));
    assert_eq!(told(batch_of("checks", &["1", "2"]).unwrap()), (vec![(1, Kind::Invalid)], vec![]));
}

#[test]
fn named_items_count_only_where_nothing_is_lost_with_them() {
    for (definition, why) in [
        ("blames", "a function has an output"),
        ("wrong", "there is no such item"),
        ("double|store", "the items of a later function are not those of the batch"),
    ] {
        let error = batch_of(definition, &["0", "1"]).unwrap_err();
        assert!(error.downcast_ref::<BatchError>().is_some(), "{definition}: {why}");
    }
}

#[test]
fn a_function_that_takes_no_list_takes_no_batch() {
    let catalog = Catalog::builder().function("one", |n: u64| n).build().unwrap();
    let composition = catalog.compose("one").unwrap();
    assert!(!composition.takes_batches());
    let answer = composition.call(Incoming::Batch(vec![json("1")]), &Wanted::Natural).now_or_never().unwrap();
    assert_eq!(answer.unwrap_err().to_string(), "`one`: the input is a batch, expected `u64`");
}

#[test]
fn a_batch_may_be_a_stream() {
    use futures_util::StreamExt;
    use wellspring_functions::Streaming;

    let catalog = Catalog::builder()
        .function("total", |numbers: Streaming<u64>| numbers.fold(0u64, |sum, n| async move { sum + n }))
        .function("shout", |words: Streaming<String>| words.map(|word| word + "!"))
        .build()
        .unwrap();
    let told_of = |name: &str, payloads: &[&str]| {
        let messages = payloads.iter().map(|payload| json(payload)).collect();
        let composition = catalog.compose(name).unwrap();
        assert!(composition.takes_batches());
        let answer = composition.call(Incoming::Batch(messages), &Wanted::Natural).now_or_never().unwrap();
        let Output::Batch(outcome) = answer.unwrap() else { panic!("a batch") };
        told(*outcome)
    };
    assert_eq!(told_of("total", &["1", "x", "3"]), (vec![(1, Kind::Undecodable)], whole(&["4"])));
    assert_eq!(told_of("shout", &["a", "b"]), (vec![], whole(&["a!", "b!"])));
}
