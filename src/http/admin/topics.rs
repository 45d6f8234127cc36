//! `GET /admin/topics`: what is asked for, and what was published lately.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use indexmap::IndexMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ApiError, Credentials, Desk, authorized, make,
    paging::{Order, Page, Part, choice},
    shown_millis,
};
use crate::{
    hub::{Glimpse, Hub},
    invalid::Invalid,
    topic::{Selector, Topic},
};

/// The parameters that there are.
pub(super) const PARAMETERS: &str = "contains, kind, sort, order, page, limit";
/// Rates are of this time, or of less where the hub is younger or more is published than it
/// remembers.
const RATES: Duration = Duration::from_secs(60);

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TopicKind)]
pub(super) enum Kind {
    Topic,
    Template,
    Pattern,
    All,
}

pub(super) const KINDS: [(&str, Kind); 4] = [
    ("topic", Kind::Topic),
    ("template", Kind::Template),
    ("pattern", Kind::Pattern),
    ("all", Kind::All),
];

#[derive(Debug, Clone, Copy)]
pub(super) enum Sort {
    Name,
    Subscribers,
    Events,
    Rate,
}

pub(super) const SORTS: [(&str, Sort); 4] = [
    ("name", Sort::Name),
    ("subscribers", Sort::Subscribers),
    ("events", Sort::Events),
    ("rate", Sort::Rate),
];

/// What there is under a name.
#[derive(Default)]
struct Count {
    subscribers: usize,
    /// The last of them that was counted: some ask for the same twice.
    last: Option<usize>,
    events: u64,
    fresh: u64,
    newest: Option<Glimpse>,
}

/// A name that is asked for, or published under.
#[derive(Serialize, ToSchema)]
#[schema(as = Topic)]
pub struct Row {
    name: String,
    kind: Kind,
    subscribers: usize,
    /// Of topics only, like the rest.
    #[schema(required = true)]
    events: Option<u64>,
    /// Events a second, of the last `window.rate_seconds`.
    #[schema(required = true)]
    rate: Option<f64>,
    #[schema(required = true)]
    last_id: Option<String>,
    #[schema(required = true)]
    last_time: Option<String>,
}

/// What the numbers of events are of.
#[derive(Serialize, ToSchema)]
struct Window {
    events: usize,
    seconds: f64,
    rate_seconds: f64,
}

/// A page of them.
#[derive(Serialize, ToSchema)]
#[schema(as = Topics)]
pub struct Shown {
    window: Window,
    #[serde(flatten)]
    part: Part<Row>,
}

type Counts = IndexMap<(Kind, Topic), Count>;

fn count_subscribers(asked: &[std::sync::Arc<[Selector]>], counts: &mut Counts) {
    for (number, selectors) in asked.iter().enumerate() {
        for selector in selectors.iter() {
            let kind = match selector {
                Selector::All => Kind::All,
                Selector::Exact(_) => Kind::Topic,
                Selector::Template(_) => Kind::Template,
                Selector::Pattern(_) => Kind::Pattern,
            };
            let count = counts.entry((kind, selector.text())).or_default();
            if count.last.replace(number) != Some(number) {
                count.subscribers += 1;
            }
        }
    }
}

fn count_events(events: &[Glimpse], fresh_since: u64, counts: &mut Counts) {
    for event in events {
        for topic in event.topics.iter() {
            let count = counts.entry((Kind::Topic, topic.clone())).or_default();
            count.events += 1;
            count.fresh += u64::from(event.time >= fresh_since);
            count.newest = Some(event.clone());
        }
    }
}

/// To thousandths: for people.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// `GET`.
pub async fn topics(
    request: HttpRequest,
    hub: Data<Hub>,
    desk: Data<Desk>,
    credentials: Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    let query = authorized(&request, &credentials, PARAMETERS)?;
    let contains = match query.one("contains")? {
        Some("") => return Err(Invalid::Empty { field: "contains" }.into()),
        text => text.map(str::to_owned),
    };
    let kind = choice(&query, "kind", &KINDS, "topic, template, pattern, all")?;
    let sort = choice(&query, "sort", &SORTS, "name, subscribers, events, rate")?;
    let sort = sort.unwrap_or(Sort::Subscribers);
    let usual = if matches!(sort, Sort::Name) { Order::Ascending } else { Order::Descending };
    let (order, page) = (Order::parse(&query, usual)?, Page::parse(&query)?);
    let up = desk.started.0.elapsed();
    make(move || {
        let (events, all_since_start) = hub.recent();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = events.first().map(|event| Duration::from_millis(event.time));
        let covered = oldest.filter(|_| !all_since_start).map(|oldest| now.saturating_sub(oldest));
        let covered = covered.unwrap_or(up);
        let span = covered.min(RATES).max(Duration::from_secs(1));
        let fresh_since = u64::try_from(now.saturating_sub(span).as_millis()).unwrap_or(0);

        let mut counts = Counts::new();
        count_subscribers(&hub.asked(), &mut counts);
        count_events(&events, fresh_since, &mut counts);
        counts.retain(|(of, name), _| {
            kind.is_none_or(|kind| *of == kind)
                && contains.as_ref().is_none_or(|text| name.as_str().contains(text))
        });
        let mut all: Vec<_> = counts.into_iter().collect();
        all.sort_unstable_by(|(name, one), (other_name, other)| {
            let compared = match sort {
                Sort::Name => name.1.cmp(&other_name.1),
                Sort::Subscribers => one.subscribers.cmp(&other.subscribers),
                Sort::Events => one.events.cmp(&other.events),
                Sort::Rate => one.fresh.cmp(&other.fresh),
            };
            let names = || (&name.1, name.0).cmp(&(&other_name.1, other_name.0));
            order.of(compared).then_with(names)
        });
        #[expect(clippy::cast_precision_loss, reason = "there are 10,000 at the most")]
        let row = |((kind, name), count): ((Kind, Topic), Count)| {
            let of_topic = kind == Kind::Topic;
            Row {
                name: name.as_str().to_owned(),
                kind,
                subscribers: count.subscribers,
                events: of_topic.then_some(count.events),
                rate: of_topic.then(|| rounded(count.fresh as f64 / span.as_secs_f64())),
                last_id: count.newest.as_ref().map(Glimpse::id),
                last_time: count.newest.as_ref().map(|newest| shown_millis(newest.time)),
            }
        };
        let window = Window {
            events: events.len(),
            seconds: rounded(covered.as_secs_f64()),
            rate_seconds: rounded(span.as_secs_f64()),
        };
        Shown { window, part: page.of(all, row) }
    })
    .await
}
