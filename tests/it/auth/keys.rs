use super::*;
use crate::support::run_to_end;

/// A hub whose publishers' key is this.
fn with_key(key: &str, algorithm: &str) -> Fanfare {
    Fanfare::start(&[("FANFARE_PUBLISHER_JWT_KEY", key), ("FANFARE_PUBLISHER_JWT_ALG", algorithm)])
}

/// What a hub says that does not start with these settings.
fn refusal(settings: &[(&str, &str)]) -> String {
    let output = run_to_end(&[], &[&[("PORT", "0")], settings].concat());
    assert!(!output.status.success(), "it starts");
    String::from_utf8(output.stderr).unwrap()
}

fn all() -> Value {
    json!({"mercure": {"publish": ["*"]}})
}

#[test]
fn every_algorithm_verifies_with_its_own_key_and_no_other() {
    let secret = "0123456789abcdef".repeat(4);
    let hmac = EncodingKey::from_secret(secret.as_bytes());
    let rsa = EncodingKey::from_rsa_pem(key_file("rsa").as_bytes()).unwrap();
    let ec = |name: &str| EncodingKey::from_ec_pem(key_file(name).as_bytes()).unwrap();
    let ed = EncodingKey::from_ed_pem(key_file("ed25519").as_bytes()).unwrap();
    let by = |algorithm, key: &EncodingKey| sign(&Header::new(algorithm), key, &all());
    let kinds = [
        ("HS256", secret.clone(), by(Algorithm::HS256, &hmac)),
        ("HS384", secret.clone(), by(Algorithm::HS384, &hmac)),
        ("HS512", secret.clone(), by(Algorithm::HS512, &hmac)),
        ("RS256", key_file("rsa.pub"), by(Algorithm::RS256, &rsa)),
        ("RS384", key_file("rsa.pub"), by(Algorithm::RS384, &rsa)),
        ("RS512", key_file("rsa.crt"), by(Algorithm::RS512, &rsa)),
        ("PS256", key_file("rsa.pkcs1"), by(Algorithm::PS256, &rsa)),
        ("PS384", key_file("rsa.pub"), by(Algorithm::PS384, &rsa)),
        ("PS512", key_file("rsa.pub"), by(Algorithm::PS512, &rsa)),
        ("ES256", key_file("es256.pub"), by(Algorithm::ES256, &ec("es256"))),
        ("ES256", key_file("es256.crt"), by(Algorithm::ES256, &ec("es256"))),
        ("ES384", key_file("es384.pub"), by(Algorithm::ES384, &ec("es384"))),
        ("ES512", key_file("es512.pub"), es512::token(&all())),
        ("ES512", key_file("es512.crt"), es512::token(&all())),
        ("EdDSA", key_file("ed25519.pub"), by(Algorithm::EdDSA, &ed)),
    ];
    for (name, public, _) in &kinds {
        let hub = with_key(public, name);
        for (other, _, token) in &kinds {
            let response = publish_with(*hub, token);
            if other == name {
                assert_eq!(response.status, 200, "{name}: {}", response.text());
            } else {
                assert_refused(&response, 401, "token_invalid");
            }
        }
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let public = key_file("rsa.pub");
    let hub = with_key(&public, "RS256");
    // What the attacker has: the public key, with and without its last line end, and as DER.
    for secret in
        [public.as_bytes(), public.trim().as_bytes(), &pem::parse(&public).unwrap().into_contents()]
    {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let key = EncodingKey::from_secret(secret);
            let token = sign(&Header::new(algorithm), &key, &all());
            assert_refused(&publish_with(*hub, &token), 401, "token_invalid");
        }
    }
    let other = EncodingKey::from_rsa_pem(key_file("rsa-other").as_bytes()).unwrap();
    let token = sign(&Header::new(Algorithm::RS256), &other, &all());
    assert_refused(&publish_with(*hub, &token), 401, "token_invalid");
}

