use proptest::prelude::*;

use super::*;
use crate::support::{get, request};

/// What a token grants on `/send-event?topic=t` shows in the status.
fn outcome_of(hub: Hub, claims: &Value) -> (u16, String) {
    outcome(&publish_with(hub, &token(claims)))
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn what_a_claim_grants() {
    let hub = closed(&[]);
    let ok = || (200, "none".to_owned());
    for (claims, expected) in [
        (json!({"mercure": {"publish": ["*"]}}), ok()),
        (json!({"mercure": {"publish": ["default"]}}), ok()),
        (json!({"mercure": {"publish": ["other", "{any}"]}}), ok()),
        (json!({"https://mercure.rocks/": {"publish": ["*"]}}), ok()),
        (json!({"https://mercure.rocks/": {"publish": ["*"]}, "mercure": {"publish": []}}), ok()),
        (
            json!({"https://mercure.rocks/": {"publish": []}, "mercure": {"publish": ["*"]}}),
            refused(403, "not_granted"),
        ),
        (json!({"mercure": {"publish": []}}), refused(403, "not_granted")),
        (json!({"mercure": {"publish": null}}), refused(403, "not_granted")),
        (json!({"mercure": {"publish": ["other"]}}), refused(403, "not_granted")),
        (json!({"mercure": {"subscribe": ["*"]}}), refused(403, "not_granted")),
        (json!({"mercure": {}}), refused(403, "not_granted")),
        (json!({}), refused(403, "not_granted")),
        (json!({"mercure": {"publish": "*"}}), refused(401, "token_invalid")),
        (json!({"mercure": {"publish": [1]}}), refused(401, "token_invalid")),
        (json!({"mercure": ["*"]}), refused(401, "token_invalid")),
        (json!({"mercure": {"publish": vec!["*"; 1001]}}), refused(401, "token_invalid")),
        (json!({"mercure": {"publish": vec!["*"; 1000]}}), ok()),
        (json!({"mercure": {"publish": ["*"]}, "exp": now() + 60, "nbf": now() - 60}), ok()),
        (json!({"mercure": {"publish": ["*"]}, "exp": now()}), refused(401, "token_expired")),
        (json!({"mercure": {"publish": ["*"]}, "exp": now() - 1}), refused(401, "token_expired")),
        (json!({"mercure": {"publish": ["*"]}, "exp": -1}), refused(401, "token_invalid")),
        (json!({"mercure": {"publish": ["*"]}, "exp": "tomorrow"}), refused(401, "token_invalid")),
        (json!({"mercure": {"publish": ["*"]}, "exp": null}), refused(401, "token_invalid")),
        (json!({"mercure": {"publish": ["*"]}, "exp": u64::MAX}), ok()),
        (
            json!({"mercure": {"publish": ["*"]}, "nbf": now() + 60}),
            refused(401, "token_not_valid_yet"),
        ),
        (json!({"mercure": {"publish": ["*"]}, "nbf": "now"}), refused(401, "token_invalid")),
        // Not looked at without a setting.
        (json!({"mercure": {"publish": ["*"]}, "aud": "x", "iss": "y"}), ok()),
    ] {
        assert_eq!(outcome_of(*hub, &claims), expected, "{claims}");
    }
}

#[test]
fn every_topic_of_an_event_has_to_be_covered_private_or_not() {
    let hub = closed(&[]);
    let token = may_publish(&["/books/{id}", "news"]);
    let headers = [("Authorization", &*bearer(&token))];
    for (query, status) in [
        ("?topic=news", 200),
        ("?topic=/books/1", 200),
        ("?topic=/books/1&topic=news", 200),
        ("?topic=/books/%7Bid%7D", 200),
        ("?topic=/books/1/pages", 403),
        ("?topic=news&topic=other", 403),
        ("?topic=other&private", 403),
        ("?topic=*", 403),
        ("", 403),
    ] {
        let response = publish(*hub, query, &headers);
        assert_eq!(response.status, status, "{query}: {}", response.text());
    }
}

#[test]
fn issuer_and_audience_are_demanded_where_they_are_set() {
    let hub = closed(&[
        ("FANFARE_ISSUERS", "https://one.example, https://two.example"),
        ("FANFARE_AUDIENCE", "hub"),
    ]);
    let with = |mut claims: Value| {
        claims["mercure"] = json!({"publish": ["*"]});
        outcome_of(*hub, &claims)
    };
    assert_eq!(with(json!({"iss": "https://two.example", "aud": "hub"})).0, 200);
    assert_eq!(with(json!({"iss": "https://one.example", "aud": ["x", "hub"]})).0, 200);
    for (claims, code) in [
        (json!({"iss": "https://three.example", "aud": "hub"}), "token_issuer"),
        (json!({"iss": ["https://one.example"], "aud": "hub"}), "token_invalid"),
        (json!({"aud": "hub"}), "token_invalid"),
        (json!({"iss": "https://one.example", "aud": "hub2"}), "token_audience"),
        (json!({"iss": "https://one.example", "aud": []}), "token_audience"),
        (json!({"iss": "https://one.example"}), "token_invalid"),
        (json!({"iss": "https://one.example", "aud": 1}), "token_invalid"),
    ] {
        assert_eq!(with(claims.clone()), refused(401, code), "{claims}");
    }
}

const RESOURCE: &str = "https://hub.example/.well-known/mercure";
const DETAIL: &str = "https://mercure.rocks/authorization-detail";

fn access_token(typ: &str, claims: &Value) -> String {
    let header = Header { typ: Some(typ.to_owned()), ..Header::new(Algorithm::HS256) };
    sign(&header, &EncodingKey::from_secret(SECRET.as_bytes()), claims)
}

#[test]
fn access_tokens_have_details_an_end_and_an_audience() {
    let hub = closed(&[("FANFARE_RESOURCE_IDENTIFIER", RESOURCE)]);
    let detail = json!({"type": DETAIL, "actions": ["publish"], "topics": [{"match": "*"}]});
    let good = json!({"aud": RESOURCE, "exp": now() + 60, "authorization_details": [detail]});
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        let response = publish_with(*hub, &access_token(typ, &good));
        assert_eq!(response.status, 200, "{typ}: {}", response.text());
    }
    // Another type is of another kind, which has its grants elsewhere.
    assert_refused(&publish_with(*hub, &access_token("JWT", &good)), 403, "not_granted");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut claims = good.clone();
        change(&mut claims);
        outcome(&publish_with(*hub, &access_token("at+jwt", &claims)))
    };
    let details =
        |details: Value| changed(&|claims| claims["authorization_details"] = details.clone());
    let invalid = refused(401, "token_invalid");
    assert_eq!(changed(&|claims| claims["exp"].take().clone_into(&mut json!(0))), invalid);
    assert_eq!(changed(&|claims| drop(claims.as_object_mut().unwrap().remove("exp"))), invalid);
    assert_eq!(changed(&|claims| drop(claims.as_object_mut().unwrap().remove("aud"))), invalid);
    assert_eq!(changed(&|claims| claims["aud"] = json!("x")), refused(401, "token_audience"));
    assert_eq!(changed(&|claims| claims["aud"] = json!(["x", RESOURCE])).0, 200);
    assert_eq!(changed(&|claims| claims["mercure"] = json!({"publish": ["*"]})).0, 200);
    // A claim of the other kind grants nothing.
    assert_eq!(
        changed(&|claims| {
            claims["mercure"] = json!({"publish": ["*"]});
            claims["authorization_details"] = json!([]);
        }),
        refused(403, "not_granted")
    );
    let one = |key: &str, value: Value| {
        let mut detail = detail.clone();
        detail[key] = value;
        details(json!([detail]))
    };
    for (key, value, expected) in [
        ("topics", json!([{"match": "default"}]), (200, "none".to_owned())),
        ("topics", json!([{"match": "default", "match_type": "exact"}]), (200, "none".to_owned())),
        ("topics", json!([{"match": "x"}]), refused(403, "not_granted")),
        // No templates here.
        ("topics", json!([{"match": "{any}"}]), refused(403, "not_granted")),
        ("topics", json!([]), invalid.clone()),
        ("topics", json!(["default"]), invalid.clone()),
        ("topics", json!([null]), invalid.clone()),
        ("topics", json!([{}]), invalid.clone()),
        ("topics", json!([{"match": ""}]), invalid.clone()),
        ("topics", json!([{"match": "*", "match_type": "regexp"}]), invalid.clone()),
        ("topics", json!([{"match": "*", "match_type": null}]), invalid.clone()),
        ("topics", json!([{"match": "a\u{7}"}]), invalid.clone()),
        ("topics", json!(vec![json!({"match": "*"}); 101]), invalid.clone()),
        ("actions", json!([]), invalid.clone()),
        ("actions", json!("publish"), invalid.clone()),
        ("actions", json!(["subscribe"]), refused(403, "not_granted")),
        ("actions", json!(["erase", "publish"]), (200, "none".to_owned())),
        ("type", json!("https://other.example"), refused(403, "not_granted")),
    ] {
        assert_eq!(one(key, value.clone()), expected, "{key} {value}");
    }
    // What is for others may have any shape.
    assert_eq!(details(json!([1, null, {"type": 1}, {"type": "x", "actions": 1}, detail])).0, 200);
    assert_eq!(details(json!(vec![detail.clone(); 101])), invalid);
}

