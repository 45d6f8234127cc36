use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{Fanfare, dawdle, run_to_end};

/// Runs it to its end, and returns its JSON.
fn bench(url: &str, arguments: &[&str]) -> Value {
    let output = run_to_end(&[&["bench", "--url", url, "--json"], arguments].concat(), &[]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it says when it can't run.
fn refusal(arguments: &[&str]) -> String {
    let output = run_to_end(&[&["bench"], arguments].concat(), &[]);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// How many events the rate asks for, whether the machine got round to all of them or not.
fn due(report: &Value) -> u64 {
    let count = |name: &str| report["publishing"][name].as_u64().unwrap();
    count("published") + count("omitted")
}

fn assert_flawless(report: &Value, subscribers_of_a_topic: u64) {
    let deliveries = &report["deliveries"];
    let published = report["publishing"]["published"].as_u64().unwrap();
    assert_eq!(deliveries["expected"], published * subscribers_of_a_topic, "{report}");
    assert_eq!(deliveries["received"], deliveries["expected"], "{report}");
    for fault in ["lost", "duplicated", "reordered"] {
        assert_eq!(deliveries[fault], 0, "{report}");
    }
    assert_eq!(report["problems"], serde_json::json!({}), "{report}");
}

#[test]
fn a_paced_run_counts_and_measures() {
    let hub = Fanfare::start_alone(&[]);
    let arguments = ["--subscribers", "20", "--publishers", "2", "--rate", "50", "--duration", "1"];
    let pid = hub.pid().to_string();
    let report =
        bench(&hub.url(), &[&arguments[..], &["--warm-up", "0.2", "--pid", &pid]].concat());
    assert_flawless(&report, 20);
    assert_eq!(due(&report), 50, "{report}");
    assert_eq!(report["connecting"]["opened"], 20);
    assert_eq!(report["interrupted"], false);
    let number = |path: &str| {
        report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {report}"))
    };
    let latency = |name| number(&format!("/deliveries/latency_ms/{name}"));
    assert!(latency("p50") > 0.0 && latency("p50") <= latency("p90"), "{report}");
    assert!(latency("p90") <= latency("p99") && latency("p99") <= latency("max"), "{report}");
    let answer = |name| number(&format!("/publishing/answer_ms/{name}"));
    assert!(answer("p50") > 0.0 && answer("p50") <= answer("p99"), "{report}");
    // 50 events in a second, and what the machine makes of it.
    assert!((10.0..60.0).contains(&number("/publishing/per_second")), "{report}");
    assert!(number("/connecting/per_second") > 0.0);
    assert!(number("/connecting/server_cpu_us/user") >= 0.0);
    assert!(number("/memory/pss_before") > 100_000.0, "{report}");
    assert!(number("/memory/pss_after") > 100_000.0, "{report}");
    number("/memory/per_subscriber");
    number("/cpu/server_us/system");
    number("/cpu/tool_us");
    // All of it is explained, and nothing else is.
    let explained = fs::read_to_string("docs/bench.md").unwrap();
    let (_, explained) = explained.split_once("| field |").unwrap();
    let explained =
        explained.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(
        explained.collect::<BTreeSet<_>>(),
        fields("", &report).iter().map(|x| &**x).collect()
    );
}

/// The names of all that is in an object, with those of the objects that they are in.
fn fields(before: &str, value: &Value) -> Vec<String> {
    match value.as_object().filter(|members| !members.is_empty()) {
        None => vec![before.trim_matches('.').to_owned()],
        Some(members) => members
            .iter()
            .flat_map(|(name, value)| fields(&format!("{before}.{name}"), value))
            .collect(),
    }
}

#[test]
fn topics_and_publishers_at_full_speed_lose_nothing() {
    let hub = Fanfare::start(&[]);
    let arguments = [
        "--subscribers",
        "30",
        "--topics",
        "10",
        "--publishers",
        "4",
        "--rate",
        "0",
        "--threads",
        "2",
    ];
    let report =
        bench(&hub.url(), &[&arguments[..], &["--duration", "0.5", "--rest", "5ms"]].concat());
    assert_flawless(&report, 3);
    assert!(report["publishing"]["published"].as_u64().unwrap() > 10, "{report}");
    assert_eq!(report["memory"], Value::Null, "not measured without --pid");
    assert_eq!(report["cpu"]["server_us"], Value::Null);
}

#[test]
fn the_text_tells_all_that_was_found() {
    let hub = Fanfare::start(&[]);
    let (url, pid) = (hub.url(), hub.pid().to_string());
    let arguments = ["bench", "--url", &url, "--pid", &pid, "--subscribers", "5"];
    let output =
        run_to_end(&[&arguments[..], &["--duration", "0.2", "--idle", "0.1"]].concat(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["5 opened", "KiB a subscriber", "10 events", "50 of 50", "0 lost", "p99", "CPU"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.contains("publishing") && !progress.contains('\u{1b}'), "{progress}");
}

#[test]
fn streams_that_the_hub_refuses_are_told() {
    let hub = Fanfare::start(&[("FANFARE_MAX_SUBSCRIBERS", "5")]);
    let pid = hub.pid().to_string();
    let load = ["--subscribers", "8", "--duration", "0.2", "--pid", &pid];
    let report = bench(&hub.url(), &load);
    assert_eq!(report["connecting"]["opened"], 5, "{report}");
    assert_eq!(report["connecting"]["failed"], 3, "{report}");
    assert_eq!(report["deliveries"]["expected"], report["deliveries"]["received"], "{report}");
    assert_eq!(report["deliveries"]["lost"], 0, "{report}");
    let problems = report["problems"].as_object().unwrap();
    assert!(
        problems.iter().any(|(why, n)| why.contains("no event stream that goes on") && n == 3),
        "{problems:?}"
    );
}

#[test]
fn a_storm_opens_and_closes() {
    let hub = Fanfare::start(&[]);
    let pid = hub.pid().to_string();
    let storm = ["--storm", "--subscribers", "40", "--duration", "0.3", "--pid", &pid];
    let report = bench(&hub.url(), &storm);
    assert!(report["connecting"]["opened"].as_u64().unwrap() >= 80, "{report}");
    assert_eq!(report["connecting"]["failed"], 0, "{report}");
    assert_eq!(report["deliveries"], Value::Null);
    hub.wait_for_streams(0);
}

/// A hub that does to each event what a test tells it to.
struct Fake<F> {
    streams: Vec<TcpStream>,
    events: usize,
    /// How long after its answer an event is delivered.
    late: Duration,
    /// What delivers the last one.
    delivery: Option<thread::JoinHandle<()>>,
    /// Takes the number of an event and its data; returns what is sent to all streams, or `None`
    /// to close them.
    deliver: F,
}

impl<F: FnMut(usize, &str) -> Option<String> + Send + 'static> Fake<F> {
    fn start(deliver: F) -> SocketAddr {
        Self::start_late(Duration::ZERO, deliver)
    }

    fn start_late(late: Duration, deliver: F) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let fake = Arc::new(Mutex::new(Self {
            streams: Vec::new(),
            events: 0,
            late,
            delivery: None,
            deliver,
        }));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let fake = Arc::clone(&fake);
                thread::spawn(move || Self::serve(&fake, &socket));
            }
        });
        address
    }

    fn serve(fake: &Mutex<Self>, socket: &TcpStream) {
        socket.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(socket);
        while let Some((target, body)) = read_request(&mut reader) {
            let mut fake = fake.lock().unwrap();
            let mut answer = socket;
            if target == "GET /sub/bench0" {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
                answer.write_all(head.as_bytes()).unwrap();
                fake.streams.push(socket.try_clone().unwrap());
            } else {
                assert_eq!(target, "POST /pub/bench0");
                fake.publish(&body);
                answer.write_all(fake.answer().as_bytes()).unwrap();
            }
        }
    }

    /// Every second answer fills the buffer that it is read into to its last byte.
    fn answer(&self) -> String {
        let [head, body] = [
            "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-Padding: ",
            "\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ];
        let padding =
            if self.events.is_multiple_of(2) { 0 } else { 16 * 1024 - head.len() - body.len() };
        format!("{head}{}{body}", "x".repeat(padding))
    }

    fn publish(&mut self, data: &str) {
        let text = (self.deliver)(self.events, data);
        self.events += 1;
        let Some(text) = text else {
            self.streams
                .drain(..)
                .for_each(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap());
            return;
        };
        if self.late.is_zero() {
            write(&text, &mut self.streams);
        } else {
            let (late, mut streams) = (self.late, Vec::new());
            streams.extend(self.streams.iter().map(|stream| stream.try_clone().unwrap()));
            let previous = self.delivery.take();
            let due = Instant::now() + late;
            self.delivery = Some(thread::spawn(move || {
                dawdle(due.saturating_duration_since(Instant::now()));
                // In their order, whichever thread wakes up first.
                if let Some(previous) = previous {
                    previous.join().unwrap();
                }
                write(&text, &mut streams);
            }));
        }
    }
}

/// In small pieces, so that most marks arrive in several.
fn write(text: &str, streams: &mut [TcpStream]) {
    for piece in text.as_bytes().chunks(11) {
        for stream in &mut *streams {
            // One that has left is no matter here.
            let _ = stream.write_all(piece);
        }
    }
}

/// A request's method and path, and its body; `None` at the end of the connection.
fn read_request(reader: &mut impl std::io::BufRead) -> Option<(String, String)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    assert!(head.iter().any(|line| line == "X-Test: yes"), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let target = head[0].strip_suffix(" HTTP/1.1").unwrap().to_owned();
    Some((target, String::from_utf8(body).unwrap()))
}

const MANNER: [&str; 10] = [
    "--subscribe-path",
    "/sub/{topic}",
    "--publish-path",
    "/pub/{topic}",
    "--header",
    "X-Test: yes",
    "--subscribers",
    "3",
    "--warm-up",
    "0",
];

#[test]
fn what_a_hub_loses_repeats_and_swaps_is_counted() {
    let mut held = String::new();
    let address = Fake::start(move |number, data| {
        assert_eq!(data.len(), 200, "--payload");
        assert!(serde_json::from_str::<Value>(data).unwrap().is_object());
        let event = format!("data: {data}\n\n");
        Some(match number {
            3 => String::new(),
            5 => event.repeat(2),
            7 => {
                held = event;
                String::new()
            }
            8 => event + &held,
            _ => event,
        })
    });
    let load = ["--rate", "100", "--duration", "0.2", "--payload", "200"];
    let report = bench(&format!("http://{address}"), &[&MANNER[..], &load].concat());
    let deliveries = &report["deliveries"];
    // On a busy machine the last ones are not published in time.
    let published = report["publishing"]["published"].as_u64().unwrap();
    assert!(published > 9, "{report}");
    assert_eq!(deliveries["expected"], published * 3, "{report}");
    assert_eq!(deliveries["received"], published * 3 - 3, "{report}");
    assert_eq!(deliveries["lost"], 3, "{report}");
    assert_eq!(deliveries["duplicated"], 3, "{report}");
    assert_eq!(deliveries["reordered"], 3, "{report}");
}

#[test]
fn streams_that_end_early_are_told_and_what_they_miss_is_lost() {
    let address = Fake::start(|number, data| (number < 10).then(|| format!("data: {data}\n\n")));
    let load = ["--rate", "100", "--duration", "0.2"];
    let report = bench(&format!("http://{address}"), &[&MANNER[..], &load].concat());
    let published = report["publishing"]["published"].as_u64().unwrap();
    assert!(published > 10, "{report}");
    assert_eq!(report["deliveries"]["received"], 30, "{report}");
    assert_eq!(report["deliveries"]["lost"], published * 3 - 30, "{report}");
    assert_eq!(report["problems"]["the server has ended the stream"], 3, "{report}");
    // A hub that ends streams and leaves their connections open.
    let hub = Fanfare::start(&[("FANFARE_MAX_AGE", "300ms")]);
    let report = bench(&hub.url(), &["--subscribers", "3", "--warm-up", "0", "--duration", "1"]);
    assert_eq!(report["problems"]["the server has ended the stream"], 3, "{report}");
    let deliveries = &report["deliveries"];
    let count = |name: &str| deliveries[name].as_u64().unwrap();
    let published = report["publishing"]["published"].as_u64().unwrap();
    assert_eq!(count("expected"), published * 3, "{report}");
    assert!(count("lost") > 0, "{report}");
    assert_eq!(count("lost") + count("received"), count("expected"), "{report}");
}

#[test]
fn a_stream_that_ends_as_it_begins_has_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(&socket).lines().map_while(Result::ok);
            if head.take_while(|line| !line.is_empty()).count() > 0 {
                let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
                socket.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    let error = refusal(&["--url", &url, "--subscribers", "3"]);
    assert!(error.contains("nothing could be subscribed to: the server has ended the"), "{error}");
}

#[test]
fn a_hub_that_dies_leaves_a_report_without_its_time() {
    let mut hub = Fanfare::start(&[]);
    let (url, pid) = (hub.url(), hub.pid().to_string());
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["bench", "--url", &url, "--json", "--subscribers", "5", "--pid", &pid])
        .args(["--warm-up", "0", "--duration", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_progress(&mut child, "publishing, 1 s");
    let seen = hub.log().matches("topic=bench0 200").count();
    crate::support::wait_until("some events are published", || {
        hub.log().matches("topic=bench0 200").count() > seen + 5
    });
    hub.signal("KILL");
    hub.wait();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cpu"]["server_us"], Value::Null, "{report}");
    assert!(report["cpu"]["tool_us"].as_f64() > Some(0.0), "{report}");
    assert_eq!(report["problems"]["the server has ended the stream"], 5, "{report}");
    let problems = report["problems"].as_object().unwrap();
    assert!(problems.keys().any(|why| why.starts_with("publishing: ")), "{report}");
}

#[test]
fn a_rate_that_is_no_whole_number_of_events_is_kept() {
    let hub = Fanfare::start(&[]);
    // In floating point 100 * 0.07 is more than 7.
    let load = ["--subscribers", "1", "--rate", "100", "--duration", "0.07", "--warm-up", "0"];
    let report = bench(&hub.url(), &load);
    assert_eq!(due(&report), 7, "{report}");
}

/// Starts it, presses Ctrl-C as soon as it publishes, and returns its JSON.
fn interrupted(url: &str, arguments: &[&str]) -> Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(["bench", "--url", url, "--json", "--duration", "60"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_progress(&mut child, "publishing, 60 s");
    let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["interrupted"], true);
    // Of a minute's: those that were still to come are not omitted.
    assert!(report["publishing"]["omitted"].as_u64() < Some(500), "{report}");
    report
}

fn wait_for_progress(child: &mut Child, what: &str) {
    let progress = BufReader::new(child.stderr.take().unwrap());
    let begins = |line: &String| line.contains(what);
    progress.lines().map_while(Result::ok).find(begins).expect("it comes that far");
}

#[test]
fn ctrl_c_ends_it_with_what_it_has() {
    let hub = Fanfare::start(&[]);
    assert_flawless(&interrupted(&hub.url(), &["--subscribers", "5"]), 5);
}

#[test]
fn what_is_on_its_way_at_ctrl_c_is_not_lost() {
    let late = Duration::from_millis(400);
    let address = Fake::start_late(late, |_, data| Some(format!("data: {data}\n\n")));
    let report = interrupted(&format!("http://{address}"), &MANNER);
    assert_flawless(&report, 3);
    assert!(report["deliveries"]["latency_ms"]["p50"].as_f64() > Some(399.0), "{report}");
}

#[test]
fn a_low_limit_of_open_files_is_told_and_kept() {
    let hub = Fanfare::start(&[]);
    let script = "ulimit -n 100 && exec \"$0\" bench --json --duration 0 --url \"$1\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_fanfare"), &hub.url()])
        .output()
        .unwrap();
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("limit of open files is 100") && warning.contains("67"), "{warning}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["connecting"]["opened"], 67, "{report}");
    assert_eq!(report["connecting"]["failed"], 0, "{report}");
    assert_eq!(report["publishing"], Value::Null, "--duration 0 publishes nothing");
}

#[test]
fn what_it_cannot_do_it_says() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let error = refusal(&["--url", &url]);
    assert!(error.contains(&url) && error.contains("no hub"), "{error}");
    let error = refusal(&["--url", &url, "--pid", "4194305"]);
    assert!(error.contains("no process 4194305"), "{error}");
    let error = refusal(&["--url", &url, "--topics", "2", "--publish-path", "/send-event"]);
    assert!(error.contains("--publish-path has no {topic}"), "{error}");
    for (flag, value) in [
        ("--payload", "10"),
        ("--subscribers", "0"),
        ("--rate", "-1"),
        ("--duration", "x"),
        ("--publishers", "0"),
        ("--header", "x"),
        ("--subscribe-path", "events"),
        ("--publish-path", "/a b"),
    ] {
        let error = refusal(&[&format!("{flag}={value}")]);
        assert!(error.contains(flag) && error.lines().count() == 1, "{error}");
    }
    // A server, but no hub.
    let hub = Fanfare::start(&[]);
    let error = refusal(&["--url", &hub.url(), "--subscribe-path", "/"]);
    assert!(error.contains("no event stream"), "{error}");
}
