use super::*;
use crate::support::{Stream, get};

fn buy(hub: Hub, headers: &[(&str, &str)]) -> Response {
    request(hub.0, "POST", "/ticket", headers, b"")
}

/// The text of a ticket for a token.
fn ticket(hub: Hub, token: &str) -> String {
    let response = buy(hub, &[("Authorization", &bearer(token))]);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let answer = response.json();
    assert_eq!((&answer["success"], &answer["expires_in"]), (&true.into(), &30.into()));
    let ticket = answer["ticket"].as_str().unwrap().to_owned();
    assert!(ticket.len() == 64 && ticket.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ticket}");
    ticket
}

#[test]
fn a_ticket_is_good_for_one_subscription_with_the_grants_of_its_token() {
    let hub = closed(&[]);
    let claims = json!({"sub": "alice", "exp": now() + 2, "mercure": {"subscribe": ["default"]}});
    let target = format!("/events?ticket={}", ticket(*hub, &token(&claims)));
    let mut stream = hub.subscribe(&target);
    assert_refused(&get(hub.0, &target), 401, "ticket_invalid");
    hub.wait_for_subscribers(1);
    let headers = [("Authorization", &*bearer(&may_publish(&["*"])))];
    assert_eq!(publish(*hub, "?private", &headers).json()["subscribers"], 1);
    assert_eq!(stream.event().data, "1");
    // And it ends with its token.
    stream.rest();
    hub.wait_for_log("ended: expired");
}

#[test]
fn of_many_who_use_a_ticket_at_once_one_gets_a_stream() {
    let hub = closed(&[]);
    let target = format!("/events?ticket={}", ticket(*hub, &may_subscribe(&[])));
    let open = || {
        let mut connection = crate::support::Connection::open(hub.0);
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        connection
    };
    let mut connections: Vec<_> = (0..50).map(|_| open()).collect();
    let statuses: Vec<_> = connections.iter_mut().map(|it| it.read_head().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 49, "{statuses:?}");
}

#[test]
fn what_is_no_ticket_is_refused_also_where_nobody_needs_one() {
    let hub = closed(&[("FANFARE_ANONYMOUS", "on")]);
    let good = ticket(*hub, &may_subscribe(&[]));
    let last = if good.ends_with('0') { "1" } else { "0" };
    for bad in [
        "",
        "x",
        &good[..63],
        &format!("{good}0"),
        &format!("{}{last}", &good[..63]),
        &format!("{}{}", &good[..32], &good[..32]),
        &good.to_uppercase()[32..],
        &"0".repeat(64),
    ] {
        assert_refused(&get(hub.0, &format!("/events?ticket={bad}")), 401, "ticket_invalid");
    }
    // Trying has not used it up. A ticket is for subscribing, and HEAD does not.
    let target = format!("/events?ticket={good}");
    assert_eq!(request(hub.0, "HEAD", &target, &[], b"").status, 200);
    hub.subscribe(&target);
    let other = ticket(*hub, &may_subscribe(&[]));
    assert_refused(&publish(*hub, &format!("?ticket={other}"), &[]), 401, "token_missing");
}

#[test]
fn a_ticket_takes_a_subscribers_token() {
    let hub =
        closed(&[("FANFARE_ANONYMOUS", "on"), ("FANFARE_PUBLISH_ORIGINS", "https://a.example")]);
    assert_refused(&buy(*hub, &[]), 401, "token_missing");
    assert_refused(&buy(*hub, &[("Authorization", "Bearer x")]), 401, "token_invalid");
    let expired = token(&json!({"exp": now() - 1}));
    assert_refused(&buy(*hub, &[("Authorization", &bearer(&expired))]), 401, "token_expired");
    let cookie = format!("mercureAuthorization={}", may_subscribe(&[]));
    let evil = [("Cookie", &*cookie), ("Origin", "https://evil.example")];
    assert_refused(&buy(*hub, &evil), 403, "origin_refused");
    assert_eq!(buy(*hub, &[("Cookie", &cookie), ("Origin", "https://a.example")]).status, 200);
    // A ticket does not buy another.
    let ticket = ticket(*hub, &may_subscribe(&[]));
    let response = request(hub.0, "POST", &format!("/ticket?ticket={ticket}"), &[], b"");
    assert_refused(&response, 401, "token_missing");
    // A header comes before it, and it before the cookie.
    let target = format!("/events?ticket={ticket}");
    let response = request(hub.0, "GET", &target, &[("Authorization", "Bearer x")], b"");
    assert_refused(&response, 401, "token_invalid");
    Stream::open(hub.0, &target, &[("Cookie", "mercureAuthorization=x")]).greeting();
    // Where there is no key there is nothing to buy.
    let hub = Fanfare::start_another(&[]);
    assert_refused(&buy(*hub, &[]), 404, "not_found");
}

#[test]
fn unused_tickets_are_bounded() {
    use std::io::Write as _;

    let hub = closed(&[("RUST_LOG", crate::support::QUIET)]);
    let token = may_subscribe(&[]);
    let request =
        format!("POST /ticket HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut connection = crate::support::Connection::open(hub.0);
    let mut writer = connection.socket.try_clone().unwrap();
    let mut statuses = Vec::new();
    std::thread::scope(|scope| {
        scope
            .spawn(move || (0..10_001).for_each(|_| writer.write_all(request.as_bytes()).unwrap()));
        statuses.extend((0..10_001).map(|_| connection.read_response().status));
    });
    assert!(statuses[..10_000].iter().all(|status| *status == 200));
    assert_eq!(statuses[10_000], 503);
}
