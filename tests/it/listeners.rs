use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    net::TcpListener,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::support::{Fanfare, Folder, PATIENCE, get, run_to_end, wait_until};

const ACTIVATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/listeners/activate.py");

/// Opens a stream over a Unix socket, and reads its greeting.
fn subscribe(socket: &Path) -> BufReader<UnixStream> {
    let mut connection = UnixStream::connect(socket).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut reader = BufReader::new(connection);
    read_until(&mut reader, "data: {\"id\":");
    reader
}

/// Reads lines up to one that begins so.
fn read_until(reader: &mut BufReader<UnixStream>, begins: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ends before {begins:?}");
        if line.starts_with(begins) {
            return line.trim_end().to_owned();
        }
    }
}

/// What curl gets over the socket.
fn curl(socket: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--unix-socket"]).arg(socket);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn publish(socket: &Path, json: &str) -> Value {
    let arguments = ["--json", json, "http://hub/send-event"];
    curl(socket, &arguments)
}

fn ready(socket: &Path) -> Value {
    curl(socket, &["http://hub/health/ready"])
}

#[test]
fn a_hub_on_a_unix_socket_has_no_port_serves_everyone_and_leaves_no_file() {
    let folder = Folder::new();
    let socket = folder.0.join("fanfare.sock");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let settings = [("FANFARE_SOCKET", socket.to_str().unwrap()), ("PORT", &port)];
    let mut hub = Fanfare::start(&settings);
    let file = fs::metadata(&socket).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    let mut stream = subscribe(&socket);
    assert_eq!(publish(&socket, "1")["subscribers"], 1);
    assert_eq!(read_until(&mut stream, "data: "), "data: 1");
    hub.wait_for_log("127.0.0.1 POST /send-event 200");
    let stats = ready(&socket);
    assert_eq!((&stats["streams"], &stats["direct"]), (&1.into(), &0.into()), "{stats}");

    drop(stream);
    wait_until("it sees its client leave", || ready(&socket)["streams"] == 0);
    let health = || run_to_end(&["health"], &settings[..1]).status.code();
    assert_eq!(health(), Some(0));
    let flag = ["health", "--unix-socket", socket.to_str().unwrap()];
    assert_eq!(run_to_end(&flag, &[]).status.code(), Some(0));

    let mut stream = subscribe(&socket);
    hub.signal("TERM");
    read_until(&mut stream, "retry: ");
    assert!(hub.wait().success());
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left");
    assert_eq!(health(), Some(1));
}

#[test]
fn the_file_of_a_socket_has_the_mode_that_is_set() {
    let folder = Folder::new();
    let socket = folder.0.join("fanfare.sock");
    let _hub = Fanfare::start(&[
        ("FANFARE_SOCKET", socket.to_str().unwrap()),
        ("FANFARE_SOCKET_MODE", "0600"),
    ]);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_socket_of_a_dead_process_is_replaced_and_one_that_is_used_is_not() {
    let folder = Folder::new();
    let socket = folder.0.join("fanfare.sock");
    let settings = [("FANFARE_SOCKET", socket.to_str().unwrap())];
    // Its file stays.
    drop(UnixListener::bind(&socket).unwrap());
    let mut hub = Fanfare::start(&settings);
    assert_eq!(ready(&socket)["streams"], 0);

    let output = run_to_end(&["serve"], &settings);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("(FANFARE_SOCKET): another process listens on it"), "{text}");
    assert_eq!(ready(&socket)["streams"], 0, "the first goes on");

    hub.signal("KILL");
    hub.wait();
    assert!(socket.exists());
    let mut hub = hub.start_again(&settings);
    assert_eq!(ready(&socket)["streams"], 0);
    // Another has taken its place: that file is not ours to remove.
    fs::remove_file(&socket).unwrap();
    let other = UnixListener::bind(&socket).unwrap();
    hub.signal("TERM");
    assert!(hub.wait().success());
    assert!(socket.exists());
    drop(other);

    fs::remove_file(&socket).unwrap();
    File::create(&socket).unwrap().write_all(b"precious").unwrap();
    let output = run_to_end(&["serve"], &settings);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("(FANFARE_SOCKET): there is a file that is no socket"), "{text}");
    assert_eq!(fs::read(&socket).unwrap(), b"precious");
}

#[test]
fn a_client_of_a_unix_socket_that_takes_nothing_is_cut() {
    let folder = Folder::new();
    let socket = folder.0.join("fanfare.sock");
    let hub = Fanfare::start_alone(&[
        ("FANFARE_SOCKET", socket.to_str().unwrap()),
        ("FANFARE_QUEUE_EVENTS", "50"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_PEER_TIMEOUT", "3s"),
    ]);
    let mut stalled = subscribe(&socket);
    let mut healthy = subscribe(&socket);
    let event = format!("\"{}\"", "x".repeat(8000));
    let mut published = 0;
    wait_until("it is cut", || {
        publish(&socket, &event);
        published += 1;
        read_until(&mut healthy, "data: \"xx");
        ready(&socket)["ended"]["slow"] == 1
    });
    hub.wait_for_log("ended: slow");
    // The kernel hands out what it had taken, which is bounded.
    let mut received = 0;
    loop {
        let mut line = String::new();
        match stalled.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => received += usize::from(line.starts_with("data: \"xx")),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(received < 50 && received < published, "{received} of {published}");
}

/// A hub with inherited sockets, and one after it on the same sockets.
fn activate(places: &[&str], settings: &[(&str, &str)]) -> Fanfare {
    let mut command = Command::new("python3");
    command.arg(ACTIVATE).args(places);
    Fanfare::start_through(command, settings)
}

#[test]
fn inherited_sockets_are_served_in_place_of_a_port_and_outlive_the_hub() {
    let folder = Folder::new();
    let socket = folder.0.join("inherited.sock");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let own = folder.0.join("own.sock");
    let settings = [("PORT", &*port), ("FANFARE_SOCKET", own.to_str().unwrap())];
    let mut hub = activate(&["tcp", socket.to_str().unwrap()], &settings);
    assert!(!own.exists());
    let mut over_tcp = hub.subscribe("/events");
    let mut over_unix = subscribe(&socket);
    hub.wait_for_subscribers(2);
    assert_eq!(hub.publish("", "\"all\"")["subscribers"], 2, "one hub");
    assert_eq!(over_tcp.event().data, "\"all\"");
    assert_eq!(read_until(&mut over_unix, "data: "), "data: \"all\"");
    wait_until("that of TCP is written to directly", || hub.ready()["direct"] == 1);

    hub.signal("TERM");
    hub.wait_for_log("stopped");
    // Nobody is refused in between: what comes waits for the next hub.
    assert_eq!(get(hub.0, "/health/ready").json()["streams"], 0);
    assert_eq!(ready(&socket)["streams"], 0);
    let starts = || hub.log().matches("Events service started").count();
    assert_eq!(starts(), 2);
    hub.signal("TERM");
    assert!(hub.wait().success());
    assert!(socket.exists(), "it was not made by the hub");
}

#[test]
fn sockets_that_are_for_another_process_are_not_taken() {
    // As a child of a service has them in its environment.
    let hub = Fanfare::start(&[("LISTEN_PID", "1"), ("LISTEN_FDS", "1")]);
    assert_eq!(get(hub.0, "/health/ready").status, 200);
}

#[test]
fn what_is_inherited_and_no_socket_to_listen_on_is_refused() {
    let mut command = Command::new("sh");
    let script = "exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve";
    let output = command.args(["-c", script, env!("CARGO_BIN_EXE_fanfare")]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the inherited socket 0 (LISTEN_FDS)"), "{text}");
}
