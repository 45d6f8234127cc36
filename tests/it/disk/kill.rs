//! `kill -9` at any moment.

use std::{
    collections::{HashMap, HashSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::{Disk, stop};
use crate::support::{Event, Fanfare, PATIENCE, Stream, dawdle, decode};

/// What a publisher was told.
struct Answered {
    data: String,
    id: String,
}

/// Publishes one number after another on one connection, until the hub is gone. Every other one
/// has an id of its own.
fn publish(address: SocketAddr, numbers: &AtomicU64) -> Vec<Answered> {
    let mut answered = Vec::new();
    let Ok(mut socket) = TcpStream::connect(address) else { return answered };
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_nodelay(true).unwrap();
    loop {
        let data = numbers.fetch_add(1, Relaxed).to_string();
        let own = if data.ends_with(['1', '3', '5', '7', '9']) {
            format!("?id=own-{data}")
        } else {
            String::new()
        };
        let request = format!(
            "POST /send-event{own} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{data}",
            data.len()
        );
        match exchange(&mut socket, &request) {
            Some(id) => answered.push(Answered { data, id }),
            None => return answered,
        }
    }
}

/// The id in the answer, if a whole one came.
fn exchange(socket: &mut TcpStream, request: &str) -> Option<String> {
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    let mut piece = [0; 4096];
    while !answer.ends_with('}') {
        match socket.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(length) => answer += std::str::from_utf8(&piece[..length]).unwrap(),
        }
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let json: serde_json::Value = answer.split("\r\n\r\n").nth(1)?.parse().unwrap();
    Some(json["id"].as_str().unwrap().to_owned())
}

/// Lets four publish for a while, and kills the hub in the middle of it.
fn live_and_die(hub: &mut Fanfare, numbers: &AtomicU64, time: Duration) -> Vec<Vec<Answered>> {
    let address = hub.0;
    std::thread::scope(|scope| {
        let publishers: Vec<_> =
            (0..4).map(|_| scope.spawn(move || publish(address, numbers))).collect();
        dawdle(time);
        hub.signal("KILL");
        hub.wait();
        publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect()
    })
}

/// Reads on until all of these have been seen.
fn read_all_of(stream: &mut Stream, wanted: &[Vec<Answered>], seen: &mut Vec<Event>) {
    let mut missing: HashSet<&str> =
        wanted.iter().flatten().map(|answered| &*answered.data).collect();
    while !missing.is_empty() {
        let event = stream.event();
        assert_eq!(event.kind, "message", "{event:?}");
        missing.remove(&*event.data);
        seen.push(event);
    }
}

/// What a stream has of a hub that is dead.
fn rest(stream: &mut Stream) -> Vec<Event> {
    let raw = stream.connection.read_to_end();
    let text = String::from_utf8_lossy(&raw).into_owned();
    // Without the chunks around it.
    let fields = ["id: ", "data: ", "event: "];
    let is_of_it =
        |line: &&str| line.is_empty() || fields.iter().any(|name| line.starts_with(name));
    let text: String = text.lines().filter(is_of_it).map(|line| format!("{line}\n")).collect();
    decode(&text)
}

fn sequence(id: &str) -> Option<u64> {
    id.strip_prefix('#')?.split_once('-')?.1.parse().ok()
}

#[test]
fn what_was_answered_is_there_after_a_hundred_kills() {
    let disk = Disk::new();
    let numbers = AtomicU64::new(0);
    let (mut seen, mut last_id) = (Vec::<Event>::new(), "earliest".to_owned());
    let mut lives: Vec<Vec<Answered>> = Vec::new();
    for life in 0..100 {
        let mut hub = disk.start(&[]);
        // Whoever returns goes on where it was, in every life.
        let mut stream = hub.resume("/events", &last_id);
        let before = lives.len().saturating_sub(4);
        read_all_of(&mut stream, &lives[before..], &mut seen);
        if let Some(event) = seen.last() {
            last_id.clone_from(&event.last_event_id);
        }
        let time = Duration::from_millis(20 + life * 7 % 100);
        lives.extend(live_and_die(&mut hub, &numbers, time));
    }
    let hub = disk.start(&[]);
    read_all_of(&mut hub.resume("/events", &last_id), &lives[lives.len() - 4..], &mut seen);

    let mut places = HashMap::new();
    for (place, event) in seen.iter().enumerate() {
        let again = places.insert(&*event.data, place);
        assert_eq!(again, None, "{event:?} came twice");
    }
    for publisher in &lives {
        for answered in publisher {
            let event = &seen[places[&*answered.data]];
            assert_eq!(event.id.as_deref(), Some(&*answered.id));
        }
        let order = publisher.iter().map(|answered| places[&*answered.data]);
        assert!(order.is_sorted(), "a publisher's own order is kept");
    }
    // Sequences have no hole, and begin nowhere anew: those of the hub's own ids fit the places.
    let epoch = |id: &str| id.split('-').next().unwrap().to_owned();
    let own = |event: &&Event| !event.data.ends_with(['1', '3', '5', '7', '9']);
    let epochs: HashSet<_> =
        seen.iter().filter(own).map(|event| epoch(event.id.as_ref().unwrap())).collect();
    assert_eq!(epochs.len(), 1);
    for (event, place) in seen.iter().zip(1..).filter(|(event, _)| own(event)) {
        assert_eq!(sequence(event.id.as_ref().unwrap()), Some(place));
    }
    let answered: usize = lives.iter().map(Vec::len).sum();
    assert!(answered > 1000, "only {answered} events were answered");
    eprintln!("{answered} of {} answered, in 100 lives", seen.len());
    stop(hub);
}

#[test]
fn what_is_lost_by_interval_is_known_to_be_lost() {
    let disk = Disk::new();
    let settings = [("FANFARE_DURABILITY", "interval")];
    let numbers = AtomicU64::new(0);
    let mut seen: HashMap<u64, String> = HashMap::new();
    let (mut last_id, mut lost, mut answered) = ("earliest".to_owned(), 0, 0);
    for life in 0..12 {
        let mut hub = disk.start(&settings);
        let mut stream = hub.resume("/events", &last_id);
        let time = Duration::from_millis(if life % 2 == 0 { 100 } else { 1300 });
        let told = live_and_die(&mut hub, &numbers, time);
        for event in rest(&mut stream) {
            if event.kind == "gap" {
                // A lost id of a publisher's own is one that nobody knows.
                let json = event.json();
                let unknown = json["reason"] == "unknown" && last_id.starts_with("own-");
                assert!(unknown || json["reason"] == "trimmed", "{json}");
                lost += 1;
                continue;
            }
            last_id.clone_from(&event.last_event_id);
            if let Some(at) = event.id.as_deref().and_then(sequence) {
                let again = seen.insert(at, event.data.clone());
                assert_eq!(again, None, "{at} was given twice");
            }
        }
        answered += told.iter().map(Vec::len).sum::<usize>();
    }
    eprintln!("{} of {answered} seen, {lost} gaps", seen.len());
    assert!(lost > 0, "a kill before the first commit loses something");
    assert!(seen.len() > 100);
    // Stopped as planned, it loses nothing.
    let hub = disk.start(&settings);
    hub.publish("?id=the-last", "\"x\"");
    stop(hub);
    let hub = disk.start(&settings);
    let id = hub.publish("", "\"y\"")["id"].as_str().unwrap().to_owned();
    assert_eq!(hub.resume("/events", "the-last").event().id, Some(id));
}

#[test]
fn a_stop_as_planned_keeps_everything_and_streams_go_on_after_it() {
    let disk = Disk::new();
    let mut last_id = "earliest".to_owned();
    let (mut seen, mut answered) = (Vec::new(), 0);
    for life in 0..5 {
        let mut hub = disk.start(&[("FANFARE_DRAIN", "100ms")]);
        let mut stream = hub.resume("/events", &last_id);
        for n in 0..20 {
            hub.publish("", &format!("{}", life * 20 + n));
        }
        // Published to the end: what is answered while it stops counts, too.
        let late = AtomicU64::new(1_000_000 + 1000 * life);
        let address = hub.0;
        answered += std::thread::scope(|scope| {
            let publisher = scope.spawn(|| publish_until_refused(address, &late));
            dawdle(Duration::from_millis(20));
            hub.signal("TERM");
            assert!(hub.wait().success(), "{}", hub.log());
            publisher.join().unwrap()
        });
        while let Some(event) = stream.next() {
            last_id.clone_from(&event.last_event_id);
            seen.push(event.data);
        }
    }
    let hub = disk.start(&[]);
    // A stream may have ended before the last that were answered: those come next.
    let mut stream = hub.resume("/events", &last_id);
    hub.publish("", "\"end\"");
    loop {
        let event = stream.event();
        if event.data == "\"end\"" {
            break;
        }
        seen.push(event.data);
    }
    assert!(seen.len() >= 100 + answered);
    let mut all = hub.resume("/events", "earliest");
    for data in &seen {
        assert_eq!(&all.event().data, data);
    }
    let regular = seen.iter().filter(|data| data.parse::<u64>().unwrap() < 1000);
    let expected: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    assert!(regular.eq(expected.iter()));
}

fn publish_until_refused(address: SocketAddr, numbers: &AtomicU64) -> usize {
    let Ok(mut socket) = TcpStream::connect(address) else { return 0 };
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for answered in 0.. {
        let data = numbers.fetch_add(1, Relaxed).to_string();
        let request = format!(
            "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{data}",
            data.len()
        );
        let mut piece = [0; 4096];
        let sent = socket.write_all(request.as_bytes()).is_ok();
        match sent.then(|| socket.read(&mut piece)) {
            Some(Ok(length)) if piece[..length].starts_with(b"HTTP/1.1 200") => {}
            _ => return answered,
        }
    }
    0
}
