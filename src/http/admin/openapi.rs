//! What the operator sees and does, as the document has it.

use serde_json::json;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, ObjectBuilder, Required, SchemaFormat, Type,
    path::ParameterBuilder, request_body::RequestBodyBuilder,
};

use super::{
    drain,
    history::Kept,
    log_level::{Level, MAX_FILTER},
    paging::{LIMIT, MAX_LIMIT, MAX_PAGE, Part},
    revoke::Revoked,
    settings::Settings,
    stats::Stats,
    subscribers, topics,
};
use crate::{
    http::{
        ApiError,
        openapi::{
            Answer, Described, OPERATE, OPERATOR, any_text, in_a_body, in_a_query, in_path,
            in_query, number, of_the_operator, text, words,
        },
    },
    invalid::Invalid,
    topic::MAX_TOPIC_BYTES,
};

const ID: &str = "0b9e4dd0-6b0a-4ba2-9d2c-0f3c1e6c8f52";

/// All of it.
pub fn described() -> Vec<Described> {
    vec![
        list_subscribers(),
        revoke(),
        revoke_one(),
        list_topics(),
        history(),
        settings(),
        stats(),
        log_level(),
        set_log_level(),
        drain_state(),
        begin_drain(),
    ]
}

fn operate(method: HttpMethod, path: &'static str, names: (&str, &str)) -> Described {
    Described::new(method, path, OPERATE, names)
        .needs(OPERATOR)
        .fails(of_the_operator())
        .fails(in_a_query())
}

/// The same for what has no parameters.
fn bare(method: HttpMethod, path: &'static str, names: (&str, &str)) -> Described {
    operate(method, path, names).fails(wrong(Invalid::NoQuery))
}

fn wrong(why: Invalid) -> [ApiError; 1] {
    [ApiError::Parameter(why)]
}

fn of_a_page() -> [ParameterBuilder; 3] {
    [
        in_query("order", words(["asc", "desc"]), "In which direction it is sorted."),
        in_query("page", number(1, MAX_PAGE).default(Some(json!(1))), "Which page."),
        in_query(
            "limit",
            number(1, MAX_LIMIT).default(Some(json!(LIMIT))),
            "How many rows a page has.",
        ),
    ]
}

fn list_subscribers() -> Described {
    let states = subscribers::STATES.map(|(word, _)| word);
    let sorts = subscribers::SORTS.map(|(word, _)| word);
    let some = |name, about| in_query(name, any_text().min_length(Some(1)), about);
    let filters = [
        some("subject", "The `sub` of the token."),
        in_query("address", text(45).format(Some(ip())), "The address of the client.")
            .example(Some(json!("192.0.2.1"))),
        in_query("topic", text(MAX_TOPIC_BYTES), "Would get what is published under this."),
        some("selector", "Asks for exactly this."),
        in_query("state", words(states), "How it stands."),
        in_query("sort", words(sorts).default(Some(json!("since"))), "What it is sorted by."),
    ];
    operate(HttpMethod::Get, "/admin/subscribers", ("listSubscribers", "Who has a stream"))
        .says("All that match every filter, in pages.")
        .takes(filters.into_iter().chain(of_a_page()))
        .answers(
            Answer::success::<Part<subscribers::Row>>(
                200,
                "A page of them.",
                json!({"total": 1, "pages": 1, "page": 1, "limit": LIMIT, "rows": [{
                    "id": ID, "subject": null, "address": "192.0.2.1", "state": "live",
                    "since": "2026-01-31T12:00:00.000Z", "seconds": 60, "selectors": ["default"],
                    "selectors_total": 1, "events": 2, "bytes": 95, "queued_events": 0,
                    "queued_bytes": 0, "last_id": "#1764000000000-2"}]}),
            )
            .refers_to::<subscribers::Row>()
            .with("cache-control"),
        )
        .fails(wrong(Invalid::Unknown { allowed: subscribers::PARAMETERS }))
        .fails([ApiError::NotReady])
}

fn revoke() -> Described {
    operate(HttpMethod::Delete, "/admin/subscribers", ("revoke", "End the streams of a subject"))
        .says(
            "Names a `subject`, or the `id` of one subscriber: one of them. A token that was issued \
             stays valid: its bearer can open another stream.",
        )
        .takes([
            in_query("subject", any_text(), "The `sub` of the token."),
            in_query("id", text(45), "The id that the stream began with."),
        ])
        .answers(Answer::success::<Revoked>(200, "They are ended.", json!({"ended": 2})))
        .fails(wrong(Invalid::Whom))
}

fn revoke_one() -> Described {
    let id = in_path("id", text(45).format(Some(uuid())), "The id that the stream began with.")
        .example(Some(json!(ID)));
    operate(HttpMethod::Delete, "/admin/subscribers/{id}", ("revokeOne", "End one stream"))
        .takes([id])
        .answers(Answer::success::<Revoked>(
            200,
            "It is ended, if it was there.",
            json!({"ended": 1}),
        ))
        .fails(wrong(Invalid::SubscriberId))
}

fn list_topics() -> Described {
    let kinds = topics::KINDS.map(|(word, _)| word);
    let sorts = topics::SORTS.map(|(word, _)| word);
    let filters = [
        in_query("contains", any_text().min_length(Some(1)), "Has this text in its name."),
        in_query("kind", words(kinds), "What it is."),
        in_query("sort", words(sorts).default(Some(json!("subscribers"))), "What it is sorted by."),
    ];
    operate(HttpMethod::Get, "/admin/topics", ("listTopics", "What is asked for, and published"))
        .takes(filters.into_iter().chain(of_a_page()))
        .answers(
            Answer::success::<topics::Shown>(
                200,
                "A page of them.",
                json!({"window": {"events": 2, "seconds": 61.2, "rate_seconds": 60.0},
                    "total": 1, "pages": 1, "page": 1, "limit": LIMIT, "rows": [{
                    "name": "default", "kind": "topic", "subscribers": 1, "events": 2,
                    "rate": 0.033, "last_id": "#1764000000000-2",
                    "last_time": "2026-01-31T12:00:00.000Z"}]}),
            )
            .with("cache-control"),
        )
        .fails(wrong(Invalid::Unknown { allowed: topics::PARAMETERS }))
        .fails([ApiError::NotReady])
}

