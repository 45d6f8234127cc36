use std::fs;

use crate::{
    settings,
    support::{Fanfare, get, post_json, request},
};

/// Whether there is a test of this name: `auth::keys::x` is in `tests/it/auth/keys.rs`.
fn is_a_test(name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").expect("a test has a module");
    let file = format!("tests/it/{}.rs", module.replace("::", "/"));
    let source = fs::read_to_string(&file);
    let source = source.unwrap_or_else(|error| panic!("{name}: {error}: {file}"));
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let begins = lines.iter().position(|line| line.starts_with(&format!("fn {test}(")));
    // Its attribute is above; others, and comments, may be in between.
    begins.is_some_and(|at| {
        let mut above = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/']));
        above.any(|line| *line == "#[test]")
    })
}

#[test]
fn each_threat_has_a_control_and_tests_that_are_there() {
    let text = fs::read_to_string("SECURITY.md").unwrap();
    let rows: Vec<Vec<_>> = text
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let (head, threats) = (&rows[0], &rows[2..]);
    assert_eq!(**head, ["who", "does what", "control", "tests"]);
    assert!(threats.len() > 20);
    for threat in threats {
        let [who, what, control, tests] = threat[..] else { panic!("four columns: {threat:?}") };
        assert!([who, what, control].iter().all(|cell| !cell.is_empty()), "{threat:?}");
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {threat:?}");
        for name in names {
            assert!(is_a_test(name), "{name} is not a test");
        }
    }
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    assert!(is_a_test("security::what_is_no_test_is_not_taken_for_one"));
    assert!(!is_a_test("security::is_a_test"));
    assert!(!is_a_test("security::none"));
}

#[test]
fn each_part_about_a_setting_is_about_one_that_there_is() {
    let text = fs::read_to_string("docs/open.md").unwrap();
    let parts: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## `")).collect();
    assert!(parts.len() > 10);
    let names = settings::names();
    for part in parts {
        let name = part.trim_end_matches('`');
        assert!(names.iter().any(|it| it == name), "{name} is not a setting");
    }
}

/// The settings of the strictest hub, with a key of ours.
fn strictest() -> String {
    let text = fs::read_to_string("docs/open.md").unwrap();
    let settings = text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/es256.pub.pem");
    let settings = settings.replace("/etc/fanfare/publisher.pem", key);
    settings.replace("/etc/fanfare/subscriber.pem", key)
}

#[test]
fn the_strictest_hub_starts_warns_of_nothing_and_takes_nobody_without_a_token() {
    let settings = strictest();
    let settings: Vec<_> = settings.lines().filter_map(|line| line.split_once('=')).collect();
    let names = settings::names();
    for (name, _) in &settings {
        assert!(names.iter().any(|it| it == name), "{name} is not a setting");
    }
    let hub = Fanfare::start(&settings);
    assert_eq!(get(hub.0, "/events").status, 401);
    assert_eq!(post_json(hub.0, "/send-event", "1").status, 401);
    assert_eq!(get(hub.0, "/.well-known/mercure?topic=a").status, 401);
    let evil = [("Origin", "https://evil.example"), ("Content-Type", "application/json")];
    assert_eq!(request(hub.0, "POST", "/send-event", &evil, b"1").status, 403);
    assert!(!hub.log().contains("WARN"), "{}", hub.log());
}
