//! `GET /metrics`: what the hub has counted, in the text of `OpenMetrics`.
//!
//! Owns: the names. Promises: all of one answer is gathered at one time; nothing names a topic or a
//! client, so that there is no more of it tomorrow. Does not: count; the hub does.

use std::{fmt, net::TcpListener, time::Duration};

use actix_server::Server;
use actix_web::{
    App, HttpResponse, HttpServer,
    http::header,
    web::{Data, get, head, resource},
};
use futures_util::future::join;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, text::encode},
    metrics::MetricType,
    registry::{Registry, Unit},
};

use super::{error::ApiError, refusals::Refusals};
use crate::{
    histogram::Histogram,
    history::Holdings,
    hooks,
    hub::{Hub, Stats},
};

/// How long the Broadcasters and the history may take to answer. Prometheus waits for 10 s, as it comes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most connections at a time, where nothing but this is served.
const MAX_CONNECTIONS: usize = 16;

/// `GET`.
pub async fn metrics(hub: Data<Hub>, refusals: Data<Refusals>) -> Result<HttpResponse, ApiError> {
    let (stats, history) = join(hub.stats(PATIENCE), hub.holdings(PATIENCE)).await;
    let stats = stats.ok_or(ApiError::NotReady)?;
    let round_trips = hub.round_trips();
    let (refused, hooks, delayed) = (refusals.counts(), hub.hooks(), hub.delayed());
    let gathered = Gathered { stats, delayed, refused, history, round_trips, hooks };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(gathered));
    let mut text = String::new();
    // A String takes all that is written.
    encode(&mut text, &registry).map_err(|_| ApiError::NotReady)?;
    Ok(HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text))
}

