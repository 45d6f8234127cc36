use std::sync::Arc;

use fanfare::history::{Limits, Position, Start};

use super::{
    against,
    log::{EVERYTHING, Kept, data, event, full, keep_all, numbers, with_id},
};

const ANY: usize = usize::MAX;

against!([memory, disk, disk_by_interval, redis] {
    positions_grow_and_everyone_sees_one_order,
    an_entry_that_is_read_is_the_one_that_went_out,
    reads_are_bounded_and_say_where_the_end_is,
    a_history_far_longer_than_a_read_is_read_whole,
    an_event_whose_publisher_has_left_is_kept,
    many_who_read_at_a_time_all_read_everything,
});

async fn positions_grow_and_everyone_sees_one_order(kept: Kept) {
    let log = Arc::new(kept.open(keep_all()));
    let publishers: Vec<_> = (0..16)
        .map(|publisher| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for n in 0..50 {
                    mine.push(log.append(event(&format!("{publisher}-{n}"))).await.position);
                }
                mine
            })
        })
        .collect();
    for publisher in publishers {
        let mine = publisher.await.unwrap();
        assert!(mine.is_sorted_by(|a, b| a < b), "a publisher's own order is kept");
    }
    let seen = log.seen();
    assert_eq!(seen.len(), 800);
    assert!(seen.is_sorted_by(|a, b| a.position < b.position));
    let seen: Vec<_> = seen.iter().map(|entry| data(entry)).collect();
    assert_eq!(log.all().await, seen);
    assert_eq!(log.history.head().sequence, 800);
}

async fn an_entry_that_is_read_is_the_one_that_went_out(kept: Kept) {
    let log = kept.open(keep_all());
    log.append(event("")).await;
    log.append(event("one\ntwo\r\n three\n")).await;
    log.append(full("urn:x:1", "{\"a\": [1.50, \"ä🦀\"]}")).await;
    log.append(with_id("12-34", &"x".repeat(300_000))).await;
    let seen = log.seen();
    let before = Position { sequence: 0, ..seen[0].position };
    let (read, _) = log.read_on(before).await;
    assert_eq!(read.len(), seen.len());
    for (read, seen) in read.iter().zip(&seen) {
        assert_eq!(read.frame.bytes(), seen.frame.bytes());
        assert_eq!(
            (read.position, &read.own_id, &read.topics, read.time, read.wire_id()),
            (seen.position, &seen.own_id, &seen.topics, seen.time, seen.wire_id())
        );
    }
    assert!(seen[0].time > 1_700_000_000_000, "milliseconds since 1970");
}

async fn reads_are_bounded_and_say_where_the_end_is(kept: Kept) {
    let log = kept.open(keep_all());
    let places = log.append_all(0..10).await;
    let before = Position { sequence: 0, ..places[0] };
    let read = async |after, up_to, events, bytes| {
        let chunk = log.read(after, up_to, Limits { events, bytes }).await;
        assert_eq!(chunk.overtaken, None);
        (chunk.entries.iter().map(|entry| data(entry)).collect::<Vec<_>>(), chunk.last)
    };
    assert_eq!(read(before, None, ANY, ANY).await, (numbers(0..10), true));
    assert_eq!(read(before, None, 3, ANY).await, (numbers(0..3), false));
    assert_eq!(read(places[2], None, 3, ANY).await, (numbers(3..6), false));
    assert_eq!(read(places[6], None, 3, ANY).await, (numbers(7..10), true));
    assert_eq!(read(places[2], Some(places[5]), ANY, ANY).await, (numbers(3..6), true));
    assert_eq!(read(places[2], Some(places[5]), 2, ANY).await, (numbers(3..5), false));
    let after_all = Position { sequence: 1000, ..before };
    assert_eq!(read(places[8], Some(after_all), ANY, ANY).await, (numbers(9..10), true));
    assert_eq!(read(places[9], None, ANY, ANY).await, (vec![], true));
    assert_eq!(read(places[5], Some(places[5]), ANY, ANY).await, (vec![], true));
    assert_eq!(read(places[5], Some(places[2]), ANY, ANY).await, (vec![], true));
    assert_eq!(read(after_all, None, ANY, ANY).await, (vec![], true));
    // One frame takes some 35 bytes here: two of them fit in 80. One is read whatever its size.
    assert_eq!(read(before, None, ANY, 80).await, (numbers(0..2), false));
    assert_eq!(read(before, None, ANY, 1).await, (numbers(0..1), false));
}

async fn a_history_far_longer_than_a_read_is_read_whole(kept: Kept) {
    let log = kept.open(keep_all());
    // More than a history on disk holds in memory.
    let places = log.append_all(0..25_000).await;
    assert_eq!(log.all().await, numbers(0..25_000));
    for from in [0, 1, 255, 256, 257, 9_999, 14_998, 14_999, 15_000, 24_998] {
        let (read, lost) = log.read_on(places[from]).await;
        let first = u32::try_from(from).unwrap() + 1;
        assert_eq!(lost, []);
        let read: Vec<_> = read.iter().map(|entry| data(entry)).collect();
        assert_eq!(read, numbers(first..25_000));
    }
    // Up to a place in what is read from afar, and across.
    for (after, up_to) in [(10, 300), (14_000, 16_000), (20_000, 20_001)] {
        let mut place = places[after];
        let mut read = Vec::new();
        loop {
            let limits = Limits { events: 100, bytes: 1 << 20 };
            let chunk = log.read(place, Some(places[up_to]), limits).await;
            place = chunk.entries.last().map_or(place, |last| last.position);
            read.extend(chunk.entries.iter().map(|entry| entry.position));
            if chunk.last {
                break;
            }
        }
        assert_eq!(read, places[after + 1..=up_to]);
    }
}

async fn an_event_whose_publisher_has_left_is_kept(kept: Kept) {
    let log = kept.open(keep_all());
    drop(log.hand_over(event("0")));
    log.append(event("1")).await;
    assert_eq!(log.all().await, numbers(0..2));
}

async fn many_who_read_at_a_time_all_read_everything(kept: Kept) {
    let log = Arc::new(kept.open(keep_all()));
    log.append_all(0..12_000).await;
    let Start::After(earliest) = log.resume("earliest").await else { panic!("no place") };
    let readers: Vec<_> = (0..50)
        .map(|reader| {
            let log = Arc::clone(&log);
            let from = Position { sequence: earliest.sequence + reader * 37, ..earliest };
            tokio::spawn(async move { (reader, log.read_on(from).await) })
        })
        .collect();
    log.append_all(12_000..12_500).await;
    for reader in readers {
        let (reader, (read, lost)) = reader.await.unwrap();
        assert_eq!(lost, []);
        let read: Vec<_> = read.iter().map(|entry| data(entry)).collect();
        let from = u32::try_from(reader * 37).unwrap();
        let to = from + u32::try_from(read.len()).unwrap();
        assert!(to >= 12_000);
        assert_eq!(read, numbers(from..to));
    }
    let chunk = log.read(log.history.head(), None, EVERYTHING).await;
    assert!(chunk.last && chunk.entries.is_empty());
}
