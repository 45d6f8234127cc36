use std::{collections::BTreeSet, sync::Arc};

use fanfare::{
    hub::registry::Registry,
    invalid::Invalid,
    topic::{Base, MAX_EXPRESSIONS, MAX_TOPIC_BYTES, Selector, Topic},
};
use proptest::prelude::*;

/// Templates as regular expressions.
mod naive;

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
        ("{x}b", &["b", "ab", "bb", "%41b"], &["%4b", "a", "é%41b"]),
        ("{x}ab{y}ab", &["abab", "ababab", "1ab2ab", "aabab"], &["ab", "aba", "1ab2ab3"]),
        ("a{/x}b{/y}", &["ab", "a/1b", "ab/2", "a/b", "a/bb/b"], &["a/1", "ab/2/3", "/1b"]),
        ("{x*}", &["k=v", "a,b=c"], &["a/b", "k=v;"]),
        ("{/x*}/end", &["/end", "/a/b/end", "/end/end"], &["end", "/a/b"]),
        ("{;x,y}", &[";a=1", ";a=1;b", ";;"], &["a", ";a;b;c", ";a/"]),
        ("{?x*}", &["?a=1&b=2&c=3", "?"], &["a=1", "?a?b"]),
        ("{&x,y}z", &["z", "&a=1z", "&a&bz"], &["&a&b&cz"]),
        ("{#x}{y}", &["#a/b", "ab", "#"], &["a/b"]),
        ("/é/{x}/é", &["/é/1/é", "/é//é"], &["/é/é/é", "/e/1/é"]),
        ("{+x}", &["https://e.com/a?b=c&d#%41", "{+x}"], &["é", "a b", "%4", "a{"]),
        ("{x.y,z_1,%41:9999}", &["a"], &["a/"]),
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

/// `Selector` is kept 100 times for each subscriber, and templates in use are shared.
#[test]
fn subscribers_of_one_template_share_it() {
    assert!(size_of::<Selector>() <= 24);
    for text in ["/shared/{id}", "/shared/{id}{?page}"] {
        let (first, second) = (Selector::parse(text).unwrap(), Selector::parse(text).unwrap());
        let (Selector::Template(first), Selector::Template(second)) = (first, second) else {
            panic!("{text} is a template");
        };
        assert!(Arc::ptr_eq(&first, &second));
    }
}

#[test]
fn templates_have_a_limit_that_names_the_field() {
    let most = "{a}".repeat(MAX_EXPRESSIONS);
    assert!(matches(&most, "abc"));
    let limit = Invalid::TooComplex { field: "topic", limit: MAX_EXPRESSIONS };
    assert_eq!(Selector::parse(&format!("{most}{{a}}")), Err(limit));
    // Where it is no template, it is a topic like any other.
    assert!(matches(&format!("{most}{{a}}{{"), &format!("{most}{{a}}{{")));
}

/// The longest template and the longest topic, which fit each other everywhere but at the end.
#[test]
fn the_longest_topic_is_matched_as_any_other() {
    let long = "a".repeat(MAX_TOPIC_BYTES);
    assert!(matches("{+x}", &long));
    assert!(!matches("{+x}b", &long));
    assert!(matches("{x}a{y}aa{z}aaa", &long));
    let literal = "a".repeat(MAX_TOPIC_BYTES - 3);
    assert!(matches(&format!("{{x}}{literal}"), &long));
    assert!(matches(&format!("{literal}{{x}}"), &long));
    let many_variables = ["{/", &vec!["a"; 2000].join(","), "}"].concat();
    assert!(matches(&many_variables, &"/a".repeat(2000)));
    assert!(!matches(&many_variables, &"/a".repeat(2001)));
}

