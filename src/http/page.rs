//! `GET /` and `/static/...`: the test page, built into the binary.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Path},
};

use super::error::ApiError;

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

macro_rules! assets {
    ($($name:literal: $content_type:expr,)*) => {
        &[$(Asset {
            name: $name,
            content_type: $content_type,
            content: include_bytes!(concat!("../../static/", $name)),
        }),*]
    };
}

const INDEX: &str = "index.html";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const ASSETS: &[Asset] = assets! {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "dashboard.css": "text/css; charset=utf-8",
    "api.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "access.js": JAVASCRIPT,
    "amounts.js": JAVASCRIPT,
    "api.js": JAVASCRIPT,
    "app.js": JAVASCRIPT,
    "connect.js": JAVASCRIPT,
    "copy.js": JAVASCRIPT,
    "counts.js": JAVASCRIPT,
    "curl.js": JAVASCRIPT,
    "dashboard.js": JAVASCRIPT,
    "discovery.js": JAVASCRIPT,
    "element.js": JAVASCRIPT,
    "ending.js": JAVASCRIPT,
    "events.js": JAVASCRIPT,
    "fanfare.js": JAVASCRIPT,
    "frames.js": JAVASCRIPT,
    "hub.js": JAVASCRIPT,
    "inbox.js": JAVASCRIPT,
    "json.js": JAVASCRIPT,
    "jwt.js": JAVASCRIPT,
    "latency.js": JAVASCRIPT,
    "link.js": JAVASCRIPT,
    "list.js": JAVASCRIPT,
    "log.js": JAVASCRIPT,
    "look.js": JAVASCRIPT,
    "marks.js": JAVASCRIPT,
    "mercure.js": JAVASCRIPT,
    "metadata.js": JAVASCRIPT,
    "meters.js": JAVASCRIPT,
    "names.js": JAVASCRIPT,
    "operation.js": JAVASCRIPT,
    "operator.js": JAVASCRIPT,
    "own.js": JAVASCRIPT,
    "parser.js": JAVASCRIPT,
    "poll.js": JAVASCRIPT,
    "probe.js": JAVASCRIPT,
    "prose.js": JAVASCRIPT,
    "protocol.js": JAVASCRIPT,
    "publish.js": JAVASCRIPT,
    "refusal.js": JAVASCRIPT,
    "request.js": JAVASCRIPT,
    "row.js": JAVASCRIPT,
    "schema.js": JAVASCRIPT,
    "settings.js": JAVASCRIPT,
    "soon.js": JAVASCRIPT,
    "spark.js": JAVASCRIPT,
    "stream.js": JAVASCRIPT,
    "subscribers.js": JAVASCRIPT,
    "subscriptions.js": JAVASCRIPT,
    "table.js": JAVASCRIPT,
    "tabs.js": JAVASCRIPT,
    "time.js": JAVASCRIPT,
    "token.js": JAVASCRIPT,
    "topics.js": JAVASCRIPT,
};

/// Nothing from elsewhere, nothing inline, in no one's frame. The page has a token: so it speaks to
/// its own origin alone.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// A worker has the policy of its own file, and no token: it asks other servers for their headers.
const WORKER: &str = "look.js";
const WORKER_POLICY: &str = "default-src 'none'; connect-src http: https:";

/// `GET /`.
pub async fn index() -> Result<HttpResponse, ApiError> {
    answer(INDEX)
}

/// `GET /static/{name}`. The page's own links are relative, so that it works behind a proxy that
/// adds a path; seen from `/static/index.html` they begin with a second `static/`.
pub async fn asset(name: Path<String>) -> Result<HttpResponse, ApiError> {
    answer(name.strip_prefix("static/").unwrap_or(&name))
}

fn answer(name: &str) -> Result<HttpResponse, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(ApiError::NotFound)?;
    let policy = if name == WORKER { WORKER_POLICY } else { PAGE_POLICY };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.content_type))
        // A new version of the binary is a new version of the page.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(web::Bytes::from_static(asset.content)))
}
