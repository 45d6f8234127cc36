//! A hub that speaks Mercure, and what is asked of it.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

use super::{
    dialect::Dialect::{self, New, Old},
    reading::Reading,
    token,
};
use crate::support::{Connection, Fanfare, Response};

/// The one path of the protocol.
pub const PATH: &str = "/.well-known/mercure";
/// Where the document of RFC 9728 is.
pub const METADATA: &str = "/.well-known/oauth-protected-resource/.well-known/mercure";

/// What the hub is called in tokens of 1.0, and who makes them.
pub const RESOURCE: &str = "https://hub.example/.well-known/mercure";
pub const ISSUER: &str = "https://issuer.example";

pub const PUBLISHER_KEY: &str = "what publishers' tokens are signed with";
pub const SUBSCRIBER_KEY: &str = "what subscribers' tokens are signed with";

/// Both generations are on, with a key a role.
pub const SETTINGS: [(&str, &str); 3] = [
    ("FANFARE_PUBLISHER_JWT_KEY", PUBLISHER_KEY),
    ("FANFARE_SUBSCRIBER_JWT_KEY", SUBSCRIBER_KEY),
    ("FANFARE_RESOURCE_IDENTIFIER", RESOURCE),
];

/// The settings of all, but for those that these take the place of: a role has a key or a JWKS.
fn beside<'a>(settings: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let replaced = |name: &str| {
        let jwks = name.replace("_JWT_KEY", "_JWKS_URL");
        settings.iter().any(|(other, _)| *other == name || *other == jwks)
    };
    let usual = SETTINGS.iter().filter(|(name, _)| !replaced(name));
    usual.chain(settings).copied().collect()
}

pub const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub struct Mercure(Fanfare);

impl Deref for Mercure {
    type Target = Fanfare;

    fn deref(&self) -> &Fanfare {
        &self.0
    }
}

impl DerefMut for Mercure {
    fn deref_mut(&mut self) -> &mut Fanfare {
        &mut self.0
    }
}

