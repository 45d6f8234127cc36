//! Publishing at the hub's own path.

use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, RefOr, Schema, Type,
    request_body::RequestBodyBuilder,
    schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder},
};

use super::{
    Answer, Described, PUBLISH, PUBLISHER, at_a_rate, in_a_body, in_a_query, in_a_token, in_query,
    number, several, text, words,
};
use crate::{
    event::{MAX_ID_BYTES, MAX_RETRY_MS, MAX_TYPE_BYTES},
    history::StorageError,
    http::{ApiError, MAX_TOPICS, send_event::Published},
    hub::PublishError,
    invalid::Invalid,
    topic::{DEFAULT_TOPIC, MAX_TOPIC_BYTES},
};

pub fn described() -> Vec<Described> {
    vec![send_event()]
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
        ])
        .reads(
            RequestBodyBuilder::new()
                .description(Some(
                    "In UTF-8, and not compressed. At most `FANFARE_MAX_BODY`, 256 KiB as it comes.",
                ))
                .required(Some(utoipa::openapi::Required::True))
                .content("application/json", any_json())
                .content("application/x-www-form-urlencoded", form()),
        )
        .answers(Answer::json::<Published>(
            200,
            "It is published.",
            json!({"success": true, "id": "#1764000000000-1", "subscribers": 3}),
        ))
        .counts_for_rates()
        .fails(in_a_query())
        .fails(wrong())
        .fails(in_a_token())
        .fails(at_a_rate())
        .fails(in_a_body())
        .fails(not_published())
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
    let storage = [S::Full, S::Failed, S::Busy, S::Away].map(P::Storage);
    [P::Draining, P::Failing].into_iter().chain(storage).map(ApiError::Publish).collect()
}
