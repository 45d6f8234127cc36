use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use super::*;
use crate::support::{Folder, Program, get, run_to_end, wait_until};

/// A server of a key set that counts how often it is asked.
struct Issuer {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn start(keys: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        issuer.set(keys);
        let (answer, asked) = (Arc::clone(&issuer.answer), Arc::clone(&issuer.asked));
        // Ends with the process.
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                asked.fetch_add(1, SeqCst);
                let answer = answer.lock().unwrap().clone();
                let _ = socket.write_all(answer.as_bytes());
            }
        });
        issuer
    }

    fn set(&self, keys: &Value) {
        let body = json!({ "keys": keys }).to_string();
        self.answer_with(&format!("200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    fn answer_with(&self, answer: &str) {
        *self.answer.lock().unwrap() = format!("HTTP/1.1 {answer}");
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    fn hub(&self) -> Fanfare {
        let url = format!("http://{}/jwks.json?key=hidden", self.address);
        Fanfare::start(&[("FANFARE_PUBLISHER_JWKS_URL", &url)])
    }
}

/// The public half of a key of the tests, as a JWK.
fn jwk(name: &str, kid: &str) -> Value {
    if name == "es512" {
        let set = std::fs::read("tests/keys/ec.jwks.json").unwrap();
        let mut jwk = serde_json::from_slice::<Value>(&set).unwrap()["keys"][1].take();
        jwk["kid"] = json!(kid);
        return jwk;
    }
    let pem = key_file(name);
    let key = match name {
        "rsa" | "rsa-other" => EncodingKey::from_rsa_pem(pem.as_bytes()),
        "ed25519" => EncodingKey::from_ed_pem(pem.as_bytes()),
        _ => EncodingKey::from_ec_pem(pem.as_bytes()),
    };
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key.unwrap(), algorithm(name)).unwrap();
    let mut jwk = serde_json::to_value(jwk).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk["kid"] = json!(kid);
    jwk
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "es256" => Algorithm::ES256,
        "es384" => Algorithm::ES384,
        "ed25519" => Algorithm::EdDSA,
        _ => Algorithm::RS256,
    }
}

/// A publisher's token by a key of the tests.
fn by(name: &str, algorithm: Algorithm, kid: Option<&str>) -> String {
    let pem = key_file(name);
    let key = match name {
        "es256" | "es384" => EncodingKey::from_ec_pem(pem.as_bytes()),
        "ed25519" => EncodingKey::from_ed_pem(pem.as_bytes()),
        _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
    };
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    sign(&header, &key.unwrap(), &json!({"mercure": {"publish": ["*"]}}))
}

#[test]
fn keys_are_fetched_once_and_used_for_all_requests() {
    let keys = json!([
        jwk("rsa", "r"),
        jwk("es256", "e"),
        jwk("es384", "f"),
        jwk("ed25519", "d"),
        jwk("es512", "g"),
        {"kty": "unknown", "kid": "u"},
    ]);
    let issuer = Issuer::start(&keys);
    let hub = issuer.hub();
    hub.wait_for_log("publisher keys: 5, from http://127.0.0.1");
    hub.wait_for_log("publisher JWKS: key 6: its type or curve is not known");
    for (name, kid) in [("rsa", "r"), ("es256", "e"), ("es384", "f"), ("ed25519", "d")] {
        for kid in [Some(kid), None] {
            let response = publish_with(*hub, &by(name, algorithm(name), kid));
            assert_eq!(response.status, 200, "{name} {kid:?}: {}", response.text());
        }
        // Another key's name.
        assert_eq!(publish_with(*hub, &by(name, algorithm(name), Some("x"))).status, 401);
    }
    for (kid, status) in [(Some("g"), 200), (None, 200), (Some("e"), 401), (Some("x"), 401)] {
        let header = json!({"alg": "ES512", "kid": kid});
        let token = es512::sign(&header, &json!({"mercure": {"publish": ["*"]}}));
        assert_eq!(publish_with(*hub, &token).status, status, "{kid:?}");
    }
    let pss = by("rsa", Algorithm::PS512, Some("r"));
    assert_eq!(publish_with(*hub, &pss).status, 200);
    assert_eq!(publish_with(*hub, &by("rsa-other", Algorithm::RS256, Some("r"))).status, 401);
    assert_eq!(publish_with(*hub, &by("rsa-other", Algorithm::RS256, None)).status, 401);
    // The public key as a secret.
    for secret in [keys[0]["n"].as_str().unwrap(), key_file("rsa.pub").as_str()] {
        let header = Header { kid: Some("r".to_owned()), ..Header::new(Algorithm::HS256) };
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = sign(&header, &key, &json!({"mercure": {"publish": ["*"]}}));
        assert_refused(&publish_with(*hub, &token), 401, "token_invalid");
    }
    // At the start, and at most once for the unknown ones.
    assert!(issuer.asked() <= 2, "{}", issuer.asked());
}

