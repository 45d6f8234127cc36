//! Tokens of 1.0: what d.3 has for it besides, a.6.44 to a.6.49.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{
        ISSUER, METADATA, Mercure, PATH, PUBLISHER_KEY, RESOURCE, SUBSCRIBER_KEY, assert_challenge,
        assert_plain, bearer, challenge, escaped,
    },
    token,
};

fn publishing() -> Value {
    New.claims("publish", &["*"])
}

fn sign(claims: &Value) -> String {
    New.sign(claims, PUBLISHER_KEY)
}

#[track_caller]
fn assert_invalid(hub: &Mercure, token: &str, what: &str) {
    let answer = hub.post_as(token, &[("topic", "a")]);
    assert_challenge(&answer, 401, Some("invalid_token"), what);
}

// d.3 [1] lower-case `bearer`
#[test]
fn the_scheme_is_written_in_any_case() {
    let hub = Mercure::start();
    let token = New.subscriber(&["*"]);
    for scheme in ["bearer", "BEARER", "Bearer", "bEaReR"] {
        let authorization = format!("{scheme} {token}");
        hub.listen(&New.topics(&["a"]), &[("Authorization", &authorization)]);
        let authorization = format!("{scheme} {}", New.publisher(&["*"]));
        let answer = hub.post(&[("Authorization", &authorization)], &[("topic", "a")]);
        assert_eq!(answer.status, 200, "{scheme}: {}", answer.text());
    }
}

// a.5.35, d.3 [1] Two Authorization headers; `Bearer x`; other scheme
#[test]
fn an_authorization_that_is_malformed_is_an_invalid_request() {
    let hub = Mercure::start();
    let good = bearer(&New.subscriber(&["*"]));
    let basic = good.replace("Bearer", "Basic");
    for headers in [
        &[("Authorization", &*good), ("Authorization", &*good)][..],
        &[("Authorization", "Bearer x")],
        &[("Authorization", &*basic)],
    ] {
        let answer = hub.try_listen(&New.topics(&["a"]), headers);
        assert_challenge(&answer, 400, Some("invalid_request"), &format!("{headers:?}"));
    }
    // The token tells a publisher's generation, where one can be read.
    let good = bearer(&New.publisher(&["*"]));
    let headers = [("Authorization", &*good), ("Authorization", &*good)];
    let answer = hub.post(&headers, &[("topic", "a")]);
    assert_challenge(&answer, 400, Some("invalid_request"), "two headers");
    // decision: where none can, the status is that of 0.x, and the challenge that of 1.0.
    let answer = hub.post(&[("Authorization", "Bearer x")], &[("topic", "a")]);
    assert_plain(&answer, 401, "Unauthorized\n", "a short token");
    assert!(challenge(&answer).is_some(), "{answer:?}");
}

// d.3 [1] `access_token` and `authorization` query ignored; old cookie ignored
#[test]
fn no_token_of_1_0_stands_in_a_url_or_in_the_old_cookie() {
    let hub = Mercure::start();
    for name in ["access_token", "authorization"] {
        for token in [New.subscriber(&["*"]), Old.subscriber(&["*"])] {
            let query = format!("{}&{name}={}", New.topics(&["a"]), escaped(&token));
            assert_challenge(&hub.try_listen(&query, &[]), 401, None, name);
        }
    }
    let query = format!("{}&access_token={}", Old.topics(&["a"]), Old.subscriber(&["*"]));
    assert_plain(&hub.try_listen(&query, &[]), 401, "Unauthorized\n", "0.x has no such name");
    for token in [New.subscriber(&["*"]), Old.subscriber(&["*"])] {
        let cookie = format!("mercureAuthorization={token}");
        let answer = hub.try_listen(&New.topics(&["a"]), &[("Cookie", &cookie)]);
        assert_challenge(&answer, 401, None, "the old cookie");
    }
}

// d.3 [1] typ JWT rejected, `AT+JWT` accepted
#[test]
fn the_type_in_the_header_says_what_the_token_is_for() {
    let hub = Mercure::start();
    for kind in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"] {
        let token = token::sign(kind, &publishing(), PUBLISHER_KEY);
        let answer = hub.post_as(&token, &[("topic", "a")]);
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    for kind in ["JWT", "", "jwt", "id+jwt", "at+jwt2", "text/at+jwt"] {
        // decision: a publisher's generation is told by its token's type. This is one of 0.x then,
        // which has no right to anything.
        let token = token::sign(kind, &publishing(), PUBLISHER_KEY);
        let answer = hub.post_as(&token, &[("topic", "a")]);
        assert_plain(&answer, 401, "Unauthorized\n", kind);
        let token = token::sign(kind, &New.claims("subscribe", &["*"]), SUBSCRIBER_KEY);
        let answer = hub.try_listen_as(&token, &New.topics(&["a"]));
        assert_challenge(&answer, 401, Some("invalid_token"), kind);
    }
    // A request of 1.0 takes no token of 0.x.
    let answer = hub.try_listen_as(&Old.subscriber(&["*"]), &New.topics(&["a"]));
    assert_challenge(&answer, 401, Some("invalid_token"), "a token of 0.x");
}

