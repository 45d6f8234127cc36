use fanfare::history::{Loss, Position, Start};

use super::{
    against,
    log::{Kept, event, keep, keep_all, with_id},
};

against!([memory, disk, disk_by_interval, redis] {
    a_position_is_found_by_its_id,
    a_publishers_own_id_is_found_the_earliest_of_several,
    an_empty_history_knows_no_id,
    the_earliest_of_those_that_are_kept_counts,
    own_ids_are_found_however_long_ago,
});

async fn a_position_is_found_by_its_id(kept: Kept) {
    let log = kept.open(keep_all());
    let places = log.append_all(0..5).await;
    let before = Position { sequence: places[0].sequence - 1, ..places[0] };
    assert_eq!(log.resume("earliest").await, Start::After(before));
    for place in &places {
        let id = place.to_string();
        assert_eq!(log.resume(&id).await, Start::After(*place));
        assert_eq!(log.resume(&id[1..]).await, Start::After(*place), "without its #");
    }
    let epoch = places[0].epoch;
    for never in ["nonsense", "#", "#-", "1-2-3", &format!("#{epoch}-6"), &format!("{epoch}-x")] {
        assert_eq!(log.resume(never).await, Start::Gap(Loss::Unknown, None), "{never}");
    }
    for other in ["#1-1".to_owned(), format!("#{}-1", epoch + 1), format!("{}-9", epoch - 1)] {
        assert_eq!(log.resume(&other).await, Start::Gap(Loss::Epoch, Some(before)), "{other}");
    }
}

async fn a_publishers_own_id_is_found_the_earliest_of_several(kept: Kept) {
    let log = kept.open(keep_all());
    let mut places = Vec::new();
    for id in ["own", "own-2", "17-4", "own", "ow", "🦀"] {
        places.push(log.append(with_id(id, "x")).await.position);
    }
    for (id, index) in [("own", 0), ("own-2", 1), ("17-4", 2), ("ow", 4), ("🦀", 5)] {
        assert_eq!(log.resume(id).await, Start::After(places[index]), "{id}");
    }
    assert_eq!(log.resume("o").await, Start::Gap(Loss::Unknown, None));
    // It has a position, too, although nobody was shown it.
    assert_eq!(log.resume(&places[3].to_string()).await, Start::After(places[3]));
}

async fn an_empty_history_knows_no_id(kept: Kept) {
    let log = kept.open(keep_all());
    let head = log.history.head();
    assert_eq!(head.sequence, 0);
    assert_eq!(log.resume("earliest").await, Start::After(head));
    assert_eq!(log.resume("own").await, Start::Gap(Loss::Unknown, None));
    assert_eq!(log.resume("#1-1").await, Start::Gap(Loss::Epoch, Some(head)));
    let first = log.append(event("x")).await.position;
    assert_eq!((first.epoch, first.sequence), (head.epoch, 1));
}

async fn the_earliest_of_those_that_are_kept_counts(kept: Kept) {
    let log = kept.open(keep(3, 1 << 20));
    let mut places = Vec::new();
    for id in ["a", "b", "a", "c", "a"] {
        places.push(log.append(with_id(id, "x")).await.position);
    }
    super::log::until("two are gone", async || log.all().await.len() == 3).await;
    assert_eq!(log.resume("a").await, Start::After(places[2]));
    assert_eq!(log.resume("b").await, Start::Gap(Loss::Unknown, None));
    assert_eq!(log.resume("c").await, Start::After(places[3]));
}

async fn own_ids_are_found_however_long_ago(kept: Kept) {
    let log = kept.open(keep_all());
    let first = log.append(with_id("first", "x")).await.position;
    log.append_all(0..12_000).await;
    let last = log.append(with_id("last", "x")).await.position;
    let again = log.append(with_id("first", "x")).await.position;
    assert!(again > last);
    // What is shown before it is durable is found once it is.
    super::log::until("it is found", async || log.resume("last").await == Start::After(last)).await;
    assert_eq!(log.resume("first").await, Start::After(first));
    assert_eq!(log.resume("none").await, Start::Gap(Loss::Unknown, None));
}
