//! Parcels with keys: kept once, however often they are handed over.

use std::{sync::Arc, time::Duration};

use fanfare::history::{Earlier, HASH, Position};

use super::{
    against,
    log::{self, Kept, keep_all, until},
};

const HOUR: Duration = Duration::from_secs(3600);

against!([memory, disk, disk_by_interval, redis] {
    a_parcel_that_is_handed_over_again_is_told_of_and_not_kept,
    of_many_at_once_with_one_key_one_is_kept,
    a_key_counts_for_its_time,
});

fn earlier(name: u8, content: u8, first: Position) -> Earlier {
    Earlier { content: [content; HASH], first, note: format!("note of {name}") }
}

async fn a_parcel_that_is_handed_over_again_is_told_of_and_not_kept(kept: Kept) {
    let log = kept.open(keep_all());
    log.append_all(0..3).await;
    let first = log.append_keyed(1, 10, HOUR, &["a", "b", "c"]).await.unwrap();
    assert_eq!(first.sequence, 4);
    let second = log.append_keyed(2, 10, HOUR, &["d"]).await.unwrap();
    for content in [10, 11] {
        // Whether it is the same is for others to decide.
        let again = log.append_keyed(1, content, HOUR, &["a", "b", "c"]).await;
        assert_eq!(again, Err(earlier(1, 10, first)));
    }
    assert_eq!(log.append_keyed(2, 10, HOUR, &["d"]).await, Err(earlier(2, 10, second)));
    log.append_all(3..4).await;
    assert_eq!(log.all().await, ["0", "1", "2", "a", "b", "c", "d", "3"]);
    assert_eq!(log.history.head().sequence, 8);
}

async fn of_many_at_once_with_one_key_one_is_kept(kept: Kept) {
    let log = Arc::new(kept.open(keep_all()));
    let publishers: Vec<_> = (0..32)
        .map(|n| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append_keyed(n % 4, 0, HOUR, &["x", "y"]).await })
        })
        .collect();
    let (mut kept, mut told) = (Vec::new(), Vec::new());
    for publisher in publishers {
        match publisher.await.unwrap() {
            Ok(first) => kept.push(first),
            Err(earlier) => told.push(earlier.first),
        }
    }
    assert_eq!((kept.len(), told.len()), (4, 28));
    assert!(told.iter().all(|first| kept.contains(first)));
    assert_eq!(log.all().await, ["x", "y"].repeat(4));
}

async fn a_key_counts_for_its_time(kept: Kept) {
    let log = kept.open(keep_all());
    let short = Duration::from_millis(300);
    let first = log.append_keyed(1, 0, short, &["a"]).await.unwrap();
    assert_eq!(log.append_keyed(1, 0, short, &["a"]).await, Err(earlier(1, 0, first)));
    until("its time is over", async || log.append_keyed(1, 0, short, &["a"]).await.is_ok()).await;
    assert_eq!(log.all().await, ["a", "a"]);
}

mod crowded {
    use fanfare::history::StorageError;

    use super::*;

    against!([memory, redis] {
        a_parcel_that_waits_already_is_told_of_where_no_more_may,
    });

    async fn a_parcel_that_waits_already_is_told_of_where_no_more_may(kept: Kept) {
        let log = kept.open(keep_all());
        let delayed = async |name| log.delay_keyed(name, HOUR, "x").await;
        assert_eq!(delayed(1).await, Ok(()));
        let large = "y".repeat(1 << 20);
        until("there is no room", async || {
            let mut refused = None;
            for _ in 0..16 {
                refused = log.delay(HOUR, &large).await.err();
            }
            refused == Some(StorageError::Crowded)
        })
        .await;
        let refused = [delayed(1).await, delayed(2).await];
        assert!(
            matches!(&refused[0], Err(Ok(earlier)) if earlier.note == "note of 1"),
            "{refused:?}"
        );
        assert_eq!(refused[1], Err(Err(StorageError::Crowded)));
        log.append_all(0..1).await;
        assert_eq!(log.all().await, ["0"]);
    }
}

mod lasting {
    use super::*;

    against!([disk, disk_by_interval, redis] {
        a_key_is_known_again,
    });

    async fn a_key_is_known_again(kept: Kept) {
        let log = kept.open(keep_all());
        let first = log.append_keyed(1, 7, HOUR, &["a", "b"]).await.unwrap();
        let second = log.append_keyed(2, 7, HOUR, &["c"]).await.unwrap();
        log.close().await;
        for _ in 0..2 {
            let log = kept.open(keep_all());
            let again = log.append_keyed(1, 7, HOUR, &["a", "b"]).await;
            assert_eq!(again, Err(earlier(1, 7, first)));
            assert_eq!(log.append_keyed(2, 7, HOUR, &["c"]).await, Err(earlier(2, 7, second)));
            log.close().await;
        }
        let log = kept.open(keep_all());
        assert!(log.append_keyed(3, 7, HOUR, &["d"]).await.is_ok());
        assert_eq!(log.all().await, ["a", "b", "c", "d"]);
    }
}
