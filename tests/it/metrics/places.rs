use super::*;
use crate::support::run_to_end;

#[test]
fn without_the_setting_there_are_none() {
    let hub = Fanfare::start(&[]);
    let response = get(hub.0, "/metrics");
    assert_eq!((response.status, &response.json()["error"]["code"]), (404, &"not_found".into()));
    assert!(!hub.log().contains("metrics at"));
}

#[test]
fn they_are_at_the_port_of_the_hub_where_that_is_wanted() {
    let hub = Fanfare::start(&[("FANFARE_METRICS", "on")]);
    assert_eq!(Page::scrape(hub.0).count("fanfare_streams"), 0);
    let head = request(hub.0, "HEAD", "/metrics", &[], b"");
    assert_eq!(head.status, 200);
    let response = request(hub.0, "POST", "/metrics", &[], b"x");
    assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn a_port_of_their_own_has_nothing_else_and_the_hub_has_them_not() {
    let hub = Fanfare::start(&[OWN]);
    let own = own_address(&hub);
    assert_ne!(own, hub.0);
    let page = Page::scrape(own);
    assert_eq!(
        page.count(&format!("fanfare_build_info{{version={}}}", env!("CARGO_PKG_VERSION"))),
        1
    );
    assert_eq!(get(hub.0, "/metrics").status, 404);
    for target in ["/", "/events", "/health/ready"] {
        assert_eq!(get(own, target).status, 404, "{target}");
    }
    assert_eq!(request(own, "POST", "/send-event", &[], b"1").status, 404);
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let hub = Fanfare::start(&[OWN]);
    let taken = own_address(&hub).to_string();
    let output = run_to_end(&[], &[("FANFARE_METRICS", &taken), ("PORT", "0")]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("FANFARE_METRICS (--metrics) can't be {taken}")), "{text}");
}
