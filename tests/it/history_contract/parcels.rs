//! Events that belong together.

use std::sync::Arc;

use fanfare::history::{Parcel, Position};

use super::{
    against,
    log::{EVERYTHING, Kept, data, event, keep, keep_all, until, with_id},
};

against!([memory, disk, disk_by_interval, redis] {
    a_parcel_is_kept_in_its_order_with_nothing_in_between,
    a_parcel_larger_than_what_is_written_at_a_time_is_kept_whole,
    a_parcel_of_which_retention_leaves_a_part_is_answered_whole,
    an_empty_parcel_is_nothing,
});

async fn a_parcel_is_kept_in_its_order_with_nothing_in_between(kept: Kept) {
    let log = Arc::new(kept.open(keep_all()));
    let publishers: Vec<_> = (0..8)
        .map(|publisher| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for n in 0..20 {
                    let events = (0..7).map(|part| event(&format!("{publisher} {n} {part}")));
                    let entries = log.append_parcel(events.collect()).await;
                    let first = entries[0].position;
                    for (part, entry) in (0..).zip(&entries) {
                        let place = Position { sequence: first.sequence + part, ..first };
                        assert_eq!(entry.position, place);
                        assert_eq!(data(entry), format!("{publisher} {n} {part}"));
                    }
                    log.append(event("single")).await;
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    assert_eq!(log.seen().len(), 8 * 20 * 8);
    let parts: Vec<_> = log.all().await.into_iter().filter(|data| data != "single").collect();
    for parcel in parts.chunks(7) {
        let name = parcel[0].rsplit_once(' ').unwrap().0;
        let whole: Vec<_> = (0..7).map(|part| format!("{name} {part}")).collect();
        assert_eq!(parcel, whole);
    }
}

async fn a_parcel_larger_than_what_is_written_at_a_time_is_kept_whole(kept: Kept) {
    let log = kept.open(keep_all());
    let large = "x".repeat(8192);
    let before = log.hand_over(event("before"));
    let entries = log.append_parcel((0..1000).map(|_| event(&large)).collect()).await;
    assert_eq!(entries.len(), 1000);
    before.await.unwrap().unwrap();
    let last = log.append(with_id("last", "after")).await.position;
    assert_eq!(last.sequence, 1002);
    let read = log.read(entries[998].position, None, EVERYTHING).await.entries;
    assert_eq!(read.iter().map(|entry| data(entry)).collect::<Vec<_>>(), [&*large, "after"]);
}

async fn a_parcel_of_which_retention_leaves_a_part_is_answered_whole(kept: Kept) {
    let log = kept.open(keep(3, 1 << 20));
    let entries = log.append_parcel((0..10).map(|n| event(&n.to_string())).collect()).await;
    assert_eq!(entries.len(), 10);
    until("three are left", async || log.all().await == ["7", "8", "9"]).await;
}

async fn an_empty_parcel_is_nothing(kept: Kept) {
    let log = kept.open(keep_all());
    log.history.append_parcel(Parcel::new(), None);
    assert_eq!(log.append(event("0")).await.position.sequence, 1);
}