// d.3 [1] wrong/missing aud, missing exp, untrusted iss; a.6.44
#[test]
fn all_claims_that_1_0_asks_for_are_looked_at() {
    let hub = Mercure::with(&[("FANFARE_ISSUERS", ISSUER)]);
    for changes in [
        json!({ "aud": "https://other.example/.well-known/mercure" }),
        json!({ "aud": format!("{RESOURCE}/") }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "aud": 7 }),
        json!({ "exp": null }),
        json!({ "exp": token::in_seconds(-120) }),
        json!({ "exp": "never" }),
        json!({ "nbf": token::in_seconds(3600) }),
        json!({ "iss": "https://untrusted.example" }),
        json!({ "iss": format!("{ISSUER}/") }),
        json!({ "iss": [ISSUER] }),
        json!({ "iss": null }),
    ] {
        let token = sign(&token::changed(publishing(), &changes));
        assert_invalid(&hub, &token, &changes.to_string());
    }
    for changes in [
        json!({ "aud": [RESOURCE] }),
        json!({ "aud": ["https://other.example", RESOURCE] }),
        json!({ "nbf": token::in_seconds(-60) }),
        // Issuers should put these in; the hub does not look.
        json!({ "sub": null, "client_id": null, "iat": null, "jti": null }),
    ] {
        let answer = hub.post_as(&sign(&token::changed(publishing(), &changes)), &[("topic", "a")]);
        assert_eq!(answer.status, 200, "{changes}: {}", answer.text());
    }
}

// d.3 [1] control char in a grant, invalid details all rejected; a.6.46
#[test]
fn one_bad_detail_spoils_its_token() {
    let hub = Mercure::start();
    let good = token::grant("publish", &["*"]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        sign(&token::grants(&[good.clone(), bad]))
    };
    for topic in [
        json!("bare"),
        json!(null),
        json!({}),
        json!({ "match": "" }),
        json!({ "match": null }),
        json!({ "match": 1 }),
        json!({ "match": "a", "match_type": "unknown" }),
        json!({ "match": "a", "match_type": "Exact" }),
        json!({ "match": "a", "match_type": 1 }),
        json!({ "match": "https://example.com/(", "match_type": "urlpattern" }),
        json!({ "match": "a\u{1}" }),
        json!({ "match": "a\u{85}" }),
        json!({ "match": "a\u{200b}" }),
        json!({ "match": "x".repeat(4097) }),
    ] {
        let token = with(&|detail| detail["topics"] = json!([{ "match": "b" }, topic]));
        assert_invalid(&hub, &token, &topic.to_string());
    }
    for (name, value) in [
        ("actions", json!([])),
        ("actions", json!("publish")),
        ("actions", json!([1])),
        ("actions", json!(null)),
        ("topics", json!([])),
        ("topics", json!({ "match": "a" })),
        ("topics", json!(null)),
    ] {
        let token = with(&|detail| detail[name] = value.clone());
        assert_invalid(&hub, &token, &format!("{name}: {value}"));
    }
    for details in [json!({}), json!("x")] {
        let claims = token::changed(publishing(), &json!({ "authorization_details": details }));
        assert_invalid(&hub, &sign(&claims), &details.to_string());
    }
    // Those of another type are somebody else's, whatever they look like.
    for other in
        [json!({ "type": "https://other.example", "topics": 7 }), json!({ "type": 1 }), json!(1)]
    {
        let token = sign(&token::grants(&[other.clone(), good.clone()]));
        assert_eq!(hub.post_as(&token, &[("topic", "a")]).status, 200, "{other}");
    }
    let token = with(&|detail| detail["actions"] = json!(["of the future"]));
    assert_eq!(hub.post_as(&token, &[("topic", "a")]).status, 200, "an unknown action");
}

