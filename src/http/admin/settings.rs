//! `GET /admin/settings`: the settings in force.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, Credentials, Desk, answer, authorized};

/// What the filter of the log is called among arguments.
const LOG: &str = "log";

/// One of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Setting {
    /// Its name among arguments: nothing that a user sees.
    #[serde(skip)]
    pub id: String,
    /// The variable that sets it.
    #[serde(rename = "name")]
    pub variable: String,
    /// What holds; of a secret only that it is set. `None` where nothing does.
    #[schema(required = true)]
    pub value: Option<String>,
    /// `flag`, `environment` or `default`; or `operator`, for a filter of the log that was replaced.
    pub source: &'static str,
}

/// All of them.
#[derive(Serialize, ToSchema)]
pub struct Settings {
    settings: Vec<Setting>,
}

/// `GET`.
pub async fn settings(
    request: HttpRequest,
    desk: Data<Desk>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    authorized(&request, &credentials, "")?;
    let mut settings = desk.settings.to_vec();
    let filter = Some(desk.logbook.filter());
    let log = settings.iter_mut().find(|setting| setting.id == LOG);
    if let Some(log) = log.filter(|log| log.value != filter) {
        log.value = filter;
        log.source = "operator";
    }
    Ok(answer(Settings { settings }))
}
