use super::*;
use crate::{auth::SECRET, support::Fanfare};

fn setting(hub: Hub, name: &str) -> (Value, Value) {
    let all = read(hub, "/admin/settings");
    let all = all["settings"].as_array().unwrap();
    let found = all.iter().find(|setting| setting["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name}: {all:?}"));
    (found["value"].clone(), found["source"].clone())
}

#[test]
fn settings_are_shown_with_where_they_are_from_and_no_secret() {
    let hub = operated(&[
        ("FANFARE_WORKERS", "2"),
        ("FANFARE_MAX_AGE", "90m"),
        ("FANFARE_PUBLISHER_JWT_KEY", SECRET),
        ("FANFARE_ISSUERS", "https://a.example,https://b.example=https://b.example/jwks?key=hush"),
    ]);
    let is = |name: &str, value: Value, source: &str| {
        assert_eq!(setting(*hub, name), (value, json!(source)), "{name}");
    };
    is("FANFARE_WORKERS", json!("2"), "environment");
    is("FANFARE_MAX_AGE", json!("90m"), "environment");
    is("FANFARE_KEEP_ALIVE", json!("75s"), "default");
    is("FANFARE_HISTORY_EVENTS", json!("10000"), "default");
    is("FANFARE_COOKIE_NAME", Value::Null, "default");
    is("FANFARE_ADMIN_TOKEN", json!("set"), "environment");
    is("FANFARE_PUBLISHER_JWT_KEY", json!("set"), "environment");
    is("FANFARE_SUBSCRIBER_JWT_KEY", Value::Null, "default");
    is(
        "FANFARE_ISSUERS",
        json!("https://a.example,https://b.example=https://b.example/jwks?***"),
        "environment",
    );
    assert!(setting(*hub, "FANFARE_MAX_SUBSCRIBERS").0.as_str().unwrap().parse::<usize>().is_ok());
    is("RUST_LOG", json!("info"), "default");
    ask_as(*hub, "PUT", "/admin/log-level", ADMIN, r#"{"filter":"debug"}"#);
    is("RUST_LOG", json!("debug"), "operator");

    let text = ask(*hub, "/admin/settings").text();
    assert!(!text.contains(SECRET) && !text.contains(ADMIN) && !text.contains("hush"), "{text}");
    let mut names: Vec<_> = read(*hub, "/admin/settings")["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| setting["name"].as_str().unwrap().to_owned())
        .collect();
    let mut all = crate::settings::names();
    names.sort_unstable();
    all.sort_unstable();
    assert_eq!(names, all);
}

#[test]
fn a_flag_is_known_as_one_and_the_password_of_a_redis_is_not_shown() {
    let redis = crate::support::Redis::start();
    let url = redis.url().replace("redis://", "redis://default:hush-hush@");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" --max-age 1h"]).env("FANFARE_MAX_AGE", "2h");
    let hub = Fanfare::start_through(
        command,
        &[("FANFARE_ADMIN_TOKEN", ADMIN), ("FANFARE_HISTORY", &url)],
    );
    assert_eq!(setting(*hub, "FANFARE_MAX_AGE"), (json!("1h"), json!("flag")));
    let (shown, source) = setting(*hub, "FANFARE_HISTORY");
    assert_eq!(shown, url.replace("hush-hush", "***"));
    assert_eq!(source, "environment");
    let history = read(*hub, "/admin/history");
    assert_eq!(history["kind"], "redis");
    assert!(!ask(*hub, "/admin/history").text().contains("hush"));
    let stats = ask(*hub, "/admin/stats");
    assert!(!stats.text().contains("hush"));
    assert_eq!(stats.json()["everywhere"]["nodes"], 1);
}
