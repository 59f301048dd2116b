//! Transactions on a cluster that is made up, which answers as it is told.

use std::future::poll_fn;

use rdkafka::ClientConfig;
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use std::sync::atomic::Ordering;

use super::*;
use crate::binder::kafka::failure::kind;
use crate::binder::kafka::inbox::Command;
use crate::binder::kafka::native::{Refusal, Sent};

const LONG: Duration = Duration::from_secs(30);

type Cluster = MockCluster<'static, DefaultProducerContext>;

/// A cluster whose first broker coordinates transactions and whose second one has everything else.
fn cluster() -> Cluster {
    let cluster = MockCluster::new(2).unwrap();
    for topic in ["in", "out"] {
        cluster.create_topic(topic, 1, 2).unwrap();
        cluster.partition_leader(topic, 0, Some(2)).unwrap();
    }
    cluster.coordinator(MockCoordinator::Transaction("t".to_owned()), 1).unwrap();
    cluster.coordinator(MockCoordinator::Group("g".to_owned()), 2).unwrap();
    cluster
}

fn client(cluster: &Cluster) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", cluster.bootstrap_servers());
    client
}

fn begin(cluster: &Cluster, patience: Duration) -> Result<Arc<Transaction>, Error> {
    let recipe = Recipe::new(client(cluster).set("transactional.id", "t").clone(), "f-out-0", "out");
    let outlet = recipe.make().unwrap();
    let (id, interval) = ("t".to_owned(), LONG);
    Transaction::begin(outlet, Parts { recipe, binding: "f", id, interval, timeout: 2 * LONG }, patience)
}

fn consumer(cluster: &Cluster) -> BaseConsumer {
    client(cluster).set("group.id", "g").create().unwrap()
}

fn send(member: &Member, number: u64) -> Result<(), RDKafkaErrorCode> {
    let (topic, key, headers) = (None, None, None);
    member.send(Sent { topic, key, value: Some(b"x"), partition: Some(0), headers, number })
}

/// Waits until so many messages are told of; tells of those that were refused.
async fn refused(member: &Member, mut count: usize) -> Vec<Refusal> {
    let mut refused = Vec::new();
    let told = async {
        while count > 0 {
            poll_fn(|cx| {
                member.poll_reports(cx, |_, failure| {
                    count = count.saturating_sub(1);
                    refused.extend(failure);
                })
            })
            .await;
        }
    };
    tokio::time::timeout(LONG, told).await.expect("reports");
    refused
}

/// Sends until the library takes nothing more, or what is sent does not count any more.
async fn send_until_it_fails(transaction: &Transaction, member: &Member) -> Option<RDKafkaErrorCode> {
    for number in 0.. {
        match send(member, number) {
            Err(code) => return Some(code),
            Ok(()) if !transaction.lock().state.counts() => return None,
            Ok(()) => assert_eq!(refused(member, 1).await.len(), 0),
        }
    }
    None
}

#[tokio::test]
async fn a_transaction_that_the_library_has_given_up_blames_no_message() {
    let unauthorized = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    for given in [1, 2] {
        let cluster = cluster();
        let (consumer, transaction) = (consumer(&cluster), begin(&cluster, LONG).unwrap());
        let member = Member::join(&transaction, "out");
        transaction.room();
        transaction.gave(given);
        cluster.request_errors(RDKafkaApiKey::AddPartitionsToTxn, &[unauthorized]);
        let code = send_until_it_fails(&transaction, &member).await;
        let told = code.map(|code| kind(&KafkaError::MessageProduction(code)));
        assert_eq!(told, (given == 1).then_some(Kind::Closed), "{given} deliveries: {code:?}");
        assert!(transaction.serve(&consumer, &[]).unwrap(), "it is given up");
        (0..given - 1).for_each(|_| _ = transaction.settled(false));
        send(&member, 1000).unwrap();
        assert_eq!(refused(&member, 1).await.len(), 0);
        transaction.settled(false);
        assert_eq!(transaction.lock().state.is_rewinding(), given > 1, "only more than one comes again");
    }
}

#[test]
fn what_its_predecessor_left_open_is_waited_for() {
    let concurrent = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS;
    let cluster = cluster();
    cluster.request_errors(RDKafkaApiKey::InitProducerId, &[concurrent; 3]);
    begin(&cluster, LONG).unwrap();
    cluster.request_errors(RDKafkaApiKey::InitProducerId, &[concurrent; 1000]);
    let error = begin(&cluster, Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error:?}");
}

#[tokio::test]
async fn what_is_read_again_begins_where_it_was_committed_before_anything_else_is() {
    let cluster = cluster();
    let (consumer, transaction) = (consumer(&cluster), begin(&cluster, LONG).unwrap());
    transaction.room();
    transaction.gave(1);
    transaction.fail();
    transaction.serve(&consumer, &[]).unwrap();
    let slot = Arc::new(Slot::new(0, "in", 0));
    slot.watermark.store(7, Ordering::Release);
    transaction.settled(false);
    let mut is_rewound = false;
    transaction.rewind(|| {
        is_rewound = true;
        transaction.close();
        assert!(!transaction.serve(&consumer, &[Arc::clone(&slot)]).unwrap(), "nothing is committed");
        slot.watermark.store(-1, Ordering::Release);
    });
    assert!(is_rewound);
    transaction.close();
    assert!(transaction.serve(&consumer, &[Arc::clone(&slot)]).unwrap());
    assert_eq!(slot.committed.load(Ordering::Acquire), -1);
}

/// One delivery was given out, its message was sent, and it is settled.
async fn settled(transaction: &Arc<Transaction>) -> Arc<Slot> {
    let member = Member::join(transaction, "out");
    transaction.room();
    transaction.gave(1);
    send(&member, 0).unwrap();
    assert_eq!(refused(&member, 1).await.len(), 0);
    transaction.settled(false);
    let slot = Arc::new(Slot::new(0, "in", 0));
    slot.watermark.store(7, Ordering::Release);
    slot
}

#[tokio::test]
async fn an_input_that_closes_commits_what_is_settled_also_if_a_broker_asks_to_try_again() {
    let cluster = cluster();
    let (consumer, transaction) = (consumer(&cluster), begin(&cluster, LONG).unwrap());
    let slot = settled(&transaction).await;
    transaction.shared.tell(Command::Close);
    let loading = RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
    cluster.request_errors(RDKafkaApiKey::TxnOffsetCommit, &[loading]);
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[loading]);
    transaction.end(&consumer, &[Arc::clone(&slot)]).unwrap();
    assert_eq!(slot.committed.load(Ordering::Acquire), 7);
}

#[tokio::test]
async fn an_input_that_closes_does_not_wait_for_ever_for_a_coordinator_that_is_away() {
    let cluster = cluster();
    let (consumer, transaction) = (consumer(&cluster), begin(&cluster, LONG).unwrap());
    settled(&transaction).await;
    cluster.broker_down(1).unwrap();
    transaction.shared.tell(Command::Close);
    // As the thread does before it closes.
    transaction.shared.lock().commands.clear();
    let begun = Instant::now();
    let ended = transaction.end(&consumer, &[]);
    assert!(ended.is_err(), "{ended:?}");
    assert!(begun.elapsed() < LAST_TRIES + 5 * STEP, "{:?}", begun.elapsed());
}
