//! `DELETE /admin/subscribers`, and `/{id}`: the operator ends streams.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use uuid::Uuid;

use super::{ApiError, Credentials, answer, authorized};
use crate::{
    hub::{Hub, Whom},
    invalid::Invalid,
};

/// How many streams were ended.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Revoked {
    /// 0 where there is no such subscriber.
    ended: usize,
}

/// `DELETE`. Ends the streams of a `subject` (the `sub` of their tokens), or that of the
/// subscriber with an `id`. Who still has a valid token can open another.
pub async fn revoke(
    request: HttpRequest,
    hub: Data<Hub>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let query = authorized(&request, &credentials, "subject, id")?;
    let whom = match (query.one("subject")?, query.one("id")?) {
        (Some(subject), None) => Whom::Subject(subject.to_owned()),
        (None, Some(id)) => subscriber(id)?,
        _ => return Err(Invalid::Whom.into()),
    };
    Ok(answer(Revoked { ended: hub.revoke(&whom) }))
}

/// `DELETE`. The same for the one that the path names.
pub async fn revoke_one(
    request: HttpRequest,
    id: Path<String>,
    hub: Data<Hub>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    Ok(answer(Revoked { ended: hub.revoke(&subscriber(&id)?) }))
}

fn subscriber(id: &str) -> Result<Whom, Invalid> {
    Uuid::try_parse(id).map(Whom::Subscriber).map_err(|_| Invalid::SubscriberId)
}
