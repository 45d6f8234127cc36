//! What it takes to encode an event, which happens once for all who receive it.

#![expect(clippy::unwrap_used, reason = "in a bench a panic is the answer")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fanfare::{
    event::{Event, EventId, EventType, Retry},
    sse::Frame,
    topic::Topics,
};

fn event(bytes: usize) -> Event {
    Event {
        topics: Topics::new(Vec::new()).unwrap(),
        data: format!("{{\"text\":\"{}\"}}", ".".repeat(bytes - 11)),
        id: None,
        kind: None,
        retry: None,
        ttl: None,
        private: false,
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let whole = Event {
        id: Some(EventId::parse("price-7-1").unwrap()),
        kind: Some(EventType::parse("price").unwrap()),
        retry: Some(Retry::parse("3000").unwrap()),
        ..event(100)
    };
    for (name, event) in
        [("100 bytes", event(100)), ("10,000 bytes", event(10_000)), ("all fields", whole)]
    {
        group.throughput(Throughput::Bytes(event.data.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| Frame::event(black_box(&event), "#1764000000000-42"));
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
