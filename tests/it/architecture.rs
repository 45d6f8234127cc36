//! Reads the sources and holds them to the rules that ARCHITECTURE.md states.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The parts of the crate, each with the parts that it may import. Downwards only.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["app", "config", "event", "history", "invalid", "sse", "topic"]),
    (
        "app",
        &["auth", "config", "connection", "files", "history", "hooks", "http", "hub", "listeners"],
    ),
    ("config", &["auth", "history", "hooks", "http", "hub", "listeners"]),
    (
        "http",
        &[
            "auth",
            "connection",
            "event",
            "files",
            "histogram",
            "history",
            "hooks",
            "hub",
            "invalid",
            "listeners",
            "sse",
            "topic",
        ],
    ),
    ("auth", &["outgoing", "slice", "topic"]),
    ("hub", &["connection", "event", "histogram", "history", "hooks", "slice", "sse", "topic"]),
    ("hooks", &["outgoing", "topic"]),
    ("history", &["event", "histogram", "sse", "topic"]),
    ("sse", &["event"]),
    ("event", &["invalid", "topic"]),
    ("topic", &["invalid", "slice"]),
    ("connection", &[]),
    ("files", &[]),
    ("histogram", &[]),
    ("invalid", &[]),
    ("listeners", &[]),
    ("outgoing", &[]),
    ("slice", &[]),
];

/// What may be used where: a piece of text, and the files that may have it (by how they begin).
const ONLY_IN: &[(&str, &[&str])] = &[
    ("actix_web", &["app.rs", "http/", "connection", "cli/"]),
    ("actix::", &["hub/", "http/stream.rs", "http/worker.rs"]),
    // The environment; and the arguments.
    ("std::env::", &["config.rs", "main.rs"]),
    ("std::env::var", &["config.rs"]),
    ("jsonwebtoken", &["auth/"]),
    ("p521::", &["auth/key.rs"]),
    // Else a secret could be compared in a time that tells of it, or be shown.
    (".expose()", &["auth/keyring.rs", "config/auth.rs"]),
    ("ureq::", &["outgoing.rs", "auth/fetch.rs", "hooks/messenger.rs"]),
    // Errors get theirs in the first two, a preflight in the third; the last reads others'.
    (
        "StatusCode::",
        &["http/error.rs", "http/mercure/error.rs", "http/cors.rs", "cli/subscribe.rs"],
    ),
    ("hmac::", &["hooks/key.rs"]),
    ("governor::", &["http/limits/"]),
    ("ipnet::", &["http/client_address.rs"]),
    ("socket2::", &["listeners", "connection", "hub/socket_sink.rs", "cli/bench/source.rs"]),
    ("redb::", &["history/disk/"]),
    ("::redis::", &["history/redis/"]),
    ("mio::", &["cli/bench/"]),
];

fn sources() -> Vec<(PathBuf, String)> {
    files_in("src")
}

fn files_in(folder: &str) -> Vec<(PathBuf, String)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    visit(Path::new(folder), &mut paths);
    assert!(paths.len() > 30, "the sources are here");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(folder).unwrap().to_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// Code without comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The parts that a file imports by `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            // One level of nesting: names at depth 1 are the parts.
            let mut depth = 1;
            let mut name = String::new();
            let mut skip = false;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => skip = false,
                    c if depth == 1 && !skip && (c.is_alphanumeric() || c == '_') => name.push(c),
                    _ => {}
                }
                let ends = !(c.is_alphanumeric() || c == '_');
                if ends && !name.is_empty() {
                    found.insert(std::mem::take(&mut name));
                    skip = c != ',';
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

fn part(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn imports_point_down_only() {
    for (path, text) in sources() {
        let part = part(&path);
        if part == "lib" {
            continue;
        }
        let allowed = MAY_IMPORT.iter().find(|(name, _)| *name == part);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{part} has no place in the order"));
        let mut used = imports(&text);
        if part == "main" {
            assert!(code(&text).contains("fanfare::cli"));
            used.insert("cli".to_owned());
        }
        for import in used {
            let fine = import == part || allowed.contains(&&*import);
            assert!(fine, "{} must not import {import}", path.display());
        }
    }
}

#[test]
fn the_rules_hold_what_they_say() {
    // The order itself has no way up: each part only imports parts that come after it.
    for (index, (name, allowed)) in MAY_IMPORT.iter().enumerate() {
        for import in *allowed {
            let place = MAY_IMPORT.iter().position(|(name, _)| name == import);
            assert!(place.unwrap() > index, "{name} would import {import} upwards");
        }
    }
    let sample = "use crate::{a, b::{c, d}, e::f}; use crate::g::h; // crate::comment";
    assert_eq!(imports(sample).into_iter().collect::<Vec<_>>(), ["a", "b", "e", "g"]);
}

#[test]
fn some_things_are_used_in_some_places_only() {
    for (path, text) in sources() {
        let code = code(&text);
        let path = path.to_str().unwrap();
        for (thing, places) in ONLY_IN {
            let fine = !code.contains(thing) || places.iter().any(|place| path.starts_with(place));
            assert!(fine, "{path} must not use {thing}");
        }
    }
}

#[test]
fn files_stay_small_and_say_what_they_are() {
    for (path, text) in sources().into_iter().chain(files_in("tests")) {
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines: split it by noun", path.display());
    }
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{} does not say what it owns", path.display());
        for word in ["utils", "helpers", "common"] {
            assert!(!path.to_str().unwrap().contains(word), "{}", path.display());
        }
    }
    let architecture = fs::read_to_string("ARCHITECTURE.md").unwrap();
    assert!(architecture.lines().count() < 120);
    assert!(!architecture.contains("()"), "no function names: they age");
}

/// The texts of the repository that people read, and what must be true of all of them.
#[test]
fn documents_that_link_to_files_link_to_files_that_are_there() {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    let docs = fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for document in top.into_iter().map(PathBuf::from).chain(docs) {
        let text = fs::read_to_string(&document).unwrap();
        // A link is from where its document is.
        let folder = document.parent().unwrap();
        let document = document.display();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#', ' ']).next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(folder.join(target).exists(), "{document} links to {target}");
            }
        }
    }
}
