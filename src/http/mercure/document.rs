//! The documents that say who is there: one for each subscription, and collections of them.
//!
//! Owns: their names, members and order in both generations of the protocol. Promises: what an
//! event says of a subscription is what a list of them says. Does not: know who is there
//! (`presence`), or who may ask (`subscriptions`).

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;
use uuid::Uuid;

use super::dialect::Dialect;
use crate::{
    event::{Event, EventType},
    topic::Topic,
};

/// Where the subscriptions are.
pub const COLLECTION: &str = "/.well-known/mercure/subscriptions";

/// What the members of a document of 0.x are explained by.
const CONTEXT: &str = "https://mercure.rocks/";

/// All but the characters that never need an escape (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a subscription asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// By a selector of 0.x, known by its looks.
    Selector,
    /// By `match` or `match_exact` of 1.0.
    Exact,
    /// By `match_urlpattern` of 1.0.
    UrlPattern,
}

impl Kind {
    /// The kind that 1.0 has this word for.
    pub fn of_match_type(word: &str) -> Option<Self> {
        [Self::Exact, Self::UrlPattern].into_iter().find(|kind| kind.match_type() == word)
    }

    /// Its generation.
    pub fn dialect(self) -> Dialect {
        if self == Self::Selector { Dialect::Old } else { Dialect::New }
    }

    fn match_type(self) -> &'static str {
        match self {
            Self::Selector => "",
            Self::Exact => "exact",
            Self::UrlPattern => "urlpattern",
        }
    }
}

/// One thing that a stream asks for, as it was asked.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// How.
    pub kind: Kind,
    /// For what.
    pub text: Topic,
    /// What the issuer of its token wants to be known.
    pub payload: Option<Arc<RawValue>>,
}

impl Subscription {
    /// What says whether it is there.
    pub fn document(&self, subscriber: Uuid, active: bool) -> Document<'_> {
        let id = self.path(subscriber);
        let subscriber = urn(subscriber);
        let payload = self.payload.as_deref();
        match self.kind {
            Kind::Selector => Document::Old(Old {
                context: None,
                id,
                kind: "Subscription",
                subscriber,
                topic: self.text.as_str(),
                active,
                // Read, so that it is indented with the rest.
                payload: payload.and_then(|raw| serde_json::from_str(raw.get()).ok()),
                last_event_id: None,
            }),
            Kind::Exact | Kind::UrlPattern => Document::New(New {
                id,
                kind: "subscription",
                subscriber,
                matcher: self.text.as_str(),
                match_type: self.kind.match_type(),
                active,
                payload,
            }),
        }
    }

    /// The event that tells of it.
    pub fn event(&self, subscriber: Uuid, active: bool) -> Event {
        let document = self.document(subscriber, active).alone(None);
        let (data, kind) = match &document {
            Document::Old(_) => (serde_json::to_string_pretty(&document), None),
            Document::New(_) => {
                (serde_json::to_string(&document), EventType::parse("mercure").ok())
            }
        };
        Event {
            topics: Topic::made(self.path(subscriber)).into(),
            // Its members are texts, and JSON that has been read: there is nothing to fail.
            data: data.unwrap_or_default(),
            id: None,
            kind,
            retry: None,
            ttl: None,
            private: true,
        }
    }

    /// Where it is found, which is also the topic of its events.
    fn path(&self, subscriber: Uuid) -> String {
        let text = utf8_percent_encode(self.text.as_str(), ESCAPED).to_string();
        let subscriber = urn(subscriber);
        let subscriber = utf8_percent_encode(&subscriber, ESCAPED);
        match self.kind {
            // As in a form.
            Kind::Selector => format!("{COLLECTION}/{}/{subscriber}", text.replace("%20", "+")),
            Kind::Exact | Kind::UrlPattern => {
                format!("{COLLECTION}/{}/{text}/{subscriber}", self.kind.match_type())
            }
        }
    }
}

/// What a subscriber is called.
pub fn urn(subscriber: Uuid) -> String {
    subscriber.urn().to_string()
}

/// A subscription as the world sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Subscription)]
pub enum Document<'a> {
    /// Of 0.x.
    Old(Old<'a>),
    /// Of 1.0.
    New(New<'a>),
}

/// The members of 0.x, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionOld)]
pub struct Old<'a> {
    #[serde(rename = "@context", skip_serializing_if = "Option::is_none")]
    context: Option<&'static str>,
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    subscriber: String,
    topic: &'a str,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
    #[serde(rename = "lastEventID", skip_serializing_if = "Option::is_none")]
    last_event_id: Option<&'a str>,
}

/// The members of 1.0, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionNew)]
pub struct New<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    subscriber: String,
    #[serde(rename = "match")]
    matcher: &'a str,
    match_type: &'static str,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    payload: Option<&'a RawValue>,
}

