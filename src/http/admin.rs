//! `DELETE /admin/subscribers`: the operator ends streams.

pub mod drain;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use uuid::Uuid;

use super::{credentials::Credentials, error::ApiError, query::Query};
use crate::{
    hub::{Hub, Whom},
    invalid::Invalid,
};

/// `DELETE`. Ends the streams of a `subject` (the `sub` of their tokens), or that of the
/// subscriber with an `id`. Who still has a valid token can open another.
pub async fn revoke(
    request: HttpRequest,
    hub: Data<Hub>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    #[derive(serde::Serialize)]
    struct Revoked {
        success: bool,
        ended: usize,
    }

    credentials.operator(&request)?;
    let query = Query::parse(request.query_string())?;
    let whom = match (query.one("subject")?, query.one("id")?) {
        (Some(subject), None) => Whom::Subject(subject.to_owned()),
        (None, Some(id)) => {
            Whom::Subscriber(Uuid::try_parse(id).map_err(|_| Invalid::SubscriberId)?)
        }
        _ => return Err(Invalid::Whom.into()),
    };
    Ok(HttpResponse::Ok().json(Revoked { success: true, ended: hub.revoke(&whom) }))
}
