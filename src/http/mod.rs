//! HTTP: requests in, answers out.
//!
//! Owns: the route table. Promises: every path answers every method, with JSON where it is an
//! error. Does not: know how events travel; it speaks to the [`crate::hub`] alone.

use actix_web::{
    HttpResponse, ResponseError as _,
    http::header,
    middleware::from_fn,
    web::{ServiceConfig, delete, get, head, method, post, resource, to},
};

mod admin;
mod body;
mod client_address;
mod cors;
mod credentials;
mod error;
mod events;
mod health;
mod intake;
mod limits;
mod log;
mod mercure;
mod metrics;
mod origins;
mod page;
mod parting;
mod query;
mod refusals;
mod send_event;
mod server;
mod stream;
mod ticket;
mod unread;
mod worker;

pub use actix_web::http::header::HeaderName;
pub use admin::drain::DefaultPace;
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
pub use server::{ServerSettings, serve};
pub use stream::DirectWrite;

// For the targets of fuzz/.
#[cfg(fuzzing)]
pub use {body::compact, mercure::Fields, query::parse_pairs};

use client_address::{address, address_of};
use cors::{answer_preflights, cors};
use limits::show_rates;
use log::{log_end, log_request};
use parting::part;
use refusals::count_refusal;
use unread::end_unread;

/// The most topics of one event, and the most selectors of one stream, at the hub's own endpoints.
const MAX_TOPICS: usize = 100;

const READ: &str = "GET, HEAD, OPTIONS";
const REMOVE: &str = "DELETE, OPTIONS";
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
    path!(["/ticket", "/ticket/"], WRITE, post().to(ticket::post));
    path!(["/admin/subscribers", "/admin/subscribers/"], REMOVE, delete().to(admin::revoke));
    path!(
        ["/admin/drain", "/admin/drain/"],
        READ_AND_WRITE,
        get().to(admin::drain::get),
        post().to(admin::drain::post)
    );
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
