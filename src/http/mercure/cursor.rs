//! The id that a subscriber received last, and the one that it is answered.
//!
//! Owns: where a request may have it, and what the head of the stream says. Promises: who asks is
//! told from where it goes on; an id of a private event is told to those alone who may have it.
//! Does not: find ids (`history`).

use actix_web::{
    HttpRequest,
    http::header::{HeaderName, HeaderValue},
};

use super::{
    dialect::Dialect::{self, New, Old},
    fields::Fields,
};
use crate::{
    event::EARLIEST,
    history::{LastEventId, Loss, Start, StorageError},
    hub::{Hub, Resume, Terms},
    topic::Selector,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const MERCURE_LAST_EVENT_ID: HeaderName = HeaderName::from_static("mercure-last-event-id");

/// What a request says that it received last.
#[derive(Debug)]
pub enum Cursor {
    /// This.
    Id(LastEventId),
    /// Nothing, by a parameter without a value: 1.0 answers it.
    Empty,
}

impl Cursor {
    /// The header comes first: a browser that reconnects has the URL that it began with. Of the
    /// parameters that of `event-source-polyfill` does, which appends it to whatever URL it has.
    pub fn of(request: &HttpRequest, dialect: Dialect, sources: [&Fields; 2]) -> Option<Self> {
        let names = match dialect {
            Old => ["lastEventId", "lastEventID", "last_event_id", "Last-Event-ID"],
            New => ["lastEventId", "last_event_id", "lastEventID", "Last-Event-ID"],
        };
        let header = request.headers().get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
        let parameters =
            || sources.into_iter().flat_map(|fields| names.map(|name| fields.all(name)));
        let mut all = header.into_iter().chain(parameters().flatten());
        // Browsers send it as UTF-8; what isn't can only be an id that never was.
        let id = all.find_map(|bytes| LastEventId::parse(&String::from_utf8_lossy(bytes)));
        let is_empty = || dialect == New && parameters().flatten().next().is_some();
        id.map(Self::Id).or_else(|| is_empty().then_some(Self::Empty))
    }
}

/// Where a stream goes on.
pub struct Place {
    /// For the hub; `None` for one to whom nothing is replayed.
    pub resume: Option<Resume>,
    /// The id that is answered.
    id: String,
}

impl Place {
    /// Looks for it in the history.
    pub async fn find(
        cursor: Cursor,
        dialect: Dialect,
        hub: &Hub,
        selectors: &[Selector],
        terms: &Terms,
    ) -> Result<Self, StorageError> {
        let earliest = || EARLIEST.to_owned();
        let Cursor::Id(asked) = cursor else { return Ok(Self { resume: None, id: earliest() }) };
        let (place, id) = match hub.find(&asked).await? {
            Start::After(place) => (Some(place), asked.as_str().to_owned()),
            // All that is kept follows it.
            Start::Gap(Loss::Trimmed, Some(place)) => (Some(place), earliest()),
            Start::Gap(..) => {
                log::info!("nothing is replayed: no event has the id {:?}", asked.as_str());
                let newest = match dialect {
                    Old => hub.newest(selectors, terms).await?,
                    New => None,
                };
                (None, newest.unwrap_or_else(earliest))
            }
        };
        Ok(Self { resume: place.map(Resume::After), id })
    }

    /// The header of the answer; none where the id has characters that no header can have.
    pub fn header(&self, dialect: Dialect) -> Option<(HeaderName, HeaderValue)> {
        let name = match dialect {
            Old => LAST_EVENT_ID,
            New => MERCURE_LAST_EVENT_ID,
        };
        Some((name, HeaderValue::from_str(&self.id).ok()?))
    }
}
