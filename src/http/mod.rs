//! HTTP: requests in, answers out.
//!
//! Owns: the route table. Promises: every path answers every method, with JSON where it is an
//! error. Does not: know how events travel; it speaks to the [`crate::hub`] alone.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::header,
    middleware::from_fn,
    web::{ServiceConfig, delete, get, head, method, post, put, resource, to},
};

mod admin;
mod body;
mod client_address;
mod cors;
mod credentials;
mod error;
mod events;
mod h2;
mod h2_answer;
mod health;
mod intake;
mod limits;
mod line;
mod log;
mod mercure;
mod metrics;
mod openapi;
mod opening;
mod origins;
mod page;
mod parting;
mod parts;
mod query;
mod refusals;
mod repeats;
mod schedule;
mod send_event;
mod send_events;
mod server;
mod stream;
mod ticket;
mod unread;
mod worker;

pub use actix_web::http::header::HeaderName;
pub use admin::{Console, DefaultPace, Desk, Setting};
pub use body::BodyLimits;
pub use client_address::{Proxies, TrustedProxies, parse_client_address_header};
pub use cors::Origins;
pub use credentials::Credentials;
pub use error::ApiError;
pub use intake::Intake;
pub use limits::{Limits, Rate, Rates};
pub use mercure::{Presence, tell_of_the_dead};
pub use metrics::serve_metrics;
pub use origins::OriginPatterns;
pub use parting::Connections;
pub use refusals::Refusals;
pub use repeats::Repeats;
pub use server::{ServerSettings, serve};
pub use stream::DirectWrite;

// For the targets of fuzz/.
#[cfg(fuzzing)]
pub use {body::compact, line::read as read_line, mercure::Fields, query::parse_pairs};

use client_address::{address, address_of};
use cors::{answer_preflights, cors};
use limits::show_rates;
use log::{log_end, log_end_of_h2, log_request};
use parting::part;
use refusals::count_refusal;
use unread::end_unread;

/// The most topics of one event, and the most selectors of one stream, at the hub's own endpoints.
const MAX_TOPICS: usize = 100;

const READ: &str = "GET, HEAD, OPTIONS";
const READ_AND_WRITE: &str = "GET, POST, OPTIONS";
const WRITE: &str = "POST, OPTIONS";

/// The route table. A trailing slash is as good as none, as it was with Express.
fn routes(
    config: &mut ServiceConfig,
    credentials: &Credentials,
    presence: Option<&Presence>,
    shows_metrics: bool,
) {
    macro_rules! path {
        ($paths:expr, $allow:expr $(, $route:expr)+) => {
            // A resource each: one with several paths finds them by regular expressions, which takes
            // a microsecond of every request.
            for path in $paths {
                config.service(
                    resource(path)
                        $(.route($route))+
                        .route(
                            method(actix_web::http::Method::OPTIONS).to(async || options($allow)),
                        )
                        .default_service(to(async || ApiError::Method($allow).error_response())),
                );
            }
        };
    }
    macro_rules! read {
        ($paths:expr, $handler:path) => {
            path!($paths, READ, get().to($handler), head().to($handler))
        };
    }

    path!(["/events", "/events/"], READ, get().to(events::get), head().to(events::head_only));
    let publish = || post().to(send_event::post).wrap(from_fn(count_refusal));
    path!(["/send-event", "/send-event/"], WRITE, publish());
    let publish_all = || post().to(send_events::post).wrap(from_fn(count_refusal));
    path!(["/send-events", "/send-events/"], WRITE, publish_all());
    path!(["/ticket", "/ticket/"], WRITE, post().to(ticket::post));
    path!(
        ["/admin/subscribers", "/admin/subscribers/"],
        "GET, HEAD, DELETE, OPTIONS",
        get().to(admin::subscribers),
        head().to(admin::subscribers),
        delete().to(admin::revoke)
    );
    path!(["/admin/subscribers/{id}"], "DELETE, OPTIONS", delete().to(admin::revoke_one));
    path!(
        ["/admin/log-level", "/admin/log-level/"],
        "GET, HEAD, PUT, OPTIONS",
        get().to(admin::log_level),
        head().to(admin::log_level),
        put().to(admin::set_log_level)
    );
    path!(
        ["/admin/drain", "/admin/drain/"],
        READ_AND_WRITE,
        get().to(admin::drain::get),
        post().to(admin::drain::post)
    );
    read!(["/admin/topics", "/admin/topics/"], admin::topics);
    read!(["/admin/history", "/admin/history/"], admin::history);
    read!(["/admin/settings", "/admin/settings/"], admin::settings);
    read!(["/admin/stats", "/admin/stats/"], admin::stats);
    read!(["/health/live", "/health/live/"], health::live);
    read!(["/health/ready", "/health/ready/"], health::ready);
    read!(["/healthz"], health::healthz);
    read!(["/openapi.json"], openapi::get);
    read!(["/"], page::index);
    read!(["/static/{name:.*}"], page::asset);
    if shows_metrics {
        read!(["/metrics", "/metrics/"], metrics::metrics);
    }
    mercure::routes(config, credentials, presence);
    config.default_service(to(not_found));
}

fn options(allow: &'static str) -> HttpResponse {
    HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish()
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

/// Whether what serves a request speaks TLS.
struct Secure(bool);

/// The scheme of the URL that the client has: what a proxy says, unless TLS ends here.
fn scheme(request: &HttpRequest) -> String {
    match request.app_data::<Secure>() {
        Some(Secure(true)) => "https".to_owned(),
        _ => request.connection_info().scheme().to_owned(),
    }
}
