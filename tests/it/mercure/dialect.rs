//! The two generations of the protocol: how a request says which it is of.

use super::{hub::query, token};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 0.x, which everything deployed speaks.
    Old,
    /// 1.0.
    New,
}

use Dialect::{New, Old};

impl Dialect {
    pub const BOTH: [Self; 2] = [Old, New];

    /// Asks for one topic by its name.
    pub fn selector(self) -> &'static str {
        match self {
            Old => "topic",
            New => "match",
        }
    }

    /// Asks for a pattern.
    pub fn pattern(self) -> &'static str {
        match self {
            Old => "topic",
            New => "match_urlpattern",
        }
    }

    /// Where the query has the last id.
    pub fn cursor(self) -> &'static str {
        match self {
            Old => "lastEventID",
            New => "last_event_id",
        }
    }

    /// Where the answer says from which id it goes on.
    pub fn cursor_header(self) -> &'static str {
        match self {
            Old => "last-event-id",
            New => "mercure-last-event-id",
        }
    }

    pub fn cookie(self) -> &'static str {
        match self {
            Old => "mercureAuthorization",
            New => "__Secure-mercure_access_token",
        }
    }

    /// The query that asks for these topics.
    pub fn topics(self, topics: &[&str]) -> String {
        let fields: Vec<_> = topics.iter().map(|topic| (self.selector(), *topic)).collect();
        query(&fields)
    }

    /// The same, with a last id in the query.
    pub fn topics_after(self, topics: &[&str], last_event_id: &str) -> String {
        format!("{}&{}={last_event_id}", self.topics(topics), self.cursor())
    }

    /// A token to publish with.
    pub fn publisher(self, topics: &[&str]) -> String {
        match self {
            Old => token::publisher(topics),
            New => token::new_publisher(topics),
        }
    }

    /// A token to subscribe with.
    pub fn subscriber(self, topics: &[&str]) -> String {
        match self {
            Old => token::subscriber(topics),
            New => token::new_subscriber(topics),
        }
    }

    /// A token whose grants are these, signed as publishers' or subscribers' are.
    pub fn sign(self, claims: &serde_json::Value, key: &str) -> String {
        match self {
            Old => token::sign("JWT", claims, key),
            New => token::sign("at+jwt", claims, key),
        }
    }

    /// The claims of [`Self::publisher`] or [`Self::subscriber`].
    pub fn claims(self, action: &str, topics: &[&str]) -> serde_json::Value {
        match self {
            Old => serde_json::json!({ "mercure": { action: topics } }),
            New => token::grants(&[token::grant(action, topics)]),
        }
    }
}