// d.3 [1] issuer without that role rejected
#[test]
fn a_key_is_good_for_its_role_alone() {
    let hub = Mercure::start();
    let both = token::grants(&[token::grant("publish", &["*"]), token::grant("subscribe", &["*"])]);
    assert_invalid(&hub, &New.sign(&both, SUBSCRIBER_KEY), "the key of subscribers");
    let answer = hub.try_listen_as(&New.sign(&both, PUBLISHER_KEY), &New.topics(&["a"]));
    assert_challenge(&answer, 401, Some("invalid_token"), "the key of publishers");
    assert_eq!(hub.post_as(&New.sign(&both, PUBLISHER_KEY), &[("topic", "a")]).status, 200);
    hub.listen_as(&New.sign(&both, SUBSCRIBER_KEY), &New.topics(&["a"]));
}

fn jwks(name: &str) -> String {
    format!("file://{}/tests/keys/{name}.jwks.json", env!("CARGO_MANIFEST_DIR"))
}

// d.3 [1] two issuers with distinct keys cannot sign for each other
#[test]
fn issuers_with_keys_of_their_own_can_not_sign_for_each_other() {
    // decision: an issuer of the list may bring its own keys, `<issuer>=<JWKS URL>`, which are good
    // for both roles; one without them is verified by the role's key. Keys are never pooled.
    let (one, other) = ("https://one.example", "https://other.example");
    let issuers = format!("{one}={}, {other}={}, {ISSUER}", jwks("es256"), jwks("es256-other"));
    let hub = Mercure::with(&[("FANFARE_ISSUERS", &issuers)]);
    let key = |pem: &str| EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    let (ec, other_ec) = (
        key(include_str!("../../keys/es256.pem")),
        key(include_str!("../../keys/es256-other.pem")),
    );
    let sign = |issuer: &str, kid: &str, key: &EncodingKey| {
        let claims = token::changed(publishing(), &json!({ "iss": issuer }));
        token::sign_by("at+jwt", Algorithm::ES256, Some(kid), &claims, key)
    };
    for (issuer, kid, key, allowed) in [
        (one, "es256", &ec, true),
        (other, "es256-other", &other_ec, true),
        (one, "es256-other", &other_ec, false),
        (other, "es256", &ec, false),
        (one, "es256", &other_ec, false),
        (ISSUER, "es256", &ec, false),
    ] {
        let token = sign(issuer, kid, key);
        let what = format!("{issuer} by {kid}");
        if allowed {
            let answer = hub.post_as(&token, &[("topic", "a")]);
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        } else {
            assert_invalid(&hub, &token, &what);
        }
    }
    assert_eq!(hub.post_as(&New.publisher(&["*"]), &[("topic", "a")]).status, 200, "{ISSUER}");
    for issuer in [one, other] {
        let claims = token::changed(publishing(), &json!({ "iss": issuer }));
        assert_invalid(&hub, &New.sign(&claims, PUBLISHER_KEY), "by the role's key");
    }
}

#[test]
fn keys_of_issuers_alone_close_both_sides() {
    let issuer = "https://one.example";
    let settings = format!("{issuer}={}", jwks("es256"));
    let hub =
        Mercure::only(&[("FANFARE_ISSUERS", &settings), ("FANFARE_RESOURCE_IDENTIFIER", RESOURCE)]);
    assert_challenge(&hub.post(&[], &[("topic", "a")]), 401, None, "no token");
    assert_challenge(&hub.try_listen(&New.topics(&["a"]), &[]), 401, None, "no token");
    assert_eq!(hub.get("/events", &[]).status, 401);
    let key = EncodingKey::from_ec_pem(include_bytes!("../../keys/es256.pem")).unwrap();
    let both = token::grants(&[token::grant("publish", &["*"]), token::grant("subscribe", &["*"])]);
    for claims in [both, json!({ "mercure": { "publish": ["*"], "subscribe": ["*"] } })] {
        let kind = if claims.get("mercure").is_some() { "JWT" } else { "at+jwt" };
        let sign = |issuer: &str| {
            let claims = token::changed(claims.clone(), &json!({ "iss": issuer }));
            token::sign_by(kind, Algorithm::ES256, Some("es256"), &claims, &key)
        };
        let mut reading = hub.listen_as(&sign(issuer), &Old.topics(&["a"]));
        let fields = [("topic", "a"), ("id", "1"), ("private", "")];
        assert_eq!(hub.post_as(&sign(issuer), &fields).status, 200, "{kind}");
        reading.reads("id: 1\ndata: \n\n");
        assert_eq!(hub.post_as(&sign("https://other.example"), &fields).status, 401, "{kind}");
    }
}

