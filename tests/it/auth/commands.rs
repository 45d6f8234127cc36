use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use super::*;
use crate::support::{Folder, Program, Stream, run_to_end, wait_until};

/// What it prints when it fails, in one line; `bench` has shown its progress before.
#[track_caller]
fn failure(output: Output) -> String {
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let mut lines = error.lines().filter(|line| *line != "fanfare: opening streams");
    let line = lines.next().unwrap().to_owned();
    assert_eq!(lines.next(), None, "{error}");
    line
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?}: {text}");
    }
}

fn may_both() -> String {
    token(&json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}}))
}

/// Runs a command on a hub with this in its standard input.
fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_token_comes_from_the_environment_a_file_or_standard_input() {
    let hub = closed(&[]);
    let url = hub.url();
    let folder = Folder::new();
    let path = folder.0.join("token");
    fs::write(&path, format!("{}\n", may_both())).unwrap();
    let file = path.to_str().unwrap();
    let token = bearer(&may_both());
    let mut stream = Stream::open(hub.0, "/events", &[("Authorization", &token)]);
    stream.greeting();
    hub.wait_for_subscribers(1);

    let both = may_both();
    let from_environment = [("FANFARE_TOKEN", &*both)];
    let output = run_to_end(&["publish", "--url", &url, "1"], &from_environment);
    assert!(output.status.success(), "{output:?}");
    // The file comes before the variable.
    let arguments = ["publish", "--url", &url, "--token-file", file, "--private", "2"];
    let output = run_to_end(&arguments, &[("FANFARE_TOKEN", "x")]);
    assert!(output.status.success(), "{output:?}");
    let output = run_with_input(&["publish", "--url", &url, "--token-file", "-", "3"], &both);
    assert!(output.status.success(), "{output:?}");
    for data in ["1", "2", "3"] {
        assert_eq!(stream.event().data, data);
    }

    let subscribe = ["subscribe", "--url", &url, "--last-event-id", "earliest", "--count", "3"];
    let output = run_to_end(&subscribe, &from_environment);
    assert_eq!(output.stdout, b"1\n2\n3\n", "{output:?}");
    let bench = ["bench", "--url", &url, "--subscribers", "5", "--duration", "0.2", "--json"];
    let output = run_to_end(&[&bench[..], &["--token-file", file]].concat(), &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["connecting"]["opened"], 5, "{report}");
    assert!(report["deliveries"]["received"].as_u64() > Some(0), "{report}");
    assert_eq!(report["problems"], json!({}), "{report}");
}

#[test]
fn a_refusal_says_what_to_do() {
    let hub = closed(&[]);
    let url = hub.url();
    let folder = Folder::new();
    let path = folder.0.join("token");
    let file = path.to_str().unwrap();
    let commands = |url| {
        [
            vec!["publish", "--url", url, "1"],
            vec!["subscribe", "--url", url],
            vec!["bench", "--url", url, "--subscribers", "2"],
        ]
    };
    let no_token = ["401", "token_missing", "FANFARE_TOKEN", "--token-file"];
    let expired = token(&json!({"exp": now() - 60, "mercure": {"publish": ["*"]}}));
    fs::write(&path, &expired).unwrap();
    for arguments in commands(&url) {
        assert_has(&failure(run_to_end(&arguments, &[])), &no_token);
        // An empty one is none.
        assert_has(&failure(run_to_end(&arguments, &[("FANFARE_TOKEN", "")])), &no_token);
        let wrong = [("FANFARE_TOKEN", "eyJ.nonsense.SECRET")];
        let error = failure(run_to_end(&arguments, &wrong));
        assert_has(&error, &["401", "token_invalid", "it came from FANFARE_TOKEN"]);
        assert!(!error.contains("SECRET"), "{error}");
        let with_file = [&arguments[..], &["--token-file", file]].concat();
        let error = failure(run_to_end(&with_file, &[]));
        assert_has(&error, &["401", "token_expired", "put a new one into", file]);
    }
    let news = may_publish(&["news"]);
    let settings = [("FANFARE_TOKEN", &*news)];
    let error = failure(run_to_end(&["publish", "--url", &url, "1"], &settings));
    assert_has(&error, &["403", "not_granted", "FANFARE_TOKEN", "mercure.publish"]);
    // It subscribes, and may not publish.
    let bench = ["bench", "--url", &url, "--subscribers", "2", "--duration", "0.2"];
    let output = run_to_end(&bench, &settings);
    assert_has(
        &String::from_utf8(output.stdout).unwrap(),
        &["2 opened", "publishing: 403", "not_granted", "FANFARE_TOKEN", "bench0"],
    );
}

#[test]
fn what_is_no_token_is_named_before_anything_is_sent() {
    let folder = Folder::new();
    let path = folder.0.join("token");
    let file = path.to_str().unwrap();
    // Nothing listens there.
    let publish = ["publish", "--url", "http://127.0.0.1:1", "--token-file", file];
    let error = failure(run_to_end(&[&publish[..], &["1"]].concat(), &[]));
    assert_has(&error, &[file, "No such file"]);
    for text in ["", "\n", "Bearer eyJ.x.y", "a\nb", "ä"] {
        fs::write(&path, text).unwrap();
        let error = failure(run_to_end(&[&publish[..], &["1"]].concat(), &[]));
        assert_has(&error, &[file, "the token alone"]);
    }
    let error = failure(run_to_end(&["subscribe"], &[("FANFARE_TOKEN", "a b")]));
    assert_has(&error, &["FANFARE_TOKEN has no token"]);
    for data in [&[][..], &["-"]] {
        let publish = ["publish", "--url", "http://127.0.0.1:1", "--token-file", "-"];
        let error = failure(run_to_end(&[&publish[..], data].concat(), &[]));
        assert_has(&error, &["standard input can't be both"]);
    }
    // There is no flag: other processes can read arguments.
    let output = run_to_end(&["publish", "--token", "x", "1"], &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_variable_is_no_misspelt_setting() {
    let hub = Fanfare::start(&[("FANFARE_TOKEN", "x")]);
    assert!(!hub.log().contains("FANFARE_TOKEN"), "{}", hub.log());
}

#[test]
fn a_subscriber_reads_its_file_again_when_its_stream_has_ended_with_the_token() {
    let hub = closed(&[]);
    let folder = Folder::new();
    let path = folder.0.join("token");
    let write = |seconds: u64| {
        let claims = json!({"exp": now() + seconds, "mercure": {"subscribe": ["*"]}});
        fs::write(&path, token(&claims)).unwrap();
    };
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command.args(["subscribe", "--url", &hub.url(), "--token-file", path.to_str().unwrap()]);
        Program::start(command)
    };
    write(2);
    let mut replaced = start();
    assert_has(&replaced.line(), &["the hub has ended the stream", "trying again"]);
    write(3600);
    hub.wait_for_subscribers(1);
    publish(*hub, "?private", &[("Authorization", &bearer(&may_both()))]);
    assert_eq!(replaced.line(), "1");
    replaced.end();

    write(2);
    let mut forgotten = start();
    assert_has(&forgotten.line(), &["the hub has ended the stream"]);
    let last = forgotten.line();
    assert_has(&last, &["401", "token_expired", "put a new one into"]);
    wait_until("it ends", || forgotten.has_ended());
}
