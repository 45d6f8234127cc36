//! `GET /admin/subscribers`: who has a stream.

use std::{net::IpAddr, time::SystemTime};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ApiError, Credentials, PATIENCE, Query, authorized, make,
    paging::{Order, Page, choice},
    shown,
};
use crate::{
    hub::{Hub, Member, State},
    invalid::Invalid,
    topic::Topic,
};

/// The parameters that there are.
pub(super) const PARAMETERS: &str =
    "subject, address, topic, selector, state, sort, order, page, limit";
/// How many selectors of one subscriber are shown: it may have a thousand, of 4 KiB each.
const SELECTORS: usize = 10;

#[derive(Debug, Clone, Copy)]
pub(super) enum Sort {
    Since,
    Id,
    Subject,
    Address,
    State,
    Queued,
    Events,
    Bytes,
}

pub(super) const SORTS: [(&str, Sort); 8] = [
    ("since", Sort::Since),
    ("id", Sort::Id),
    ("subject", Sort::Subject),
    ("address", Sort::Address),
    ("state", Sort::State),
    ("queued", Sort::Queued),
    ("events", Sort::Events),
    ("bytes", Sort::Bytes),
];

pub(super) const STATES: [(&str, State); 3] =
    [("live", State::Live), ("behind", State::Behind), ("resuming", State::Resuming)];

/// Who is asked for.
struct Filter {
    subject: Option<String>,
    address: Option<IpAddr>,
    topic: Option<Topic>,
    selector: Option<String>,
    state: Option<State>,
}

/// A subscriber.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub struct Row {
    id: String,
    #[schema(required = true)]
    subject: Option<String>,
    #[schema(value_type = String)]
    address: IpAddr,
    /// `live`, `behind` or `resuming`.
    state: &'static str,
    since: String,
    seconds: u64,
    /// The first ten.
    selectors: Vec<String>,
    selectors_total: usize,
    events: u64,
    bytes: u64,
    queued_events: usize,
    queued_bytes: usize,
    /// The id of the last event that it was sent.
    #[schema(required = true)]
    last_id: Option<String>,
}

impl Filter {
    fn parse(query: &Query) -> Result<Self, ApiError> {
        let text = |field| match query.one(field)? {
            Some("") => Err(ApiError::from(Invalid::Empty { field })),
            text => Ok(text.map(str::to_owned)),
        };
        let address = text("address")?.map(|text| text.parse::<IpAddr>());
        let address = address.transpose().map_err(|_| Invalid::Address { field: "address" })?;
        Ok(Self {
            subject: text("subject")?,
            address: address.map(|address| address.to_canonical()),
            topic: query.one("topic")?.map(Topic::parse).transpose()?,
            selector: text("selector")?,
            state: choice(query, "state", &STATES, "live, behind, resuming")?,
        })
    }

    fn takes(&self, member: &Member) -> bool {
        let Self { subject, address, topic, selector, state } = self;
        let selectors = || member.selectors.iter();
        subject.as_deref().is_none_or(|wanted| member.subject() == Some(wanted))
            && address.is_none_or(|wanted| member.address() == wanted)
            && state.is_none_or(|wanted| member.state() == wanted)
            && selector
                .as_ref()
                .is_none_or(|wanted| selectors().any(|selector| selector.text().as_str() == wanted))
            && topic.as_ref().is_none_or(|wanted| selectors().any(|each| each.matches(wanted)))
    }
}

impl Sort {
    fn compare(self, one: &Member, other: &Member) -> std::cmp::Ordering {
        match self {
            Self::Since => one.since().cmp(&other.since()),
            Self::Id => one.id().cmp(&other.id()),
            Self::Subject => one.subject().cmp(&other.subject()),
            Self::Address => one.address().cmp(&other.address()),
            Self::State => one.state().cmp(&other.state()),
            Self::Queued => one.queued().bytes.cmp(&other.queued().bytes),
            Self::Events => one.events().cmp(&other.events()),
            Self::Bytes => one.bytes().cmp(&other.bytes()),
        }
    }
}

impl From<Member> for Row {
    fn from(member: Member) -> Self {
        let (age, queued) = (member.since().elapsed(), member.queued());
        let selectors = member.selectors.iter().take(SELECTORS);
        Self {
            id: member.id().to_string(),
            subject: member.subject().map(str::to_owned),
            address: member.address(),
            state: member.state().as_str(),
            since: shown(SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)),
            seconds: age.as_secs(),
            selectors: selectors.map(|each| each.text().as_str().to_owned()).collect(),
            selectors_total: member.selectors.len(),
            events: member.events(),
            bytes: member.bytes(),
            queued_events: queued.events,
            queued_bytes: queued.bytes,
            last_id: member.place().map(|place| place.to_string()),
        }
    }
}

/// `GET`.
pub async fn subscribers(
    request: HttpRequest,
    hub: Data<Hub>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let query = authorized(&request, &credentials, PARAMETERS)?;
    let filter = Filter::parse(&query)?;
    let allowed = "since, id, subject, address, state, queued, events, bytes";
    let sort = choice(&query, "sort", &SORTS, allowed)?.unwrap_or(Sort::Since);
    let order = Order::parse(&query, Order::Ascending)?;
    let page = Page::parse(&query)?;
    let mut members = hub.census(PATIENCE).await.ok_or(ApiError::NotReady)?;
    make(move || {
        members.retain(|member| filter.takes(member));
        members.sort_unstable_by(|one, other| {
            order.of(sort.compare(one, other)).then_with(|| one.id().cmp(&other.id()))
        });
        page.of(members, Row::from)
    })
    .await
}
