use std::{collections::BTreeSet, fs};

use super::*;
use crate::support::Redis;

/// All words of a text that can be names of ours.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("fanfare_")).map(str::to_owned).collect()
}

/// A page of a hub that has everything.
fn whole_page() -> Page {
    let redis = Redis::start();
    let hooks = [
        ("FANFARE_HOOK_URL", "http://127.0.0.1:1/"),
        ("FANFARE_HOOK_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ];
    let url = redis.url();
    let hub = Fanfare::start(&[&[OWN, ("FANFARE_HISTORY", &*url)], &hooks[..]].concat());
    crate::support::post_json(hub.0, "/send-event", "no JSON");
    Page::scrape(own_address(&hub))
}

#[test]
fn the_dashboard_and_the_document_have_the_names_that_there_are() {
    let page = whole_page();
    let samples: BTreeSet<_> =
        page.samples.keys().map(|key| key.split('{').next().unwrap().to_owned()).collect();
    let dashboard = fs::read_to_string("deploy/grafana.json").unwrap();
    serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
    let used = names(&dashboard);
    assert!(used.len() > 15, "{used:?}");
    for name in used {
        assert!(samples.contains(&name), "the dashboard uses {name}, which there is not");
    }

    let suffix = |kind: &str| match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    let there = page.kinds.iter().map(|(name, kind)| format!("{name}{}", suffix(kind)));
    let document = fs::read_to_string("docs/metrics.md").unwrap();
    let table: String = document.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(names(&table), there.collect(), "docs/metrics.md has one row for each");
}
