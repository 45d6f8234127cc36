//! Mercure, as the document has it: what both generations of the protocol share, and where they
//! differ. Does not: describe `QUERY`, which `OpenAPI` 3.1 has no word for.

use std::time::Duration;

use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, Required, Type,
    path::{Parameter, ParameterBuilder},
    request_body::RequestBodyBuilder,
    schema::{AnyOfBuilder, ArrayBuilder},
};

use super::{
    MercureError,
    dialect::Dialect,
    document::{Collection, Document},
    error::TEXT,
    metadata::Metadata,
    subscribe::MAX_MATCHERS,
};
use crate::{
    auth::AuthError,
    event::{MAX_ID_BYTES, MAX_RETRY_MS, MAX_TYPE_BYTES},
    http::{
        limits::Limited,
        openapi::{
            Answer, Described, MERCURE, PUBLISHER, SUBSCRIBER, any_text, in_header, in_path,
            in_query, number, several, text,
        },
    },
    hub::Refusal,
    topic::{MAX_TOPIC_BYTES, MAX_TOPICS},
};

const HUB: &str = super::PATH;
const COLLECTION: &str = "/.well-known/mercure/subscriptions";
const STREAM: &str = "text/event-stream";
const OLD: &str = "application/ld+json";
const URN: &str = "urn:uuid:0b9e4dd0-6b0a-4ba2-9d2c-0f3c1e6c8f52";

/// All of it.
pub fn described() -> Vec<Described> {
    vec![
        subscribe(HttpMethod::Get, ("mercureSubscribe", "Open a stream")).answers(stream(
            "The stream.",
            ":\nid: urn:uuid:0b9e4dd0-6b0a-4ba2-9d2c-0f3c1e6c8f52\ndata: hello\n\n",
        )),
        subscribe(HttpMethod::Head, ("mercureCheckStream", "Ask for a stream’s head"))
            .answers(stream("The head of the stream.", "")),
        publish(),
        list(COLLECTION, ("mercureSubscriptions", "Who listens to what"), vec![]),
        list(
            "/.well-known/mercure/subscriptions/{topic}",
            ("mercureSubscriptionsOf", "Who listens to a topic (0.x)"),
            vec![part("topic", "A selector, as it was asked for.")],
        ),
        list(
            "/.well-known/mercure/subscriptions/{first}/{second}",
            ("mercureSubscription", "A subscription (0.x), or who asks by a matcher (1.0)"),
            vec![
                part("first", "0.x: a selector. 1.0: `exact` or `urlpattern`."),
                part("second", "0.x: the subscriber, a URN. 1.0: the matcher."),
            ],
        ),
        list(
            "/.well-known/mercure/subscriptions/{match_type}/{match}/{subscriber}",
            ("mercureSubscriptionByMatcher", "A subscription (1.0)"),
            vec![
                part("match_type", "`exact` or `urlpattern`."),
                part("match", "The matcher."),
                part("subscriber", "The subscriber, a URN."),
            ],
        ),
        metadata(),
    ]
}

fn part(name: &str, about: &str) -> Parameter {
    in_path(name, any_text().min_length(Some(1)), about).build()
}

fn stream(about: &str, sample: &str) -> Answer {
    Answer::text(200, about, STREAM, sample).with("cache-control").with("last-event-id")
}

