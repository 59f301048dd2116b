//! A partition whose leader moves to another broker. The cluster of the tests has one broker, so this one is the client
//! library's own cluster of three, which speaks the protocol and lets leaders be moved at will.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use wellspring::Message;
use wellspring::binder::Settlement;

use crate::support::*;

const TOPIC: &str = "moving";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_moves_is_followed_by_what_is_sent_and_what_is_read() {
    let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC, 1, 3).unwrap();
    cluster.partition_leader(TOPIC, 0, Some(1)).unwrap();
    let settings = "auto-create-topics: false\nconfiguration: { metadata.max.age.ms: 1000 }";
    let binder = Cluster::binder_at(&cluster.bootstrap_servers(), settings);
    let mut output = output(&binder, TOPIC).await;
    let mut input = input(&binder, TOPIC, "g").await;
    for leader in [1, 2, 3, 1] {
        cluster.partition_leader(TOPIC, 0, Some(leader)).unwrap();
        let messages = (0..10).map(|number| {
            plain(Message::encoded(format!("{leader}-{number}"), wellspring::ContentType::TEXT))
        });
        for sent in send(&mut *output, messages.collect()).await {
            sent.unwrap();
        }
        let received = receive(&mut *input, 10).await;
        let texts: Vec<_> = received.iter().map(|one| text(one).to_owned()).collect();
        assert_eq!(texts, (0..10).map(|number| format!("{leader}-{number}")).collect::<Vec<_>>());
        for delivery in received {
            input.settle(delivery.ticket, Settlement::Ack);
        }
        flush(&mut *input).await;
    }
    output.close().await.unwrap();
    input.close().await.unwrap();
}
