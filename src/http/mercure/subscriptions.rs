//! `GET /.well-known/mercure/subscriptions`: who is there, for those who may know.
//!
//! Owns: the three kinds of paths (all, those to one topic, a single one), and what says whether
//! anything has changed. Promises: the id of the newest event is read before the list is: whoever
//! reads on from that event misses nothing. Does not: know who is there (`presence`), or what is
//! said of them (`document`).

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        header::{self, HeaderValue},
        uri::PathAndQuery,
    },
    web::{self, Data},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{
    PATH,
    authorization::Access,
    dialect::Dialect,
    document::{COLLECTION, Collection, Document, Kind, Subscription},
    error::MercureError,
    fields::{Fields, decode},
    presence::{Presence, Subscriber},
};
use crate::{auth::AuthError, event::EARLIEST, http::Credentials, hub::Hub, topic::Topic};

/// What no id has in an entity tag of 1.0; nor what is not ASCII.
const TAG: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// What a path asks for. Its parts are those of the request, not decoded.
struct Asked<'a> {
    dialect: Option<Dialect>,
    parts: Vec<&'a str>,
}

/// The same, when it makes sense.
#[derive(Debug, PartialEq, Eq)]
enum Which {
    All(Dialect),
    Of(Kind, String),
    One(Kind, String, String),
}

impl<'a> Asked<'a> {
    /// Reads a path; its words, or those of the token, tell the dialect.
    fn parse(path: &'a str, token: Option<Dialect>) -> Option<Self> {
        let rest = path.strip_prefix(COLLECTION)?;
        let parts: Vec<_> = rest.split('/').skip(1).collect();
        let dialect = match *parts {
            [] => token,
            [_] => Some(Dialect::Old),
            [first, _] => {
                let by_path = match Kind::of_match_type(first) {
                    Some(_) => Dialect::New,
                    None => Dialect::Old,
                };
                Some(token.unwrap_or(by_path))
            }
            [_, _, _] => Some(Dialect::New),
            _ => return None,
        };
        Some(Self { dialect, parts })
    }

    fn which(&self) -> Result<Which, MercureError> {
        let text =
            |part: &str| decode(part.as_bytes()).and_then(|text| String::from_utf8(text).ok());
        let parts: Option<Vec<_>> = self.parts.iter().map(|part| text(part)).collect();
        let mut parts = parts.ok_or(MercureError::BadRequest)?.into_iter();
        let dialect = self.dialect.unwrap_or(Dialect::Old);
        let Some(first) = parts.next() else { return Ok(Which::All(dialect)) };
        let (kind, text) = match dialect {
            Dialect::Old => (Kind::Selector, first),
            Dialect::New => {
                let kind = Kind::of_match_type(&first).ok_or(MercureError::BadRequest)?;
                (kind, parts.next().ok_or(MercureError::NotFound)?)
            }
        };
        Ok(match parts.next() {
            None => Which::Of(kind, text),
            Some(subscriber) => Which::One(kind, text, subscriber),
        })
    }
}