#[test]
fn without_a_setting_an_access_token_is_for_the_url_that_it_is_sent_to() {
    let hub = closed(&[]);
    let detail = json!({"type": DETAIL, "actions": ["publish"], "topics": [{"match": "*"}]});
    let publish_to = |host: &str, audience: &str| {
        let claims = json!({"aud": audience, "exp": now() + 60, "authorization_details": [detail]});
        let token = bearer(&access_token("at+jwt", &claims));
        let headers = [
            ("Authorization", &*token),
            ("Content-Type", "application/json"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", host),
        ];
        request(hub.0, "POST", "/send-event", &headers, b"1").status
    };
    assert_eq!(publish_to("hub.example", RESOURCE), 200);
    assert_eq!(publish_to("other.example", RESOURCE), 401);
}

#[test]
fn garbage_is_refused_also_where_nobody_needs_a_token() {
    let hub = closed(&[("FANFARE_ANONYMOUS", "true")]);
    let none = "eyJhbGciOiJub25lIn0.eyJtZXJjdXJlIjp7InN1YnNjcmliZSI6WyIqIl19fQ.";
    let good = may_subscribe(&["*"]);
    for bad in [
        "x",
        "a.b.c",
        "..",
        none,
        &none[..none.len() - 1],
        &good[..good.len() - 1],
        &format!("{good}A"),
        &format!("{good}.x"),
        &good.replace('.', ""),
        &format!("{good}="),
    ] {
        let response = request(hub.0, "GET", "/events", &[("Authorization", &bearer(bad))], b"");
        assert_refused(&response, 401, "token_invalid");
        assert_eq!(response.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
        assert_eq!(get(hub.0, &format!("/events?authorization={bad}")).status, 401);
    }
    // A header that turns the meaning of the rest around.
    let header = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = sign(&header, &key, &json!({"mercure": {"publish": ["*"]}}));
    assert_refused(&publish_with(*hub, &token), 401, "token_invalid");
}

/// Whose token, and by which algorithm.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Signer {
    Publisher,
    Subscriber,
    /// By ES512, whose signatures are verified elsewhere than those of the others.
    OtherSubscriber,
}

use Signer::{OtherSubscriber, Publisher, Subscriber};

const SIGNERS: [Signer; 3] = [Publisher, Subscriber, OtherSubscriber];

impl Signer {
    fn algorithm(self) -> &'static str {
        match self {
            Publisher => "HS256",
            Subscriber => "ES256",
            OtherSubscriber => "ES512",
        }
    }

    /// A good token.
    fn token(self) -> String {
        self.sign(&good_claims())
    }

    fn sign(self, claims: &Value) -> String {
        match self {
            Publisher => token(claims),
            Subscriber => {
                let key = EncodingKey::from_ec_pem(key_file("es256").as_bytes()).unwrap();
                sign(&Header::new(Algorithm::ES256), &key, claims)
            }
            OtherSubscriber => es512::token(claims),
        }
    }

    fn is_accepted(self, hub: Hub, token: &str) -> bool {
        let authorization = bearer(token);
        let headers = [("Authorization", &*authorization)];
        let status = match self {
            Publisher => publish(hub, "", &headers).status,
            _ => request(hub.0, "HEAD", "/events", &headers, b"").status,
        };
        assert!(matches!(status, 200 | 400 | 401 | 403), "{status}");
        status == 200
    }
}