/// Pieces of templates, with what each can expand to, and what it can't.
fn piece() -> impl Strategy<Value = (String, String)> {
    let literal = proptest::sample::select(vec!["a", "/", "ab", "%41", "é", ",", "=", ".", "&x"]);
    let sign = proptest::sample::select(vec!["", "", "+", "#", ".", "/", ";", "?", "&"]);
    let variable = proptest::sample::select(vec!["x", "x*", "x:3", "x.y", "%41"]);
    let value = proptest::sample::select(vec![
        "", "a", "b", "ab", "/", ",", "=", ".", ";", "?", "&", "#", "%41", "%4", "é", "@", "<",
    ]);
    let expression = (
        sign,
        proptest::collection::vec(variable, 1..4),
        any::<bool>(),
        proptest::collection::vec(value, 0..5),
    );
    let expression = expression.prop_map(|(sign, variables, begins, values)| {
        let first = if begins && sign != "+" { sign } else { "" };
        (format!("{{{sign}{}}}", variables.join(",")), first.to_owned() + &values.concat())
    });
    prop_oneof![literal.prop_map(|text| (text.to_owned(), text.to_owned())), expression]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn templates_match_what_their_regular_expressions_match(
        pieces in proptest::collection::vec(piece(), 1..6),
        wrong in (any::<bool>(), any::<prop::sample::Index>(), "[ab/,=.%4é{}]{0,2}"),
    ) {
        let (template, mut topic): (String, String) = pieces.into_iter().unzip();
        let (is_wrong, place, what) = wrong;
        if is_wrong {
            let places: Vec<_> = topic.char_indices().map(|(at, _)| at).chain([topic.len()]).collect();
            topic.insert_str(places[place.index(places.len())], &what);
        }
        prop_assume!(!topic.is_empty());
        let expected = naive::matches(&template, &topic).unwrap_or(template == topic);
        prop_assert_eq!(matches(&template, &topic), expected, "{} on {}", template, topic);
    }

    #[test]
    fn what_is_a_template_is_what_the_grammar_says(text in r"[ab{}{}+#/;=,*:%4 .é0-9]{1,12}") {
        let is_template = matches!(Selector::parse(&text), Ok(Selector::Template(_)));
        prop_assert_eq!(is_template, naive::matches(&text, "x").is_some(), "{}", text);
    }
}

fn base() -> Base {
    Base::parse("https://example.com/.well-known/mercure").unwrap()
}

fn pattern(text: &str) -> Selector {
    Selector::parse_pattern(text, &base()).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// URL Patterns as Mercure 1.0 uses them: rows are pattern, topics that match, topics that don't.
#[test]
fn patterns_match_by_the_rules_of_url_patterns() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("*", &["a", "*", "no URL://", "/books/1"], &[]),
        (
            "/books/:id",
            &["/books/1", "https://example.com/books/1", "HTTPS://EXAMPLE.com:443/a/../books/é"],
            &[
                "/books/",
                "/books/1/2",
                "/Books/1",
                "https://example.org/books/1",
                "books/1",
                "/books",
            ],
        ),
        ("books", &["books", "/.well-known/books"], &["/books"]),
        (
            "https://example.com/a/*",
            &["/a/", "/a/b/c", "https://EXAMPLE.COM/a/b?c#d"],
            &["/a", "/b/a/c"],
        ),
        (
            "http{s}?://*.example.com/:x/:y?",
            &["http://a.example.com/1", "https://a.b.example.com/1/2"],
            &["https://example.com/1", "ftp://a.example.com/1", "http://a.example.com:8080/1"],
        ),
        (
            "https://example.com:8080/*",
            &["https://example.com:8080/a"],
            &["/a", "https://example.com/a"],
        ),
        (r"/d/(\d{4}-\d\d)", &["/d/2026-01", "/d/2026-01#x"], &["/d/2026-1", "/d/2026-011"]),
        ("/a?b=:c", &["/a?b=1"], &["/a?b=", "/a", "/a?c=1"]),
        ("/a#:b", &["/a#b"], &["/a", "/a?c#b"]),
        (
            "/:lang(en|fr)/news{.:format}?",
            &["/en/news", "/fr/news.xml"],
            &["/de/news", "/en/newsxml"],
        ),
        ("/a/:rest+", &["/a/b", "/a/b/c/d"], &["/a", "/a/"]),
        (r"urn\:book\:*", &["urn:book:1", "URN:book:1"], &["urn:Book:1", "book:1"]),
        (
            "https://éxample.com/*",
            &["https://xn--xample-9ua.com/a", "https://éxample.com/"],
            &["/a"],
        ),
        ("/é/:id", &["/é/1", "/%C3%A9/1"], &["/e/1"]),
        ("/a%20b", &["/a b", "/a%20b"], &["/a+b"]),
        ("/:a/:b/:c*", &["/1/2", "/1/2/3/4"], &["/1", "/1/2/"]),
    ];
    for (text, yes, no) in rows {
        let selector = pattern(text);
        for topic in *yes {
            assert!(selector.matches(&Topic::parse(topic).unwrap()), "{text} has to match {topic}");
        }
        for topic in *no {
            assert!(
                !selector.matches(&Topic::parse(topic).unwrap()),
                "{text} must not match {topic}"
            );
        }
    }
}

