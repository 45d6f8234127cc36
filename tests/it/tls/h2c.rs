use std::process::Command;

use super::{node, read_until};
use crate::support::{Connection, Fanfare, Folder, wait_until};

fn curl(hub: &Fanfare, version: &str) -> String {
    let arguments = ["--silent", version, "--write-out", "%{http_version}"];
    let mut command = Command::new("curl");
    command.args(arguments).arg(format!("{}/health/live", hub.url()));
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn http_2_without_tls_is_spoken_where_it_is_set_beside_http_1() {
    let hub = Fanfare::start(&[("FANFARE_H2C", "on")]);
    assert!(curl(&hub, "--http2-prior-knowledge").ends_with("}2"));
    assert!(curl(&hub, "--http1.1").ends_with("}1.1"));
    let mut client = node(&hub.url(), "-", &["many", "10"]);
    read_until(&mut client, "greeted");
    let mut stream = hub.subscribe("/events");
    hub.wait_for_subscribers(11);
    wait_until("that of HTTP/1.1 is written to directly", || hub.ready()["direct"] == 1);
    assert_eq!(hub.publish("", "\"last\"")["subscribers"], 11);
    assert_eq!(stream.event().data, "\"last\"");
    assert!(read_until(&mut client, "[[").ends_with(",10]]"));
    // A request whose head comes byte by byte, and begins as the other protocol does.
    let mut slow = Connection::open(hub.0);
    for byte in b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n" {
        slow.send([*byte]);
    }
    assert_eq!(slow.read_head().status, 404);
}

#[test]
fn http_2_is_spoken_over_a_unix_socket() {
    let folder = Folder::new();
    let socket = folder.0.join("fanfare.sock");
    let path = socket.to_str().unwrap();
    let _hub = Fanfare::start(&[("FANFARE_H2C", "on"), ("FANFARE_SOCKET", path)]);
    for (version, shown) in [("--http2-prior-knowledge", "2"), ("--http1.1", "1.1")] {
        let arguments = ["--silent", version, "--write-out", "%{http_version}", "--unix-socket"];
        let mut command = Command::new("curl");
        command.args(arguments).arg(&socket).arg("http://hub/health/live");
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(text.ends_with(&format!("}}{shown}")), "{text}");
    }
}

#[test]
fn http_2_without_tls_is_not_spoken_where_it_is_not_set() {
    let hub = Fanfare::start(&[]);
    assert!(!curl(&hub, "--http2-prior-knowledge").contains('}'));
    assert!(curl(&hub, "--http1.1").ends_with("}1.1"));
}
