//! Topics are made as configured, grow when they may, and are refused with the reason when not.

use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use wellspring::binder::{Binder as _, InputSpec, Kind, OutputSpec, Sharing};

use crate::support::*;

#[tokio::test]
async fn a_missing_topic_is_made_with_as_many_partitions_as_anyone_needs() {
    let Some(cluster) = Cluster::find() else { return };
    let cases = [("", 1, 1), ("min-partition-count: 3", 1, 3), ("min-partition-count: 2", 4, 4)];
    for (at, (settings, partition_count, expected)) in cases.into_iter().enumerate() {
        let topic = cluster.name(&format!("made-{at}"));
        let spec = OutputSpec { partition_count, ..output_spec(&topic) };
        cluster.binder(settings).bind_output(spec).await.unwrap().close().await.unwrap();
        assert_eq!(cluster.partitions(&topic), expected, "{settings}");
    }
    let topic = cluster.name("members");
    let sharing = Sharing { concurrency: 3, instance_count: 2, partitioned: true, ..Sharing::default() };
    let spec = InputSpec { sharing, ..input_spec(&[&topic], Some("g")) };
    cluster.binder("").bind_input(spec).await.unwrap().close().await.unwrap();
    assert_eq!(cluster.partitions(&topic), 6, "one for each member of each instance");
}

#[tokio::test]
async fn a_topic_is_made_with_its_properties() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("properties");
    let settings = "bindings: { test-in-0: { consumer: { topic: { replication-factor: 1, properties: { retention.ms: 60000, cleanup.policy: compact } } } } }";
    let mut spec = input_spec(&[&topic], Some("g"));
    spec.binding = "test-in-0".to_owned();
    cluster.binder(settings).bind_input(spec).await.unwrap().close().await.unwrap();
    let described = cluster
        .admin()
        .describe_configs([&ResourceSpecifier::Topic(&topic)], &AdminOptions::new())
        .await
        .unwrap();
    let described = described.into_iter().next().unwrap().unwrap();
    let value = |name| described.get(name).and_then(|entry| entry.value.clone());
    assert_eq!(value("retention.ms").as_deref(), Some("60000"));
    assert_eq!(value("cleanup.policy").as_deref(), Some("compact"));
}

#[tokio::test]
async fn a_topic_that_is_too_small_grows_if_it_may_and_is_refused_if_not() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.topic("small", 1).await;
    let spec = OutputSpec { partition_count: 3, ..output_spec(&topic) };
    let Err(refused) = cluster.binder("").bind_output(spec.clone()).await else { panic!("bound") };
    assert_eq!(refused.kind(), Kind::Refused);
    let expected = format!("the topic `{topic}` has 1 partitions, expected at least 3");
    assert!(refused.to_string().starts_with(&expected), "{refused}");
    cluster.binder("auto-add-partitions: true").bind_output(spec).await.unwrap().close().await.unwrap();
    assert_eq!(cluster.partitions(&topic), 3);
}

#[tokio::test]
async fn a_missing_topic_is_refused_when_topics_are_not_made() {
    let Some(cluster) = Cluster::find() else { return };
    let topic = cluster.name("absent");
    let binder = cluster.binder("auto-create-topics: false");
    let Err(refused) = binder.bind_input(input_spec(&[&topic], Some("g"))).await else { panic!("bound") };
    assert_eq!(refused.kind(), Kind::Refused);
    assert!(refused.to_string().contains(&format!("the topic `{topic}` does not exist")), "{refused}");
    assert_eq!(cluster.partitions(&topic), 0);
}

#[tokio::test]
async fn names_that_are_no_topics_are_refused() {
    let Some(cluster) = Cluster::find() else { return };
    for name in ["a b/c", "", "..", "ż"] {
        let Err(refused) = cluster.binder("").bind_output(output_spec(name)).await else { panic!("bound") };
        assert_eq!(refused.kind(), Kind::Refused);
        assert!(refused.to_string().contains("is no name of a topic"), "{refused}");
    }
}
