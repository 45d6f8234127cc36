//! Whose pages may talk to the hub.
//!
//! Promises: a list has only origins that a browser sends, letter by letter, since that is how
//! they are compared. Does not: answer preflights (`cors`).

use std::str::FromStr;

use actix_web::{
    HttpRequest,
    http::{Uri, header},
};

use super::error::ApiError;

const ALLOWED: &str = "allowed is * or a list such as https://a.example,http://localhost:8080";

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
    pub fn check(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let (Self::Only(list), Some(origin)) = (self, request.headers().get(header::ORIGIN)) else {
            return Ok(());
        };
        let host = request.headers().get(header::HOST).map(header::HeaderValue::as_bytes);
        let origin = origin.to_str().unwrap_or_default();
        // Whether it is http or https only a proxy in front knows.
        let own = origin.split_once("://").is_some_and(|(_, at)| Some(at.as_bytes()) == host);
        if own || list.iter().any(|listed| listed == origin) {
            Ok(())
        } else {
            Err(ApiError::Origin)
        }
    }
}
