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

/// A hub whose publishers and subscribers have keys of different kinds.
fn strict() -> Fanfare {
    Fanfare::start(&[
        ("FANFARE_PUBLISHER_JWT_KEY", SECRET),
        ("FANFARE_SUBSCRIBER_JWT_KEY", &key_file("es256.pub")),
        ("FANFARE_SUBSCRIBER_JWT_ALG", "ES256"),
        ("FANFARE_ISSUERS", "me"),
        ("FANFARE_AUDIENCE", "hub"),
        ("RUST_LOG", crate::support::QUIET),
    ])
}

fn good_claims() -> Value {
    json!({"iss": "me", "aud": "hub", "exp": now() + 600, "nbf": now() - 600,
           "mercure": {"publish": ["*"], "subscribe": ["*"]}})
}

fn is_accepted(hub: Hub, role: usize, token: &str) -> bool {
    let authorization = bearer(token);
    let headers = [("Authorization", &*authorization)];
    let status = match role {
        0 => publish(hub, "", &headers).status,
        _ => request(hub.0, "HEAD", "/events", &headers, b"").status,
    };
    assert!(matches!(status, 200 | 400 | 401 | 403), "{status}");
    status == 200
}

fn signed(role: usize, header: &Header, claims: &Value) -> String {
    let key = match role {
        0 => EncodingKey::from_secret(SECRET.as_bytes()),
        _ => EncodingKey::from_ec_pem(key_file("es256").as_bytes()).unwrap(),
    };
    sign(header, &key, claims)
}

fn algorithm(role: usize) -> Algorithm {
    if role == 0 { Algorithm::HS256 } else { Algorithm::ES256 }
}

#[test]
fn the_token_that_the_properties_change_is_good() {
    let hub = strict();
    for role in [0, 1] {
        assert!(is_accepted(
            *hub,
            role,
            &signed(role, &Header::new(algorithm(role)), &good_claims())
        ));
    }
}

#[test]
fn a_token_with_any_other_character_is_refused() {
    let hub = strict();
    proptest!(ProptestConfig::with_cases(400), |(role in 0..2_usize, at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]")| {
        let good = signed(role, &Header::new(algorithm(role)), &good_claims());
        let at = at.index(good.len());
        let changed = format!("{}{with}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        prop_assert!(!is_accepted(*hub, role, &changed), "{good} {changed}");    });
}

#[test]
fn a_token_that_is_cut_or_grown_is_refused() {
    let hub = strict();
    proptest!(ProptestConfig::with_cases(400), |(role in 0..2_usize, from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
        more in "[A-Za-z0-9_.-]{0,3}")| {
        let good = signed(role, &Header::new(algorithm(role)), &good_claims());
        let (from, to) = (from.index(good.len()), to.index(good.len()));
        let changed = format!("{}{more}{}", &good[..from.min(to)], &good[from.max(to)..]);
        prop_assume!(changed != good);
        prop_assert!(!is_accepted(*hub, role, &changed), "{good} {changed}");    });
}

#[test]
fn a_token_whose_header_names_another_algorithm_is_refused() {
    let hub = strict();
    proptest!(ProptestConfig::with_cases(400), |(role in 0..2_usize,
        name in prop::sample::select(&["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512",
            "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "hs256"][..]),
        keeps_signature in any::<bool>())| {
        let good = signed(role, &Header::new(algorithm(role)), &good_claims());
        let [_, payload, signature] = *good.split('.').collect::<Vec<_>>() else { unreachable!() };
        let header = encode_part(&json!({"typ": "JWT", "alg": name}));
        let signature = if keeps_signature { signature } else { "" };
        let changed = format!("{header}.{payload}.{signature}");
        prop_assume!(changed != good);
        prop_assert!(!is_accepted(*hub, role, &changed), "{changed}");    });
}

#[test]
fn a_signed_token_with_a_wrong_claim_is_refused() {
    let hub = strict();
    proptest!(ProptestConfig::with_cases(400), |(role in 0..2_usize,
        change in prop::sample::select(&["exp", "exp-type", "nbf", "nbf-type", "iss", "no-iss",
            "aud", "no-aud", "mercure", "key"][..]),
        seconds in 0..1_000_000_u64, text in "[a-z]{4,8}")| {
        let mut claims = good_claims();
        let mut header = Header::new(algorithm(role));
        match change {
            "exp" => claims["exp"] = json!(now() - seconds),
            "exp-type" => claims["exp"] = json!(text),
            "nbf" => claims["nbf"] = json!(now() + 60 + seconds),
            "nbf-type" => claims["nbf"] = json!([text]),
            "iss" => claims["iss"] = json!(text),
            "aud" => claims["aud"] = json!([text]),
            "no-iss" | "no-aud" => drop(claims.as_object_mut().unwrap().remove(&change[3..])),
            "mercure" => claims["mercure"] = json!({"publish": text, "subscribe": text}),
            // Signed with the other role's key.
            _ => header = Header::new(algorithm(1 - role)),
        }
        let signer = if change == "key" { 1 - role } else { role };
        prop_assert!(!is_accepted(*hub, role, &signed(signer, &header, &claims)), "{change}: {claims}");    });
}

/// A part of a token, made without the library that reads it.
fn encode_part(value: &Value) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let encode = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..=three.len()).map(digit).collect::<String>()
    };
    value.to_string().as_bytes().chunks(3).map(encode).collect()
}
