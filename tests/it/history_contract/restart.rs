//! What is promised of a history that outlives its process.

use fanfare::{
    event::Event,
    history::{Loss, Position, Start},
    topic::{MAX_TOPICS, Topic, Topics},
};

use super::{
    against,
    log::{Kept, data, event, full, keep, keep_all, numbers, until, with_id},
};

against!([disk, disk_by_interval, redis] {
    everything_is_there_again_and_ids_go_on,
    a_long_history_is_there_again,
    topics_of_any_number_and_length_are_there_again,
    what_the_newest_is_called_is_known_again,
    limits_that_have_become_smaller_count,
    a_history_that_keeps_nothing_still_goes_on,
});

async fn everything_is_there_again_and_ids_go_on(kept: Kept) {
    let log = kept.open(keep_all());
    let mut frames = Vec::new();
    for n in 0..3 {
        frames.push(log.append(full(&format!("own-{n}"), &n.to_string())).await);
        frames.push(log.append(event(&n.to_string())).await);
    }
    let head = log.history.head();
    log.close().await;
    for restart in 1..=3 {
        let log = kept.open(keep_all());
        assert_eq!(log.history.head(), Position { sequence: 5 + restart, ..head });
        let (read, lost) = log.read_on(Position { sequence: 0, ..head }).await;
        assert_eq!(lost, []);
        assert_eq!(read.len(), frames.len());
        for (read, before) in read.iter().zip(&frames) {
            assert_eq!(read.frame.bytes(), before.frame.bytes());
            assert_eq!((&read.topics, read.time), (&before.topics, before.time));
            assert_eq!((read.private, read.expires), (before.private, before.expires));
        }
        assert_eq!(log.resume("own-1").await, Start::After(frames[2].position));
        assert_eq!(log.resume(&head.to_string()).await, Start::After(head));
        let never = Position { sequence: 100, ..head }.to_string();
        assert_eq!(log.resume(&never).await, Start::Gap(Loss::Unknown, None));
        assert!(log.seen().is_empty(), "the tail yields what is new only");
        let next = log.append(event("next")).await;
        assert_eq!(next.position, Position { sequence: 6 + restart, ..head });
        frames.push(next);
        log.close().await;
    }
}

async fn a_long_history_is_there_again(kept: Kept) {
    let log = kept.open(keep_all());
    let places = log.append_all(0..25_000).await;
    log.append(with_id("last", "25000")).await;
    log.close().await;
    let log = kept.open(keep_all());
    assert_eq!(log.all().await, numbers(0..25_001));
    let (read, _) = log.read_on(places[100]).await;
    assert_eq!((read.len(), data(&read[0])), (24_900, "101".to_owned()));
    assert!(matches!(log.resume("last").await, Start::After(place) if place.sequence == 25_001));
    log.close().await;
}

async fn topics_of_any_number_and_length_are_there_again(kept: Kept) {
    let log = kept.open(keep_all());
    // As the hub makes them.
    let mut topics = vec![Topic::made("x".repeat(13_000))];
    topics.extend((1..MAX_TOPICS).map(|n| Topic::parse(&n.to_string()).unwrap()));
    let topics = Topics::new(topics).unwrap();
    let place = log.history.head();
    log.append(Event { topics: topics.clone(), ..event("0") }).await;
    log.append(event("1")).await;
    log.close().await;
    let log = kept.open(keep_all());
    let (read, _) = log.read_on(place).await;
    assert_eq!((&read[0].topics, data(&read[1])), (&topics, "1".to_owned()));
    log.close().await;
}

async fn what_the_newest_is_called_is_known_again(kept: Kept) {
    let log = kept.open(keep_all());
    assert_eq!(log.history.newest_id(), None);
    log.append(event("0")).await;
    log.append(with_id("own", "1")).await;
    assert_eq!(log.history.newest_id().as_deref(), Some("own"));
    log.close().await;
    let log = kept.open(keep_all());
    assert_eq!(log.history.newest_id().as_deref(), Some("own"));
    let last = log.append(event("2")).await.position.to_string();
    log.close().await;
    let log = kept.open(keep(0, 0));
    assert_eq!(log.history.newest_id().as_ref(), Some(&last));
    until("nothing is left", async || log.all().await.is_empty()).await;
    assert_eq!(log.history.newest_id().as_ref(), Some(&last));
    log.close().await;
    let log = kept.open(keep_all());
    assert_eq!(log.history.newest_id().as_ref(), Some(&last));
    log.close().await;
}

async fn limits_that_have_become_smaller_count(kept: Kept) {
    let log = kept.open(keep_all());
    let places = log.append_all(0..5000).await;
    log.close().await;
    let log = kept.open(keep(10, 1 << 20));
    until("ten are left", async || log.all().await == numbers(4990..5000)).await;
    let gone = places[0].to_string();
    assert_eq!(log.resume(&gone).await, Start::Gap(Loss::Trimmed, Some(places[4989])));
    log.close().await;
    let log = kept.open(keep_all());
    assert_eq!(log.all().await, numbers(4990..5000));
    log.close().await;
}

async fn a_history_that_keeps_nothing_still_goes_on(kept: Kept) {
    let log = kept.open(keep(0, 0));
    let places = log.append_all(0..10).await;
    until("nothing is left", async || log.all().await.is_empty()).await;
    log.close().await;
    let log = kept.open(keep_all());
    assert_eq!(log.history.head(), places[9]);
    assert_eq!(log.append(event("x")).await.position.sequence, 11);
    assert_eq!(log.all().await, ["x"]);
    log.close().await;
}
