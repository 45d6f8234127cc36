use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Fanfare, Hub, Response, request};

/// Tokens of the other commands.
mod commands;
mod es512;
/// When streams end because their tokens do.
mod expiry;
/// JSON Web Key Sets.
mod jwks;
/// Which keys are taken, and what they verify.
mod keys;
/// The operator's hand: keys read again, streams ended.
mod operator;
/// Private events.
mod private;
/// Tickets.
mod tickets;
/// What a token may say, and what it must.
mod tokens;
/// How a token comes.
mod transport;

/// The secret of the official image's documentation.
pub const SECRET: &str = "!ChangeThisMercureHubJWTSecretKey!";

fn key_file(name: &str) -> String {
    std::fs::read_to_string(format!("tests/keys/{name}.pem")).unwrap()
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn sign(header: &Header, key: &EncodingKey, claims: &Value) -> String {
    encode(header, claims, key).unwrap()
}

/// A part of a token, encoded without the library that reads it.
fn encode_part(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let encode = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..=three.len()).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

/// A token by [`SECRET`].
pub fn token(claims: &Value) -> String {
    sign(&Header::new(Algorithm::HS256), &EncodingKey::from_secret(SECRET.as_bytes()), claims)
}

fn may_publish(topics: &[&str]) -> String {
    token(&json!({"mercure": {"publish": topics}}))
}

fn may_subscribe(topics: &[&str]) -> String {
    token(&json!({"mercure": {"subscribe": topics}}))
}

/// A hub with [`SECRET`] for both roles, and these settings.
pub fn closed(settings: &[(&str, &str)]) -> Fanfare {
    Fanfare::start(&[&CLOSED[..], settings].concat())
}

pub const CLOSED: [(&str, &str); 3] = [
    ("FANFARE_PUBLISHER_JWT_KEY", SECRET),
    ("FANFARE_SUBSCRIBER_JWT_KEY", SECRET),
    // Else heartbeats keep a test waiting for the end of a stream that does not come.
    ("FANFARE_HEARTBEAT", "1h"),
];

fn publish(hub: Hub, query: &str, headers: &[(&str, &str)]) -> Response {
    let headers = [&[("Content-Type", "application/json")], headers].concat();
    request(hub.0, "POST", &format!("/send-event{query}"), &headers, b"1")
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Publishes to `default` with a token.
pub fn publish_with(hub: Hub, token: &str) -> Response {
    publish(hub, "", &[("Authorization", &bearer(token))])
}

/// The code of an error, after its status.
fn outcome(response: &Response) -> (u16, String) {
    let code = response.json()["error"]["code"].as_str().unwrap_or("none").to_owned();
    (response.status, code)
}

#[track_caller]
fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(outcome(response), (status, code.to_owned()), "{}", response.text());
}