#[test]
fn an_unknown_kid_makes_the_hub_look_but_not_again_and_again() {
    let issuer = Issuer::start(&json!([jwk("rsa", "one")]));
    let hub = issuer.hub();
    assert_eq!(issuer.asked(), 1);
    issuer.set(&json!([jwk("rsa", "one"), jwk("rsa-other", "two")]));
    let new = by("rsa-other", Algorithm::RS256, Some("two"));
    let tries = AtomicUsize::new(0);
    wait_until("the new key counts", || {
        let threads = std::thread::scope(|scope| {
            let spawn = |number: usize| {
                let (hub, tries, new) = (*hub, &tries, &new);
                scope.spawn(move || {
                    let made_up = format!("{}-{number}", tries.fetch_add(1, SeqCst));
                    let token = by("rsa", Algorithm::RS256, Some(&made_up));
                    assert_eq!(publish_with(hub, &token).status, 401);
                    publish_with(hub, new).status == 200
                })
            };
            let threads: Vec<_> = (0..8).map(spawn).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        threads.contains(&true)
    });
    assert_eq!(issuer.asked(), 2, "after {} tokens with made-up names", tries.into_inner());
    assert_eq!(publish_with(*hub, &by("rsa", Algorithm::RS256, Some("one"))).status, 200);
}

#[test]
fn what_can_not_be_fetched_leaves_the_keys_as_they_were() {
    let issuer = Issuer::start(&json!([jwk("rsa", "one")]));
    let hub = issuer.hub();
    let good = by("rsa", Algorithm::RS256, Some("one"));
    let large = "x".repeat(300_000);
    for (answer, says) in [
        ("500 Oops\r\nContent-Length: 0\r\n\r\n", "answers 500"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "answers 302"),
        ("200 OK\r\nContent-Length: 2\r\n\r\n{}", "it is no JSON Web Key Set"),
        ("200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}", "it has no key that can be used"),
        (&format!("200 OK\r\nContent-Length: 300000\r\n\r\n{large}"), "can't be fetched"),
    ] {
        let asked = issuer.asked();
        issuer.answer_with(answer);
        hub.signal("HUP");
        wait_until("it asks", || issuer.asked() > asked);
        hub.wait_for_log(says);
        assert_eq!(publish_with(*hub, &good).status, 200, "{says}");
    }
    assert!(!hub.log().contains("hidden"), "a query may have a secret: {}", hub.log());
    issuer.set(&json!([jwk("rsa-other", "two")]));
    hub.signal("HUP");
    let new = by("rsa-other", Algorithm::RS256, Some("two"));
    wait_until("the new key counts", || publish_with(*hub, &new).status == 200);
    assert_eq!(publish_with(*hub, &by("rsa", Algorithm::RS256, None)).status, 401);
}

#[test]
fn a_hub_starts_before_its_issuer_and_answers_503_until_it_has_keys() {
    let issuer = Issuer::start(&json!([jwk("rsa", "one")]));
    issuer.answer_with("503 Later\r\nContent-Length: 0\r\n\r\n");
    let hub = issuer.hub();
    hub.wait_for_log("no publisher keys yet");
    let good = by("rsa", Algorithm::RS256, Some("one"));
    let response = publish_with(*hub, &good);
    assert_refused(&response, 503, "no_keys");
    assert!(response.header("retry-after").is_some());
    assert_eq!(publish(*hub, "", &[]).status, 401);
    assert_eq!(get(hub.0, "/health/ready").status, 200);
    issuer.set(&json!([jwk("rsa", "one")]));
    wait_until("it has keys", || publish_with(*hub, &good).status == 200);
}

/// A key is for what its own members say, and for nothing else.
#[test]
fn a_key_is_for_its_type_curve_and_alg_only() {
    let with = |mut jwk: Value, name: &str, value: Value| {
        jwk[name] = value;
        jwk
    };
    let rsa = jwk("rsa", "k");
    let issuer = Issuer::start(&json!([]));
    let secret = json!({"kty": "oct", "kid": "k", "alg": "HS256", "k": "x".repeat(64)});
    for (key, says) in [
        (with(rsa.clone(), "use", json!("enc")), "it is not for signatures"),
        (with(rsa.clone(), "key_ops", json!(["sign"])), "it is not for signatures"),
        (with(rsa.clone(), "d", json!("AQAB")), "it has its private part"),
        (with(rsa.clone(), "alg", json!("HS256")), "its `alg` is not one of its type"),
        (with(rsa.clone(), "alg", json!("ES256")), "its `alg` is not one of its type"),
        (with(rsa.clone(), "alg", json!("none")), "its `alg` is not one of its type"),
        (with(rsa.clone(), "n", json!("AQAB")), "the RSA key has 17 bits"),
        (with(rsa.clone(), "n", json!("+/=")), "no base64url"),
        (with(rsa.clone(), "kty", json!("EC")), "its type or curve is not known"),
        (with(jwk("es256", "k"), "crv", json!("P-384")), "this key is not for ES384"),
        (with(jwk("es256", "k"), "crv", json!("P-521")), "this key is not for ES512"),
        (with(jwk("es512", "k"), "crv", json!("P-256")), "this key is not for ES256"),
        (with(jwk("es512", "k"), "alg", json!("ES256")), "its `alg` is not one of its type"),
        (with(jwk("es512", "k"), "x", json!("AQAB")), "this key is not for ES512"),
        (with(jwk("es512", "k"), "crv", json!("secp256k1")), "its type or curve is not known"),
        (with(jwk("es256", "k"), "alg", json!("ES384")), "its `alg` is not one of its type"),
        (with(jwk("es256", "k"), "x", json!("AQAB")), "this key is not for ES256"),
        (with(jwk("ed25519", "k"), "alg", json!("ES256")), "its `alg` is not one of its type"),
        (secret.clone(), "a secret that was sent to whoever asks is none"),
        (json!("key"), "it has no known form"),
    ] {
        issuer.set(&json!([key]));
        let url = format!("http://{}/", issuer.address);
        let hub = Fanfare::start(&[("FANFARE_PUBLISHER_JWKS_URL", &url)]);
        let line = hub.wait_for_log("no publisher keys yet");
        assert!(line.contains(says), "{says}: {line}");
    }
    // With an `alg`, for that one alone.
    issuer.set(&json!([with(rsa, "alg", json!("RS384"))]));
    let hub = issuer.hub();
    for (algorithm, status) in
        [(Algorithm::RS384, 200), (Algorithm::RS256, 401), (Algorithm::PS384, 401)]
    {
        assert_eq!(publish_with(*hub, &by("rsa", algorithm, Some("k"))).status, status);
    }
}

#[test]
fn a_file_may_have_a_set_and_secrets_in_it() {
    let folder = Folder::new();
    let path = folder.0.join("jwks.json");
    let url = format!("file://{}", path.display());
    // 32 bytes of `x`, in base64url.
    let secret = format!("{}eHg", "eHh4".repeat(10));
    let key = |alg: Value| json!({"kty": "oct", "kid": "s", "alg": alg, "k": secret});
    std::fs::write(&path, json!({"keys": [key(json!("HS256")), jwk("rsa", "r")]}).to_string())
        .unwrap();
    let hub = Fanfare::start(&[("FANFARE_PUBLISHER_JWKS_URL", &url)]);
    let by_secret = EncodingKey::from_secret(&[b'x'; 32]);
    let header = Header { kid: Some("s".to_owned()), ..Header::new(Algorithm::HS256) };
    let token = sign(&header, &by_secret, &json!({"mercure": {"publish": ["*"]}}));
    assert_eq!(publish_with(*hub, &token).status, 200);
    assert_eq!(publish_with(*hub, &by("rsa", Algorithm::RS256, Some("r"))).status, 200);
    // At the start a file that can't be used is an error.
    for (keys, says) in [
        (json!([key(Value::Null)]), "its `alg` is not one of its type, or missing for a secret"),
        (json!([key(json!("HS512"))]), "the secret has 32 bytes; HS512 needs at least 64"),
        (json!(vec![jwk("rsa", "r"); 33]), "it has more than 32 keys"),
    ] {
        std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
        let output = run_to_end(&[], &[("FANFARE_PUBLISHER_JWKS_URL", &url), ("PORT", "0")]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(says), "{text}");
        assert!(!text.contains(&secret), "{text}");
    }
}

#[test]
fn an_issuer_is_known_by_its_certificate() {
    let folder = Folder::new();
    let body = json!({"keys": [jwk("rsa", "r")]}).to_string();
    // As it is served: with a head.
    let file = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    std::fs::write(folder.0.join("jwks"), file).unwrap();
    let path = |name: &str| std::fs::canonicalize(format!("tests/keys/{name}.pem")).unwrap();
    let mut command = std::process::Command::new("openssl");
    command.args(["s_server", "-HTTP", "-accept", "127.0.0.1:0", "-cert"]);
    command.arg(path("tls.crt")).arg("-key").arg(path("tls")).current_dir(&folder.0);
    let mut server = Program::start(command);
    let address = loop {
        if let Some(address) = server.line().strip_prefix("ACCEPT ") {
            break address.to_owned();
        }
    };
    let url = format!("https://{address}/jwks");
    let certificate = path("tls.crt");
    let setting = ("FANFARE_PUBLISHER_JWKS_URL", &*url);
    let hub = Fanfare::start(&[setting, ("SSL_CERT_FILE", certificate.to_str().unwrap())]);
    assert_eq!(publish_with(*hub, &by("rsa", Algorithm::RS256, Some("r"))).status, 200);
    // For a hub that does not know it there is no key behind it.
    let hub = Fanfare::start_another(&[setting]);
    let line = hub.wait_for_log("no publisher keys yet");
    assert!(line.contains("certificate"), "{line}");
    assert_refused(&publish_with(*hub, &by("rsa", Algorithm::RS256, Some("r"))), 503, "no_keys");
}
