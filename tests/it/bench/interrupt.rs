use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{Fake, Fanfare, MANNER, assert_flawless};

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

pub fn wait_for_progress(child: &mut Child, what: &str) {
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
