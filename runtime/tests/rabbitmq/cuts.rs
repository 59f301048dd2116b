//! The connection is cut, a channel closed or a queue removed while messages flow: nothing is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lapin::BasicProperties;
use lapin::options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wellspring::binder::rabbitmq::{Config, RabbitMq};
use wellspring::binder::{Kind, Settlement};

use super::ends::{Broker, Member, Writer, broker, eventually, json, payloads};

/// Stands between the binder and the broker, and can cut every connection.
pub(crate) struct Wire {
    address: String,
    cut: Arc<std::sync::Mutex<CancellationToken>>,
    /// Nobody gets through.
    down: Arc<AtomicBool>,
    /// How many have tried.
    turned_away: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn to(broker: &Broker) -> Self {
        let target = broker.uri.rsplit('@').next().unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let cut = Arc::new(std::sync::Mutex::new(CancellationToken::new()));
        let down = Arc::new(AtomicBool::new(false));
        let turned_away = Arc::new(AtomicUsize::new(0));
        let (current, is_down, tried) = (Arc::clone(&cut), Arc::clone(&down), Arc::clone(&turned_away));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut pipes = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                if is_down.load(Ordering::SeqCst) {
                    tried.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let token = current.lock().unwrap().clone();
                let target = target.clone();
                pipes.spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    let piped = tokio::io::copy_bidirectional(&mut near, &mut far);
                    let _ = token.run_until_cancelled(piped).await;
                });
            }
        });
        Self { address, cut, down, turned_away, _tasks: tasks }
    }

    pub(crate) fn cut(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }

    /// The broker's address by this way.
    pub(crate) fn uri(&self) -> Option<String> {
        Some(format!("amqp://guest:guest@{}/%2f", self.address))
    }

    fn binder(&self) -> RabbitMq {
        let uri = self.uri();
        let interval = std::time::Duration::from_millis(10);
        RabbitMq::new("rabbitmq", Config { uri, reconnect_initial_interval: interval, ..Config::default() })
    }
}

#[tokio::test]
async fn a_reader_whose_connection_is_cut_gets_again_what_it_had_not_settled() {
    let Some(broker) = broker("cut reader").await else { return };
    let wire = Wire::to(&broker).await;
    let destination = broker.name("d");
    let mut member = Member::join(&wire.binder(), &destination, "g").await;
    for number in 0..100 {
        broker.publish(&destination, "k", number.to_string().as_bytes(), BasicProperties::default()).await;
    }
    let mut first = member.receive(100).await;
    let unsettled = first.split_off(60);
    member.settle(first, Settlement::Ack).await;
    // The broker has the settlements before the connection goes.
    let queue = format!("queues/%2f/{destination}.g");
    eventually("60 are settled", async || {
        let queue = broker.management(&queue).await;
        queue.is_none_or(|queue| queue["messages_unacknowledged"].as_u64() == Some(40))
    })
    .await;
    wire.cut();
    let again = member.receive(40).await;
    assert_eq!(payloads(&again), payloads(&unsettled), "in order");
    assert!(again.iter().all(|one| one.attempt == 2));
    // Tickets of the connection that is gone settle nothing.
    unsettled.into_iter().for_each(|delivery| member.0.settle(delivery.ticket, Settlement::Ack));
    again.into_iter().for_each(|delivery| member.0.settle(delivery.ticket, Settlement::Ack));
    member.leave().await;
    broker.until_waiting(&format!("{destination}.g"), 0).await;
    broker.clean().await;
}

#[tokio::test]
async fn a_writer_whose_connection_is_cut_tells_which_messages_to_send_again() {
    let Some(broker) = broker("cut writer").await else { return };
    let wire = Wire::to(&broker).await;
    let destination = broker.name("d");
    let mut writer = Writer::open(&wire.binder(), &destination).await;
    let queue = broker.queue("q", &destination, "#").await;
    let mut to_send: Vec<u64> = (1..=3000).collect();
    let (mut sent, mut rounds) = (0, 0);
    while !to_send.is_empty() {
        let mut numbers = Vec::new();
        for (index, payload) in to_send.iter().enumerate() {
            if rounds == 0 && index % 1000 == 999 {
                wire.cut();
            }
            numbers.push((writer.start(json(payload.to_string())).await, *payload));
        }
        let confirmed = writer.confirmed(numbers.len()).await;
        assert_eq!(confirmed.len(), numbers.len(), "each is told once");
        sent += confirmed.iter().filter(|one| one.result.is_ok()).count();
        to_send = confirmed
            .into_iter()
            .filter_map(|one| {
                let error = one.result.err()?;
                assert_eq!(error.kind(), Kind::Unreachable, "{error}");
                numbers.iter().find(|(number, _)| *number == one.number).map(|(_, payload)| *payload)
            })
            .collect();
        rounds += 1;
    }
    assert_eq!(sent, 3000);
    let there = broker.waiting(&queue).await as usize;
    assert!(there >= 3000, "a message is there twice at worst, never not at all");
    let distinct: BTreeSet<Vec<u8>> =
        broker.take(&queue, there).await.into_iter().map(|one| one.data).collect();
    assert_eq!(distinct.len(), 3000);
    broker.clean().await;
}

