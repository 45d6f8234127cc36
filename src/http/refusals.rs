//! Events that were not published, counted by why not.
//!
//! Owns: the counts. Promises: the words are the codes of errors, so that there are some dozens of
//! them at the most. Does not: count what makes no request, or asks for nothing to be published.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use parking_lot::Mutex;

use super::{error::ApiError, mercure::MercureError};

/// See the module. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Refusals {
    /// Those that there were since the start.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.0.lock().iter().map(|(why, count)| (*why, *count)).collect()
    }
}

/// The middleware of what publishes.
pub async fn count_refusal(
    refusals: Data<Refusals>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    if let Some(error) = response.response().error() {
        let ours = error.as_error::<ApiError>().map(ApiError::code);
        let code = ours.or_else(|| error.as_error().map(MercureError::code));
        *refusals.0.lock().entry(code.unwrap_or("other")).or_default() += 1;
    }
    Ok(response)
}