#[test]
fn patterns_that_are_wrong_or_dear_are_refused() {
    let refused = |text: &str| Selector::parse_pattern(text, &base()).unwrap_err();
    let wrong = Invalid::Pattern { field: "match_urlpattern" };
    let dear = ["/:a".repeat(65), "/(a{5000})".to_owned(), "/((?:a|b)*a(?:a|b){12})".to_owned()];
    let broken =
        ["/(", "/(?a)", "/:a/:a", "{", "https://[", r"/([z-a])", "/(é)"].map(str::to_owned);
    for text in dear.iter().chain(&broken) {
        assert_eq!(refused(text), wrong, "{text}");
    }
    let limit = MAX_TOPIC_BYTES;
    assert_eq!(refused(""), Invalid::Empty { field: "match_urlpattern" });
    let long = "a".repeat(limit + 1);
    assert_eq!(refused(&long), Invalid::TooLong { field: "match_urlpattern", limit });
    // The parser panics at this one where overflows are checked, as in tests; else it is a pattern.
    assert_eq!(refused("*:]"), wrong);
    assert!(Base::parse("/relative").is_none() && Base::parse("data:x").is_none());
}

#[test]
fn an_exact_selector_is_a_name_whatever_it_looks_like() {
    let names = |selector: &str, topic| Selector::exact(selector).unwrap().matches(&topic);
    let topic = |text| Topic::parse(text).unwrap();
    assert!(names("/books/{id}", topic("/books/{id}")));
    assert!(!names("/books/{id}", topic("/books/1")));
    assert!(!names("/a", topic("https://example.com/a")));
    assert!(names("*", topic("anything")));
    assert_eq!(Selector::exact(""), Err(Invalid::Empty { field: "match" }));
}

#[test]
fn equal_patterns_are_shared_by_those_with_one_base() {
    let shared = |a: &Selector, b: &Selector| match (a, b) {
        (Selector::Pattern(a), Selector::Pattern(b)) => Arc::ptr_eq(a, b),
        _ => panic!("they are patterns"),
    };
    let other = Base::parse("https://example.org").unwrap();
    let first = pattern("/shared/:id");
    assert!(shared(&first, &pattern("/shared/:id")));
    assert!(!shared(&first, &Selector::parse_pattern("/shared/:id", &other).unwrap()));
    assert!(!first.matches(&Topic::parse("https://example.org/shared/1").unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn no_pattern_and_no_topic_are_too_strange(
        text in r"([ab/:*(){}?+\\\[\]|.#@%é \t\-^$=,~]|https?:|://|xn--|\PC){1,12}",
        topic in r"([ab/:?#@%é \[\].]|https?:|://|\PC){1,12}",
    ) {
        if let Ok(selector) = Selector::parse_pattern(&text, &base()) {
            selector.matches(&Topic::parse(&topic).unwrap());
        }
    }
}

/// What subscribers ask for, and what is published. Some texts are longer than what the registry
/// tells apart by their beginnings.
const LONG: &str = "/a-path-that-is-longer-than-what-the-registry-tells-apart/a-path-that-is-longer-\
                    than-what-the-registry-tells-apart/a-path-that-is-longer";
const TOPICS: [&str; 9] =
    ["a", "b", "/x/1", "/x/2", "/x/1/2", "{a}", "/x/{n}", "*", "https://example.com/x/1"];
const SELECTORS: [&str; 8] = ["*", "a", "b", "/x/1", "/x/{n}", "{+any}", "/x{/n*}", "{a}"];
const PATTERNS: [&str; 5] = ["/x/*", "/x/:n", "/:x?", "https://*/x/1", "/x/1"];

fn topics() -> Vec<String> {
    let long = [format!("{LONG}/1"), format!("{LONG}/1/2"), LONG.to_owned()];
    TOPICS.iter().map(|text| (*text).to_owned()).chain(long).collect()
}

fn selectors() -> Vec<Selector> {
    let long = [format!("{LONG}/{{n}}"), format!("{LONG}/1{{/n}}"), format!("{LONG}{{n}}/1")];
    let parse = |text: &str| Selector::parse(text).unwrap();
    let templates =
        SELECTORS.iter().map(|text| parse(text)).chain(long.iter().map(|text| parse(text)));
    let elsewhere = Base::parse("https://example.org/").unwrap();
    let patterns = PATTERNS.map(pattern).into_iter().chain([pattern(&format!("{LONG}/:n"))]);
    templates
        .chain(patterns)
        .chain([Selector::parse_pattern("/x/:n", &elsewhere).unwrap()])
        .collect()
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<Selector>),
    Remove(prop::sample::Index),
    Publish(Vec<String>),
}

fn step() -> impl Strategy<Value = Step> {
    let some_selectors = proptest::collection::vec(proptest::sample::select(selectors()), 1..4);
    let some_topics = proptest::collection::vec(proptest::sample::select(topics()), 1..4);
    prop_oneof![
        some_selectors.prop_map(Step::Insert),
        any::<prop::sample::Index>().prop_map(Step::Remove),
        some_topics.prop_map(Step::Publish),
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
                Step::Insert(selectors) => {
                    let selectors: Arc<[Selector]> = selectors.into();
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
                        selectors.iter().any(|s| topics.iter().any(|t| s.matches(t))).then_some(*key)
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
