//! The answer of a hub to one request.
//!
//! Promises: a success is printed as it came, and what is none is the error of the command, with
//! its status. Does not: know what was asked.

use awc::SendClientRequest;

use super::hub_url::HubUrl;

/// Waits for the answer, and prints it.
pub async fn print(url: &HubUrl, request: SendClientRequest) -> Result<(), String> {
    let mut response = request.await.map_err(|error| format!("{url}: {error}"))?;
    let body = response.body().await.map_err(|error| format!("{url}: {error}"))?;
    let answer = String::from_utf8_lossy(&body);
    if response.status().is_success() {
        super::print(answer)
    } else {
        Err(format!("{}: {answer}", response.status()))
    }
}
