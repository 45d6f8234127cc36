//! What one round of delivery takes, without sockets: from `Hub::publish` to every subscription of
//! one worker having taken the event.

#![expect(clippy::unwrap_used, reason = "in a bench a panic is the answer")]

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    time::{Duration, Instant},
};

use actix::System;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanfare::{
    event::Event,
    history::{History, Limits, Retention},
    hub::{self, Bell, Hub, Next, Settings, Terms},
    topic::{Selector, Topics},
};
use tokio::{sync::Notify, task::spawn_local};

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

/// A hub of one worker, with so many live subscriptions.
async fn hub(subscribers: usize) -> (Hub, Rc<Taken>) {
    let settings = Settings {
        max_subscribers: subscribers,
        max_per_address: 0,
        heartbeat: Duration::from_secs(3600),
        max_age: Duration::ZERO,
        queue: hub::Limits { events: 1000, bytes: 1 << 20 },
        patience: Duration::from_secs(15),
    };
    let limits = Limits { events: 1000, bytes: 1 << 20 };
    let (history, tail) = History::in_memory(Retention { limits, age: Duration::ZERO });
    let hub = Hub::new(settings, history);
    let broadcaster = hub.start_broadcaster(Bell::default().maker().alarm());
    spawn_local({
        let hub = hub.clone();
        async move { hub.run(tail).await }
    });
    let taken = Rc::new(Taken::default());
    for _ in 0..subscribers {
        let seat = hub.admit(HERE).unwrap();
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

fn event() -> Event {
    let topics = Topics::new(Vec::new()).unwrap();
    Event { topics, data: "x".repeat(100), id: None, kind: None, retry: None, private: false }
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

criterion_group!(benches, fan_out);
criterion_main!(benches);
