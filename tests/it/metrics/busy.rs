use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::support::{Connection, QUIET};

#[test]
fn a_busy_hub_answers_in_time_and_no_counter_goes_down() {
    const PUBLISHERS: usize = 4;
    const EACH: usize = 500;
    const SUBSCRIBERS: usize = 100;
    let hub = Fanfare::start_alone(&[OWN, ("RUST_LOG", QUIET), ("FANFARE_WORKERS", "2")]);
    let own = own_address(&hub);
    let mut streams = hub.crowd(SUBSCRIBERS);
    hub.wait_for_subscribers(SUBSCRIBERS);
    let done = AtomicBool::new(false);
    let address = hub.0;
    let pages = thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut pages = Vec::new();
            while !done.load(Relaxed) {
                let begun = Instant::now();
                pages.push(text(own));
                let took = begun.elapsed();
                assert!(took < Duration::from_secs(2), "a scrape took {took:?}");
            }
            pages
        });
        let readers = streams.iter_mut().map(|stream| {
            scope.spawn(move || (0..PUBLISHERS * EACH).for_each(|_| drop(stream.event())))
        });
        let readers: Vec<_> = readers.collect();
        for _ in 0..PUBLISHERS {
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for _ in 0..EACH {
                    connection.send(
                        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\
                         Content-Type: application/json\r\n\r\n1",
                    );
                    assert_eq!(connection.read_response().status, 200);
                }
            });
        }
        for reader in readers {
            reader.join().unwrap();
        }
        done.store(true, Relaxed);
        scraper.join().unwrap()
    });
    assert!(pages.len() > 10, "{} pages", pages.len());
    // Some of them: the parser is started for each.
    let step = pages.len().div_ceil(10);
    let mut parsed: Vec<_> = pages.iter().step_by(step).map(|text| Page::parse(text)).collect();
    parsed.push(Page::scrape(own));
    for pair in parsed.windows(2) {
        for (key, value) in &pair[0].samples {
            let counts = ["_total", "_count", "_sum", "_bucket"];
            let name = key.split('{').next().unwrap();
            if counts.iter().any(|suffix| name.ends_with(suffix)) {
                let next = pair[1].samples[key];
                assert!(next >= *value, "{key} was {value} and is {next}");
            }
        }
    }
    let last = parsed.last().unwrap();
    let published = (PUBLISHERS * EACH) as u64;
    assert_eq!(last.count("fanfare_events_published_total"), published);
    let deliveries = last.sum("fanfare_deliveries_total");
    assert_eq!(deliveries, published * SUBSCRIBERS as u64, "each was sent once");
}
