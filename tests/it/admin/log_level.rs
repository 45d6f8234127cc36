use fanfare::logbook::Logbook;
use log::{Level, Log as _, Record};

use super::*;
use crate::support::wait_until;

fn set(hub: Hub, body: &str) -> Response {
    ask_as(hub, "PUT", "/admin/log-level", ADMIN, body)
}

fn filter(hub: Hub) -> Value {
    read(hub, "/admin/log-level")["filter"].clone()
}

#[test]
fn a_filter_takes_effect_at_once() {
    let hub = operated(&[("RUST_LOG", "warn,fanfare::app=info")]);
    assert_eq!(filter(*hub), "warn,fanfare::app=info");
    hub.subscribe("/events?topic=quiet").leave();
    hub.wait_for_streams(0);
    assert!(!hub.log().contains("ended: left"), "{}", hub.log());

    let answer = set(*hub, r#"{"filter":"info"}"#);
    assert_eq!((answer.status, &answer.json()["filter"]), (200, &json!("info")));
    hub.wait_for_log("the operator has set the filter of the log to \"info\"");
    hub.subscribe("/events").leave();
    hub.wait_for_log("ended: left");
    assert!(!hub.log().contains("DEBUG"), "{}", hub.log());
    set(*hub, r#"{"filter":"fanfare=debug"}"#);
    // Nor would a dashboard that asks every second fill the log.
    assert_eq!(filter(*hub), "fanfare=debug");
    hub.wait_for_log("DEBUG fanfare::http::log] 127.0.0.1 GET /admin/log-level 200");

    set(*hub, r#"{"filter":"off"}"#);
    assert_eq!(filter(*hub), "off");
    let length = hub.log().len();
    hub.subscribe("/events").leave();
    hub.wait_for_streams(0);
    set(*hub, r#"{"filter":"info"}"#);
    hub.wait_for_log("to \"info\"");
    assert!(!hub.log()[length..].contains("ended: left"));
}

#[test]
fn a_filter_that_cannot_be_read_changes_nothing() {
    let hub = operated(&[("RUST_LOG", "debug")]);
    for (body, code) in [
        (r#"{"filter":"debug=loud"}"#, "invalid_parameter"),
        (r#"{"filter":"info,fanfare=loud"}"#, "invalid_parameter"),
        (r#"{"filter":5}"#, "invalid_json"),
        ("{}", "invalid_json"),
        ("info", "invalid_json"),
    ] {
        let (status, found, message) = refusal(&set(*hub, body));
        assert_eq!((status, &*found), (400, code), "{body}: {message}");
        assert!(code != "invalid_parameter" || message.starts_with("`filter` is not a filter"));
    }
    let long = format!(r#"{{"filter":"{}=info"}}"#, "x".repeat(5000));
    assert!(refusal(&set(*hub, &long)).2.contains("`filter` is longer than 4096 bytes"));
    assert_eq!(filter(*hub), "debug");
}

#[test]
fn nobody_who_logs_secrets_or_what_clients_do_is_made_loud() {
    // The client of hooks logs whole URLs, and a longer name comes before a shorter one.
    let loud = "trace,ureq=trace,ureq::run=trace,ureq_proto::util=trace,h2=trace";
    let hub = operated(&[
        ("RUST_LOG", loud),
        ("FANFARE_HOOK_URL", "http://127.0.0.1:9/hooks?key=hush-hush"),
        ("FANFARE_HOOK_SECRET", "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo"),
    ]);
    hub.subscribe("/events").leave();
    hub.wait_for_log("does not take hooks");
    assert!(!hub.log().contains("hush-hush"), "{}", hub.log());
    assert_eq!(filter(*hub), loud);
}

#[test]
fn warnings_are_remembered_and_not_more_than_fifty() {
    // A hub of which anyone may publish and subscribe says so.
    let hub = operated(&[]);
    let recent = || read(*hub, "/admin/stats")["log"]["recent"].as_array().unwrap().clone();
    wait_until("both are there", || recent().len() == 2);
    let newest = recent()[0].clone();
    let message = "pages of any origin may publish and subscribe (FANFARE_CORS_ORIGINS)";
    assert_eq!((&newest["level"], &newest["message"]), (&json!("WARN"), &json!(message)));
    let time = humantime::parse_rfc3339(newest["time"].as_str().unwrap()).unwrap();
    assert!(time.elapsed().unwrap().as_secs() < 60);

    let logbook = Logbook::new(env_logger::Builder::new().build(), "warn").unwrap();
    for n in 0..60 {
        let long = "ä".repeat(800);
        for level in [Level::Error, Level::Info] {
            logbook.log(&Record::builder().level(level).args(format_args!("{n} {long}")).build());
        }
    }
    let troubles = logbook.troubles();
    assert_eq!(troubles.len(), 50);
    assert!(troubles[0].message.starts_with("59 ") && troubles[49].message.starts_with("10 "));
    assert!(troubles.iter().all(|trouble| (990..=1000).contains(&trouble.message.len())));
}
