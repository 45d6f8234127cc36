//! One line a request, written when the head of its answer is ready: a stream's end has a line
//! of its own. And one for what makes no request: actix answers that by itself, without a body.

use std::{net::SocketAddr, time::Instant};

use actix_http::error::{DispatchError, ParseError};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::connection::Watch;

/// Names of query parameters whose values are secrets. Some have no meaning to the hub, but
/// clients send them by mistake.
const SECRETS: [&str; 8] =
    ["access_token", "api_key", "authorization", "jwt", "password", "secret", "ticket", "token"];

/// The longest part of a target that is logged, in bytes.
const MAX_TARGET: usize = 1024;

/// The middleware.
pub async fn log_request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = Instant::now();
    let method = request.method().clone();
    let target = log::log_enabled!(log::Level::Info)
        .then(|| cut(redact(request.path(), request.query_string())));
    let peer = super::address(request.request());
    let watch = request.request().conn_data::<Watch>().cloned();
    if let Some(watch) = &watch {
        watch.begin_request();
    }
    let response = next.call(request).await?;
    if let Some(watch) = &watch {
        watch.end_request();
    }
    if let Some(target) = target {
        log::info!(
            "{peer} {method} {target} {status} {took:.1?}",
            status = response.status().as_u16(),
            took = begun.elapsed(),
        );
    }
    Ok(response)
}

/// A connection has ended. Its requests have been logged, but for one that made no sense.
pub fn log_end(peer: Option<SocketAddr>, watch: &Watch, end: &Result<(), DispatchError>) {
    let peer = super::address_of(peer);
    match end {
        Err(DispatchError::Parse(ParseError::TooLarge)) => {
            log::info!("{peer} sends a head that is too large, 431");
        }
        Err(DispatchError::Parse(error)) => log::info!("{peer} sends no HTTP, 400: {error}"),
        // A browser that connects ahead of time, a scan, or a head that took too long.
        _ if !watch.was_asked() => log::debug!("{peer} made no whole request (408, or none)"),
        _ => {}
    }
}

/// A target may have many KiB, and has a line all the same.
fn cut(mut target: String) -> String {
    if target.len() > MAX_TARGET {
        target.truncate(target.floor_char_boundary(MAX_TARGET));
        target.push_str("...");
    }
    target
}

/// The path and query with the values of secrets left out. The text of a request's target has no
/// line ends and no control characters: it could not be parsed.
fn redact(path: &str, query: &str) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    let mut target = format!("{path}?");
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            target.push('&');
        }
        match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => target.extend([name, "=***"]),
            _ => target.push_str(pair),
        }
    }
    target
}

fn is_secret(name: &str) -> bool {
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    SECRETS.contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn secrets_are_left_out_whatever_their_case_and_escapes() {
        assert_eq!(redact("/events", ""), "/events");
        assert_eq!(redact("/events", "topic=a&token=x"), "/events?topic=a&token=***");
        assert_eq!(
            redact("/e", "Authorization=x&%74oken=y&t"),
            "/e?Authorization=***&%74oken=***&t"
        );
    }
}
