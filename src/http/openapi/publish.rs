//! Publishing at the hub's own path.

use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, RefOr, Required, Schema, Type,
    path::ParameterBuilder,
    request_body::RequestBodyBuilder,
    schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder},
};

use super::{
    Answer, Described, PUBLISH, PUBLISHER, at_a_rate, in_a_body, in_a_query, in_a_token, in_header,
    in_query, number, several, text, words,
};
use crate::{
    auth::AuthError,
    event::{MAX_ID_BYTES, MAX_RETRY_MS, MAX_TYPE_BYTES},
    history::StorageError,
    http::{
        ApiError, MAX_TOPICS,
        error::BadLine,
        limits::Limited,
        repeats::MAX_KEY,
        schedule::{Later, Now},
        send_events::{MAX_LINES, Published as PublishedEvents},
    },
    hub::{PublishError, Refusal},
    invalid::Invalid,
    topic::{DEFAULT_TOPIC, MAX_TOPIC_BYTES},
};

/// Says that it is the answer to an earlier request.
const REPLAYED: &str = "Idempotency-Replayed";
const LATER: &str = "urn:uuid:01a20432-ba0a-7049-b46f-3ad59e90714d";

pub fn described() -> Vec<Described> {
    vec![send_event(), send_events()]
}

fn send_event() -> Described {
    Described::new(HttpMethod::Post, "/send-event", PUBLISH, ("sendEvent", "Publish an event"))
        .says(
            "The whole body is the event's data: any JSON value, or form fields, which become an \
             object of strings. All else is in the query; parameters that it does not know it \
             ignores. The answer comes when the event is kept, and it is known who gets it.",
        )
        .needs(PUBLISHER)
        .takes([
            in_query(
                "topic",
                several(text(MAX_TOPIC_BYTES), MAX_TOPICS),
                "What it is published under, once for each topic. Without one it is `default`. \
                 At most 4096 bytes each, and none with `/.well-known/mercure`.",
            )
            .example(Some(json!([DEFAULT_TOPIC]))),
            in_query(
                "id",
                text(MAX_ID_BYTES),
                "An id in place of the hub's: one line of at most 256 bytes, with no white space \
                 at its ends, that does not begin with `#` and is not `earliest`.",
            )
            .example(Some(json!("order-17"))),
            in_query(
                "type",
                text(MAX_TYPE_BYTES),
                "The type in place of `message`: one line of at most 256 bytes.",
            )
            .example(Some(json!("news"))),
            in_query(
                "retry",
                number(0, MAX_RETRY_MS as usize),
                "When those who receive it reconnect, in milliseconds.",
            )
            .example(Some(json!(2500))),
            in_query(
                "private",
                words(["", "1", "true", "on", "0", "false", "off"]),
                "Only subscribers whose tokens cover one of its topics get it. Without a value: on.",
            )
            .example(Some(json!("off"))),
            in_query("ttl", time(), "How long it is kept for those who come later: up to 3650 days."),
            in_query("delay", time(), "When it is published, from now: up to 7 days."),
            in_query(
                "at",
                text(40),
                "The same as a time of the calendar, in its place: `2027-01-31T12:00:00Z`.",
            ),
            key(),
        ])
        .reads(
            RequestBodyBuilder::new()
                .description(Some(
                    "In UTF-8, and not compressed. At most `FANFARE_MAX_BODY`, 256 KiB as it comes.",
                ))
                .required(Some(Required::True))
                .content("application/json", any_json())
                .content("application/x-www-form-urlencoded", form()),
        )
        .answers(Answer::success::<Now>(200, "It is published.", json!({"id": "#1764000000000-1", "subscribers": 3}),
        ).with(REPLAYED))
        .answers(Answer::success::<Later>(202, "It will be published when it is due.", later()).with(REPLAYED))
        .counts_for_rates()
        .fails(in_a_query())
        .fails(wrong())
        .fails(in_a_key())
        .fails(in_a_token())
        .fails(at_a_rate())
        .fails(in_a_body())
        .fails(not_published())
}

