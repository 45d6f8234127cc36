//! `POST /ticket`: a ticket for one subscription, in exchange for a token.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Limits, credentials::Credentials, error::ApiError, query::Query};
use crate::auth::{AuthError, TICKET_LIFE};

/// What a client gets.
#[derive(Serialize, ToSchema)]
pub struct Issued {
    success: bool,
    /// For the parameter `ticket` of one `GET /events`.
    ticket: String,
    /// For how many seconds it can be used.
    expires_in: u64,
}

/// `POST`. It counts as a request for a stream does. Where anyone may subscribe there is nothing to have a ticket for.
pub async fn post(
    request: HttpRequest,
    limits: Data<Limits>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    if credentials.authority.subscribing_is_open() {
        return Err(ApiError::NotFound);
    }
    limits.connect.by_address(&request, 1)?;
    let query = Query::parse(request.query_string())?;
    let grant = credentials.subscriber(&request, &query).await?.ok_or(AuthError::Missing)?;
    limits.connect.by_subject(&request, grant.subject.as_ref(), 1)?;
    let ticket = credentials.tickets.issue(grant).ok_or(ApiError::Tickets)?;
    Ok(HttpResponse::Ok()
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .json(Issued { success: true, ticket, expires_in: TICKET_LIFE.as_secs() }))
}