impl Mercure {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With these settings besides, which come before those of all.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::only(&beside(settings))
    }

    /// One more, in a test that has a hub already.
    pub fn another(settings: &[(&str, &str)]) -> Self {
        Self(Fanfare::start_another(&beside(settings)))
    }

    /// Without a configured name: its resource identifier is derived from each request.
    pub fn unnamed() -> Self {
        let named = |(name, _): &&(&str, &str)| *name != "FANFARE_RESOURCE_IDENTIFIER";
        Self::only(&SETTINGS.iter().filter(named).copied().collect::<Vec<_>>())
    }

    /// With these settings and no others.
    pub fn only(settings: &[(&str, &str)]) -> Self {
        Self(Fanfare::start(settings))
    }

    /// Any request, byte by byte, and its answer. Where a stream begins, its head alone.
    pub fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let (mut connection, mut response) = self.begin(method, target, headers, body);
        let stream = response.header("content-type") == Some("text/event-stream");
        if method != "HEAD" && !(response.status == 200 && stream) {
            connection.read_body(&mut response);
        }
        response
    }

    fn begin(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Connection, Response) {
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.0.0);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut connection = Connection::open(self.0.0);
        connection.send([head.as_bytes(), b"\r\n", body].concat());
        let response = connection.read_head();
        (connection, response)
    }

    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("GET", target, headers, b"")
    }

    /// A subscription that is answered with something else than a stream.
    pub fn try_listen(&self, query: &str, headers: &[(&str, &str)]) -> Response {
        self.get(&format!("{PATH}{query}"), headers)
    }

    /// The same with a token.
    pub fn try_listen_as(&self, token: &str, query: &str) -> Response {
        self.try_listen(query, &[("Authorization", &bearer(token))])
    }

    /// Opens a stream, and reads the comment that it begins with.
    pub fn listen(&self, query: &str, headers: &[(&str, &str)]) -> Reading {
        self.listen_by("GET", query, headers, b"")
    }

    pub fn listen_by(
        &self,
        method: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reading {
        let target = format!("{PATH}{query}");
        let (mut connection, mut head) = self.begin(method, &target, headers, body);
        if head.status != 200 {
            connection.read_body(&mut head);
            panic!("no stream for {method} {target}: {} {:?}", head.status, head.text());
        }
        let mut reading = Reading::new(connection, head);
        reading.reads(":\n");
        reading
    }

    /// The same with a token.
    pub fn listen_as(&self, token: &str, query: &str) -> Reading {
        self.listen(query, &[("Authorization", &bearer(token))])
    }

    /// Opens a stream of these topics in a dialect, allowed to see everything.
    pub fn listen_to(&self, dialect: Dialect, topics: &[&str]) -> Reading {
        self.listen_as(&dialect.subscriber(&["*"]), &dialect.topics(topics))
    }

    /// Publishes form fields.
    pub fn post(&self, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Response {
        self.post_body(headers, form(fields).as_bytes())
    }

    /// Publishes a body that is a form, or not quite.
    pub fn post_body(&self, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.ask("POST", PATH, &[&[FORM], headers].concat(), body)
    }

    /// Publishes form fields with a token.
    pub fn post_as(&self, token: &str, fields: &[(&str, &str)]) -> Response {
        self.post(&[("Authorization", &bearer(token))], fields)
    }

    /// Publishes, which has to work, and returns the event's id.
    pub fn publishes(&self, fields: &[(&str, &str)]) -> String {
        self.publishes_in(Old, fields)
    }

    pub fn publishes_in(&self, dialect: Dialect, fields: &[(&str, &str)]) -> String {
        let answer = self.post_as(&dialect.publisher(&["*"]), fields);
        assert_eq!(answer.status, 200, "{dialect:?} {fields:?}: {:?}", answer.text());
        answer.text()
    }

    /// Publishes so many events of one topic on one connection: data and ids are their numbers.
    pub fn publishes_many(&self, topic: &str, numbers: std::ops::Range<usize>) {
        let authorization = bearer(&token::publisher(&["*"]));
        let mut connection = Connection::open(self.0.0);
        for number in numbers {
            let number = number.to_string();
            let body = form(&[("topic", topic), ("id", &number), ("data", &number)]);
            connection.send(format!(
                "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\
                 {}: {}\r\nContent-Length: {}\r\n\r\n{body}",
                FORM.0,
                FORM.1,
                body.len(),
            ));
            let answer = connection.read_response();
            assert_eq!((answer.status, answer.text()), (200, number));
        }
    }
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Percent-encodes all but unreserved characters.
pub fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

pub fn form(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    fields.collect::<Vec<_>>().join("&")
}

pub fn query(fields: &[(&str, &str)]) -> String {
    format!("?{}", form(fields))
}

/// A plain error as Go's `http.Error` writes it.
#[track_caller]
pub fn assert_plain(answer: &Response, status: u16, body: &str, what: &str) {
    assert_eq!((answer.status, &*answer.text()), (status, body), "{what}: {answer:?}");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/plain; charset=utf-8"), "{what}: {answer:?}");
}

/// A plain error whose words are free; its status is not.
#[track_caller]
pub fn assert_status(answer: &Response, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {:?} {:?}", answer.headers, answer.text());
    assert!(answer.text().ends_with('\n'), "{what}: one line: {:?}", answer.text());
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request\n",
        401 => "Unauthorized\n",
        403 => "Forbidden\n",
        404 => "Not Found\n",
        other => panic!("{other} is no status of authorization"),
    }
}

/// The parameters of a `WWW-Authenticate: Bearer`.
pub fn challenge(answer: &Response) -> Option<BTreeMap<String, String>> {
    let parameters = answer.header("www-authenticate")?.strip_prefix("Bearer ")?;
    let pair = |pair: &str| {
        let (name, value) = pair.trim().split_once('=')?;
        Some((name.to_owned(), value.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
    };
    parameters.split(',').map(pair).collect()
}

/// A refusal of 1.0: status, its reason as the body, and a challenge with this error (RFC 6750)
/// and the place of the metadata (RFC 9728).
#[track_caller]
pub fn assert_challenge(answer: &Response, status: u16, error: Option<&str>, what: &str) {
    assert_plain(answer, status, reason(status), what);
    let mut expected = BTreeMap::from([(
        "resource_metadata".to_owned(),
        format!("https://hub.example{METADATA}"),
    )]);
    expected.extend(error.map(|error| ("error".to_owned(), error.to_owned())));
    assert_eq!(challenge(answer), Some(expected), "{what}: {:?}", answer.headers);
}

/// A refusal of authorization in a dialect: 0.x has one answer for all, and no challenge.
#[track_caller]
pub fn assert_refused(dialect: Dialect, answer: &Response, new: (u16, Option<&str>), what: &str) {
    match dialect {
        Old => {
            assert_plain(answer, 401, "Unauthorized\n", what);
            assert_eq!(answer.header("www-authenticate"), None, "{what}: 0.x has no challenge");
        }
        New => assert_challenge(answer, new.0, new.1, what),
    }
}