fn subscribe(method: HttpMethod, names: (&str, &str)) -> Described {
    Described::new(method, HUB, MERCURE, names)
        .says(
            "Needs `topic` (0.x), or a matcher (1.0): which of them is there tells the generation. \
             `QUERY` takes the same as form fields. A client whose `Accept` has \
             `text/event-stream` is not answered 429 or 503, but gets a stream that ends.",
        )
        .needs(SUBSCRIBER)
        .takes(wanted())
        .counts_for_rates()
        .fails([MercureError::Parameter(r#"Missing "topic" parameter."#)])
        .fails(common())
        .fails(token())
        .fails([MercureError::TooMany, MercureError::Unavailable, MercureError::Failing])
}

fn wanted() -> [ParameterBuilder; 6] {
    let names = |max| several(text(MAX_TOPIC_BYTES), max);
    [
        in_query("topic", names(MAX_TOPICS), "0.x: topics, `*`, or RFC 6570 templates.")
            .example(Some(json!(["https://example.com/books/{id}"]))),
        in_query("match", names(MAX_MATCHERS), "1.0: topics as they are."),
        in_query("match_exact", names(MAX_MATCHERS), "The same."),
        in_query("match_urlpattern", names(MAX_MATCHERS), "1.0: URL Patterns."),
        in_query(
            "lastEventID",
            any_text(),
            "0.x: goes on after this; `earliest`: all that is kept.",
        ),
        in_header("Last-Event-ID", any_text(), "The same, for both; browsers send it."),
    ]
}

fn publish() -> Described {
    let string =
        |about: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(about));
    let several = ArrayBuilder::new()
        .items(text(MAX_TOPIC_BYTES))
        .min_items(Some(1))
        .max_items(Some(MAX_TOPICS));
    let topics = AnyOfBuilder::new().item(text(MAX_TOPIC_BYTES)).item(several);
    let id = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_ID_BYTES));
    let kind = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_TYPE_BYTES));
    let form = ObjectBuilder::new()
        .property("topic", topics)
        .property("data", string("Any text."))
        .property("id", id.description(Some("An id in place of the hub's URN.")))
        .property("type", kind.description(Some("The type in place of `message`.")))
        .property("retry", number(0, MAX_RETRY_MS as usize).description(Some("In milliseconds.")))
        .property("private", string("Whatever its value: only for those whose tokens cover it."))
        .required("topic");
    let example = json!({"topic": ["https://example.com/books/1"], "data": "hello"});
    let form = ContentBuilder::new().schema(Some(form)).example(Some(example));
    Described::new(HttpMethod::Post, HUB, MERCURE, ("mercurePublish", "Publish an event"))
        .needs(&PUBLISHER[1..])
        .reads(
            RequestBodyBuilder::new()
                .required(Some(Required::True))
                .content("application/x-www-form-urlencoded", form),
        )
        .answers(Answer::text(200, "The id of the event.", TEXT, URN))
        .counts_for_rates()
        .fails([MercureError::Parameter(r#"Missing "topic" parameter"#), MercureError::Reserved])
        .fails(common())
        .fails(token())
        .fails([MercureError::Timeout, MercureError::TooLarge])
        .fails([MercureError::Unavailable, MercureError::Failing])
}

fn list(path: &'static str, names: (&str, &str), parts: Vec<Parameter>) -> Described {
    let known =
        in_header("If-None-Match", any_text(), "The `ETag` of what the client has.").build();
    let example = json!({"@context": "https://mercure.rocks/", "id": COLLECTION,
        "type": "Subscriptions", "lastEventID": "earliest", "subscriptions": []});
    let list = if names.0 == "mercureSubscriptionByMatcher" {
        Answer::json::<Document<'_>>(
            200,
            "The subscription.",
            json!({
            "id": format!("{COLLECTION}/exact/a/{}", URN.replace(':', "%3A")),
            "type": "subscription", "subscriber": URN, "match": "a", "match_type": "exact",
            "active": true}),
        )
    } else {
        Answer::json::<Collection<'_>>(200, "JSON-LD (0.x) or JSON (1.0).", example)
    };
    Described::new(HttpMethod::Get, path, MERCURE, names)
        .says(
            "Only there with `FANFARE_SUBSCRIPTIONS`. The token has to cover the path. \
             What it has of a token, or the path's own words, tells the generation.",
        )
        .needs(SUBSCRIBER)
        .takes(parts.into_iter().chain([known]))
        .answers(list.also(OLD).with("etag").with("link").with("cache-control"))
        .answers(
            Answer::bare(304, "The client has it.").with("etag").with("link").with("cache-control"),
        )
        .fails([MercureError::NotFound, MercureError::Unavailable, MercureError::Failing])
        .fails([MercureError::BadRequest])
        .fails(token())
}

fn metadata() -> Described {
    let example = json!({"resource": "https://hub.example.com/.well-known/mercure",
        "bearer_methods_supported": ["header"],
        "authorization_details_types_supported": ["https://mercure.rocks/authorization-details"],
        "mercure_cookie": "mercure_authorization"});
    let path = "/.well-known/oauth-protected-resource/.well-known/mercure";
    Described::new(
        HttpMethod::Get,
        path,
        MERCURE,
        ("mercureMetadata", "What a client needs for a token"),
    )
    .says("RFC 9728. Only there where someone has a key.")
    .answers(Answer::json::<Metadata<'_>>(200, "The metadata.", example))
    .fails([MercureError::NotFound])
}

/// What any request to the hub may meet.
fn common() -> [MercureError; 4] {
    let limited = |why| MercureError::Limited(Limited { why, wait: Some(Duration::from_secs(1)) });
    [
        MercureError::BadRequest,
        // Where nobody has a key for this.
        MercureError::Method("OPTIONS".to_owned()),
        limited(Refusal::AddressRate),
        limited(Refusal::SubjectRate),
    ]
}

/// What a token may lack, as both generations say it.
fn token() -> Vec<MercureError> {
    use AuthError as A;
    let place = "https://hub.example.com/.well-known/oauth-protected-resource/.well-known/mercure";
    let all = [
        A::Missing,
        A::Malformed,
        A::Signature,
        A::Expired,
        A::TooEarly,
        A::Audience,
        A::Issuer,
        A::Origin,
        A::NotGranted,
        A::NoKeys,
    ];
    let refused = |why| {
        [Dialect::Old, Dialect::New]
            .map(|dialect| MercureError::Refused(why, Some(dialect), place.to_owned()))
    };
    all.into_iter().flat_map(refused).collect()
}