fn send_events() -> Described {
    let names = ("sendEvents", "Publish several events");
    let example = r#"{"data":{"price":12.5},"topic":"/books/7","type":"price"}
{"data":"sold out","topic":["/books/8","news"],"id":"book-8-gone"}
"#;
    let lines = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    let bad = BadLine { line: 2, error: Some(Box::new(ApiError::NoData)) };
    let forbidden = ApiError::Auth(AuthError::NotGranted);
    let forbidden = BadLine { line: 1, error: Some(Box::new(forbidden)) };
    Described::new(HttpMethod::Post, "/send-events", PUBLISH, names)
        .says(&format!(
            "A JSON object a line, at most {MAX_LINES}. `data` has to be there, any JSON value; `topic` \
             is a text or a list of texts, `retry` a number, `private` true or false, `ttl` and `delay` \
             a number of seconds or a text; `type`, `id` and `at` are texts. They mean what they mean to \
             `/send-event`. All are published, in this order with nothing in between, or none; then \
             `lines` says of each what is wrong with it.",
        ))
        .needs(PUBLISHER)
        .takes([key()])
        .reads(
            RequestBodyBuilder::new()
                .description(Some("In UTF-8, and not compressed."))
                .required(Some(Required::True))
                .content(
                    "application/x-ndjson",
                    ContentBuilder::new().schema(Some(lines)).example(Some(json!(example))),
                ),
        )
        .answers(
            Answer::json::<PublishedEvents>(
                200,
                "They are published; some may wait.",
                json!({"success": true, "events": [
                    {"id": "#1764000000000-1", "subscribers": 0},
                    {"id": "book-8-gone", "subscribers": 0}]}),
            )
            .with(REPLAYED),
        )
        .answers(
            Answer::json::<PublishedEvents>(
                202,
                "All of them will be published when they are due.",
                json!({"success": true, "events": [{"id": LATER, "due": "2026-01-31T12:00:10.000Z"}]}),
            )
            .with(REPLAYED),
        )
        .counts_for_rates()
        .fails(in_a_query())
        .fails([ApiError::Lines(vec![bad]), ApiError::Lines(vec![forbidden]), ApiError::NoLines])
        .fails([ApiError::TooManyLines(MAX_LINES), ApiError::LinesMediaType])
        .fails([ApiError::ContentEncoding, ApiError::Origin])
        .fails([too_many_at_once()])
        .fails(in_a_key())
        .fails(in_a_token())
        .fails(at_a_rate())
        .fails(in_a_body())
        .fails(not_published())
}

/// More than the rate ever gives at once.
fn too_many_at_once() -> ApiError {
    ApiError::Limited(Limited { why: Refusal::AddressRate, wait: None })
}

fn time() -> ObjectBuilder {
    text(100).description(Some("A number of seconds, or a time such as `500ms` or `2m`."))
}

/// In quotes, it is longer by them.
fn key() -> ParameterBuilder {
    in_header(
        "Idempotency-Key",
        text(MAX_KEY + 2),
        "Publishes once, however often it is sent: 1 to 255 visible ASCII characters, in quotes or \
         without. For `FANFARE_IDEMPOTENCY_WINDOW`, 10 minutes as it comes.",
    )
}

fn in_a_key() -> [ApiError; 2] {
    [ApiError::IdempotencyKey(MAX_KEY), ApiError::KeyReused]
}

fn later() -> serde_json::Value {
    json!({"id": LATER, "due": "2026-01-31T12:00:10.000Z"})
}

fn any_json() -> ContentBuilder {
    // No type: any value.
    let any = ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::any());
    ContentBuilder::new().schema(Some(any)).example(Some(json!({"message": "hello"})))
}

fn form() -> ContentBuilder {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let either = AnyOfBuilder::new().item(string()).item(ArrayBuilder::new().items(string()));
    let fields = ObjectBuilder::new()
        .schema_type(Type::Object)
        .min_properties(Some(1))
        .additional_properties(Some(AdditionalProperties::from(RefOr::T(Schema::from(
            either.build(),
        )))));
    ContentBuilder::new().schema(Some(fields)).example(Some(json!({"message": "hello"})))
}

/// What only publishing refuses.
fn wrong() -> Vec<ApiError> {
    use ApiError as E;
    vec![
        E::Parameter(Invalid::Empty { field: "topic" }),
        E::EmptyBody,
        E::Utf8(17),
        E::Json("expected value at line 1 column 1".to_owned()),
        E::MediaType,
        E::ContentEncoding,
        E::Origin,
    ]
}

fn not_published() -> Vec<ApiError> {
    use PublishError as P;
    use StorageError as S;
    let storage = [S::Full, S::Failed, S::Crowded, S::Busy, S::Away].map(P::Storage);
    [P::Draining, P::Failing].into_iter().chain(storage).map(ApiError::Publish).collect()
}
