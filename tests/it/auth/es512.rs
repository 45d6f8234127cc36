//! Tokens by ES512, which the library that signs the others does not know. By openssl, which
//! shares no code with the hub.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::encode_part;

/// A token by the P-521 key of the tests.
pub fn token(claims: &Value) -> String {
    sign(&json!({"typ": "JWT", "alg": "ES512"}), claims)
}

/// The same, with a header of its own.
pub fn sign(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encode_part(value.to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(claims));
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha512", "-sign", "tests/keys/es512.pem"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    let signature = raw(&openssl.wait_with_output().unwrap().stdout);
    format!("{message}.{}", encode_part(&signature))
}

/// From a DER sequence of two integers, as openssl writes it, to two of 66 bytes (RFC 7518, 3.4).
fn raw(der: &[u8]) -> Vec<u8> {
    // A length of 128 or more has a byte before it.
    let mut rest = if der[1] == 0x81 { &der[3..] } else { &der[2..] };
    let mut raw = Vec::new();
    for end in [66, 132] {
        let length = usize::from(rest[1]);
        let integer = &rest[2..2 + length];
        let digits = &integer[integer.iter().take_while(|byte| **byte == 0).count()..];
        raw.resize(end - digits.len(), 0);
        raw.extend(digits);
        rest = &rest[2 + length..];
    }
    raw
}
