//! Subscribing at the hub's own paths.

use serde_json::json;
use utoipa::openapi::{HttpMethod, path::ParameterBuilder};

use super::{
    Answer, Described, SUBSCRIBE, SUBSCRIBER, any_text, at_a_rate, in_a_query, in_a_token,
    in_header, in_query, several, text,
};
use crate::{
    auth::{AuthError, TICKET_LIFE},
    event::EARLIEST,
    http::{ApiError, MAX_TOPICS, ticket::Issued},
    hub::Refusal,
    invalid::Invalid,
    topic::{DEFAULT_TOPIC, MAX_TOPIC_BYTES},
};

const STREAM: &str = "text/event-stream";
const SAMPLE: &str = "data: {\"id\":\"0b9e4dd0-6b0a-4ba2-9d2c-0f3c1e6c8f52\"}\n\n\
                      id: #1764000000000-1\ndata: {\"message\":\"hello\"}\n\n";

pub fn described() -> Vec<Described> {
    vec![events(), events_head(), ticket()]
}

fn events() -> Described {
    let full = [Refusal::Full, Refusal::AddressFull, Refusal::SubjectFull, Refusal::Draining];
    Described::new(HttpMethod::Get, "/events", SUBSCRIBE, ("streamEvents", "Open a stream"))
        .says(
            "The answer goes on until someone ends it. It begins with an event that has no id, and \
             the id of the subscriber as its data. An event `gap` says that something was lost. A \
             client whose `Accept` has `text/event-stream` is not answered 429 or 503: a browser \
             would never ask again. It gets a stream that ends after a long `retry`.",
        )
        .needs(SUBSCRIBER)
        .takes(parameters())
        .answers(Answer::text(200, "The stream.", STREAM, SAMPLE).with("cache-control"))
        .counts_for_rates()
        .fails(refused())
        .fails(full.map(ApiError::Refused))
}

fn events_head() -> Described {
    Described::new(
        HttpMethod::Head,
        "/events",
        SUBSCRIBE,
        ("checkStream", "Ask for a stream’s head"),
    )
    .says("The same, but for the stream. It takes no place.")
    .needs(SUBSCRIBER)
    .takes(parameters())
    .answers(Answer::text(200, "The head of the stream.", STREAM, "").with("cache-control"))
    .counts_for_rates()
    .fails(refused())
}

fn ticket() -> Described {
    Described::new(
        HttpMethod::Post,
        "/ticket",
        SUBSCRIBE,
        ("getTicket", "Get a ticket for a stream"),
    )
    .says(&format!(
        "For browsers, whose `EventSource` sends no header: the ticket goes into the URL of one \
             stream, and is good for {} s. Where anyone may subscribe, there is nothing here.",
        TICKET_LIFE.as_secs(),
    ))
    .needs(&["bearer", "query", "cookie"])
    .answers(
        Answer::json::<Issued>(
            200,
            "A ticket.",
            json!({"success": true, "ticket": "Q2hhbmdlIG1lLCBJIGFtIG5vIHRpY2tldA",
                       "expires_in": TICKET_LIFE.as_secs()}),
        )
        .with("cache-control"),
    )
    .counts_for_rates()
    .fails([ApiError::NotFound, ApiError::Tickets])
    .fails(in_a_query())
    .fails(in_a_token())
    .fails(at_a_rate())
}

fn parameters() -> [ParameterBuilder; 3] {
    // An empty one is none, and one that never was is answered with what there is.
    let id = || any_text();
    [
        in_query(
            "topic",
            several(text(MAX_TOPIC_BYTES), MAX_TOPICS),
            "What is asked for, once for each: a topic, `*` for all, or an RFC 6570 template. \
             Without one it is `default`. At most 4096 bytes each.",
        )
        .example(Some(json!([DEFAULT_TOPIC, "/orders/{id}"]))),
        in_query(
            "lastEventID",
            id(),
            "The id of the last event that came: what followed is sent first. `earliest`: all that \
             is kept. `lastEventId`, `last_event_id` and `Last-Event-ID` are as good.",
        )
        .example(Some(json!(EARLIEST))),
        in_header("Last-Event-ID", id(), "The same; it comes before the query. Browsers send it."),
    ]
}

fn refused() -> Vec<ApiError> {
    let ticket = ApiError::Auth(AuthError::Ticket);
    let wrong = ApiError::Parameter(Invalid::TooMany { field: "topic", limit: MAX_TOPICS });
    [in_a_query(), vec![wrong], in_a_token(), vec![ticket], at_a_rate()].concat()
}
