//! Health, metrics, the document itself, and the page.

use serde_json::json;
use utoipa::openapi::{HttpMethod, Object, Type};

use super::{Answer, Described, SERVICE, any_text, in_header, in_path, text};
use crate::{
    history::StorageError,
    http::{
        ApiError,
        health::{Alive, Ready},
    },
    hub::Refusal,
};

pub fn described() -> Vec<Described> {
    vec![live(), ready(), healthz(), metrics(), document(), page(), asset()]
}

fn get(path: &'static str, names: (&str, &str)) -> Described {
    Described::new(HttpMethod::Get, path, SERVICE, names)
}

fn live() -> Described {
    get("/health/live", ("isLive", "Does the process answer?")).answers(Answer::json::<Alive>(
        200,
        "It does.",
        json!({"success": true, "status": "live"}),
    ))
}

fn ready() -> Described {
    let storage =
        [StorageError::Full, StorageError::Failed, StorageError::Busy, StorageError::Away];
    get("/health/ready", ("isReady", "Does it take subscribers and events?"))
        .says("Not while it drains, while its history keeps nothing, or while a part does not answer.")
        .answers(Answer::json::<Ready>(
            200,
            "It does.",
            json!({"success": true, "status": "ready", "streams": 3, "subscribers": 3, "direct": 3,
                   "behind": 0, "ended": {"client": 12, "slow": 0}}),
        ))
        .fails([ApiError::Refused(Refusal::Draining), ApiError::NotReady])
        .fails(storage.map(ApiError::History))
}

fn healthz() -> Described {
    get("/healthz", ("healthz", "Does the process answer? (as the official Mercure hub has it)"))
        .answers(Answer::text(200, "It does.", "text/plain; charset=utf-8", "ok"))
}

fn metrics() -> Described {
    get("/metrics", ("metrics", "Everything that is counted"))
        .says("`OpenMetrics`, for Prometheus. Only there with `FANFARE_METRICS`.")
        .answers(
            Answer::text(
                200,
                "The numbers.",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                "# TYPE fanfare_streams gauge\nfanfare_streams 3\n# EOF\n",
            )
            .with("cache-control"),
        )
        .fails([ApiError::NotFound, ApiError::NotReady])
}

fn document() -> Described {
    let any = Object::with_type(Type::Object);
    let known = in_header("If-None-Match", any_text(), "The `ETag` of what the client has.");
    get("/openapi.json", ("openapi", "This document"))
        .takes([known])
        .answers(
            Answer::of(200, "OpenAPI 3.1.", "application/json", any, json!({"openapi": "3.1.0"}))
                .with("etag")
                .with("cache-control"),
        )
        .answers(Answer::bare(304, "The client has it.").with("etag").with("cache-control"))
}

fn page() -> Described {
    get("/", ("page", "The page"))
        .says("To try the hub out, for its operator, and with a reader of this document.")
        .answers(
            Answer::text(200, "HTML.", "text/html; charset=utf-8", "<!doctype html>")
                .with("content-security-policy")
                .with("cache-control"),
        )
}

fn asset() -> Described {
    let name = in_path("name", text(100), "The name of a file.").example(Some(json!("fanfare.js")));
    get("/static/{name}", ("asset", "A file of the page"))
        .takes([name])
        .answers(
            Answer::text(200, "The file.", "text/javascript; charset=utf-8", "// Tabs")
                .or("text/css; charset=utf-8")
                .or("text/html; charset=utf-8")
                .or("image/svg+xml")
                .with("content-security-policy")
                .with("cache-control"),
        )
        .fails([ApiError::NotFound])
}
