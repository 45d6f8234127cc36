//! Mercure at `/.well-known/mercure`: 0.x and 1.0 at the same time.
//!
//! Owns: the routes below `/.well-known/`, and the headers that all answers there have. Promises:
//! what nobody has a key for is not there. Does not: have events of its own; what is published here
//! is in the one history, and reaches `/events` too.

use actix_web::{
    Error, HttpResponse, Resource,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::{Method, header},
    middleware::{Next, from_fn},
    web::{self, Data, ServiceConfig, scope, to},
};

use super::{Credentials, refusals::count_refusal};

mod authorization;
mod cursor;
mod dialect;
mod document;
mod error;
mod fields;
mod metadata;
mod names;
mod openapi;
mod presence;
mod publish;
mod subscribe;
mod subscriptions;

pub use error::MercureError;
#[cfg(fuzzing)]
pub use fields::Fields;
pub use names::is_reserved;
pub use openapi::described;
pub use presence::{Presence, Present, tell_of_the_dead};

/// The path of the protocol.
pub const PATH: &str = "/.well-known/mercure";

/// What every answer has, errors too.
const SECURITY: [(header::HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'self'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_XSS_PROTECTION, "1; mode=block"),
];

/// The routes.
pub fn routes(config: &mut ServiceConfig, credentials: &Credentials, presence: Option<&Presence>) {
    let has_keys = !(credentials.authority.publishing_is_open()
        && credentials.authority.subscribing_is_open());
    let mut scope = scope("/.well-known").service(hub(credentials));
    if let Some(presence) = presence {
        let all = ["/mercure/subscriptions", "/mercure/subscriptions/{rest:.*}"];
        let resource = web::resource(all).route(web::get().to(subscriptions::get));
        scope = scope.app_data(Data::new(presence.clone())).service(complete(resource, &["GET"]));
    }
    if has_keys {
        let resource = web::resource("/oauth-protected-resource/.well-known/mercure")
            .route(web::get().to(metadata::get))
            .route(web::head().to(metadata::get));
        scope = scope.service(complete(resource, &["GET", "HEAD"]));
    }
    config.service(
        scope.default_service(to(async || Err::<HttpResponse, _>(MercureError::NotFound))),
    );
}

/// Gives every answer of the protocol the headers that make it safe to look at, a preflight's too.
/// Goes around `cors`.
pub async fn secure(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_ours = request.path().starts_with("/.well-known/");
    let mut response = next.call(request).await?;
    if is_ours {
        for (name, value) in SECURITY {
            response.headers_mut().insert(name, header::HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// The path of the protocol, with the methods that someone has a key for.
fn hub(credentials: &Credentials) -> Resource {
    let authority = &credentials.authority;
    let mut resource = web::resource("/mercure");
    let mut methods = Vec::new();
    if !authority.subscribing_is_open() || authority.is_anonymous_by_choice() {
        for method in ["GET", "HEAD", "QUERY"] {
            resource = resource.route(web::route().guard(is(method)).to(subscribe::get));
            methods.push(method);
        }
    }
    if !authority.publishing_is_open() {
        resource = resource.route(web::post().to(publish::post).wrap(from_fn(count_refusal)));
        methods.push("POST");
    }
    complete(resource, &methods)
}

/// Answers `OPTIONS`, and what is none of these methods.
fn complete(resource: Resource, methods: &[&str]) -> Resource {
    let allow = [methods, &["OPTIONS"]].concat().join(", ");
    let options = allow.clone();
    resource
        .route(web::method(Method::OPTIONS).to(move || {
            let mut response = HttpResponse::NoContent();
            let response = response.insert_header((header::ALLOW, &*options)).finish();
            async { response }
        }))
        .default_service(to(move || {
            let error = MercureError::Method(allow.clone());
            async { Err::<HttpResponse, _>(error) }
        }))
}

/// `QUERY` (draft-ietf-httpbis-safe-method-w-body) has no constant.
fn is(method: &'static str) -> impl guard::Guard {
    guard::fn_guard(move |context| context.head().method.as_str() == method)
}