/// `GET`.
pub async fn get(
    request: HttpRequest,
    hub: Data<Hub>,
    presence: Data<Presence>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, MercureError> {
    // As it was sent: what is escaped in a part of the path is not its end.
    let path = request.uri().path();
    let query = Fields::parse(request.query_string().as_bytes())?;
    let open = credentials.authority.subscribing_is_open();
    let token = Access::of(&credentials, &request, &query, None).dialect().filter(|_| !open);
    let asked = Asked::parse(path, token).ok_or(MercureError::NotFound)?;
    let id = match asked.dialect {
        Some(Dialect::New) => path,
        _ => request.uri().path_and_query().map_or(path, PathAndQuery::as_str),
    };
    if !open {
        let access = Access::of(&credentials, &request, &query, asked.dialect);
        let grant = access.subscriber().await?.ok_or_else(|| access.refuse(AuthError::Missing))?;
        if !grant.may_receive(&[Topic::made(id.to_owned())]).await {
            return Err(access.refuse(AuthError::NotGranted));
        }
    }
    let which = asked.which()?;
    let dialect = which.dialect();

    let newest = hub.newest_id().unwrap_or_else(|| EARLIEST.to_owned());
    let head = Head::new(dialect, &newest);
    if head.is_known_to(&request) {
        return Ok(head.complete(HttpResponse::NotModified()).finish());
    }
    let kind = match dialect {
        Dialect::Old => "application/ld+json",
        Dialect::New => "application/json",
    };
    let body = if let Which::One(kind, text, subscriber) = &which {
        let subscriber = presence.find(subscriber, &hub).await?.ok_or(MercureError::NotFound)?;
        let mut subscriptions = subscriber.subscriptions.iter();
        let found = subscriptions.find(|each| each.kind == *kind && each.text.as_str() == text);
        let found = found.ok_or(MercureError::NotFound)?;
        serde_json::to_vec(&found.document(subscriber.id, true).alone(Some(&newest)))
    } else {
        let all = presence.all(&hub).await?;
        let id = id.to_owned();
        // 50,000 documents take some 100 ms, in which this thread has streams to serve.
        web::block(move || {
            let documents = all.iter().flat_map(|subscriber| which.of(subscriber)).collect();
            serde_json::to_vec(&Collection::new(dialect, &id, &newest, documents))
        })
        .await
        .map_err(|_| MercureError::Failing)?
    };
    let body = body.map_err(|_| MercureError::Failing)?;
    Ok(head.complete(HttpResponse::Ok()).content_type(kind).body(body))
}

impl Which {
    fn dialect(&self) -> Dialect {
        match self {
            Self::All(dialect) => *dialect,
            Self::Of(kind, _) | Self::One(kind, _, _) => kind.dialect(),
        }
    }

    /// Those of a subscriber that are asked for.
    fn of<'a>(&'a self, subscriber: &'a Subscriber) -> impl Iterator<Item = Document<'a>> {
        let asked = move |each: &&Subscription| match self {
            Self::All(dialect) => each.kind.dialect() == *dialect,
            Self::Of(kind, text) | Self::One(kind, text, _) => {
                each.kind == *kind && each.text.as_str() == text
            }
        };
        let asked = subscriber.subscriptions.iter().filter(asked);
        asked.map(|each| each.document(subscriber.id, true))
    }
}

/// What says whether anything has changed.
struct Head {
    dialect: Dialect,
    /// The newest id as an entity tag has it, without quotes.
    tag: String,
}

impl Head {
    fn new(dialect: Dialect, newest: &str) -> Self {
        let tag = match dialect {
            Dialect::Old => newest.to_owned(),
            Dialect::New => utf8_percent_encode(newest, TAG).to_string(),
        };
        Self { dialect, tag }
    }

    /// Whether the client has what it asks for; with or without quotes, and a `W/` that proxies
    /// write before them when they compress.
    fn is_known_to(&self, request: &HttpRequest) -> bool {
        let Some(known) = request.headers().get(header::IF_NONE_MATCH) else { return false };
        let known = known.as_bytes();
        let strong = known.strip_prefix(b"W/").unwrap_or(known);
        let bare = strong.strip_prefix(b"\"").and_then(|known| known.strip_suffix(b"\""));
        [known, bare.unwrap_or(strong)].contains(&self.tag.as_bytes())
    }

    fn complete(&self, mut response: HttpResponseBuilder) -> HttpResponseBuilder {
        let tag = match self.dialect {
            Dialect::Old => self.tag.clone(),
            Dialect::New => {
                let link = format!(
                    "<{PATH}>; rel=\"mercure\"; last-event-id=\"{}\"; type=\"mercure\"; \
                     content-type=\"application/json\"",
                    self.tag,
                );
                response.insert_header((header::LINK, link));
                format!("\"{}\"", self.tag)
            }
        };
        // An id of 0.x may be one that no header has: then it is in the document alone.
        if let Ok(tag) = HeaderValue::from_bytes(tag.as_bytes()) {
            response.insert_header((header::ETAG, tag));
        }
        // Not kept by caches that others use, though the rule for requests with a token would let
        // `must-revalidate` do so (RFC 9111, 3.5).
        response.insert_header((header::CACHE_CONTROL, "private, no-cache, must-revalidate"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_is_asked_for_and_in_which_dialect() {
        use Dialect::{New, Old};
        use Kind::{Exact, Selector, UrlPattern};
        let of = |kind, text: &str| Some(Ok(Which::Of(kind, text.to_owned())));
        let one = |kind, text: &str| Some(Ok(Which::One(kind, text.to_owned(), "s".to_owned())));
        for (path, token, expected) in [
            ("", None, Some(Ok(Which::All(Old)))),
            ("", Some(New), Some(Ok(Which::All(New)))),
            ("/a+b%2Bc%2Fd", Some(New), of(Selector, "a b+c/d")),
            ("/exact", None, of(Selector, "exact")),
            ("/a/s", None, one(Selector, "a")),
            ("/exact/a", None, of(Exact, "a")),
            ("/exact/s", Some(Old), one(Selector, "exact")),
            ("/urlpattern/a%20b/s", Some(Old), one(UrlPattern, "a b")),
            ("/a/s", Some(New), Some(Err(()))),
            ("/Exact/a/s", None, Some(Err(()))),
            ("/%zz", None, Some(Err(()))),
            ("/%FF", None, Some(Err(()))),
            ("/exact/a/s/t", None, None),
        ] {
            let path = format!("{COLLECTION}{path}");
            let asked = Asked::parse(&path, token);
            let which = asked.map(|asked| asked.which().map_err(|_| ()));
            assert_eq!(which, expected, "{path} {token:?}");
        }
    }
}
