use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::support::{Fanfare, run_to_end};

/// A hub with faults.
mod fake;
/// Ctrl-C.
mod interrupt;
/// Where ports run out.
mod ports;

use fake::{Fake, MANNER};
use interrupt::wait_for_progress;

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

#[test]
fn on_a_terminal_progress_is_a_bar() {
    let hub = Fanfare::start(&[]);
    let command = format!(
        "{} bench --url {} --subscribers 2 --duration 0.5",
        env!("CARGO_BIN_EXE_fanfare"),
        hub.url()
    );
    let output = Command::new("script").args(["-qec", &command, "/dev/null"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    // Drawn over itself.
    assert!(
        text.contains("publishing") && text.contains(" %") && text.contains('\u{1b}'),
        "{text}"
    );
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
