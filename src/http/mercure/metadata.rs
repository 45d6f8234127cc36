//! `GET /.well-known/oauth-protected-resource/.well-known/mercure`: what a client has to know to
//! get a token of 1.0 (RFC 9728).

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::{authorization::NEW_COOKIE, presence::Presence};
use crate::{auth::DETAIL, http::Credentials};

/// RFC 9728.
#[derive(Serialize, ToSchema)]
pub struct Metadata<'a> {
    resource: String,
    bearer_methods_supported: [&'a str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<&'a str>,
    authorization_details_types_supported: [&'a str; 1],
    mercure_cookie: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mercure_subscriptions: bool,
}

/// `GET` and `HEAD`, where anyone has a key.
pub async fn get(request: HttpRequest, credentials: Data<Credentials>) -> HttpResponse {
    HttpResponse::Ok().json(Metadata {
        resource: credentials.resource(&request),
        bearer_methods_supported: ["header"],
        authorization_servers: credentials.authority.issuers().collect(),
        authorization_details_types_supported: [DETAIL],
        mercure_cookie: credentials.cookie.as_deref().unwrap_or(NEW_COOKIE),
        mercure_subscriptions: request.app_data::<Data<Presence>>().is_some(),
    })
}
