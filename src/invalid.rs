//! Why a part of an event or of a subscription is refused.
//!
//! Owns: the texts that a user reads. Promises: each names the field and the fix, and none
//! repeats the value. Does not: know which status an answer gets (`http::error`).

/// Why a part of an event or of a subscription is refused. The text names the field and the fix, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A part is there, but says nothing.
    #[error("`{field}` is empty: leave it out, or give it a value")]
    Empty {
        /// The part's name in a request.
        field: &'static str,
    },
    /// A part is longer than its limit.
    #[error("`{field}` is longer than {limit} bytes")]
    TooLong {
        /// The part's name in a request.
        field: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// CR and LF would end the field's line on the wire and begin another one; browsers ignore an
    /// id with NUL, and Firefox drops its whole event (WHATWG HTML, 9.2.6).
    #[error("`{field}` contains a CR, LF or NUL character, which the wire format can't carry")]
    LineBreak {
        /// The part's name in a request.
        field: &'static str,
    },
    /// Servers refuse a header with a control character, and take the white space off its ends: the
    /// client that reconnects would be lost, or ask for another id.
    #[error(
        "`{field}` contains a control character, or begins or ends with white space: a browser \
         can't hand it back"
    )]
    NoHeader {
        /// The part's name in a request.
        field: &'static str,
    },
    /// The id has a meaning to the hub.
    #[error("`id` begins with `#` or is `earliest`: these belong to the hub")]
    ReservedId,
    /// The topic has a meaning to the hub: nobody else may say who is there.
    #[error("`topic` contains /.well-known/mercure: these topics belong to the hub")]
    ReservedTopic,
    /// Not a reconnection time.
    #[error("`retry` is not a whole number of milliseconds from 0 to {limit}")]
    Retry {
        /// The limit in milliseconds.
        limit: u32,
    },
    /// Not a time, or too long a one.
    #[error("`{field}` is not a time such as 30 (seconds), 500ms or 2m, up to {limit}")]
    Time {
        /// The part's name in a request.
        field: &'static str,
        /// The longest.
        limit: &'static str,
    },
    /// Not a time of the calendar, or one that is too far away.
    #[error("`at` is not a time in UTC as YYYY-MM-DDThh:mm:ssZ, at most 7 days ahead")]
    At,
    /// A time to wait, and one to be there.
    #[error("`delay` and `at` are both given: choose one")]
    DelayTwice,
    /// A part is given more often than its limit.
    #[error("`{field}` is given more than {limit} times")]
    TooMany {
        /// The part's name in a request.
        field: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Neither on nor off.
    #[error(
        "`{field}` is on or off: leave its value out, or give it one of 1, true, on, 0, false, off"
    )]
    Switch {
        /// The part's name in a request.
        field: &'static str,
    },
    /// Not the id of a subscriber.
    #[error("`id` is not the id of a subscriber, which its stream begins with")]
    SubscriberId,
    /// Nobody is named, or too many are.
    #[error("name a `subject`, or the `id` of a subscriber: one of them")]
    Whom,
    /// None of a few words.
    #[error("`{field}` is none of {allowed}")]
    Choice {
        /// The part's name in a request.
        field: &'static str,
        /// The words.
        allowed: &'static str,
    },
    /// Not a number, or one that is too small or too large.
    #[error("`{field}` is not a whole number from {min} to {max}")]
    Number {
        /// The part's name in a request.
        field: &'static str,
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// Not an address.
    #[error("`{field}` is not an IP address, such as 192.0.2.1 or 2001:db8::1")]
    Address {
        /// The part's name in a request.
        field: &'static str,
    },
    /// A filter of the log that can't be read.
    #[error("`filter` is not a filter: {0}")]
    Filter(String),
    /// The query has a part where there is none.
    #[error("this takes no parameters in its query")]
    NoQuery,
    /// The query has a part that means nothing here: left out in silence, a filter that is misspelt
    /// would list everyone.
    #[error("the query has a parameter that is none of {allowed}")]
    Unknown {
        /// Those that there are.
        allowed: &'static str,
    },
    /// Not a time that a drain may take.
    #[error("`over` is a time such as 500ms, 10s or 2m, from 0 to 1h")]
    Over,
    /// Not a number of streams.
    #[error("`rate` is a whole number of streams a second, from 1 on")]
    Rate,
    /// A template would take too long to match.
    #[error("`{field}` is a template with more than {limit} expressions")]
    TooComplex {
        /// The part's name in a request.
        field: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Not a URL Pattern, or one that would take too much memory or too long to compile. Which of
    /// them is the compiler's secret.
    #[error("`{field}` is not a URL Pattern, or too complex: simplify it")]
    Pattern {
        /// The part's name in a request.
        field: &'static str,
    },
}
