//! Tokens of both generations, good and bad.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

use super::hub::{ISSUER, PUBLISHER_KEY, RESOURCE, SUBSCRIBER_KEY};

pub const DETAIL: &str = "https://mercure.rocks/authorization-detail";

/// `{"alg":"none","typ":"JWT"}` and `{"alg":"none","typ":"at+jwt"}`.
const NONE: [&str; 2] =
    ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"];

/// Seconds since 1970, this many from now.
pub fn in_seconds(seconds: i64) -> i64 {
    i64::try_from(get_current_timestamp()).unwrap() + seconds
}

/// Signs with a secret by HS256.
pub fn sign(kind: &str, claims: &Value, key: &str) -> String {
    sign_by(kind, Algorithm::HS256, None, claims, &EncodingKey::from_secret(key.as_bytes()))
}

pub fn sign_by(
    kind: &str,
    algorithm: Algorithm,
    key_id: Option<&str>,
    claims: &Value,
    key: &EncodingKey,
) -> String {
    let typ = Some(kind.to_owned());
    let header = Header { typ, kid: key_id.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).expect("the key is of this algorithm")
}

/// The same claims with no signature, in each spelling of `none` that has fooled somebody.
pub fn unsigned(token: &str) -> Vec<String> {
    let parts: Vec<_> = token.split('.').collect();
    let (claims, signature) = (parts[1], parts[2]);
    NONE.iter()
        .flat_map(|head| [format!("{head}.{claims}."), format!("{head}.{claims}.{signature}")])
        .collect()
}

/// The same token with one bit of its signature turned.
pub fn tampered(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').expect("a token has three parts");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{rest}.{first}{}", &signature[1..])
}

// 0.x

pub fn publisher(topics: &[&str]) -> String {
    sign("JWT", &json!({ "mercure": { "publish": topics } }), PUBLISHER_KEY)
}

pub fn subscriber(topics: &[&str]) -> String {
    sign("JWT", &json!({ "mercure": { "subscribe": topics } }), SUBSCRIBER_KEY)
}

pub fn subscriber_with(topics: &[&str], payload: &Value) -> String {
    let claims = json!({ "mercure": { "subscribe": topics, "payload": payload } });
    sign("JWT", &claims, SUBSCRIBER_KEY)
}

// 1.0

/// One entry of `authorization_details`, with topics that are exact but for URL patterns, which
/// contain `/:`.
pub fn grant(action: &str, topics: &[&str]) -> Value {
    let topics = topics.iter().map(|topic| {
        let kind = if topic.contains("/:") { "urlpattern" } else { "exact" };
        json!({ "match": topic, "match_type": kind })
    });
    let topics: Vec<Value> = topics.collect();
    json!({ "type": DETAIL, "actions": [action], "topics": topics })
}

/// All claims of a token with these details.
pub fn grants(details: &[Value]) -> Value {
    json!({
        "iss": ISSUER,
        "sub": "somebody",
        "client_id": "tests",
        "aud": RESOURCE,
        "iat": in_seconds(0),
        "exp": in_seconds(3600),
        "jti": "1",
        "authorization_details": details,
    })
}

/// Claims with some of them changed; `null` takes one away.
pub fn changed(mut claims: Value, changes: &Value) -> Value {
    let object = claims.as_object_mut().expect("claims are an object");
    for (name, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    claims
}

pub fn new_publisher(topics: &[&str]) -> String {
    sign("at+jwt", &grants(&[grant("publish", topics)]), PUBLISHER_KEY)
}

pub fn new_subscriber(topics: &[&str]) -> String {
    sign("at+jwt", &grants(&[grant("subscribe", topics)]), SUBSCRIBER_KEY)
}

pub fn new_subscriber_with(topics: &[&str], payload: &Value) -> String {
    let mut detail = grant("subscribe", topics);
    detail["payload"] = payload.clone();
    sign("at+jwt", &grants(&[detail]), SUBSCRIBER_KEY)
}
