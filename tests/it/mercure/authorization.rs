//! Tokens of 0.x in the header and in the query, by each algorithm: section d.3.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{
    dialect::Dialect::{New, Old},
    hub::{Mercure, PATH, RESOURCE, assert_challenge, assert_plain, bearer, escaped},
    token,
};
use crate::support::{Response, run_to_end};

/// One algorithm, with the hub's side of its key and the signer's.
struct Signer {
    algorithm: Algorithm,
    name: &'static str,
    setting: &'static str,
    certificate: Option<&'static str>,
    key: EncodingKey,
    other_key: EncodingKey,
}

const SECRET: &str = "a secret of well over thirty-two bytes";

/// The four of the upstream tests. The keys are for tests alone.
fn signers() -> [Signer; 4] {
    let secret = |text: &str| EncodingKey::from_secret(text.as_bytes());
    let ec = |pem: &str| EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    let ed = |pem: &str| EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
    let rsa = |pem: &str| EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    [
        Signer {
            algorithm: Algorithm::HS256,
            name: "HS256",
            setting: SECRET,
            certificate: None,
            key: secret(SECRET),
            other_key: secret("another secret of over thirty-two bytes"),
        },
        Signer {
            algorithm: Algorithm::RS256,
            name: "RS256",
            setting: include_str!("../../keys/rsa.pub.pem"),
            certificate: Some(include_str!("../../keys/rsa.crt.pem")),
            key: rsa(include_str!("../../keys/rsa.pem")),
            other_key: rsa(include_str!("../../keys/rsa-other.pem")),
        },
        Signer {
            algorithm: Algorithm::ES256,
            name: "ES256",
            setting: include_str!("../../keys/es256.pub.pem"),
            certificate: Some(include_str!("../../keys/es256.crt.pem")),
            key: ec(include_str!("../../keys/es256.pem")),
            other_key: ec(include_str!("../../keys/es256-other.pem")),
        },
        Signer {
            algorithm: Algorithm::EdDSA,
            name: "EdDSA",
            setting: include_str!("../../keys/ed25519.pub.pem"),
            // Upstream takes none for Ed25519 (a.6.41).
            certificate: None,
            key: ed(include_str!("../../keys/ed25519.pem")),
            other_key: ed(include_str!("../../keys/ed25519-other.pem")),
        },
    ]
}

impl Signer {
    fn hub(&self) -> Mercure {
        self.hub_with(self.setting)
    }

    /// Both roles have this key.
    fn hub_with(&self, key: &str) -> Mercure {
        Mercure::only(&[
            ("FANFARE_PUBLISHER_JWT_KEY", key),
            ("FANFARE_PUBLISHER_JWT_ALG", self.name),
            ("FANFARE_SUBSCRIBER_JWT_KEY", key),
            ("FANFARE_SUBSCRIBER_JWT_ALG", self.name),
            ("FANFARE_RESOURCE_IDENTIFIER", RESOURCE),
        ])
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_by(claims, &self.key)
    }

    fn sign_by(&self, claims: &Value, key: &EncodingKey) -> String {
        token::sign_by("JWT", self.algorithm, None, claims, key)
    }
}

fn everything() -> Value {
    json!({ "mercure": { "publish": ["*"], "subscribe": ["*"] } })
}

/// Publishes with a token in the query.
fn post_by_query(hub: &Mercure, token: &str) -> Response {
    let target = format!("{PATH}?authorization={}", escaped(token));
    hub.ask("POST", &target, &[super::hub::FORM], b"topic=a")
}