// a.6.44 `iss` equals a configured issuer
#[test]
fn the_list_of_issuers_counts_for_both_generations_where_there_is_one() {
    // decision: without a list the key is all that counts. With one, tokens of 0.x have to be by
    // one of them too, although its own hub does not look: who sets it wants it kept.
    let (listed, open) = (Mercure::with(&[("FANFARE_ISSUERS", ISSUER)]), Mercure::start());
    for dialect in Dialect::BOTH {
        for (issuer, status) in
            [(json!(ISSUER), 200), (json!("https://other.example"), 401), (json!(null), 401)]
        {
            let claims = dialect.claims("publish", &["*"]);
            let claims = token::changed(claims, &json!({ "iss": issuer }));
            let token = dialect.sign(&claims, PUBLISHER_KEY);
            let answer = listed.post_as(&token, &[("topic", "a")]);
            assert_eq!(answer.status, status, "{dialect:?} {issuer}: {}", answer.text());
            assert_eq!(open.post_as(&token, &[("topic", "a")]).status, 200, "{dialect:?} {issuer}");
        }
    }
}

// d.3 [1] derived aud differs by Host; a.6.45
#[test]
fn without_a_name_the_hub_is_what_the_request_calls_it() {
    let hub = Mercure::unnamed();
    for (host, audience, allowed) in [
        ("a.example", "http://a.example/.well-known/mercure", true),
        ("a.example:8080", "http://a.example:8080/.well-known/mercure", true),
        ("b.example", "http://a.example/.well-known/mercure", false),
        ("a.example", "https://a.example/.well-known/mercure", false),
        ("a.example", RESOURCE, false),
    ] {
        let claims = token::changed(publishing(), &json!({ "aud": audience }));
        let authorization = bearer(&sign(&claims));
        let headers = [("Host", host), ("Authorization", &*authorization)];
        let answer = hub.post(&headers, &[("topic", "a")]);
        assert_eq!(answer.status, if allowed { 200 } else { 401 }, "{host} {audience}");
        if !allowed {
            let challenge = challenge(&answer).expect("a challenge");
            assert_eq!(challenge["resource_metadata"], format!("http://{host}{METADATA}"));
        }
    }
}

// `FANFARE_AUDIENCE`
#[test]
fn tokens_of_0_x_can_be_asked_for_their_audience() {
    // decision: 0.x has no such check; who sets it gets one. 1.0 has its own, by the hub's name.
    let hub = Mercure::with(&[("FANFARE_AUDIENCE", "https://audience.example")]);
    for (audience, status) in [
        (json!("https://audience.example"), 200),
        (json!(["https://other.example", "https://audience.example"]), 200),
        (json!(RESOURCE), 401),
        (json!(null), 401),
    ] {
        let claims = token::changed(Old.claims("publish", &["*"]), &json!({ "aud": audience }));
        let answer = hub.post_as(&Old.sign(&claims, PUBLISHER_KEY), &[("topic", "a")]);
        assert_eq!(answer.status, status, "{audience}: {}", answer.text());
    }
    assert_eq!(hub.post_as(&New.publisher(&["*"]), &[("topic", "a")]).status, 200);
}

// a.6.49, d.5 caddy_test: metadata
#[test]
fn the_metadata_says_where_tokens_come_from() {
    let hub = Mercure::with(&[("FANFARE_SUBSCRIPTIONS", "true"), ("FANFARE_ISSUERS", ISSUER)]);
    let answer = hub.get(METADATA, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(
        answer.json(),
        json!({
            "resource": RESOURCE,
            "bearer_methods_supported": ["header"],
            "authorization_servers": [ISSUER],
            "authorization_details_types_supported": [token::DETAIL],
            "mercure_cookie": "__Secure-mercure_access_token",
            "mercure_subscriptions": true,
        })
    );
    let head = hub.ask("HEAD", METADATA, &[], b"");
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
    assert_eq!(hub.ask("POST", METADATA, &[], b"").status, 405);

    let hub = Mercure::with(&[("FANFARE_COOKIE_NAME", "mine")]);
    let json = hub.get(METADATA, &[]).json();
    assert_eq!(
        (&json["mercure_cookie"], json.get("mercure_subscriptions")),
        (&json!("mine"), None)
    );
    let answer = Mercure::unnamed().get(METADATA, &[("Host", "a.example")]);
    assert_eq!(answer.json()["resource"], format!("http://a.example{PATH}"));
    let anonymous = Mercure::only(&[("FANFARE_ANONYMOUS", "true")]);
    assert_eq!(anonymous.get(METADATA, &[]).status, 404, "there is nothing to authorize with");
}
