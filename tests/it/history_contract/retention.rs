use std::time::Duration;

use fanfare::history::{Loss, Retention, Start};

use super::{
    against,
    log::{EVERYTHING, Kept, data, event, keep, keep_all, numbers, until},
};

against!([memory, disk, disk_by_interval, redis] {
    only_so_many_are_kept,
    only_so_many_bytes_are_kept,
    what_is_too_old_goes,
    a_history_may_keep_nothing,
    who_reads_too_slowly_is_told_what_is_gone,
});

async fn only_so_many_are_kept(kept: Kept) {
    let log = kept.open(keep(100, 1 << 30));
    let places = log.append_all(0..1000).await;
    assert_eq!(log.seen().len(), 1000, "the tail yields also those that are gone");
    until("the rest is gone", async || log.all().await == numbers(900..1000)).await;
    let floor = places[899];
    assert_eq!(log.resume("earliest").await, Start::After(floor));
    assert_eq!(log.resume(&floor.to_string()).await, Start::After(floor));
    let gone = places[898].to_string();
    assert_eq!(log.resume(&gone).await, Start::Gap(Loss::Trimmed, Some(floor)));
    let chunk = log.read(places[10], None, EVERYTHING).await;
    assert_eq!(chunk.overtaken, Some(floor));
    assert_eq!((data(&chunk.entries[0]), chunk.entries.len()), ("900".to_owned(), 100));
    // Where all that was asked for is gone, there is nothing else to read.
    let chunk = log.read(places[10], Some(places[20]), EVERYTHING).await;
    assert_eq!((chunk.overtaken, chunk.entries.len(), chunk.last), (Some(floor), 0, true));
    assert_eq!(log.read(places[10], Some(places[10]), EVERYTHING).await.overtaken, None);
}

async fn only_so_many_bytes_are_kept(kept: Kept) {
    let log = kept.open(keep(1_000_000, 100_000));
    let large = "x".repeat(30_000);
    for _ in 0..10 {
        log.append(event(&large)).await;
    }
    until("three are left", async || log.all().await.len() == 3).await;
    // One that is larger than all that may be kept goes at once, but it goes out.
    log.append(event(&"y".repeat(200_000))).await;
    until("nothing is left", async || log.all().await.is_empty()).await;
    assert_eq!(log.seen().len(), 11);
    log.append(event("1")).await;
    assert_eq!(log.all().await, ["1"]);
}

async fn what_is_too_old_goes(kept: Kept) {
    let age = Duration::from_millis(600);
    let log = kept.open(Retention { age, ..keep_all() });
    let old = log.append_all(0..50).await;
    assert_eq!(log.all().await.len(), 50);
    // Nothing is published meanwhile.
    until("all are gone", async || log.all().await.is_empty()).await;
    let newest = *old.last().unwrap();
    assert_eq!(log.history.head(), newest);
    assert_eq!(log.resume("earliest").await, Start::After(newest));
    assert_eq!(log.resume(&newest.to_string()).await, Start::After(newest));
    let gone = old[0].to_string();
    assert_eq!(log.resume(&gone).await, Start::Gap(Loss::Trimmed, Some(newest)));
    let places = log.append_all(50..60).await;
    assert_eq!(places[0].sequence, newest.sequence + 1);
    assert_eq!(log.all().await, numbers(50..60));
}

async fn a_history_may_keep_nothing(kept: Kept) {
    let log = kept.open(keep(0, 1 << 20));
    let places = log.append_all(0..10).await;
    until("nothing is left", async || log.all().await.is_empty()).await;
    assert_eq!(log.seen().len(), 10);
    assert_eq!(log.resume(&places[9].to_string()).await, Start::After(places[9]));
    let gone = places[8].to_string();
    assert_eq!(log.resume(&gone).await, Start::Gap(Loss::Trimmed, Some(places[9])));
    assert_eq!(log.append(event("x")).await.position.sequence, 11);
}

async fn who_reads_too_slowly_is_told_what_is_gone(kept: Kept) {
    let log = kept.open(keep(500, 1 << 30));
    let places = log.append_all(0..500).await;
    let before = log.read(places[99], None, EVERYTHING).await;
    assert_eq!((before.entries.len(), before.overtaken), (400, None));
    log.append_all(500..900).await;
    until("the oldest are gone", async || log.all().await.len() == 500).await;
    let (read, lost) = log.read_on(places[99]).await;
    assert_eq!(lost, [places[399]]);
    assert_eq!(read.iter().map(|entry| data(entry)).collect::<Vec<_>>(), numbers(400..900));
}
