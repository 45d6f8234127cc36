use std::io::Write as _;

use socket2::SockRef;

use crate::support::{Connection, Fanfare, wait_until};

/// Whether this run of the tests is the one that leaves sockets to actix.
pub fn is_off() -> bool {
    std::env::var_os("FANFARE_DIRECT_WRITE").is_some_and(|value| value == "off")
}

fn wait_for_direct(hub: &Fanfare, count: usize) {
    wait_until("sockets are taken over", || hub.ready()["direct"] == count);
}

#[test]
fn sockets_are_taken_over_from_actix_where_that_is_on() {
    let hub = Fanfare::start(&[]);
    let mut streams: Vec<_> = (0..20).map(|_| hub.subscribe("/events")).collect();
    hub.publish("", "0");
    let mut resumed = hub.resume("/events", "earliest");
    hub.wait_for_subscribers(21);
    wait_for_direct(&hub, if is_off() { 0 } else { 21 });
    hub.publish("", "1");
    for stream in &mut streams {
        assert_eq!((stream.event().data, stream.event().data), ("0".to_owned(), "1".to_owned()));
    }
    assert_eq!((resumed.event().data, resumed.event().data), ("0".to_owned(), "1".to_owned()));
}

#[test]
fn it_can_be_turned_off_and_http_1_0_is_left_alone() {
    let hub = Fanfare::start(&[("FANFARE_DIRECT_WRITE", "off")]);
    let mut stream = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    hub.publish("", "1");
    assert_eq!(stream.event().data, "1");
    assert_eq!(hub.ready()["direct"], 0);

    let hub = Fanfare::start_another(&[]);
    let mut old = Connection::open(hub.0);
    old.send("GET /events HTTP/1.0\r\n\r\n");
    old.read_until("\n\n");
    hub.wait_for_subscribers(1);
    hub.publish("", "1");
    assert!(old.read_until("\n\n").ends_with(b"data: 1\n\n"));
    assert_eq!(hub.ready()["direct"], 0);
}

#[test]
fn answers_that_are_still_in_a_buffer_are_not_cut() {
    let hub = Fanfare::start(&[("FANFARE_WORKERS", "1"), ("FANFARE_SEND_BUFFER", "4KiB")]);
    let page = crate::support::get(hub.0, "/").body;
    let script = crate::support::get(hub.0, "/static/style.css").body;
    let mut connection = Connection::open(hub.0);
    SockRef::from(&connection.socket).set_recv_buffer_size(4096).unwrap();
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let answers = (request("/") + &request("/static/style.css")).repeat(6);
    connection.socket.write_all((answers + &request("/events")).as_bytes()).unwrap();
    // Nothing is read until the hub has to wait; its stream is registered only behind all that.
    hub.wait_for_streams(0);
    for _ in 0..6 {
        assert_eq!(connection.read_response().body, page);
        assert_eq!(connection.read_response().body, script);
    }
    assert_eq!(connection.read_head().status, 200);
    assert!(connection.read_chunk().unwrap().starts_with(b"data: {\"id\""));
    hub.wait_for_subscribers(1);
    wait_for_direct(&hub, usize::from(!is_off()));
    hub.publish("", "1");
    assert!(connection.read_chunk().unwrap().ends_with(b"data: 1\n\n"));
}

#[test]
fn one_that_falls_behind_on_its_own_socket_comes_back_to_it() {
    let hub = Fanfare::start_alone(&[
        ("FANFARE_QUEUE_EVENTS", "20"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_HISTORY_BYTES", "1GiB"),
    ]);
    let mut stream = hub.subscribe("/events");
    wait_for_direct(&hub, usize::from(!is_off()));
    let large = format!("\"{}\"", "x".repeat(20_000));
    for _ in 0..3 {
        let mut published = 0;
        wait_until("it falls behind", || {
            hub.publish("", &large);
            published += 1;
            hub.ready()["behind"] == 1
        });
        for _ in 0..published {
            assert_eq!(stream.event().kind, "message");
        }
        wait_for_direct(&hub, usize::from(!is_off()));
        assert_eq!(hub.ready()["behind"], 0);
    }
}