#[track_caller]
fn assert_both_refuse(hub: &Mercure, token: &str, what: &str) {
    for answer in [hub.post_as(token, &[("topic", "a")]), post_by_query(hub, token)] {
        assert_eq!((answer.status, &*answer.text()), (401, "Unauthorized\n"), "publish: {what}");
    }
    for (query, headers) in [
        ("?topic=a".to_owned(), vec![("Authorization", bearer(token))]),
        (format!("?topic=a&authorization={}", escaped(token)), vec![]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        assert_plain(&hub.try_listen(&query, &headers), 401, "Unauthorized\n", what);
    }
}

// d.3 bad signature; token of another algorithm; alg none; empty key; valid; header and query
#[test]
fn a_token_is_taken_by_its_key_and_its_algorithm_alone() {
    for signer in signers() {
        let hub = signer.hub();
        let name = signer.name;
        let good = signer.sign(&everything());
        assert_eq!(hub.post_as(&good, &[("topic", "a")]).status, 200, "{name} in the header");
        assert_eq!(post_by_query(&hub, &good).status, 200, "{name} in the query");
        hub.listen_as(&good, "?topic=a");
        hub.listen(&format!("?topic=a&authorization={good}"), &[]);

        let mut bad = token::unsigned(&good);
        bad.push(token::tampered(&good));
        bad.push(signer.sign_by(&everything(), &signer.other_key));
        bad.push(good[..good.len() - 1].to_owned());
        bad.push(format!("{good}."));
        bad.extend(["", signer.setting].map(|secret| {
            let key = EncodingKey::from_secret(secret.as_bytes());
            token::sign_by("JWT", Algorithm::HS384, None, &everything(), &key)
        }));
        // The same kind of key, used otherwise.
        bad.extend(
            match signer.algorithm {
                Algorithm::RS256 => vec![Algorithm::RS384, Algorithm::PS256],
                Algorithm::HS256 => vec![Algorithm::HS384, Algorithm::HS512],
                _ => vec![],
            }
            .into_iter()
            .map(|other| token::sign_by("JWT", other, None, &everything(), &signer.key)),
        );
        for other in signers().into_iter().filter(|other| other.name != name) {
            bad.push(other.sign(&everything()));
        }
        for token in bad {
            assert_both_refuse(&hub, &token, &format!("{name} {token}"));
        }
    }
}

// d.3 Two Authorization headers; `Bearer x`; other scheme; a.6.38 shortest token
#[test]
fn an_authorization_that_is_malformed_is_refused() {
    for signer in signers() {
        let hub = signer.hub();
        let good = bearer(&signer.sign(&everything()));
        for headers in [
            &[("Authorization", &*good), ("Authorization", &*good)][..],
            &[("Authorization", "Bearer x")],
            &[("Authorization", "Bearer ")],
            &[("Authorization", "")],
            &[("Authorization", &good["Bearer ".len()..])],
            &[("Authorization", &good.replace("Bearer", "Basic"))],
            &[("Authorization", &good.replace("Bearer", "Greater"))],
            &[("Authorization", &good.replace("Bearer ", "Bearer"))],
            // a.6.38: 0.x takes exactly `Bearer `.
            &[("Authorization", &good.replace("Bearer", "bearer"))],
        ] {
            let answer = hub.post(headers, &[("topic", "a")]);
            assert_eq!((answer.status, &*answer.text()), (401, "Unauthorized\n"), "{headers:?}");
            let answer = hub.try_listen("?topic=a", headers);
            assert_plain(&answer, 401, "Unauthorized\n", &format!("{headers:?}"));
        }
    }
}

// d.3 the same for the `authorization` query param; a.6.38
#[test]
fn a_token_in_the_query_stands_there_once_and_is_long_enough() {
    for signer in signers() {
        let hub = signer.hub();
        let good = signer.sign(&everything());
        for query in [
            format!("authorization={good}&authorization={good}"),
            "authorization=x".to_owned(),
            "authorization=".to_owned(),
            format!("authorization={}", "x".repeat(40)),
        ] {
            let answer =
                hub.ask("POST", &format!("{PATH}?{query}"), &[super::hub::FORM], b"topic=a");
            assert_eq!((answer.status, &*answer.text()), (401, "Unauthorized\n"), "{query}");
            let answer = hub.try_listen(&format!("?topic=a&{query}"), &[]);
            assert_plain(&answer, 401, "Unauthorized\n", &query);
        }
        // Fields of a POST are no query.
        let body = format!("topic=a&authorization={good}");
        assert_eq!(hub.post_body(&[], body.as_bytes()).status, 401);
    }
}

// a.6.38 transport precedence
#[test]
fn the_header_comes_before_the_query_and_the_query_before_the_cookie() {
    let hub = signers()[0].hub();
    let good = signers()[0].sign(&everything());
    let bad = token::tampered(&good);
    let cookie = |token: &str| format!("other=1; mercureAuthorization={token}; last=2");
    for (header, query, cookie_token, allowed) in [
        (Some(&good), Some(&bad), Some(&bad), true),
        (Some(&bad), Some(&good), Some(&good), false),
        (None, Some(&good), Some(&bad), true),
        (None, Some(&bad), Some(&good), false),
        (None, None, Some(&good), true),
        (None, None, Some(&bad), false),
    ] {
        let authorization = header.map(|token| bearer(token));
        let cookie = cookie_token.map(|token| cookie(token));
        let mut headers = Vec::new();
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        headers.extend(cookie.as_deref().map(|value| ("Cookie", value)));
        let query = query.map_or(String::new(), |token| format!("&authorization={token}"));
        let answer = hub.try_listen(&format!("?topic=a{query}"), &headers);
        let what = format!("{header:?} {query} {cookie_token:?}");
        assert_eq!(answer.status, if allowed { 200 } else { 401 }, "{what}");
    }
    let headers = [("Authorization", "Basic eDp5"), ("Cookie", &*cookie(&good))];
    let answer = hub.try_listen("?topic=a", &headers);
    assert_plain(&answer, 401, "Unauthorized\n", "a header of another scheme counts as well");
}

// d.3 empty claims; namespaced claim
#[test]
fn claims_are_read_under_their_two_names() {
    for signer in signers() {
        let hub = signer.hub();
        for claims in [json!({}), json!({ "mercure": {} }), json!({ "mercure": null })] {
            let answer = hub.post_as(&signer.sign(&claims), &[("topic", "a")]);
            assert_plain(&answer, 401, "Unauthorized\n", "no rights");
            hub.listen_as(&signer.sign(&claims), "?topic=a");
        }
        let namespaced =
            json!({ "https://mercure.rocks/": { "publish": ["a"], "subscribe": ["a"] } });
        assert_eq!(hub.post_as(&signer.sign(&namespaced), &[("topic", "a")]).status, 200);
        let mut both = namespaced;
        both["mercure"] = json!({ "publish": ["b"] });
        let token = signer.sign(&both);
        assert_eq!(hub.post_as(&token, &[("topic", "a")]).status, 200, "the namespaced one wins");
        assert_eq!(hub.post_as(&token, &[("topic", "b")]).status, 401, "the namespaced one wins");
    }
}

#[test]
fn claims_of_a_wrong_shape_are_refused() {
    let hub = signers()[0].hub();
    for claims in [
        json!({ "mercure": 1 }),
        json!({ "mercure": [] }),
        json!({ "mercure": { "publish": "*" } }),
        json!({ "mercure": { "publish": [1] } }),
        json!({ "mercure": { "publish": { "a": 1 } } }),
        json!({ "mercure": { "publish": ["*"] }, "exp": "tomorrow" }),
        json!([]),
    ] {
        let answer = hub.post_as(&signers()[0].sign(&claims), &[("topic", "a")]);
        assert_plain(&answer, 401, "Unauthorized\n", &claims.to_string());
    }
}

// a.6.41 `exp`/`nbf` enforced when present, no `aud`/`iss` check, header `typ` free
#[test]
fn times_are_kept_to_and_other_claims_are_free() {
    let hub = signers()[0].hub();
    let sign = |changes: Value| signers()[0].sign(&token::changed(everything(), &changes));
    for changes in [
        json!({ "exp": token::in_seconds(-120) }),
        json!({ "exp": 0 }),
        json!({ "nbf": token::in_seconds(3600) }),
        json!({ "nbf": token::in_seconds(3600), "exp": token::in_seconds(7200) }),
    ] {
        assert_both_refuse(&hub, &sign(changes.clone()), &changes.to_string());
    }
    for changes in [
        json!({}),
        json!({ "exp": token::in_seconds(3600), "nbf": token::in_seconds(-3600) }),
        json!({ "aud": "https://other.example", "iss": "https://other.example" }),
        json!({ "iat": token::in_seconds(3600), "sub": 7, "jti": null }),
    ] {
        assert_eq!(hub.post_as(&sign(changes.clone()), &[("topic", "a")]).status, 200, "{changes}");
    }
    // decision: `at+jwt` with the claim of 0.x and none of 1.0 is a token of 0.x.
    for kind in ["", "jwt", "JOSE", "at+jwt"] {
        let token = token::sign(kind, &everything(), SECRET);
        assert_eq!(hub.post_as(&token, &[("topic", "a")]).status, 200, "typ {kind:?} is free");
        hub.listen_as(&token, "?topic=a");
    }
}

// d.3 valid with X.509 cert key
#[test]
fn a_certificate_is_as_good_as_its_key() {
    for signer in signers() {
        let Some(certificate) = signer.certificate else { continue };
        let hub = signer.hub_with(certificate);
        let answer = hub.post_as(&signer.sign(&everything()), &[("topic", "a")]);
        assert_eq!(answer.status, 200, "{}: {}", signer.name, answer.text());
        let bad = signer.sign_by(&everything(), &signer.other_key);
        assert_both_refuse(&hub, &bad, signer.name);
    }
}

// d.3 empty key
#[test]
fn a_weak_or_wrong_key_keeps_the_hub_from_starting() {
    for (key, algorithm) in [
        ("S3cr3t-But-Brief", "HS256"),
        ("thirty-one bytes are not enough", "HS256"),
        ("thirty-two bytes are not enough.", "HS384"),
        (SECRET, "none"),
        (SECRET, "RS256"),
        (include_str!("../../keys/es256.pub.pem"), "RS256"),
        (include_str!("../../keys/rsa.pub.pem"), "HS256"),
    ] {
        for role in ["PUBLISHER", "SUBSCRIBER"] {
            let (key_name, algorithm_name) =
                (format!("FANFARE_{role}_JWT_KEY"), format!("FANFARE_{role}_JWT_ALG"));
            let settings = [("PORT", "0"), (&*key_name, key), (&*algorithm_name, algorithm)];
            let output = run_to_end(&[], &settings);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{key:?} {algorithm}: {said}");
            assert!(said.to_uppercase().contains(role), "it says whose key: {said}");
            assert!(!said.contains(key), "a secret is told to nobody: {said}");
        }
    }
}

// d.3 valid, by the same algorithms in 1.0
#[test]
fn the_same_keys_serve_1_0() {
    for signer in signers() {
        let hub = signer.hub();
        let claims = New.claims("publish", &["a"]);
        let sign =
            |key: &EncodingKey| token::sign_by("at+jwt", signer.algorithm, None, &claims, key);
        let answer = hub.post_as(&sign(&signer.key), &[("topic", "a")]);
        assert_eq!(answer.status, 200, "{}: {}", signer.name, answer.text());
        let answer = hub.post_as(&sign(&signer.other_key), &[("topic", "a")]);
        assert_challenge(&answer, 401, Some("invalid_token"), signer.name);
        assert_eq!(
            hub.post_as(&signer.sign(&Old.claims("publish", &["a"])), &[("topic", "a")]).status,
            200
        );
    }
}
