//! HTTP: requests in, answers out.
//!
//! Owns: the route table. Promises: every path answers every method, with JSON where it is an
//! error. Does not: know how events travel; it speaks to the [`crate::hub`] alone.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::header,
    middleware::from_fn,
    web::{ServiceConfig, delete, get, head, method, post, resource, to},
};

mod admin;
mod body;
mod cors;
mod credentials;
mod error;
mod events;
mod health;
mod intake;
mod line;
mod log;
mod mercure;
mod metrics;
mod origins;
mod page;
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

pub use body::BodyLimits;
pub use cors::Origins;
pub use credentials::Credentials;
pub use error::ApiError;
pub use intake::Intake;
pub use mercure::{Presence, tell_of_the_dead};
pub use metrics::serve_metrics;
pub use origins::OriginPatterns;
pub use refusals::Refusals;
pub use repeats::Repeats;
pub use server::{ServerSettings, serve};
pub use stream::DirectWrite;

use cors::{answer_preflights, cors};
use log::{log_end, log_request};
use refusals::count_refusal;
use unread::end_unread;

/// The most topics of one event, and the most selectors of one stream, at the hub's own endpoints.
const MAX_TOPICS: usize = 100;

const READ: &str = "GET, HEAD, OPTIONS";
const REMOVE: &str = "DELETE, OPTIONS";
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
    path!(["/admin/subscribers", "/admin/subscribers/"], REMOVE, delete().to(admin::revoke));
    read!(["/health/live", "/health/live/"], health::live);
    read!(["/health/ready", "/health/ready/"], health::ready);
    read!(["/healthz"], health::healthz);
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

/// Where a request comes from.
fn address(request: &HttpRequest) -> IpAddr {
    // A TCP connection always has a peer; one without is on this machine.
    let address = request.peer_addr().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip());
    // A listener of both protocols has those of IPv4 as `::ffff:192.0.2.1`.
    address.to_canonical()
}