/// A hub whose publishers and subscribers have keys of different kinds.
fn strict() -> Fanfare {
    let jwks = format!("file://{}/tests/keys/ec.jwks.json", env!("CARGO_MANIFEST_DIR"));
    Fanfare::start(&[
        ("FANFARE_PUBLISHER_JWT_KEY", SECRET),
        ("FANFARE_SUBSCRIBER_JWKS_URL", &jwks),
        ("FANFARE_ISSUERS", "me"),
        ("FANFARE_AUDIENCE", "hub"),
        ("RUST_LOG", crate::support::QUIET),
    ])
}

fn good_claims() -> Value {
    json!({"iss": "me", "aud": "hub", "exp": now() + 600, "nbf": now() - 600,
           "mercure": {"publish": ["*"], "subscribe": ["*"]}})
}

/// One of the signers, and a good token of it.
fn good() -> impl Strategy<Value = (Signer, String)> {
    prop::sample::select(SIGNERS.map(|signer| (signer, signer.token())).to_vec())
}

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(600)
}

#[test]
fn the_token_that_the_properties_change_is_good() {
    let hub = strict();
    for signer in SIGNERS {
        assert!(signer.is_accepted(*hub, &signer.token()), "{signer:?}");
    }
}

#[test]
fn a_token_with_any_other_character_is_refused() {
    let hub = strict();
    proptest!(cases(), |((signer, good) in good(), at in any::<prop::sample::Index>(),
        with in "[A-Za-z0-9_.-]")| {
        let at = at.index(good.len());
        let changed = format!("{}{with}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        prop_assert!(!signer.is_accepted(*hub, &changed), "{good} {changed}");
    });
}

#[test]
fn a_token_that_is_cut_or_grown_is_refused() {
    let hub = strict();
    proptest!(cases(), |((signer, good) in good(), from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(), more in "[A-Za-z0-9_.-]{0,3}")| {
        let (from, to) = (from.index(good.len()), to.index(good.len()));
        let changed = format!("{}{more}{}", &good[..from.min(to)], &good[from.max(to)..]);
        prop_assume!(changed != good);
        prop_assert!(!signer.is_accepted(*hub, &changed), "{good} {changed}");
    });
}

#[test]
fn a_token_whose_header_names_another_algorithm_is_refused() {
    const NAMES: &[&str] = &[
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256",
        "ES384", "ES512", "EdDSA", "hs256",
    ];
    let hub = strict();
    proptest!(cases(), |((signer, good) in good(), name in prop::sample::select(NAMES),
        keeps_signature in any::<bool>())| {
        prop_assume!(name != signer.algorithm() || !keeps_signature);
        let [_, payload, signature] = *good.split('.').collect::<Vec<_>>() else { unreachable!() };
        let header = encode_part(json!({"typ": "JWT", "alg": name}).to_string().as_bytes());
        let signature = if keeps_signature { signature } else { "" };
        let changed = format!("{header}.{payload}.{signature}");
        prop_assert!(!signer.is_accepted(*hub, &changed), "{changed}");
    });
}

#[test]
fn a_signed_token_with_a_wrong_claim_is_refused() {
    const CHANGES: &[&str] =
        &["exp", "exp-type", "nbf", "nbf-type", "iss", "no-iss", "aud", "no-aud", "mercure", "key"];
    let hub = strict();
    proptest!(cases(), |(signer in prop::sample::select(&SIGNERS[..]),
        change in prop::sample::select(CHANGES),
        seconds in 0..1_000_000_u64, text in "[a-z]{4,8}")| {
        let mut claims = good_claims();
        let mut by = signer;
        match change {
            "exp" => claims["exp"] = json!(now() - seconds),
            "exp-type" => claims["exp"] = json!(text),
            "nbf" => claims["nbf"] = json!(now() + 60 + seconds),
            "nbf-type" => claims["nbf"] = json!([text]),
            "iss" => claims["iss"] = json!(text),
            "aud" => claims["aud"] = json!([text]),
            "no-iss" | "no-aud" => drop(claims.as_object_mut().unwrap().remove(&change[3..])),
            "mercure" => claims["mercure"] = json!({"publish": text, "subscribe": text}),
            // Signed with a key of the other role.
            _ => by = if signer == Publisher { OtherSubscriber } else { Publisher },
        }
        prop_assert!(!signer.is_accepted(*hub, &by.sign(&claims)), "{change}: {claims}");
    });
}
