//! Tokens in cookies, and the origins that may publish with them: section d.3.

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, assert_challenge, assert_plain, assert_refused},
    token,
};
use crate::support::{Response, run_to_end};

/// A hub that pages of `http://example.net` may publish to.
fn hub_for(origins: &str) -> Mercure {
    Mercure::with(&[("FANFARE_PUBLISH_ORIGINS", origins)])
}

fn post(hub: &Mercure, dialect: Dialect, headers: &[(&str, &str)]) -> Response {
    let cookie = format!("{}={}", dialect.cookie(), dialect.publisher(&["*"]));
    hub.post(&[&[("Cookie", &*cookie)], headers].concat(), &[("topic", "a")])
}

// d.3 cookie: bad alg/key/signature, valid
#[test]
fn a_cookie_authorizes_a_stream_from_any_origin() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let good = dialect.subscriber(&["a"]);
        let headers = |token: &str| format!("a=b; {}={token}; c=d", dialect.cookie());
        for origin in [None, Some(("Origin", "https://anywhere.example"))] {
            let cookie = headers(&good);
            let mut all = vec![("Cookie", &*cookie)];
            all.extend(origin);
            let mut reading = hub.listen(&dialect.topics(&["a"]), &all);
            hub.publishes(&[("topic", "a"), ("id", "1"), ("private", "")]);
            reading.reads("id: 1\ndata: \n\n");
        }
        let mut bad = token::unsigned(&good);
        bad.extend([token::tampered(&good), dialect.publisher(&["a"])]);
        for token in bad {
            let answer = hub.try_listen(&dialect.topics(&["a"]), &[("Cookie", &headers(&token))]);
            assert_refused(dialect, &answer, (401, Some("invalid_token")), &token);
        }
    }
}

// d.3 POST cookie: no Origin/Referer, Origin not allowed, Referer not allowed
#[test]
fn a_cookie_publishes_for_listed_origins_alone() {
    let hub = hub_for("http://example.net, https://*.example.com");
    for dialect in Dialect::BOTH {
        for (headers, allowed) in [
            (&[][..], false),
            (&[("Origin", "http://example.com")], false),
            (&[("Referer", "http://example.com/foo/bar")], false),
            (&[("Origin", "http://example.net.evil")], false),
            (&[("Origin", "https://example.net")], false),
            (&[("Origin", "http://example.net:8080")], false),
            (&[("Origin", "null")], false),
            (&[("Origin", "https://example.com")], false),
            (&[("Origin", "http://a.example.com")], false),
            (&[("Origin", "https://a.example.com.evil")], false),
            (&[("Referer", "https://evil.example/?https://a.example.com")], false),
            (&[("Origin", "http://example.net")], true),
            (&[("Referer", "http://example.net/foo/bar?x#y")], true),
            (&[("Origin", "https://a.example.com")], true),
            (&[("Origin", "https://a.b.example.com")], true),
            // Origin beats Referer, both ways.
            (&[("Origin", "http://example.net"), ("Referer", "http://example.com/")], true),
            (&[("Origin", "http://example.com"), ("Referer", "http://example.net/")], false),
        ] {
            let answer = post(&hub, dialect, headers);
            let what = format!("{dialect:?} {headers:?}");
            if allowed {
                assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            } else {
                assert_refused(dialect, &answer, (400, Some("invalid_request")), &what);
            }
        }
    }
}

// d.3 bad Referer
#[test]
fn a_referer_that_is_no_url_is_refused() {
    let hub = hub_for("http://example.net");
    for referer in ["http://192.168.0.%31/", "http://[::1/", "::"] {
        let answer = post(&hub, Old, &[("Referer", referer)]);
        assert_plain(&answer, 401, "Unauthorized\n", referer);
        let answer = post(&hub, New, &[("Referer", referer)]);
        assert_challenge(&answer, 401, Some("invalid_token"), referer);
    }
}

