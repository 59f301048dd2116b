//! A broker that has just started may say that its cluster has no brokers. A client that believes it finds back.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use wellspring::{ContentType, Message};

use crate::support::*;

/// What a request asks for when it asks for brokers and topics.
const METADATA: [u8; 2] = [0, 3];
/// What comes before the brokers in the answer: its number, an empty list of tags, how long to wait.
const BEFORE_BROKERS: usize = 9;
/// What comes with a broker beside its address: its number and the length of its host, its rack and an empty list of tags.
const AROUND_ADDRESS: (usize, usize) = (5, 2);

/// Stands between clients and a broker, as the only broker that there is.
#[derive(Default)]
struct StandIn {
    port: u16,
    broker: String,
    says_there_is_none: AtomicBool,
    /// The clients that were told.
    told: Mutex<HashSet<String>>,
}

impl StandIn {
    fn of(broker: &str) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stand_in = Arc::new(Self { port, broker: broker.to_owned(), ..Self::default() });
        let serving = Arc::clone(&stand_in);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(&client));
            }
        });
        stand_in
    }

    /// Passes requests and their answers on until one side is gone: a client's are answered in their order.
    fn serve(&self, client: &TcpStream) -> Option<()> {
        let broker = TcpStream::connect(&self.broker).ok()?;
        let (asked, answered) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Some(request) = frame(client) {
                    let length = usize::from(u16::from_be_bytes([request[8], request[9]]));
                    let name = String::from_utf8_lossy(&request[10..10 + length]).into_owned();
                    let _ = asked.send((request[..2] == METADATA).then_some(name));
                    pass(&broker, &request);
                }
                broker.shutdown(Shutdown::Both)
            });
            while let (Some(answer), Ok(by)) = (frame(&broker), answered.recv()) {
                pass(client, &self.changed(answer, by));
            }
            client.shutdown(Shutdown::Both).ok()
        })
    }

    /// Has an answer name the stand-in for the broker, or nobody.
    fn changed(&self, mut answer: Vec<u8>, asked_by: Option<String>) -> Vec<u8> {
        let (host, port) = self.broker.split_once(':').unwrap();
        let address = [host.as_bytes(), &port.parse::<u32>().unwrap().to_be_bytes()].concat();
        let Some(at) = answer.windows(address.len()).position(|bytes| bytes == address) else {
            return answer;
        };
        let end = at + address.len();
        match asked_by {
            Some(client) if self.says_there_is_none.load(Ordering::Relaxed) => {
                // One more than there are.
                answer[BEFORE_BROKERS] = 1;
                answer.drain(at - AROUND_ADDRESS.0..end + AROUND_ADDRESS.1);
                self.told.lock().unwrap().insert(client);
            }
            _ => answer[end - 4..end].copy_from_slice(&u32::from(self.port).to_be_bytes()),
        }
        answer
    }
}

/// What was sent as a whole, without its length.
fn frame(mut from: &TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    from.read_exact(&mut frame).ok()?;
    Some(frame)
}

fn pass(mut to: &TcpStream, frame: &[u8]) {
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    // Whoever is gone is noticed by reading.
    let _ = to.write_all(&[&length, frame].concat());
}

#[tokio::test]
async fn clients_that_were_told_of_no_broker_find_back_to_their_cluster() {
    let Some(cluster) = Cluster::find() else { return };
    let (topic, group) = (cluster.topic("t", 1).await, cluster.name("g"));
    let stand_in = StandIn::of(&cluster.address);
    let asks_often = "configuration: { topic.metadata.refresh.interval.ms: 100 }";
    let binder = Cluster::binder_at(&format!("127.0.0.1:{}", stand_in.port), asks_often);
    let mut input = input(&binder, &topic, &group).await;
    let mut output = output(&binder, &topic).await;
    for _ in 0..6 {
        let messages = (0..10).map(|n| plain(Message::encoded(n.to_string(), ContentType::TEXT))).collect();
        assert!(send(&mut *output, messages).await.iter().all(Result::is_ok));
        let texts: Vec<_> = receive(&mut *input, 10).await.iter().map(|one| text(one).to_owned()).collect();
        assert_eq!(texts, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
        stand_in.says_there_is_none.store(true, Ordering::Relaxed);
        let all_are_told = async {
            let mut turns = tokio::time::interval(Duration::from_millis(20));
            while !["test-in-0", "test-out-0"]
                .iter()
                .all(|name| stand_in.told.lock().unwrap().contains(*name))
            {
                turns.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, all_are_told).await.expect("everybody asks");
        stand_in.says_there_is_none.store(false, Ordering::Relaxed);
        stand_in.told.lock().unwrap().clear();
    }
}
