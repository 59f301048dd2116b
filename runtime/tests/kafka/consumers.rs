//! Inputs with the arguments of recorded Spring applications, word for word: the topics and groups that they make.
//!
//! What is different on purpose stands in `captures/consumers.json` with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, block_in_place};
use wellspring::Runtime;
use wellspring::config::Sources;

use crate::producers::{Topic, set_on};
use crate::support::*;

const CONSUMERS: &str = include_str!("captures/kafka-consumer-topology.json");
const DIFFERENCES: &str = include_str!("captures/consumers.json");

/// How many cases are replayed at a time.
const AT_ONCE: usize = 3;

#[derive(Deserialize)]
struct Case {
    arguments: Vec<String>,
    topics: Vec<Topic>,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    group: String,
    assignor: String,
    members: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[expect(dead_code, reason = "for whoever reads the file")]
    why: String,
    cases: Vec<String>,
}

type Topics = BTreeMap<String, (usize, BTreeMap<String, String>)>;

/// Starts an application with a case's arguments; tells what it made, in the names of the case.
async fn replay(case: &Case) -> Result<(), String> {
    let Some(cluster) = Cluster::find() else { return Ok(()) };
    let own = |name: &str| {
        name.replace("cap.", &cluster.name("")).replace(r"cap\.", &cluster.name("").replace('.', r"\."))
    };
    let is_pattern = case.arguments.iter().any(|argument| argument.contains("destination-is-pattern"));
    let expected: BTreeSet<String> = case.topics.iter().map(|made| own(&made.topic)).collect();
    if is_pattern {
        for made in &case.topics {
            cluster.topic(made.topic.strip_prefix("cap.").unwrap(), 1).await;
        }
    }
    let mut arguments = vec![
        "--http.enabled=false".to_owned(),
        "--management.enabled=false".to_owned(),
        "--stream.default-binder=kafka".to_owned(),
        format!("--spring.kafka.bootstrap-servers={}", cluster.address),
    ];
    arguments.extend(case.arguments.iter().map(|argument| own(argument)));
    let runtime = Runtime::builder()
        .functions(|catalog| catalog.consumer("one", |_: String| ()).consumer("batch", |_: Vec<String>| ()))
        .sources(Sources::new().args(arguments))
        .build();
    let running = runtime.map_err(|problems| problems.to_string())?.start().await;
    let running = running.map_err(|error| error.to_string())?;
    let made: Topics = topics(&cluster, &expected).await;
    let spring: Topics = case
        .topics
        .iter()
        .map(|made| (own(&made.topic), (made.partitions, made.configs_set_on_topic.clone())))
        .collect();
    let groups = match case.groups.iter().find(|group| !group.group.starts_with("anonymous")) {
        Some(group) => members(&cluster, &own(&group.group), group).await,
        None => Ok(()),
    };
    running.stop().await;
    for topic in expected.iter().filter(|topic| topic.starts_with("error.")) {
        cluster.delete(topic).await;
    }
    groups?;
    if made == spring { Ok(()) } else { Err(format!("ours   {made:?}\n  spring {spring:?}")) }
}

/// The topics of a test that there are, with those that should be.
async fn topics(cluster: &Cluster, expected: &BTreeSet<String>) -> Topics {
    let mut names = expected.clone();
    let client: BaseConsumer = cluster.client().create().unwrap();
    let metadata = client.fetch_metadata(None, PATIENCE).unwrap();
    let all = metadata.topics().iter().map(|topic| topic.name());
    names.extend(all.filter(|name| name.contains(&cluster.name(""))).map(str::to_owned));
    let mut found = Topics::new();
    for name in names {
        found.insert(name.clone(), (cluster.partitions(&name), set_on(cluster, &name).await));
    }
    found
}

/// Waits until a group has as many members with partitions as Spring's has, assigned by the same rule.
async fn members(cluster: &Cluster, name: &str, expected: &Group) -> Result<(), String> {
    let client: BaseConsumer = cluster.client().create().unwrap();
    let (begun, wanted) = (Instant::now(), expected.members.len());
    let mut moments = tokio::time::interval(Duration::from_millis(50));
    loop {
        moments.tick().await;
        // The broker may still be reading what it knows of the group.
        let found = block_in_place(|| client.fetch_group_list(Some(name), PATIENCE)).map(|groups| {
            groups.groups().first().map(|group| (group.protocol().to_owned(), group.members().len()))
        });
        match found {
            Ok(Some((protocol, count))) if protocol == expected.assignor && count == wanted => return Ok(()),
            found if begun.elapsed() > PATIENCE => return Err(format!("the group is {found:?}")),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_input_makes_the_topics_and_groups_that_spring_does() {
    let cases: BTreeMap<String, Case> = serde_json::from_str(CONSUMERS).unwrap();
    let differences: Vec<Difference> = serde_json::from_str(DIFFERENCES).unwrap();
    if Cluster::find().is_none() {
        return;
    }
    let (mut replayed, turns) = (JoinSet::new(), Arc::new(Semaphore::new(AT_ONCE)));
    for (name, case) in cases {
        let turns = Arc::clone(&turns);
        replayed.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            (name, replay(&case).await)
        });
    }
    let mut wrong = Vec::new();
    while let Some(ended) = replayed.join_next().await {
        let (name, found) = ended.unwrap();
        let is_different = differences.iter().any(|difference| difference.cases.contains(&name));
        match (found, is_different) {
            (Ok(()), true) => wrong.push(format!("{name} does not differ")),
            (Err(how), false) => wrong.push(format!("{name}: {how}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