/// The examples of RFC 7515, A.1 to A.3: of 2011, so that a right signature shows as an expired
/// token.
#[test]
fn the_tokens_of_the_standard_have_right_signatures() {
    const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                           cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let folder = crate::support::Folder::new();
    for (name, header, signature, jwk) in [
        (
            "a1",
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            json!({"kty": "oct", "alg": "HS256", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-\
                   EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}),
        ),
        (
            "a2",
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt\
             _O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArL\
             IARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7no\
             OPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ\
             Ge77Rw",
            json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji\
                   9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWv\
                   G6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEM\
                   a2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9i\
                   aGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}),
        ),
        (
            "a3",
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU\
             1Q",
            json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                   "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
        ),
    ] {
        let path = folder.0.join(name);
        std::fs::write(&path, json!({"keys": [jwk]}).to_string()).unwrap();
        let url = format!("file://{}", path.display());
        let hub = Fanfare::start(&[("FANFARE_PUBLISHER_JWKS_URL", &url)]);
        let token = format!("{header}.{PAYLOAD}.{signature}");
        assert_refused(&publish_with(*hub, &token), 401, "token_expired");
        let wrong =
            format!("{header}.{}.{signature}", PAYLOAD.replace("joe", "jim").replace('2', "3"));
        assert_refused(&publish_with(*hub, &wrong), 401, "token_invalid");
    }
}

#[test]
fn weak_wrong_and_private_keys_are_refused_at_start() {
    let (k64, k31) = ("x".repeat(64), "x".repeat(31));
    for (key, algorithm, says) in [
        (&*k31, "HS256", "the secret has 31 bytes; HS256 needs at least 32"),
        (SECRET, "HS384", "the secret has 34 bytes; HS384 needs at least 48"),
        (&k64[1..], "HS512", "the secret has 63 bytes; HS512 needs at least 64"),
        (&key_file("rsa.pub"), "HS256", "a key in PEM, and HS256 takes a secret"),
        (SECRET, "RS256", "RS256 takes one public key or certificate in PEM"),
        (&key_file("rsa"), "RS256", "this is a private key"),
        (&key_file("es256"), "ES256", "this is a private key"),
        (&key_file("es512"), "ES512", "this is a private key"),
        (&key_file("rsa-weak.pub"), "RS256", "the RSA key has 1024 bits"),
        (&key_file("es256.pub"), "RS256", "this key is not for RS256"),
        (&key_file("rsa.pub"), "ES256", "this key is not for ES256"),
        (&key_file("es256.pub"), "ES384", "this key is not for ES384"),
        (&key_file("es384.pub"), "ES512", "this key is not for ES512"),
        (&key_file("es512.pub"), "ES384", "this key is not for ES384"),
        (&key_file("ed25519.pub"), "ES512", "this key is not for ES512"),
        (&key_file("ed25519.pub"), "ES256", "this key is not for ES256"),
        (&key_file("es256.pub"), "EdDSA", "this key is not for EdDSA"),
        ("file:///nowhere/key.pem", "RS256", "/nowhere/key.pem: No such file"),
    ] {
        for role in ["PUBLISHER", "SUBSCRIBER"] {
            let names = [format!("FANFARE_{role}_JWT_KEY"), format!("FANFARE_{role}_JWT_ALG")];
            let text = refusal(&[(&names[0], key), (&names[1], algorithm)]);
            assert!(
                text.contains(&format!("the {} key can't be used", role.to_lowercase())),
                "{text}"
            );
            assert!(text.contains(says), "{algorithm}: {text}");
            assert!(!text.contains(key) || key.starts_with("file://"), "{text}");
        }
    }
    for algorithm in ["none", "NONE", "hs256", "ES521", ""] {
        let text = refusal(&[("FANFARE_PUBLISHER_JWT_ALG", algorithm)]);
        assert!(text.contains("allowed is HS256, HS384"), "{text}");
    }
}

#[test]
fn a_secret_may_be_in_a_file_whose_last_line_end_is_no_part_of_it() {
    let folder = crate::support::Folder::new();
    let path = folder.0.join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let hub = with_key(&format!("file://{}", path.display()), "HS256");
    assert_eq!(publish_with(*hub, &may_publish(&["*"])).status, 200);
    std::fs::write(&path, "short\n").unwrap();
    let text = refusal(&[("FANFARE_PUBLISHER_JWT_KEY", &format!("file://{}", path.display()))]);
    assert!(text.contains("the secret has 5 bytes") && !text.contains("short"), "{text}");
}

