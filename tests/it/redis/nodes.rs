//! Three nodes and their Redis, killed and started again, while others publish and listen.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::with;
use crate::support::{Fanfare, Redis, dawdle, wait_until};

const NODES: usize = 3;
const SUBSCRIBERS: usize = 300;
const PUBLISHERS: usize = 6;
/// The data of the last event.
const END: &str = "\"end\"";
const CHAOS: Duration = Duration::from_secs(15);

/// Where the nodes are that live, as a load balancer knows it.
struct Balancer(Mutex<[Option<SocketAddr>; NODES]>);

impl Balancer {
    fn set(&self, node: usize, address: Option<SocketAddr>) {
        self.0.lock().unwrap()[node] = address;
    }

    /// A connection to any node.
    fn connect(&self) -> Option<TcpStream> {
        let address = self.0.lock().unwrap()[fastrand::usize(..NODES)]?;
        let socket = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.set_nodelay(true).unwrap();
        Some(socket)
    }
}

/// Publishes numbers that nobody else does, to any node, again and again. Returns those that were
/// answered, with the ids that they were given.
fn publish(balancer: &Balancer, numbers: &AtomicU64, over: &AtomicBool) -> Vec<(String, String)> {
    let mut answered = Vec::new();
    while !over.load(Relaxed) {
        let Some(mut socket) = balancer.connect() else { continue };
        for _ in 0..50 {
            let data = numbers.fetch_add(1, Relaxed).to_string();
            let Some(id) = exchange(&mut socket, &data) else { break };
            answered.push((data, id));
        }
    }
    answered
}

fn exchange(socket: &mut TcpStream, data: &str) -> Option<String> {
    let request = format!(
        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{data}",
        data.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    let mut piece = [0; 4096];
    while !answer.ends_with('}') {
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(length) => answer += std::str::from_utf8(&piece[..length]).unwrap(),
        }
    }
    let json: serde_json::Value = answer.split("\r\n\r\n").nth(1)?.parse().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    Some(json["id"].as_str()?.to_owned())
}

/// What one subscriber has received, over all its connections: data and ids.
#[derive(Default)]
struct Received {
    events: Vec<(String, String)>,
    notices: Vec<String>,
    connections: usize,
}

/// Listens at any node, and returns to any other, until the last event has come.
fn listen(balancer: &Balancer, until: Instant) -> Received {
    let mut received = Received::default();
    while received.events.last().is_none_or(|(data, _)| data != END) {
        assert!(Instant::now() < until, "the last event does not come: {}", received.events.len());
        let Some(mut socket) = balancer.connect() else { continue };
        let last = received.events.last().map_or("earliest", |(_, id)| id);
        let request = format!("GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {last}\r\n\r\n");
        if socket.write_all(request.as_bytes()).is_ok() {
            received.connections += 1;
            read(socket, &mut received);
        }
    }
    received
}

/// Reads whole events until the connection breaks, or the last event.
fn read(socket: TcpStream, received: &mut Received) {
    let (mut kind, mut id, mut data) = (String::new(), None, None);
    // Lines of chunks around them are of no field.
    for line in BufReader::new(socket).lines().map_while(Result::ok) {
        if let Some(text) = line.strip_prefix("event: ") {
            text.clone_into(&mut kind);
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = Some(text.to_owned());
        } else if let Some(text) = line.strip_prefix("data: ") {
            data = Some(text.to_owned());
        } else if line.is_empty() {
            let (kind, id, data) = (std::mem::take(&mut kind), id.take(), data.take());
            match (kind.as_str(), id, data) {
                ("", Some(id), Some(data)) => received.events.push((data, id)),
                ("", None, _) => {}
                (kind, _, data) => received.notices.push(format!("{kind} {data:?}")),
            }
            if received.events.last().is_some_and(|(data, _)| data == END) {
                return;
            }
        }
    }
}

#[test]
fn everyone_receives_everything_once_and_in_one_order_whatever_dies() {
    let mut redis = Redis::start();
    let url = redis.url();
    let settings = with(&url, &[("FANFARE_HISTORY_EVENTS", "1000000")]);
    let balancer = Balancer(Mutex::default());
    let mut nodes: Vec<Option<Fanfare>> = Vec::new();
    for node in 0..NODES {
        let start = if node == 0 { Fanfare::start_alone } else { Fanfare::start_another };
        let hub = start(&settings);
        balancer.set(node, Some(hub.0));
        nodes.push(Some(hub));
    }
    let (numbers, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let patience = Instant::now() + CHAOS + Duration::from_secs(60);
    let (answered, received, kills) = std::thread::scope(|scope| {
        let listeners: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| {
                let builder = std::thread::Builder::new().stack_size(256 << 10);
                builder.spawn_scoped(scope, || listen(&balancer, patience)).unwrap()
            })
            .collect();
        let publishers: Vec<_> =
            (0..PUBLISHERS).map(|_| scope.spawn(|| publish(&balancer, &numbers, &over))).collect();
        let (begun, mut kills) = (Instant::now(), 0);
        while begun.elapsed() < CHAOS {
            dawdle(Duration::from_millis(fastrand::u64(100..600)));
            kills += 1;
            if kills % 4 == 0 {
                redis.kill();
                dawdle(Duration::from_millis(fastrand::u64(0..500)));
                redis.launch();
                continue;
            }
            let node = fastrand::usize(..NODES);
            balancer.set(node, None);
            // The first has the turn of this test.
            let mut hub = nodes[node].take().unwrap();
            hub.signal("KILL");
            hub.wait();
            dawdle(Duration::from_millis(fastrand::u64(0..300)));
            let next = hub.start_again(&settings);
            balancer.set(node, Some(next.0));
            nodes[node] = Some(next);
        }
        over.store(true, Relaxed);
        let answered: Vec<_> = publishers.into_iter().map(|it| it.join().unwrap()).collect();
        wait_until("the last event is published", || {
            balancer.connect().is_some_and(|mut it| exchange(&mut it, END).is_some())
        });
        let received: Vec<_> = listeners.into_iter().map(|it| it.join().unwrap()).collect();
        (answered, received, kills)
    });
    let all = &received[0].events;
    let seen: HashMap<_, _> = all.iter().map(|(data, id)| (data, id)).collect();
    assert_eq!(seen.len(), all.len(), "something came twice");
    assert_eq!(all.iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), all.len());
    for (subscriber, received) in received.iter().enumerate() {
        assert_eq!(received.notices, [""; 0], "subscriber {subscriber}");
        let differs = received.events.iter().zip(all).position(|(mine, theirs)| mine != theirs);
        assert_eq!((differs, received.events.len()), (None, all.len()), "subscriber {subscriber}");
    }
    for (data, id) in answered.iter().flatten() {
        assert_eq!(seen.get(data), Some(&id), "{data} was answered");
    }
    let answered: usize = answered.iter().map(Vec::len).sum();
    let connections: usize = received.iter().map(|it| it.connections).sum();
    eprintln!(
        "{kills} kills; {answered} of {} answered; {connections} connections of {SUBSCRIBERS}",
        all.len()
    );
    assert!(answered > 500 && connections > 2 * SUBSCRIBERS && kills > 8);
}