impl<'a> Document<'a> {
    /// The same outside of a collection, with the id of the newest event where that is asked for.
    pub fn alone(self, last_event_id: Option<&'a str>) -> Self {
        match self {
            Self::Old(old) => Self::Old(Old { context: Some(CONTEXT), last_event_id, ..old }),
            // Its cursor is in a header.
            Self::New(new) => Self::New(new),
        }
    }
}

/// A list of subscriptions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscriptions)]
pub struct Collection<'a> {
    #[serde(rename = "@context", skip_serializing_if = "Option::is_none")]
    context: Option<&'static str>,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "lastEventID", skip_serializing_if = "Option::is_none")]
    last_event_id: Option<&'a str>,
    subscriptions: Vec<Document<'a>>,
}

impl<'a> Collection<'a> {
    /// A list in a dialect. `id` is what it was asked for by.
    pub fn new(
        dialect: Dialect,
        id: &'a str,
        last_event_id: &'a str,
        subscriptions: Vec<Document<'a>>,
    ) -> Self {
        match dialect {
            Dialect::Old => Self {
                context: Some(CONTEXT),
                id,
                kind: "Subscriptions",
                last_event_id: Some(last_event_id),
                subscriptions,
            },
            Dialect::New => Self {
                context: None,
                id,
                kind: "subscriptions",
                last_event_id: None,
                subscriptions,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(kind: Kind, text: &str, payload: Option<&str>) -> Subscription {
        let raw = |json: &str| Arc::from(RawValue::from_string(json.to_owned()).unwrap());
        Subscription { kind, text: Topic::parse(text).unwrap(), payload: payload.map(raw) }
    }

    #[test]
    fn each_character_has_its_escape_in_a_path() {
        let urn = "urn%3Auuid%3A00000000-0000-0000-0000-000000000000";
        for (text, old, new) in [
            ("plain-._~9", "plain-._~9", "plain-._~9"),
            ("a b+c", "a+b%2Bc", "a%20b%2Bc"),
            ("a/b?c=d&e#f", "a%2Fb%3Fc%3Dd%26e%23f", "a%2Fb%3Fc%3Dd%26e%23f"),
            ("100%20", "100%2520", "100%2520"),
            ("*!'()", "%2A%21%27%28%29", "%2A%21%27%28%29"),
            ("{a}é", "%7Ba%7D%C3%A9", "%7Ba%7D%C3%A9"),
            ("\0\n", "%00%0A", "%00%0A"),
        ] {
            let path = |kind| subscription(kind, text, None).path(Uuid::nil());
            assert_eq!(path(Kind::Selector), format!("{COLLECTION}/{old}/{urn}"));
            assert_eq!(path(Kind::Exact), format!("{COLLECTION}/exact/{new}/{urn}"));
            assert_eq!(path(Kind::UrlPattern), format!("{COLLECTION}/urlpattern/{new}/{urn}"));
        }
    }

    #[test]
    fn an_event_of_0_x_is_indented_and_one_of_1_0_is_not() {
        let payload = Some(r#"{"b":[1, "é"],"a":{}}"#);
        let event = subscription(Kind::Selector, "a", payload).event(Uuid::nil(), true);
        assert_eq!(
            event.data,
            r#"{
  "@context": "https://mercure.rocks/",
  "id": "/.well-known/mercure/subscriptions/a/urn%3Auuid%3A00000000-0000-0000-0000-000000000000",
  "type": "Subscription",
  "subscriber": "urn:uuid:00000000-0000-0000-0000-000000000000",
  "topic": "a",
  "active": true,
  "payload": {
    "a": {},
    "b": [
      1,
      "é"
    ]
  }
}"#
        );
        assert!(event.private && event.kind.is_none() && event.id.is_none());

        let event = subscription(Kind::Exact, "*", payload).event(Uuid::nil(), false);
        assert_eq!(
            event.data,
            r#"{"id":"/.well-known/mercure/subscriptions/exact/%2A/urn%3Auuid%3A00000000-0000-0000-0000-000000000000","type":"subscription","subscriber":"urn:uuid:00000000-0000-0000-0000-000000000000","match":"*","match_type":"exact","active":false,"payload":{"b":[1, "é"],"a":{}}}"#
        );
        assert!(event.private && event.id.is_none());
        assert_eq!(event.kind.map(|kind| kind.as_str().to_owned()).as_deref(), Some("mercure"));
        let none = subscription(Kind::UrlPattern, "a", None).event(Uuid::nil(), true);
        assert!(!none.data.contains("payload"), "{}", none.data);
        // A path is longer than what it names, and is never refused for that.
        let long = "%".repeat(crate::topic::MAX_TOPIC_BYTES);
        subscription(Kind::Selector, &long, None).event(Uuid::nil(), true);
    }
}
