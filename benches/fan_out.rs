//! What one round of delivery takes: from `Hub::publish` to every subscription of one worker having
//! taken the event, or every client having read it from a socket that the Broadcaster writes to.

#![expect(clippy::unwrap_used, reason = "in a bench a panic is the answer")]

use std::{
    cell::Cell,
    io::Read as _,
    net::{self, IpAddr, Ipv4Addr},
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use actix::{Addr, System};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanfare::{
    event::{Event, EventId},
    history::{History, Limits, Retention},
    hub::{self, Bell, Broadcaster, Hub, Next, Settings, Terms},
    sse::Frame,
    topic::{Selector, Topics},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::spawn_local,
};

const ID: &str = "an id";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Counts what subscriptions take.
#[derive(Default)]
struct Taken {
    count: Cell<usize>,
    changed: Notify,
}

impl Taken {
    fn one(&self) {
        self.count.set(self.count.get() + 1);
        self.changed.notify_one();
    }

    async fn all(&self, expected: usize) {
        while self.count.get() < expected {
            self.changed.notified().await;
        }
        self.count.set(0);
    }
}

/// A hub of one worker.
fn empty_hub(subscribers: usize) -> (Hub, Addr<Broadcaster>) {
    let settings = Settings {
        max_subscribers: subscribers,
        max_per_address: 0,
        max_per_subject: 0,
        hooks: None,
        heartbeat: Duration::from_secs(3600),
        max_age: Duration::ZERO,
        queue: hub::Limits { events: 1000, bytes: 1 << 20 },
        patience: Duration::from_secs(15),
        operated: false,
    };
    let limits = Limits { events: 1000, bytes: 1 << 20 };
    let (history, tail) = History::in_memory(Retention { limits, age: Duration::ZERO });
    let hub = Hub::new(settings, history);
    let broadcaster = hub.start_broadcaster(Bell::default().maker().alarm());
    spawn_local({
        let hub = hub.clone();
        async move { hub.run(tail).await }
    });
    (hub, broadcaster)
}

/// A hub of one worker, with so many live subscriptions.
async fn hub(subscribers: usize) -> (Hub, Rc<Taken>) {
    let (hub, broadcaster) = empty_hub(subscribers);
    let taken = Rc::new(Taken::default());
    for _ in 0..subscribers {
        let seat = hub.admit(HERE, None).unwrap();
        let mut stream =
            hub.subscribe(&broadcaster, seat, vec![Selector::All], None, Terms::default());
        let taken = Rc::clone(&taken);
        spawn_local(async move {
            loop {
                match stream.next().await {
                    Next::Frame(_) => taken.one(),
                    Next::Live => {}
                    Next::End => break,
                }
            }
        });
    }
    // The greetings; then events until one finds all of them live. The others are replayed.
    taken.all(subscribers).await;
    let mut events = 1;
    while hub.publish(event()).await.unwrap().subscribers < subscribers {
        events += 1;
    }
    taken.all(events * subscribers).await;
    (hub, taken)
}

/// A hub of one worker, whose Broadcaster writes to so many sockets; and their other ends.
async fn hub_with_sockets(subscribers: usize) -> (Hub, Vec<net::TcpStream>) {
    let (hub, broadcaster) = empty_hub(subscribers);
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..subscribers {
        clients.push(net::TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let seat = hub.admit(HERE, None).unwrap();
        let mut stream =
            hub.subscribe(&broadcaster, seat, vec![Selector::All], None, Terms::default());
        while !stream.is_settled() {
            stream.next().await;
        }
        stream.hand_over(socket);
    }
    while hub.stats(Duration::from_secs(1)).await.unwrap().direct < subscribers {}
    (hub, clients)
}

/// All are equally long.
fn event() -> Event {
    let id = EventId::parse(ID).unwrap();
    let topics = Topics::new(Vec::new()).unwrap();
    Event {
        topics,
        data: "x".repeat(100),
        id: Some(id),
        kind: None,
        retry: None,
        ttl: None,
        private: false,
    }
}

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one event to subscriptions of one worker");
    for subscribers in [1, 100, 10_000] {
        group.throughput(Throughput::Elements(subscribers as u64));
        group.bench_function(BenchmarkId::from_parameter(subscribers), |bencher| {
            bencher.iter_custom(|rounds| {
                System::new().block_on(async {
                    let (hub, taken) = hub(subscribers).await;
                    let begun = Instant::now();
                    for _ in 0..rounds {
                        hub.publish(event()).await.unwrap();
                        taken.all(subscribers).await;
                    }
                    begun.elapsed()
                })
            });
        });
    }
    group.finish();
}

fn fan_out_to_sockets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one event to sockets of one worker");
    for subscribers in [1, 100, 1000] {
        group.throughput(Throughput::Elements(subscribers as u64));
        group.bench_function(BenchmarkId::from_parameter(subscribers), |bencher| {
            bencher.iter_custom(|rounds| {
                System::new().block_on(async {
                    let (hub, mut clients) = hub_with_sockets(subscribers).await;
                    let (go, told) = std::sync::mpsc::channel();
                    let (tell, mut all_read) = mpsc::channel(1);
                    thread::spawn(move || {
                        let mut chunk = vec![0; Frame::event(&event(), ID).chunk().len()];
                        while told.recv().is_ok() {
                            for client in &mut clients {
                                client.read_exact(&mut chunk).unwrap();
                            }
                            tell.blocking_send(()).unwrap();
                        }
                    });
                    let begun = Instant::now();
                    for _ in 0..rounds {
                        go.send(()).unwrap();
                        hub.publish(event()).await.unwrap();
                        all_read.recv().await.unwrap();
                    }
                    begun.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out, fan_out_to_sockets);
criterion_main!(benches);
