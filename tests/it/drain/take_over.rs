//! A new process takes over the listening socket of the old one, under load.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpSocket,
    runtime,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{Connection, Fanfare, Folder, PATIENCE, QUIET, dawdle, wait_until};

const ACTIVATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/listeners/activate.py");
const SUBSCRIBERS: usize = 5000;

/// What all clients together have come to.
#[derive(Default)]
struct Progress {
    /// Streams that have begun with a greeting.
    begun: AtomicUsize,
    /// How often each number was the next for someone.
    seen: AtomicUsize,
}

/// Reads the numbers from 1 to `last`, as an `EventSource` would: comes back when its stream ends,
/// after the time that it was told. Returns how often it came back to a stream.
async fn subscribe(hub: SocketAddr, last: usize, progress: Arc<Progress>) -> usize {
    let (mut next, mut id, mut streams) = (1, None::<String>, 0);
    while next <= last {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        let source = Ipv4Addr::from_bits(fastrand::u32(0x7F01_0000..0x7FFF_0000));
        socket.bind((source, 0).into()).unwrap();
        let mut stream = socket.connect(hub).await.expect("someone listens all the time");
        let place = id.iter().map(|id| format!("Last-Event-ID: {id}\r\n")).collect::<String>();
        let ask = format!(
            "GET /events HTTP/1.1\r\nHost: {hub}\r\nAccept: text/event-stream\r\n{place}\r\n"
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        // A chunk is an event, so that no line has two parts.
        let mut lines = BufReader::new(stream).lines();
        let mut retry = None;
        while let Some(line) = lines.next_line().await.expect("it ends with its last chunk") {
            if let Some(data) = line.strip_prefix("data: ") {
                if data.starts_with('{') {
                    progress.begun.fetch_add(1, Relaxed);
                    streams += 1;
                    continue;
                }
                assert_eq!(data, next.to_string(), "none is lost, none repeated");
                progress.seen.fetch_add(1, Relaxed);
                next += 1;
                if next > last {
                    break;
                }
            } else if let Some(line) = line.strip_prefix("id: ") {
                id = Some(line.to_owned());
            } else if let Some(milliseconds) = line.strip_prefix("retry: ") {
                retry = Some(milliseconds.parse().unwrap());
            } else if line == "0" {
                break;
            }
            assert_ne!(line, "event: gap");
        }
        if next <= last {
            sleep(Duration::from_millis(retry.expect("it is told when to come back"))).await;
        }
    }
    streams
}

/// Ends the publishers, also where the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Publishes on one connection as long as it may be used, then on another, until told to end.
/// Returns how often.
fn publish_all_the_time(hub: SocketAddr, ends: &AtomicBool) -> usize {
    let mut connection = Connection::open(hub);
    let mut published = 0;
    while !ends.load(Relaxed) {
        connection.send(format!(
            "POST /send-event?topic=load HTTP/1.1\r\nHost: {hub}\r\n\
             Content-Type: application/json\r\nContent-Length: 1\r\n\r\n1"
        ));
        let answer = connection.read_response();
        assert_eq!(answer.status, 200, "{}", answer.text());
        published += 1;
        if answer.header("connection") == Some("close") {
            connection = Connection::open(hub);
        }
        dawdle(Duration::from_millis(5));
    }
    published
}

#[test]
fn a_new_process_takes_over_under_load_and_no_event_is_lost_and_no_publish_refused() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let folder = Folder::new();
    let place = format!("file://{}", folder.0.join("history.redb").display());
    let settings = [("FANFARE_HISTORY", &*place), ("FANFARE_DRAIN", "2s"), ("RUST_LOG", QUIET)];
    let mut launcher = Command::new("python3");
    launcher.args([ACTIVATE, "tcp"]);
    let mut hub = Fanfare::start_alone_through(launcher, &settings);
    let address = hub.0;

    // Numbers until the last of the old process, and as many from the new one.
    let (numbers, before) = (60, 20);
    let progress = Arc::new(Progress::default());
    let counts = Arc::clone(&progress);
    let clients = thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut clients = JoinSet::new();
            for _ in 0..SUBSCRIBERS {
                clients.spawn(subscribe(address, numbers, Arc::clone(&counts)));
            }
            timeout(PATIENCE * 3, clients.join_all()).await.expect("all numbers have come to all")
        })
    });
    wait_until("all have a stream", || progress.begun.load(Relaxed) == SUBSCRIBERS);

    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let end = End(&ends);
        let publishers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| publish_all_the_time(address, &ends))).collect();
        let mut number = 0;
        let mut publish = || {
            number += 1;
            hub.publish("", &number.to_string());
            dawdle(Duration::from_millis(100));
            number
        };
        while publish() < before {}
        hub.signal("TERM");
        while publish() < numbers {}
        let streams = clients.join().unwrap();
        drop(end);
        for publisher in publishers {
            assert!(publisher.join().unwrap() > 50);
        }
        assert!(streams.iter().all(|streams| *streams >= 2), "each had a stream of either process");
    });
    assert_eq!(progress.seen.load(Relaxed), SUBSCRIBERS * numbers);
    assert_eq!(hub.log().matches("fanfare::app] stopped").count(), 1);
    hub.signal("TERM");
    assert_eq!(hub.wait().code(), Some(0));
}