fn kept() -> serde_json::Value {
    json!({"kind": "memory", "place": "memory", "health": "ok", "epoch": 1_764_000_000_000_u64,
        "events": 1, "bytes": 52,
        "oldest": {"id": "#1764000000000-1", "time": "2026-01-31T12:00:00.000Z"},
        "newest": {"id": "#1764000000000-1", "time": "2026-01-31T12:00:00.000Z"},
        "limits": {"events": 10_000, "bytes": 67_108_864, "age_seconds": 0.0}})
}

fn history() -> Described {
    bare(HttpMethod::Get, "/admin/history", ("history", "What is kept"))
        .answers(Answer::success::<Kept>(200, "What is kept.", kept()).with("cache-control"))
        .fails([ApiError::NotReady])
}

fn settings() -> Described {
    let example = json!({"settings": [
        {"name": "PORT", "value": "3000", "source": "default"},
        {"name": "FANFARE_ADMIN_TOKEN", "value": "set", "source": "environment"}]});
    bare(HttpMethod::Get, "/admin/settings", ("settings", "The settings in force"))
        .says("Of a secret only that it is set.")
        .answers(Answer::success::<Settings>(200, "All of them.", example).with("cache-control"))
}

fn stats() -> Described {
    let example = json!({
        "version": env!("CARGO_PKG_VERSION"), "started": "2026-01-31T12:00:00.000Z",
        "time": "2026-01-31T12:01:00.000Z", "uptime_seconds": 60.0, "draining": false,
        "streams": {"open": 1, "limit": 10_000, "live": 1, "direct": 1, "behind": 0, "resuming": 0,
            "opened": 3, "ended": {"left": 2}, "refused": {"full": 0}},
        "events": {"published": 1, "refused": {"invalid_json": 1},
            "live": {"events": 1, "bytes": 52}, "replayed": {"events": 0, "bytes": 0},
            "gaps": {"retention": 0}, "publishing": {"count": 1, "seconds": 0.0002},
            "writing": {"count": 1, "seconds": 0.0001}},
        "queued": {"events": 0, "bytes": 0}, "history": kept(), "everywhere": null,
        "log": {"filter": "info", "recent": [
            {"time": "2026-01-31T12:00:00.000Z", "level": "WARN", "message": "anyone may publish"}]}});
    bare(HttpMethod::Get, "/admin/stats", ("stats", "Every number of the dashboard"))
        .answers(Answer::success::<Stats>(200, "The numbers.", example).with("cache-control"))
        .fails([ApiError::NotReady])
}

const LEVEL: &str = "/admin/log-level";

fn level() -> serde_json::Value {
    json!({"filter": "info"})
}

fn log_level() -> Described {
    bare(HttpMethod::Get, LEVEL, ("logLevel", "What the log lets through"))
        .answers(Answer::success::<Level>(200, "The filter.", level()).with("cache-control"))
}

fn set_log_level() -> Described {
    let filter = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_FILTER));
    let schema = ObjectBuilder::new().property("filter", filter).required("filter");
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(level()));
    bare(HttpMethod::Put, LEVEL, ("setLogLevel", "Set what the log lets through"))
        .says("It holds until the hub is restarted.")
        .reads(
            RequestBodyBuilder::new()
                .description(Some("What `GET` answers. Of any content type."))
                .required(Some(Required::True))
                .content("application/json", content),
        )
        .answers(Answer::success::<Level>(200, "It is set.", level()).with("cache-control"))
        .fails([ApiError::Json("expected value at line 1 column 1".to_owned())])
        .fails(wrong(Invalid::TooLong { field: "filter", limit: MAX_FILTER }))
        .fails(in_a_body())
}

const DRAIN: &str = "/admin/drain";

fn drain_state() -> Described {
    let example = json!({"success": true, "draining": false, "streams": 3});
    bare(HttpMethod::Get, DRAIN, ("drainState", "Does it drain?")).answers(Answer::json::<
        drain::State,
    >(
        200,
        "Whether it drains, and who is left.",
        example,
    ))
}

fn begin_drain() -> Described {
    let example = json!({"success": true, "draining": true, "streams": 3, "milliseconds": 10_000});
    let parameters = [
        in_query("over", text(100), "How long it takes, such as `500ms`, `10s` or `2m`: up to 1h.")
            .example(Some(json!("10s"))),
        in_query("rate", number(1, usize::MAX), "How many streams end in a second.")
            .example(Some(json!(100))),
    ];
    operate(HttpMethod::Post, DRAIN, ("drain", "Move all subscribers off this hub"))
        .says(
            "Streams end one after the other, and their clients go to other hubs. New ones are \
             refused, and events too where the history ends with the process. Only a new process \
             takes it back.",
        )
        .takes(parameters)
        .answers(Answer::json::<drain::State>(202, "It drains.", example))
        .fails(wrong(Invalid::Over))
}

fn ip() -> SchemaFormat {
    SchemaFormat::Custom("ip".to_owned())
}

fn uuid() -> SchemaFormat {
    SchemaFormat::Custom("uuid".to_owned())
}
