//! Who a request of Mercure is from, and what it may do.
//!
//! Owns: where a token is looked for, in each dialect: the header, in 0.x the query, a cookie.
//! Promises: the first of these that is there counts, however wrong it is; a token is verified by
//! the rules of its own generation, and refused in the words of the request's. Does not: verify
//! (`auth`).

use actix_web::{HttpRequest, http::header};

use super::{
    PATH,
    dialect::Dialect::{self, New, Old},
    error::MercureError,
    fields::Fields,
};
use crate::{
    auth::{self, AuthError, Generation, Grant},
    http::credentials::{COOKIE, Credentials, origin_of},
};

/// The cookie of 1.0: browsers take one of this name over TLS alone.
pub const NEW_COOKIE: &str = "__Secure-mercure_access_token";

/// The shortest header with a token, and the shortest token of a query, as 0.x has them.
const SHORTEST_HEADER: usize = 48;
const SHORTEST_TOKEN: usize = 41;

/// A request on its way to be authorized.
pub struct Access<'a> {
    credentials: &'a Credentials,
    request: &'a HttpRequest,
    /// Where a token is, of those that the dialect knows.
    place: Place,
    /// As far as it is clear: what the request says, or else its first token that can be read.
    dialect: Option<Dialect>,
}

enum Place {
    Header(Vec<Vec<u8>>),
    Query(Vec<Vec<u8>>),
    Cookie(String),
    Nowhere,
}

impl<'a> Access<'a> {
    /// Looks for a token. `dialect` is what the request itself says, if it does.
    pub fn of(
        credentials: &'a Credentials,
        request: &'a HttpRequest,
        query: &Fields,
        dialect: Option<Dialect>,
    ) -> Self {
        let headers = request.headers().get_all(header::AUTHORIZATION);
        let headers: Vec<_> = headers.map(|value| value.as_bytes().to_vec()).collect();
        let queries: Vec<_> = match dialect {
            Some(New) => Vec::new(),
            _ => query.all("authorization").map(<[u8]>::to_vec).collect(),
        };
        let cookies = match dialect {
            Some(Old) => &[COOKIE][..],
            Some(New) => &[NEW_COOKIE],
            None => &[COOKIE, NEW_COOKIE],
        };
        let place = if !headers.is_empty() {
            Place::Header(headers)
        } else if !queries.is_empty() {
            Place::Query(queries)
        } else {
            credentials.cookie(request, cookies).map_or(Place::Nowhere, Place::Cookie)
        };
        let dialect = dialect.or_else(|| place.generation().map(Dialect::from));
        Self { credentials, request, place, dialect }
    }

    /// Whose words an error has; not clear where nothing says it.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// What a publisher's token grants, and the dialect that it publishes in.
    pub async fn publisher(&self) -> Result<(Grant, Dialect), MercureError> {
        let token = self.token().map_err(|why| self.refuse(why))?;
        let token = token.ok_or_else(|| self.refuse(AuthError::Missing))?;
        let resource = self.credentials.resource(self.request);
        let granted = self.credentials.authority.publisher(&token, &resource).await;
        let grant = granted.map_err(|why| self.refuse(why))?;
        if grant.publish.is_none() {
            return Err(self.refuse(AuthError::NotGranted));
        }
        let dialect = grant.generation.into();
        Ok((grant, dialect))
    }

    /// What a subscriber's token grants; `None` where none is needed, and none is there.
    pub async fn subscriber(&self) -> Result<Option<Grant>, MercureError> {
        let authority = &self.credentials.authority;
        if authority.subscribing_is_open() {
            return Ok(None);
        }
        let Some(token) = self.token().map_err(|why| self.refuse(why))? else {
            let anonymous = authority.is_anonymous().then_some(None);
            return anonymous.ok_or_else(|| self.refuse(AuthError::Missing));
        };
        let resource = self.credentials.resource(self.request);
        let granted = authority.subscriber(&token, &resource).await;
        let grant = granted.map_err(|why| self.refuse(why))?;
        if self.dialect == Some(New) && grant.generation != Generation::AccessToken {
            return Err(self.refuse(AuthError::Claims));
        }
        Ok(Some(grant))
    }

    /// The answer to one who may not.
    pub fn refuse(&self, why: AuthError) -> MercureError {
        let resource = self.credentials.resource(self.request);
        let origin = origin_of(&resource).unwrap_or_default();
        let metadata = format!("{origin}/.well-known/oauth-protected-resource{PATH}");
        MercureError::Refused(why, self.dialect, metadata)
    }

    fn token(&self) -> Result<Option<String>, AuthError> {
        let token = match &self.place {
            Place::Nowhere => return Ok(None),
            Place::Header(values) => match &**values {
                [value] if value.len() >= SHORTEST_HEADER && self.is_scheme(&value[..7]) => {
                    &value[7..]
                }
                _ => return Err(AuthError::Malformed),
            },
            Place::Query(values) => match &**values {
                [token] if token.len() >= SHORTEST_TOKEN => token,
                _ => return Err(AuthError::Malformed),
            },
            Place::Cookie(token) => {
                self.credentials.check_origin(self.request)?;
                token.as_bytes()
            }
        };
        // What is no text is no token; an empty one is none either.
        Ok(Some(String::from_utf8_lossy(token).into_owned()))
    }

    /// RFC 9110, 11.1 takes it in any case, and 0.x in one.
    fn is_scheme(&self, text: &[u8]) -> bool {
        match self.dialect {
            Some(New) => text.eq_ignore_ascii_case(b"Bearer "),
            _ => text == b"Bearer ",
        }
    }
}

impl Place {
    /// Of the first token that can be read.
    fn generation(&self) -> Option<Generation> {
        let read = |token: &[u8]| auth::generation(std::str::from_utf8(token).ok()?);
        match self {
            Self::Nowhere => None,
            Self::Header(values) => values
                .iter()
                .filter_map(|value| value.rsplit(|byte| *byte == b' ').next())
                .find_map(read),
            Self::Query(values) => values.iter().find_map(|value| read(value)),
            Self::Cookie(token) => read(token.as_bytes()),
        }
    }
}