#[tokio::test]
async fn a_broker_that_stays_away_is_waited_for_without_losing_anything() {
    let Some(broker) = broker("away").await else { return };
    let wire = Wire::to(&broker).await;
    let binder = wire.binder();
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut writer = Writer::open(&binder, &destination).await;
    wire.down.store(true, Ordering::SeqCst);
    wire.cut();
    let up = async {
        eventually("it has tried in vain", async || wire.turned_away.load(Ordering::SeqCst) >= 3).await;
        wire.down.store(false, Ordering::SeqCst);
    };
    let send = async {
        // One may be lost with the connection; the next waits for the new one.
        while writer.send(json("1")).await.is_err() {}
    };
    let ((), ()) = tokio::join!(up, send);
    let batch = member.receive(1).await;
    member.settle(batch, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn a_queue_and_an_exchange_that_somebody_removes_are_declared_again() {
    let Some(broker) = broker("removed").await else { return };
    let binder = broker.binder("{ reconnect-initial-interval: 10ms }");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut writer = Writer::open(&binder, &destination).await;
    let queue = format!("{destination}.g");
    broker.channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    let exchange = destination.as_str().into();
    broker.channel.exchange_delete(exchange, ExchangeDeleteOptions::default()).await.unwrap();
    let send = async { while writer.send(json("1")).await.is_err() {} };
    let (batch, ()) = tokio::join!(member.receive(1), send);
    assert_eq!(payloads(&batch), ["1"]);
    member.settle(batch, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn connections_that_an_operator_closes_are_made_again() {
    let Some(broker) = broker("operator").await else { return };
    if broker.management("overview").await.is_none() {
        return;
    }
    let own = broker.name("connection");
    let settings = format!("{{ connection-name-prefix: '{own}', reconnect-initial-interval: 10ms }}");
    let binder = broker.binder(&settings);
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut writer = Writer::open(&binder, &destination).await;
    writer.send(json("1")).await.unwrap();
    let unsettled = member.receive(1).await;
    let named = async || {
        let all = broker.management("connections").await.unwrap();
        let of_test = all.as_array().unwrap().iter().filter(|one| {
            one["client_properties"]["connection_name"].as_str().is_some_and(|name| name.starts_with(&own))
        });
        of_test.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("both connections are listed", async || named().await.len() == 2).await;
    broker.close_connections(&named().await).await;
    let again = member.receive(1).await;
    assert_eq!((payloads(&again), again[0].attempt), (payloads(&unsettled), 2));
    member.settle(again, Settlement::Ack).await;
    let send = async { while writer.send(json("2")).await.is_err() {} };
    let (batch, ()) = tokio::join!(member.receive(1), send);
    assert_eq!(payloads(&batch), ["2"]);
    member.settle(batch, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn a_queue_that_comes_back_with_other_arguments_is_waited_for() {
    let Some(broker) = broker("otherwise").await else { return };
    let binder = broker.binder("{ reconnect-initial-interval: 10ms, reconnect-max-interval: 20ms }");
    let (destination, other) = (broker.name("d"), broker.name("e"));
    let mut member = Member::join(&binder, &destination, "g").await;
    let mut elsewhere = Member::join(&binder, &other, "g").await;
    let queue = format!("{destination}.g");
    let channel = &broker.channel;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    // Whoever comes first makes the queue: the binder, durable, or the test, as the binder does not want it.
    let put_right = async {
        let options = QueueDeclareOptions::default();
        let spare = broker.another_channel().await;
        let made = spare.queue_declare(queue.as_str().into(), options, FieldTable::default()).await;
        let spoilt = made.is_ok();
        broker.publish(&other, "k", b"meanwhile", BasicProperties::default()).await;
        let meanwhile = elsewhere.receive(1).await;
        assert_eq!(payloads(&meanwhile), ["meanwhile"], "everything else flows");
        elsewhere.settle(meanwhile, Settlement::Ack).await;
        if spoilt {
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        }
        let bound = async || {
            let bindings = broker.listed("bindings").await;
            bindings.iter().any(|one| one["destination"] == *queue && one["source"] == *destination)
        };
        eventually("the queue is back", bound).await;
        broker.publish(&destination, "k", b"back", BasicProperties::default()).await;
    };
    let (batch, ()) = tokio::join!(member.receive(1), put_right);
    assert_eq!(payloads(&batch), ["back"]);
    member.settle(batch, Settlement::Ack).await;
    member.leave().await;
    elsewhere.leave().await;
    broker.clean().await;
}

/// What is settled before it is called must not be called when the broker gives it out once more.
#[tokio::test]
async fn what_is_settled_counts_as_settled_only_when_the_broker_has_heard_of_it() {
    let Some(broker) = broker("settled unheard").await else { return };
    let wire = Wire::to(&broker).await;
    let destination = broker.name("d");
    let mut member = Member::join(&wire.binder(), &destination, "g").await;
    let send = async |payload: &str| {
        broker.publish(&destination, "k", payload.as_bytes(), BasicProperties::default()).await;
    };
    let flush = async |member: &mut Member| {
        let flushed = std::future::poll_fn(|cx| member.0.poll_flush(cx));
        tokio::time::timeout(super::ends::PATIENCE, flushed).await.expect("an answer in time")
    };
    send("1").await;
    let first = member.receive(1).await;
    wire.cut();
    // The loss is not noticed yet.
    first.into_iter().for_each(|delivery| member.0.settle(delivery.ticket, Settlement::Ack));
    assert_eq!(flush(&mut member).await.unwrap_err().kind(), Kind::Unreachable);
    let again = member.receive(1).await;
    assert_eq!(payloads(&again), ["1"]);
    wire.cut();
    send("2").await;
    let both = member.receive(2).await;
    // By now it is noticed.
    again.into_iter().for_each(|delivery| member.0.settle(delivery.ticket, Settlement::Ack));
    assert_eq!(flush(&mut member).await.unwrap_err().kind(), Kind::Unreachable);
    member.settle(both, Settlement::Ack).await;
    member.leave().await;
    assert_eq!(broker.waiting(&format!("{destination}.g")).await, 0);
    broker.clean().await;
}
