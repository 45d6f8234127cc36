//! What it takes to find who gets an event, among few subscribers and many.
//!
//! `one of them`: each subscriber asks for something else, and one is found; a time that grows
//! with their number would be a fault, but for templates, which are tested one by one. `all`: all
//! ask for the same.

#![expect(clippy::unwrap_used, reason = "in a bench a panic is the answer")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use fanfare::{
    hub::registry::Registry,
    topic::{Selector, Topic},
};

const SIZES: [usize; 3] = [10, 1000, 100_000];

/// What the subscriber with this number asks for.
type Ask = fn(usize) -> String;

const ONE: [(&str, Ask); 2] = [
    ("one of them, exact", |number| format!("/books/{number}")),
    ("one of them, template", |number| format!("/books/{number}{{/page}}")),
];

const EVERYONE: [(&str, Ask); 3] = [
    ("all, exact", |_| "/books/7".to_owned()),
    ("all, template", |_| "/books/{id}".to_owned()),
    ("all, *", |_| "*".to_owned()),
];

fn registry(size: usize, ask: Ask) -> Registry<usize> {
    let mut registry = Registry::default();
    for number in 0..size {
        registry.insert(&[Selector::parse(&ask(number)).unwrap()].into(), number);
    }
    registry
}

fn matching(criterion: &mut Criterion) {
    for (name, ask) in ONE.into_iter().chain(EVERYONE) {
        let mut group = criterion.benchmark_group(format!("matching, {name}"));
        for size in SIZES {
            let mut registry = registry(size, ask);
            let topics = [Topic::parse("/books/7").unwrap()];
            let mut found = Vec::with_capacity(size);
            registry.matching(&topics, &mut found);
            let all = EVERYONE.iter().any(|(everyone, _)| *everyone == name);
            assert_eq!(found.len(), if all { size } else { 1 });
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| {
                    found.clear();
                    registry.matching(black_box(&topics), &mut found);
                });
            });
        }
        group.finish();
    }
}

fn coming_and_going(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a subscriber comes and goes");
    for size in SIZES {
        let mut registry = registry(size, ONE[0].1);
        let selectors = [Selector::parse("/books/new").unwrap()].into();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched(
                || (),
                |()| {
                    let key = registry.insert(black_box(&selectors), 0);
                    registry.remove(key)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, matching, coming_and_going);
criterion_main!(benches);
