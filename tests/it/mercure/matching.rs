//! Which topics a selector takes: `topicselector`, `topicmatcher` and `subscribematchers_test` of
//! d.5, and a.2.8 to a.2.14. Each table is asked of the hub: one stream with one selector, one
//! event a topic.

use serde_json::json;

use super::{
    dialect::Dialect::{New, Old},
    hub::{FORM, Mercure, PATH, PUBLISHER_KEY, SUBSCRIBER_KEY, assert_status, query},
    token,
};

const ANONYMOUS: (&str, &str) = ("FANFARE_ANONYMOUS", "true");

/// A table: a selector, topics that it takes, and topics that it does not.
type Table<'a> = &'a [(&'a str, &'a [&'a str], &'a [&'a str])];

fn hold(hub: &Mercure, parameter: &str, table: Table<'_>) {
    for (selector, taken, left) in table {
        let mut reading = hub.listen(&query(&[(parameter, selector)]), &[]);
        for topic in left.iter().chain(*taken) {
            hub.publishes(&[("topic", topic), ("data", topic)]);
        }
        // Whatever is taken wrongly comes before what is taken rightly.
        for topic in *taken {
            assert_eq!(reading.event().data, *topic, "{parameter}={selector} takes {taken:?} only");
        }
        reading.leave();
    }
}

// d.5 topicselector tests; a.2.8 and a.2.9
#[test]
fn templates_take_what_they_can_expand_to() {
    let hub = Mercure::with(&[ANONYMOUS]);
    hold(
        &hub,
        "topic",
        &[
            ("*", &["a", "https://example.com/a b/é"], &[]),
            ("foo", &["foo"], &["Foo", "foo/", "fo", "foobar", "foo?"]),
            // One segment, no reserved character, nothing outside ASCII; and nothing at all.
            (
                "/books/{id}",
                &[
                    "/books/1",
                    "/books/",
                    "/books/a.b-c_d~e",
                    "/books/1,2",
                    "/books/%C3%a9",
                    "/books/{id}",
                ],
                &[
                    "/books",
                    "/books/1/2",
                    "/books/a@b",
                    "/books/a:b",
                    "/books/é",
                    "/books/%zz",
                    "/books/a b",
                ],
            ),
            (
                "https://example.com/{+rest}",
                &["https://example.com/a/b?c=d#e", "https://example.com/[x]"],
                &["https://example.org/a", "https://example.com/é", "https://example.com/a\""],
            ),
            ("/a{#f}", &["/a", "/a#x/y", "/a#"], &["/ax", "/a/x"]),
            ("/a{.x}", &["/a", "/a.b"], &["/ab", "/a.b/c"]),
            ("/a{/x}", &["/a", "/a/b", "/a/"], &["/a/b/c", "/a?b"]),
            ("/a{/x,y}", &["/a", "/a/b", "/a/b/c"], &["/a/b/c/d"]),
            ("/a{/x*}", &["/a", "/a/b/c/d", "/a/b=c/d"], &["/a?b"]),
            ("/a{?q}", &["/a", "/a?q=1", "/a?other=1"], &["/a?q=1&r=2", "/aq=1"]),
            ("/a{?q,r}", &["/a?q=1&r=2", "/a?q=1"], &["/a?q=1&r=2&s=3"]),
            ("/a?b=1{&q}", &["/a?b=1", "/a?b=1&q=2"], &["/a?b=1q=2", "/a"]),
            ("/a{;m}", &["/a", "/a;m=1"], &["/a;m=1/b", "/am=1"]),
            ("{x:2}", &["abcdef", ","], &["a/b", "a=b"]),
            ("{a}{b}", &["ab", "a,b"], &["/"]),
            // Broken: text like any other.
            ("/faulty{iri", &["/faulty{iri"], &["/faulty", "/faultyx"]),
            ("/a{}", &["/a{}"], &["/a"]),
            ("/a{b|c}", &["/a{b|c}"], &["/a"]),
            (
                "/.well-known/mercury{/topic}{/subscriber}",
                &[
                    "/.well-known/mercury/foo",
                    "/.well-known/mercury/foo/bar",
                    "/.well-known/mercury",
                ],
                &["/.well-known/mercury/foo/bar/baz"],
            ),
        ],
    );
}

// a.2.8 `topic` of 0.x knows no URL patterns, and `match` no templates
#[test]
fn each_dialect_has_its_own_patterns() {
    let hub = Mercure::with(&[ANONYMOUS]);
    hold(&hub, "topic", &[("/books/:id", &["/books/:id"], &["/books/1"])]);
    for parameter in ["match", "match_exact"] {
        hold(
            &hub,
            parameter,
            &[
                ("/books/{id}", &["/books/{id}"], &["/books/1"]),
                ("/books/:id", &["/books/:id"], &["/books/1"]),
                // No normalisation, no base.
                (
                    "https://Example.com/a/../b",
                    &["https://Example.com/a/../b"],
                    &["https://example.com/b", "https://example.com/a/../b"],
                ),
                ("/a", &["/a"], &["https://hub.example/a", "a", "/a/", "/a?"]),
                ("*", &["/a", "b", "https://example.com/c"], &[]),
            ],
        );
    }
}

// d.5 topicmatcher tests; a.2.13
#[test]
fn url_patterns_take_what_the_standard_says() {
    let hub = Mercure::with(&[ANONYMOUS]);
    hold(
        &hub,
        "match_urlpattern",
        &[
            (
                "https://example.com/books/:id",
                &[
                    "https://example.com/books/1",
                    "https://EXAMPLE.com/books/1",
                    "https://example.com:443/books/x",
                ],
                &[
                    "https://example.com/Books/1",
                    "https://example.com/books/1/2",
                    "https://example.com/books/",
                    "https://example.org/books/1",
                    "http://example.com/books/1",
                    "/books/1",
                ],
            ),
            (
                "https://*.example.com/*",
                &["https://a.example.com/x/y", "https://a.b.example.com/"],
                &["https://example.com/x"],
            ),
            (
                "https://example.com/:kind(books|users)/:id",
                &["https://example.com/users/1"],
                &["https://example.com/others/1"],
            ),
            (
                "https://example.com/a{/:b}?",
                &["https://example.com/a", "https://example.com/a/b"],
                &["https://example.com/a/b/c"],
            ),
            ("*", &["urn:x:y", "no url at all", "/a"], &[]),
        ],
    );
}

// a.2.14; d.5 topicmatcher tests: relative vs absolute, configured base
#[test]
fn a_relative_pattern_has_the_hub_for_its_base() {
    let table = |absolute: bool| {
        let all = ["/books/1", "https://hub.example/books/2"];
        let left = ["https://other.example/books/1", "/books/1/2", "/users/1"];
        if absolute {
            (all.to_vec(), left.to_vec())
        } else {
            (all[..1].to_vec(), [&left[..], &all[1..]].concat())
        }
    };
    let named = Mercure::with(&[ANONYMOUS]);
    let (taken, left) = table(true);
    hold(&named, "match_urlpattern", &[("/books/:id", &taken, &left)]);

    let unnamed = Mercure::only(&[("FANFARE_PUBLISHER_JWT_KEY", PUBLISHER_KEY), ANONYMOUS]);
    let (taken, left) = table(false);
    hold(&unnamed, "match_urlpattern", &[("/books/:id", &taken, &left)]);
}

// d.5 subscribematchers_test: names; a.2.10
#[test]
fn parameters_that_begin_with_match_are_of_1_0_or_refused() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for name in ["MATCH", "Match", "matchurlpattern", "match_exactly", "matchRegexp", "match_"] {
        for query in
            [format!("?{name}=a"), format!("?match=a&{name}=a"), format!("?topic=a&{name}=a")]
        {
            assert_status(&hub.try_listen(&query, &[]), 400, &query);
        }
    }
    let answer = hub.try_listen("?topic=a&match=a", &[]);
    assert_status(&answer, 400, "`topic` has no place in 1.0");
    assert!(answer.text().contains("match"), "it points to what is meant: {}", answer.text());
    let answer = hub.ask("QUERY", &format!("{PATH}?topic=a"), &[FORM], b"match=a");
    assert_status(&answer, 400, "`topic` has no place in 1.0");
    // Others are ignored, and names are case-sensitive.
    hub.listen("?match=a&foo=b&Topic=c&mat=d&rematch=e", &[]);
    hub.listen("?topic=a&foo=b&Topic=c", &[]);
}

// d.5 subscribematchers_test: NUL, LF, DEL, U+0085, bad UTF-8; a.2.11
#[test]
fn a_matcher_is_visible_text_of_4096_bytes_at_most() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for name in ["match", "match_exact", "match_urlpattern"] {
        for value in
            ["a%00", "%0A", "a%7Fb", "%C2%85", "%FF", "%C3", "%E2%80%8B", "%EF%BB%BFa", "%09"]
        {
            let query = format!("?{name}={value}");
            assert_status(&hub.try_listen(&query, &[]), 400, &query);
        }
        let longest = format!("/{}", "x".repeat(4095));
        hub.listen(&query(&[(name, &longest)]), &[]);
        let answer = hub.try_listen(&query(&[(name, &format!("{longest}x"))]), &[]);
        assert_status(&answer, 400, "4097 bytes");
    }
}

// a.2.13 linear time
#[test]
fn no_pattern_and_no_template_costs_more_than_its_length() {
    let hub = Mercure::with(&[ANONYMOUS]);
    let long = format!("https://example.com/{}", "a".repeat(3000));
    for (name, selector) in [
        ("match_urlpattern", "https://example.com/:x((?:a+)+)b"),
        ("match_urlpattern", "https://example.com/*a*a*a*a*a*a*a*a*a*a*a*a*b"),
        ("topic", "https://example.com/{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}!"),
    ] {
        let mut reading = hub.listen(&query(&[(name, selector), (name, "end")]), &[]);
        for _ in 0..10 {
            hub.publishes(&[("topic", &long)]);
        }
        hub.publishes(&[("topic", "end"), ("id", "end")]);
        reading.reads("id: end\ndata: \n\n");
    }
}

// a.6.42 selectors in the claim; a.6.46 `match_type`
#[test]
fn grants_match_as_subscriptions_do() {
    let hub = Mercure::start();
    for (dialect, pattern) in [(Old, "/books/{id}"), (New, "/books/:id")] {
        let mut reading =
            hub.listen_as(&dialect.subscriber(&[pattern, "exact"]), &dialect.topics(&["*"]));
        for topic in ["/books/1/2", "Exact", "/books/1", "exact", pattern] {
            // As data and not as an id, which 0.x would take as well.
            hub.publishes(&[("topic", topic), ("data", topic), ("private", "")]);
        }
        let received = [reading.event().data, reading.event().data];
        assert_eq!(received, ["/books/1", "exact"], "{dialect:?}");
        // The text of a template is a topic that it takes; a URL pattern's is one by chance.
        assert_eq!(reading.event().data, pattern);

        let token = dialect.publisher(&[pattern]);
        assert_eq!(hub.post_as(&token, &[("topic", "/books/1")]).status, 200, "{dialect:?}");
        let status = if dialect == Old { 401 } else { 403 };
        assert_eq!(hub.post_as(&token, &[("topic", "/books/1/2")]).status, status, "{dialect:?}");
    }
}

// a.6.46 default exact; unknown actions; details of another type
#[test]
fn a_match_without_a_type_is_exact() {
    let hub = Mercure::start();
    let detail = json!({ "type": token::DETAIL, "actions": ["subscribe", "of the future"],
        "topics": [{ "match": "/books/:id" }, { "match": "*", "match_type": "urlpattern" }] });
    let other = json!({ "type": "https://other.example/", "topics": 7 });
    let exact = json!({ "type": token::DETAIL, "actions": ["subscribe"],
        "topics": [{ "match": "/books/:id" }] });
    for (details, taken) in
        [(vec![exact], &["/books/:id"][..]), (vec![other, detail], &["/books/1", "/books/:id"])]
    {
        let token = New.sign(&token::grants(&details), SUBSCRIBER_KEY);
        let mut reading = hub.listen_as(&token, &New.topics(&["*"]));
        for topic in ["/books/1", "/books/:id"] {
            hub.publishes(&[("topic", topic), ("data", topic), ("private", "")]);
        }
        for topic in taken {
            assert_eq!(reading.event().data, *topic);
        }
    }
}
