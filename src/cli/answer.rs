//! The answer of a hub to one request.
//!
//! Promises: a success is printed as it came, and what is none is the error of the command, with
//! its status. Does not: know what was asked.

use awc::SendClientRequest;

use super::{hub_url::HubUrl, refusal};

/// Waits for the answer, and prints it. `ask` is for requests that may need a token.
pub async fn print(
    url: &HubUrl,
    request: SendClientRequest,
    ask: Option<refusal::Ask<'_>>,
) -> Result<(), String> {
    let mut response = request.await.map_err(|error| format!("{url}: {error}"))?;
    let body = response.body().await.map_err(|error| format!("{url}: {error}"))?;
    let status = response.status();
    if status.is_success() {
        return super::print(String::from_utf8_lossy(&body));
    }
    Err(ask.map_or_else(|| refusal::tell(status, &body), |ask| ask.explain(status, &body)))
}