/// Serves this and nothing else, on a thread that no subscriber is on.
pub fn serve_metrics(
    listener: TcpListener,
    hub: Hub,
    refusals: Refusals,
) -> std::io::Result<Server> {
    let app = move || {
        App::new()
            .app_data(Data::new(hub.clone()))
            .app_data(Data::new(refusals.clone()))
            .service(resource("/metrics").route(get().to(metrics)).route(head().to(metrics)))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(1);
    Ok(server.max_connections(MAX_CONNECTIONS).listen(listener)?.run())
}

/// Everything at one time.
#[derive(Debug)]
struct Gathered {
    stats: Stats,
    delayed: u64,
    refused: Vec<(&'static str, u64)>,
    /// `None` where the history does not answer.
    history: Option<Holdings>,
    /// `None` where it is in no Redis.
    round_trips: Option<Histogram>,
    /// `None` where there are none.
    hooks: Option<hooks::Counts>,
}

impl Collector for Gathered {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.streams(&mut page)?;
        self.events(&mut page)?;
        self.history(&mut page)?;
        self.hooks(&mut page)?;
        page.build()
    }
}

impl Gathered {
    fn streams(&self, page: &mut Page<'_>) -> fmt::Result {
        let Stats { open, max, live, direct, behind, queued_events, queued_bytes, counts, .. } =
            &self.stats;
        page.gauge("fanfare_streams", "Streams that are open", *open as u64)?;
        page.gauge("fanfare_streams_limit", "The most streams at a time", *max as u64)?;
        page.gauge(
            "fanfare_subscribers",
            "Subscribers that receive events as they come",
            *live as u64,
        )?;
        page.gauge(
            "fanfare_subscribers_direct",
            "Those of them whose sockets are written to without actix",
            *direct as u64,
        )?;
        page.gauge(
            "fanfare_subscribers_behind",
            "Subscribers whose queue was full, and who catch up from the history",
            *behind as u64,
        )?;
        page.gauge(
            "fanfare_queued_events",
            "Frames that wait in the queues of subscribers",
            *queued_events as u64,
        )?;
        page.sized_gauge("fanfare_queued", "Bytes that wait there", *queued_bytes as u64)?;
        page.counter("fanfare_streams_opened", "Streams that have begun", counts.opened)?;
        let ended = counts.ended.iter().map(|(why, count)| (why.as_str(), *count));
        page.counters("fanfare_streams_ended", "Streams that have ended", "reason", ended)?;
        let refused = counts.turned_away.iter().map(|(why, count)| (why.as_str(), *count));
        page.counters(
            "fanfare_streams_refused",
            "Subscribers that there was no place for",
            "reason",
            refused,
        )
    }

    fn events(&self, page: &mut Page<'_>) -> fmt::Result {
        let Stats { tally, counts, .. } = &self.stats;
        page.counter(
            "fanfare_events_published",
            "Events whose publishers were told so",
            counts.published.count(),
        )?;
        page.counters(
            "fanfare_events_refused",
            "Requests to publish that were refused",
            "reason",
            self.refused.iter().copied(),
        )?;
        page.times(
            "fanfare_publish",
            "From when an event was read until its publisher was answered: it is kept, and it is \
             known who gets it",
            &counts.published,
        )?;
        let replayed = &counts.replayed;
        page.counters(
            "fanfare_deliveries",
            "Events, each as often as it was sent to a subscriber: as they came, or from the history",
            "source",
            [("live", tally.events), ("history", replayed.events)].into_iter(),
        )?;
        page.sized_counters(
            "fanfare_sent",
            "Bytes of these events, without heartbeats and what HTTP adds",
            "source",
            [("live", tally.bytes), ("history", replayed.bytes)].into_iter(),
        )?;
        page.times(
            "fanfare_delivery",
            "From when a worker's events left the history until they were written to all of its \
             subscribers, once for all that were written together",
            &tally.passes,
        )?;
        page.sizes(
            "fanfare_replay_events",
            "Events that one subscriber was sent from the history before it was up to date",
            &replayed.sizes,
        )?;
        let gaps = counts.gaps.iter().map(|(why, count)| (why.as_str(), *count));
        page.counters("fanfare_gaps", "Subscribers that were told of a loss", "reason", gaps)
    }

    fn history(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauge("fanfare_events_delayed", "Events that wait for their time", self.delayed)?;
        if let Some(Holdings { events, bytes, age }) = self.history {
            page.gauge("fanfare_history_events", "Events that are kept", events)?;
            page.sized_gauge("fanfare_history", "Bytes that they take", bytes)?;
            let help = "How long ago the oldest of them was published";
            let mut metric = page.0.encode_descriptor(
                "fanfare_history_age",
                help,
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?;
            metric.encode_gauge(&age.as_secs_f64())?;
        }
        match &self.round_trips {
            Some(trips) => page.times(
                "fanfare_redis_round_trip",
                "From a command to Redis until its answer",
                trips,
            ),
            None => Ok(()),
        }
    }

    fn hooks(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(hooks::Counts { told, without_room, given_up, queued }) = self.hooks else {
            return Ok(());
        };
        page.gauge("fanfare_hook_queued", "Events that wait to be told by hooks", queued as u64)?;
        page.counter("fanfare_hook_events", "Events that were told by hooks", told)?;
        page.counters(
            "fanfare_hook_events_lost",
            "Events that were not told",
            "reason",
            [("queue_full", without_room), ("given_up", given_up)].into_iter(),
        )
    }
}

/// What is being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn sized_gauge(&mut self, name: &str, help: &str, bytes: u64) -> fmt::Result {
        let unit = Some(&Unit::Bytes);
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&bytes)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters<'s>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'s str, u64)>,
    ) -> fmt::Result {
        self.labelled(name, help, None, label, values)
    }

    fn sized_counters<'s>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'s str, u64)>,
    ) -> fmt::Result {
        self.labelled(name, help, Some(&Unit::Bytes), label, values)
    }

    fn labelled<'s>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        label: &str,
        values: impl Iterator<Item = (&'s str, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (word, value) in values {
            let labels = [(label, word)];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    /// Nanoseconds become seconds.
    fn times(&mut self, name: &str, help: &str, times: &Histogram) -> fmt::Result {
        let seconds = |nanos| Duration::from_nanos(nanos).as_secs_f64();
        self.histogram(name, help, Some(&Unit::Seconds), times, seconds)
    }

    fn sizes(&mut self, name: &str, help: &str, sizes: &Histogram) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digit does not count")]
        let number = |size| size as f64;
        self.histogram(name, help, None, sizes, number)
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        histogram: &Histogram,
        shown: impl Fn(u64) -> f64,
    ) -> fmt::Result {
        let bucket =
            |(bound, count): (Option<u64>, _)| (bound.map_or(f64::INFINITY, &shown), count);
        let buckets: Vec<_> = histogram.buckets().map(bucket).collect();
        let mut metric = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        let (sum, count) = (shown(histogram.sum()), histogram.count());
        metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn build(&mut self) -> fmt::Result {
        let help = "The version that runs";
        let mut metric = self.0.encode_descriptor("fanfare_build", help, None, MetricType::Info)?;
        metric.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}
