//! Producers of transactions that the broker takes nothing more from: others take their place, and nothing is doubled.

use std::collections::BTreeSet;

use rdkafka::producer::{BaseProducer, Producer as _};
use wellspring::binder::Settlement;

use crate::support::*;
use crate::transactions::*;

/// Takes a transactional id away from whoever has it, and does nothing with it.
fn take_id(cluster: &Cluster, id: &str) {
    let taker: BaseProducer = cluster.client().set("transactional.id", id).create().unwrap();
    taker.init_transactions(PATIENCE).unwrap();
}

#[tokio::test]
async fn a_producer_that_has_lost_its_id_is_replaced_and_what_it_had_not_committed_comes_again() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 2).await, cluster.topic("to", 1).await);
    let (group, binder) = (cluster.name("g"), cluster.binder(SETTINGS));
    let id = format!("tx-{group}.test-in-0.0");
    let mut pair = Pair::bind(&binder, &from, &to, &group).await;
    for round in 0..3 {
        let now = numbers(round * 10..round * 10 + 10);
        produce(&cluster, (&from, 2), &now);
        let deliveries = receive(&mut *pair.input, 10).await;
        // Lost before anything was sent, in the middle, and when everything is to be committed.
        for (n, delivery) in (0u32..).zip(&deliveries) {
            if n == round * 5 {
                take_id(&cluster, &id);
            }
            pair.forward(delivery).await;
        }
        if round == 2 {
            pair.confirm(10).await;
            take_id(&cluster, &id);
        } else {
            let confirmed = pair.confirm(10).await;
            assert!(confirmed.iter().all(|confirmation| confirmation.result.is_ok()), "nobody is to blame");
        }
        for delivery in deliveries {
            pair.input.settle(delivery.ticket, Settlement::Ack);
        }
        assert_eq!(pair.process(10).await.into_iter().collect::<BTreeSet<_>>(), now.into_iter().collect());
        flush(&mut *pair.input).await;
    }
    pair.close().await;
    let (seen, all) = (committed(&cluster, &to), numbers(0..30));
    assert_eq!(seen.len(), 30, "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
    reaches(&cluster, &group, &from, &[15, 15]);
}

#[tokio::test]
async fn two_that_have_the_same_id_disturb_each_other_and_see_nothing_twice() {
    let Some(cluster) = Cluster::find() else { return };
    let (from, to) = (cluster.topic("from", 1).await, cluster.topic("to", 1).await);
    let (group, binder) = (cluster.name("g"), cluster.binder(SETTINGS));
    produce(&cluster, (&from, 1), &numbers(0..5));
    let mut zombie = Pair::bind(&binder, &from, &to, &group).await;
    let deliveries = receive(&mut *zombie.input, 5).await;
    for delivery in &deliveries {
        zombie.forward(delivery).await;
    }
    zombie.confirm(5).await;
    let mut heir = Pair::bind(&binder, &from, &to, &group).await;
    for delivery in deliveries {
        zombie.input.settle(delivery.ticket, Settlement::Ack);
    }
    go_on(&cluster, [&mut zombie, &mut heir], &to, 5).await;
    zombie.close().await;
    heir.close().await;
    assert_eq!(committed(&cluster, &to), numbers(0..5));
    reaches(&cluster, &group, &from, &[5]);
}
