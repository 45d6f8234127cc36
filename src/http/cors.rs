//! Which pages may talk to the hub (Fetch standard, 3.2).
//!
//! Promises: open to any origin without credentials by default, `null` included (a page opened
//! from disk); with a list of origins, to these with credentials. Errors have the headers too. A
//! list has only origins that a browser sends, letter by letter: that is how they are compared.

use std::str::FromStr;

use actix_cors::Cors;
use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, Uri, header},
    middleware::Next,
};

use super::{error::ApiError, origins::OriginPatterns};

const ALLOWED: &str = "allowed is * or a list such as https://a.example,http://localhost:8080";

/// How long a browser may remember a preflight, in seconds: what Chromium allows at the most.
const MAX_AGE: usize = 7200;

/// Who may talk to the hub from a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Anyone, without credentials.
    Any,
    /// These, with credentials.
    Only(Vec<String>),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        let origins = origins.map(parse).collect::<Result<Vec<_>, _>>()?;
        if origins.is_empty() { Err(ALLOWED.to_owned()) } else { Ok(Self::Only(origins)) }
    }
}

fn parse(origin: &str) -> Result<String, String> {
    match sent_for(origin) {
        // A page that was opened from disk, or is in a sandbox.
        _ if origin == "null" => Ok(origin.to_owned()),
        Some(sent) if sent == origin => Ok(sent),
        Some(sent) => Err(format!("browsers send `{sent}`, and never `{origin}`; {ALLOWED}")),
        None => Err(ALLOWED.to_owned()),
    }
}

/// What a browser sends for pages of this address: scheme and host in lower case, the port where
/// it is not the scheme's own, and nothing else (WHATWG HTML, 7.1.1).
fn sent_for(address: &str) -> Option<String> {
    // The parser that actix-cors uses: what it refuses there panics.
    let uri: Uri = address.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let host = uri.host().filter(|host| !host.is_empty() && !host.contains('*'))?;
    let authority = uri.authority()?.as_str();
    let behind_user = authority.rsplit('@').next()?;
    let port = match behind_user.strip_prefix(host)?.strip_prefix(':').unwrap_or_default() {
        "" => None,
        digits => Some(digits.parse::<u16>().ok()?),
    };
    let port = match (&*scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    Some(format!("{scheme}://{}{port}", host.to_ascii_lowercase()))
}

impl Origins {
    /// Whether the page that a request comes from may publish, if it comes from one: a listed
    /// page, or the hub's own. Browsers ask no preflight for a form; they only hide the answer.
    /// One that may use a publisher's cookie may publish without it.
    pub fn check(&self, request: &HttpRequest, others: &OriginPatterns) -> Result<(), ApiError> {
        let (Self::Only(list), Some(origin)) = (self, request.headers().get(header::ORIGIN)) else {
            return Ok(());
        };
        let host = request.headers().get(header::HOST).map(header::HeaderValue::as_bytes);
        let origin = origin.to_str().unwrap_or_default();
        // Whether it is http or https only a proxy in front knows.
        let own = origin.split_once("://").is_some_and(|(_, at)| Some(at.as_bytes()) == host);
        if own || others.include(origin) || list.iter().any(|listed| listed == origin) {
            Ok(())
        } else {
            Err(ApiError::Origin)
        }
    }
}

/// The middleware.
pub fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_any_header()
        .expose_headers([header::RETRY_AFTER])
        .max_age(MAX_AGE);
    match origins {
        Origins::Any => cors.allow_any_origin().send_wildcard(),
        Origins::Only(list) => list
            .iter()
            .fold(cors, |cors, origin| cors.allowed_origin(origin))
            .supports_credentials(),
    }
}

/// Gives preflights the answers of the tutorial's server: 204 where they are allowed, and an
/// error like all others where not. Goes around [`cors`].
pub async fn answer_preflights(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if preflight {
        if response.status().is_success() {
            *response.response_mut().status_mut() = StatusCode::NO_CONTENT;
        } else {
            return Ok(response.error_response(ApiError::Cors));
        }
    }
    Ok(response)
}