// d.3 `*`
#[test]
fn a_star_lets_every_origin_publish_that_says_which_it_is() {
    let hub = hub_for("*");
    for dialect in Dialect::BOTH {
        for header in [("Origin", "https://any.example"), ("Referer", "http://any.example/x")] {
            assert_eq!(post(&hub, dialect, &[header]).status, 200, "{dialect:?} {header:?}");
        }
        let answer = post(&hub, dialect, &[]);
        assert_refused(dialect, &answer, (400, Some("invalid_request")), "no origin");
    }
}

#[test]
fn without_the_setting_no_cookie_publishes_but_other_tokens_do() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let answer = post(&hub, dialect, &[("Origin", "http://example.net")]);
        assert_refused(dialect, &answer, (400, Some("invalid_request")), "no origins are listed");
        let authorization = super::hub::bearer(&dialect.publisher(&["*"]));
        let headers = [("Authorization", &*authorization), ("Origin", "http://example.net")];
        assert_eq!(hub.post(&headers, &[("topic", "a")]).status, 200, "a header is no cookie");
    }
}

// d.3 custom cookie name; d.5 caddy_test: cookie name
#[test]
fn the_cookies_name_can_be_chosen() {
    let hub = Mercure::with(&[("FANFARE_COOKIE_NAME", "mine"), ("FANFARE_PUBLISH_ORIGINS", "*")]);
    for dialect in Dialect::BOTH {
        // decision: one name for both generations, in place of both defaults.
        let mine = format!("mine={}", dialect.subscriber(&["*"]));
        hub.listen(&dialect.topics(&["a"]), &[("Cookie", &mine)]);
        let default = format!("{}={}", dialect.cookie(), dialect.subscriber(&["*"]));
        let answer = hub.try_listen(&dialect.topics(&["a"]), &[("Cookie", &default)]);
        assert_refused(dialect, &answer, (401, None), "the default name");
        let mine = format!("mine={}", dialect.publisher(&["*"]));
        let headers = [("Cookie", &*mine), ("Origin", "https://any.example")];
        assert_eq!(hub.post(&headers, &[("topic", "a")]).status, 200, "{dialect:?}");
    }
}

// d.3 [1] old cookie ignored
#[test]
fn each_dialect_has_its_own_cookie() {
    let hub = Mercure::start();
    for (dialect, other) in [(Old, New), (New, Old)] {
        let cookie = format!("{}={}", other.cookie(), dialect.subscriber(&["*"]));
        let answer = hub.try_listen(&dialect.topics(&["a"]), &[("Cookie", &cookie)]);
        assert_refused(dialect, &answer, (401, None), "the other's cookie is none");
        // With both, each reads its own: a site that moves sets both for a while.
        let both = format!(
            "{}={}; {}={}",
            Old.cookie(),
            Old.subscriber(&["*"]),
            New.cookie(),
            New.subscriber(&["*"]),
        );
        hub.listen(&dialect.topics(&["a"]), &[("Cookie", &both)]);
    }
}

// a.7.52, d.5 TestOriginsValidator
#[test]
fn a_list_of_origins_is_checked_at_the_start() {
    let good = "https://a.example, http://localhost:8080,capacitor://localhost,ionic://x,null,https://*.b.example";
    for name in ["FANFARE_PUBLISH_ORIGINS", "FANFARE_CORS_ORIGINS"] {
        Mercure::with(&[(name, good)]);
        for bad in [
            "example.com",
            "https://",
            "https://a.example/path",
            "https://user@a.example",
            "https://a.example?q",
            "https://a.example#f",
            "https://*.*.example",
        ] {
            let settings = [("PORT", "0"), (name, bad)];
            let output = run_to_end(&[], &[&super::hub::SETTINGS[..], &settings].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{name}={bad}: {said}");
            assert!(said.contains(name), "it names the setting: {said}");
        }
    }
}