#[test]
fn settings_that_contradict_or_are_empty_are_refused() {
    let key = ("FANFARE_PUBLISHER_JWT_KEY", SECRET);
    let text = refusal(&[key, ("FANFARE_PUBLISHER_JWKS_URL", "https://x.example/jwks")]);
    assert!(text.contains("are both set: choose one"), "{text}");
    for name in ["FANFARE_PUBLISHER_JWT_KEY", "MERCURE_SUBSCRIBER_JWT_KEY", "FANFARE_ADMIN_TOKEN"] {
        let text = refusal(&[(name, "")]);
        assert!(text.contains(name) && text.contains("unset it, or give it a value"), "{text}");
    }
    let text = refusal(&[("FANFARE_ADMIN_TOKEN", "short-SECRET")]);
    assert!(text.contains("shorter than 16") && !text.contains("short-SECRET"), "{text}");
    for url in ["ftp://x/y", "jwks.json", "https://", "https://me:pw@x.example/jwks", ""] {
        let text = refusal(&[("FANFARE_PUBLISHER_JWKS_URL", url)]);
        assert!(text.contains("allowed is an https://"), "{text}");
        assert!(!text.contains("pw"), "a password: {text}");
    }
}

#[test]
fn secrets_are_no_arguments_and_are_not_in_the_help() {
    for flag in ["--publisher-jwt-key", "--subscriber-jwt-key", "--admin-token"] {
        let output = run_to_end(&[flag, SECRET], &[("PORT", "0")]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("is not taken as an argument") && !text.contains(SECRET), "{text}");
    }
    let settings = [("FANFARE_PUBLISHER_JWT_KEY", SECRET), ("FANFARE_ADMIN_TOKEN", SECRET)];
    let output = run_to_end(&["serve", "--help"], &settings);
    assert!(!String::from_utf8(output.stdout).unwrap().contains(SECRET));
}

#[test]
fn the_names_of_the_official_image_work_and_ours_come_first() {
    let hub = Fanfare::start(&[
        ("MERCURE_PUBLISHER_JWT_KEY", SECRET),
        ("MERCURE_PUBLISHER_JWT_ALG", "HS256"),
        ("MERCURE_SUBSCRIBER_JWT_KEY", &key_file("es256.pub").replace('\n', "\\n")),
        ("MERCURE_SUBSCRIBER_JWT_ALG", "ES256"),
    ]);
    assert_eq!(publish_with(*hub, &may_publish(&["*"])).status, 200);
    assert_eq!(crate::support::get(hub.0, "/events").status, 401);

    let hub = Fanfare::start_another(&[
        ("FANFARE_PUBLISHER_JWT_KEY", SECRET),
        ("MERCURE_PUBLISHER_JWT_KEY", "another secret, which is long enough"),
    ]);
    assert_eq!(publish_with(*hub, &may_publish(&["*"])).status, 200);
}

#[test]
fn what_is_open_is_said_at_start_and_nothing_more() {
    let publisher = ("FANFARE_PUBLISHER_JWT_KEY", SECRET);
    let subscriber = ("FANFARE_SUBSCRIBER_JWT_KEY", SECRET);
    for (settings, open) in [
        (&[][..], Some("publish and subscribe")),
        (&[publisher], Some("subscribe")),
        (&[subscriber], Some("publish")),
        (&[publisher, subscriber], None),
        (&[publisher, subscriber, ("FANFARE_ANONYMOUS", "on")], Some("subscribe")),
    ] {
        let mut hub = Fanfare::start(settings);
        hub.signal("TERM");
        hub.wait();
        let warnings: Vec<_> =
            hub.log().lines().filter(|line| line.contains(" may ")).map(str::to_owned).collect();
        match open {
            None => assert!(warnings.is_empty(), "{warnings:?}"),
            Some(open) => {
                assert!(warnings[0].ends_with(&format!("this address may {open}")), "{warnings:?}");
                assert!(warnings[1].contains(&format!("any origin may {open} (")), "{warnings:?}");
            }
        }
    }
}
