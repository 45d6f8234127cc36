use std::{collections::BTreeSet, sync::Arc};

use fanfare::{
    hub::registry::Registry,
    topic::{Selector, Topic},
};
use proptest::prelude::*;

fn matches(selector: &str, topic: &str) -> bool {
    Selector::parse(selector).unwrap().matches(&Topic::parse(topic).unwrap())
}

/// RFC 6570 as Mercure's hubs match it: rows are selector, topics that match, topics that don't.
#[test]
fn selectors_match_by_the_shared_rules() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("*", &["a", "/", "*", "{x}"], &[]),
        ("a", &["a"], &["A", "aa", "*"]),
        (
            "/books/{id}",
            &["/books/7", "/books/", "/books/a,b-._~%2F", "/books/{id}"],
            &[
                "/books/7/x",
                "/books",
                "/books/a@b",
                "/books/a:b",
                "/books/é",
                "x/books/7",
                "/books/%2",
            ],
        ),
        ("/a{/b,c}", &["/a", "/a/x", "/a/x/y", "/a/"], &["/a/x/y/z", "/ax"]),
        ("/a{/b*}", &["/a", "/a/x/y/z", "/a/k=v"], &["/ax"]),
        ("{+path}/here", &["/foo/bar/here", "/here", "a:b@c/here"], &["/foo/here/x", "é/here"]),
        ("x{#frag}", &["x", "x#a/b", "x#"], &["xa"]),
        ("x{.ext}", &["x", "x.html", "x."], &["xhtml"]),
        ("x{?q,r}", &["x", "x?q=1", "x?q=1&r=2", "x?"], &["x&q=1", "x?q=1&r=2&s=3"]),
        ("x{&q}", &["x", "x&q=1"], &["x?q=1"]),
        ("x{;q}", &["x", "x;q=1"], &["x?q"]),
        ("{var:3}", &["abcdef"], &["a/b"]),
        ("{a}{b}", &["x", "xy,z"], &["x/y"]),
        ("https://e.com/{x}", &["https://e.com/1"], &["https://e.com/1/2", "https://e_com/1"]),
        ("%41{x}", &["%41", "%41b"], &["A"]),
        // Broken templates are plain topics.
        ("faulty{iri", &["faulty{iri"], &["faulty"]),
        ("{}", &["{}"], &["x"]),
        ("{a b}", &["{a b}"], &["x"]),
        ("{=a}", &["{=a}"], &["x"]),
        ("a b{c}", &["a b{c}"], &["a b"]),
        ("{a:0}", &["{a:0}"], &["x"]),
        ("{a:10000}", &["{a:10000}"], &["x"]),
        ("}{x}", &["}{x}"], &["}"]),
    ];
    for (selector, yes, no) in rows {
        for topic in *yes {
            assert!(matches(selector, topic), "{selector} has to match {topic}");
        }
        for topic in *no {
            assert!(!matches(selector, topic), "{selector} must not match {topic}");
        }
    }
}

const TOPICS: [&str; 8] = ["a", "b", "/x/1", "/x/2", "/x/1/2", "{a}", "/x/{n}", "*"];
const SELECTORS: [&str; 8] = ["*", "a", "b", "/x/1", "/x/{n}", "{+any}", "/x{/n*}", "{a}"];

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<&'static str>),
    Remove(prop::sample::Index),
    Publish(Vec<&'static str>),
}

fn step() -> impl Strategy<Value = Step> {
    let some = |from: &'static [&'static str]| {
        proptest::collection::vec(proptest::sample::select(from), 1..4)
    };
    prop_oneof![
        some(&SELECTORS).prop_map(Step::Insert),
        any::<prop::sample::Index>().prop_map(Step::Remove),
        some(&TOPICS).prop_map(Step::Publish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_registry_finds_whom_naive_matching_finds_each_once(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut registry = Registry::default();
        let mut naive = Vec::new();
        for step in steps {
            match step {
                Step::Insert(texts) => {
                    let selectors: Arc<[Selector]> =
                        texts.iter().map(|text| Selector::parse(text).unwrap()).collect();
                    let key = registry.insert(&selectors, naive.len());
                    naive.push((key, selectors));
                }
                Step::Remove(index) if !naive.is_empty() => {
                    let (key, _) = naive.swap_remove(index.index(naive.len()));
                    prop_assert!(registry.remove(key).is_some());
                    prop_assert!(registry.remove(key).is_none());
                }
                Step::Remove(_) => {}
                Step::Publish(texts) => {
                    let topics: Vec<_> =
                        texts.iter().map(|text| Topic::parse(text).unwrap()).collect();
                    let mut found = Vec::new();
                    registry.matching(&topics, &mut found);
                    let wanted = |(key, selectors): &(_, Arc<[Selector]>)| {
                        selectors.iter().any(|s| s.matches_any(&topics)).then_some(*key)
                    };
                    let expected: BTreeSet<_> = naive.iter().filter_map(wanted).collect();
                    prop_assert_eq!(found.len(), expected.len());
                    prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
                }
            }
            prop_assert_eq!(registry.len(), naive.len());
        }
    }
}
