//! What it takes to find who gets an event, among few subscribers and many.
//!
//! `one of them`: each subscriber asks for something else, and one is found; a time that grows
//! with their number would be a fault. `all`: all ask for the same. `none of them, dear`: templates
//! that begin with an expression, so that all are tested, and that are made to take long.

#![expect(clippy::unwrap_used, reason = "in a bench a panic is the answer")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fanfare::{
    hub::registry::Registry,
    topic::{Base, MAX_EXPRESSIONS, Selector, Topic},
};

const SIZES: [usize; 3] = [10, 1000, 100_000];

/// What the subscriber with this number asks for.
type Ask = fn(usize) -> Selector;

const ONE: [(&str, Ask); 3] = [
    ("one of them, exact", |number| parse(&format!("https://example.com/users/{number}/a"))),
    ("one of them, template", |number| parse(&format!("https://example.com/users/{number}/{{x}}"))),
    ("one of them, pattern", |number| pattern(&format!("https://example.com/users/{number}/:x"))),
];

const EVERYONE: [(&str, Ask); 4] = [
    ("all, exact", |_| parse("https://example.com/users/7/a")),
    ("all, template", |_| parse("https://example.com/users/{id}{/x}")),
    ("all, pattern", |_| pattern("https://example.com/users/:id/:x")),
    ("all, *", |_| Selector::All),
];

fn parse(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn pattern(text: &str) -> Selector {
    let base = Base::parse("https://example.com/.well-known/mercure").unwrap();
    Selector::parse_pattern(text, &base).unwrap()
}

fn registry(size: usize, ask: Ask) -> Registry<usize> {
    let mut registry = Registry::default();
    for number in 0..size {
        registry.insert(&[ask(number)].into(), number);
    }
    registry
}

fn matching(criterion: &mut Criterion) {
    for (name, ask) in ONE.into_iter().chain(EVERYONE) {
        let mut group = criterion.benchmark_group(format!("matching, {name}"));
        for size in SIZES {
            let mut registry = registry(size, ask);
            let topics = [Topic::parse("https://example.com/users/7/a").unwrap()];
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

/// One subscriber with 100 templates. Each fits a topic of letters up to its end, in every way.
fn hostile(criterion: &mut Criterion) {
    let kinds = [("{a*}", "a"), ("{+a}a", "a"), ("{/a}{+b}", "/")];
    let mut group = criterion.benchmark_group("matching, none of 100, dear");
    for (piece, letter) in kinds {
        let expressions = piece.matches('{').count();
        let begin = piece.repeat(MAX_EXPRESSIONS / expressions);
        let selectors = (0..100).map(|number| parse(&format!("{begin}%3C{number}")));
        let mut registry = Registry::default();
        registry.insert(&selectors.collect(), 0);
        for bytes in [20, 200, 4096] {
            let topics = [Topic::parse(&letter.repeat(bytes)).unwrap()];
            let mut found = Vec::new();
            group.throughput(Throughput::Elements(100));
            group.bench_function(format!("{piece}, topic of {bytes} bytes"), |bencher| {
                bencher.iter(|| registry.matching(black_box(&topics), &mut found));
            });
            assert!(found.is_empty());
        }
    }
    group.finish();
}

fn coming_and_going(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a subscriber comes and goes");
    for (name, ask) in ONE {
        for size in SIZES {
            let mut registry = registry(size, ask);
            let selectors = [ask(size)].into();
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
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
    }
    group.finish();
}

/// What a subscriber asks for is read: the first asks for something new, the others for the same.
fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a selector is parsed");
    for (name, ask) in ONE {
        let mut number = 0;
        group.bench_function(format!("{name}, new"), |bencher| {
            bencher.iter(|| {
                number += 1;
                ask(number)
            });
        });
        let _kept = ask(7);
        group
            .bench_function(format!("{name}, known"), |bencher| bencher.iter(|| ask(black_box(7))));
    }
    group.finish();
}

criterion_group!(benches, matching, hostile, coming_and_going, parsing);
criterion_main!(benches);
