use std::{
    thread,
    time::{Duration, Instant},
};

use crate::support::Fanfare;

const EVERY: Duration = Duration::from_millis(400);
const SETTING: (&str, &str) = ("FANFARE_HEARTBEAT", "400ms");

#[test]
fn a_silent_stream_gets_a_comment_of_one_line_and_no_block() {
    let hub = Fanfare::start_alone(&[SETTING]);
    let mut stream = hub.subscribe("/events");
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(stream.chunk().as_deref(), Some(":\n"));
        let after = begun.elapsed();
        // Less a tenth of jitter; and the tick, the scheduler, and this thread's own delay.
        assert!(after >= EVERY * 8 / 10 && after < EVERY * 15 / 10, "after {after:?}");
    }
    hub.publish("", "1");
    assert!(stream.chunk().unwrap().ends_with("data: 1\n\n"));
}

#[test]
fn a_write_puts_the_heartbeat_off() {
    let hub = Fanfare::start_alone(&[SETTING]);
    let mut stream = hub.subscribe("/events");
    let begun = Instant::now();
    while begun.elapsed() < EVERY * 4 {
        hub.publish("", "1");
        assert!(stream.chunk().unwrap().ends_with("data: 1\n\n"), "no heartbeat in between");
    }
    let last = Instant::now();
    assert_eq!(stream.chunk().as_deref(), Some(":\n"));
    assert!(last.elapsed() >= EVERY * 8 / 10, "after {:?}", last.elapsed());
}

#[test]
fn streams_that_were_written_to_together_do_not_beat_together() {
    let hub = Fanfare::start_alone(&[("FANFARE_HEARTBEAT", "3s")]);
    let streams: Vec<_> = (0..100).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(100);
    hub.publish("", "1");
    let beats: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            thread::spawn(move || {
                stream.event();
                assert_eq!(stream.chunk().as_deref(), Some(":\n"));
                Instant::now()
            })
        })
        .collect();
    let mut beats: Vec<_> = beats.into_iter().map(|beat| beat.join().unwrap()).collect();
    beats.sort_unstable();
    // A tenth of three seconds is what they are spread over.
    let spread = beats[99] - beats[0];
    assert!(spread > Duration::from_millis(150), "all within {spread:?}");
    let busiest = beats.windows(51).map(|half| half[50] - half[0]).min().unwrap();
    assert!(busiest > Duration::from_millis(50), "half of them within {busiest:?}");
}
