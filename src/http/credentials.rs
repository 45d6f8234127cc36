//! How a request says who it is from.
//!
//! Owns: where a token is looked for, and in which order: `Authorization: Bearer`, a ticket, the
//! query's `authorization`, a cookie. Promises: the first of these that is there counts, however
//! wrong it is; a cookie counts on a POST only from an origin that may use it, since browsers
//! send it whoever has written the page. Does not: verify (`auth`).

use actix_web::{
    HttpRequest,
    http::{Method, header},
};

use super::{error::ApiError, mercure, origins::OriginPatterns, query::Query};
use crate::auth::{AuthError, Authority, Grant, Secret, Tickets};

/// The cookie of Mercure 0.x, and of the hub's own endpoints.
pub const COOKIE: &str = "mercureAuthorization";

/// What decides about requests.
#[derive(Clone)]
pub struct Credentials {
    /// Who verifies.
    pub authority: Authority,
    /// The cookie that may have a token, where another name than the usual is set.
    pub cookie: Option<String>,
    /// Whose pages may use it on a POST.
    pub publish_origins: OriginPatterns,
    /// The token of the operator.
    pub admin: Option<Secret>,
    /// Tickets that can be used.
    pub tickets: Tickets,
}

/// What a request has.
#[derive(Debug, PartialEq, Eq)]
enum Given {
    Token(String),
    Ticket(String),
    Nothing,
}

impl Credentials {
    /// What a publisher's token grants; `None` where anyone may publish.
    pub async fn publisher(
        &self,
        request: &HttpRequest,
        query: &Query,
    ) -> Result<Option<Grant>, ApiError> {
        if self.authority.publishing_is_open() {
            return Ok(None);
        }
        match self.given(request, query, false)? {
            Given::Token(token) => {
                Ok(Some(self.authority.publisher(&token, &self.resource(request)).await?))
            }
            _ => Err(AuthError::Missing.into()),
        }
    }

    /// What a subscriber's token or ticket grants; `None` for one that needs none and has none.
    pub async fn subscriber(
        &self,
        request: &HttpRequest,
        query: &Query,
    ) -> Result<Option<Grant>, ApiError> {
        if self.authority.subscribing_is_open() {
            return Ok(None);
        }
        match self.given(request, query, request.method() == Method::GET)? {
            Given::Token(token) => {
                Ok(Some(self.authority.subscriber(&token, &self.resource(request)).await?))
            }
            Given::Ticket(ticket) => {
                Ok(Some(self.tickets.redeem(&ticket).ok_or(AuthError::Ticket)?))
            }
            Given::Nothing if self.authority.is_anonymous() => Ok(None),
            Given::Nothing => Err(AuthError::Missing.into()),
        }
    }

    /// Whether the request is from the operator. Where there is no token for that, there is
    /// nothing at its path.
    pub fn operator(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let admin = self.admin.as_ref().ok_or(ApiError::NotFound)?;
        match bearer(request)? {
            Some(token) if admin.is(&token) => Ok(()),
            Some(_) => Err(AuthError::Operator.into()),
            None => Err(AuthError::Missing.into()),
        }
    }

    fn given(
        &self,
        request: &HttpRequest,
        query: &Query,
        tickets: bool,
    ) -> Result<Given, ApiError> {
        if let Some(token) = bearer(request)? {
            return Ok(Given::Token(token));
        }
        let one = |name| query.one(name).map_err(|_| AuthError::Malformed);
        if let Some(ticket) = one("ticket")?.filter(|_| tickets) {
            return Ok(Given::Ticket(ticket.to_owned()));
        }
        if let Some(token) = one("authorization")? {
            return Ok(Given::Token(token.to_owned()));
        }
        let Some(token) = self.cookie(request, &[COOKIE]) else { return Ok(Given::Nothing) };
        self.check_origin(request)?;
        Ok(Given::Token(token))
    }

    /// The URL of the hub: what it is called, or else as the request has it.
    pub fn resource(&self, request: &HttpRequest) -> String {
        let connection = request.connection_info();
        self.authority.resource().map_or_else(
            || format!("{}://{}{}", super::scheme(request), connection.host(), mercure::PATH),
            str::to_owned,
        )
    }

    /// The token in the first of these cookies that is there; or in the one whose name is set.
    pub fn cookie(&self, request: &HttpRequest, names: &[&str]) -> Option<String> {
        let headers = request.headers().get_all(header::COOKIE);
        let pairs = headers.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
        let pairs: Vec<_> = pairs.filter_map(|pair| pair.trim().split_once('=')).collect();
        let find = |name: &str| pairs.iter().find(|(key, _)| *key == name);
        let (_, value) = match &self.cookie {
            Some(name) => find(name),
            None => names.iter().find_map(|name| find(name)),
        }?;
        Some(value.trim_matches('"').to_owned())
    }

    /// Whether a cookie counts. On a POST an `Origin` comes before a `Referer`; one of them there
    /// has to be.
    pub fn check_origin(&self, request: &HttpRequest) -> Result<(), AuthError> {
        if request.method() != Method::POST {
            return Ok(());
        }
        let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
        let origin = match (text(header::ORIGIN), text(header::REFERER)) {
            (Some(origin), _) => origin,
            (None, Some(referer)) => origin_of(referer).ok_or(AuthError::Referer)?,
            (None, None) => return Err(AuthError::Origin),
        };
        if self.publish_origins.include(origin) { Ok(()) } else { Err(AuthError::Origin) }
    }
}

/// The token of the header. One header, one scheme, one token: nothing else is guessed at.
fn bearer(request: &HttpRequest) -> Result<Option<String>, AuthError> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(AuthError::Malformed);
    }
    let value = value.to_str().map_err(|_| AuthError::Malformed)?;
    let (scheme, token) = value.split_once(' ').ok_or(AuthError::Malformed)?;
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(AuthError::Malformed);
    }
    Ok(Some(token.to_owned()))
}

/// Scheme and host of a URL. No browser writes escapes into a host, whatever they stand for.
pub fn origin_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + "://".len();
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |length| host + length);
    let valid = end > host && !url[host..end].contains('%') && url::Url::parse(url).is_ok();
    valid.then(|| &url[..end])
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn an_origin_is_the_url_up_to_its_path() {
        assert_eq!(origin_of("https://a.example:8443/x?y#z"), Some("https://a.example:8443"));
        assert_eq!(origin_of("https://a.example"), Some("https://a.example"));
        assert_eq!(origin_of("https://a.example?x"), Some("https://a.example"));
        assert_eq!(origin_of("https:///x"), None);
        assert_eq!(origin_of("a.example/x"), None);
        assert_eq!(origin_of("http://192.168.0.%31/"), None);
        assert_eq!(origin_of("http://[::1/"), None);
    }
}
