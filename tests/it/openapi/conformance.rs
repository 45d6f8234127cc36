//! `schemathesis` makes requests from the document, valid ones and others, and holds each answer
//! to what it says: status, type, headers, body.
//!
//! Not asked: `GET /events` and Mercure's, which never end where they are answered (their `HEAD` has
//! the same parameters and errors); and `POST /admin/drain`, after which the hub takes nothing.

use std::{path::Path, process::Command};

use serde_json::json;

use super::with_everything;
use crate::{
    admin::ADMIN,
    auth::token,
    support::{Fanfare, Folder, Hub},
};

/// What is held to. Not `positive_data_acceptance`: rules such as "no `#` in front" are in words.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection";

const ENDLESS: [&str; 3] = ["streamEvents", "mercureSubscribe", "drain"];

fn hold(hub: Hub, checks: &str, arguments: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let place = Folder::new();
    let output = Command::new(folder.join(".venv/bin/schemathesis"))
        .args(["run", &format!("{}/openapi.json", hub.url()), "--url", &hub.url()])
        .args(["--no-color", "--phases", "examples,coverage,fuzzing", "--request-timeout", "10"])
        // The same requests each time.
        .args(["--generation-deterministic", "--max-examples", "20", "--checks", checks])
        .args(ENDLESS.iter().flat_map(|id| ["--exclude-operation-id", id]))
        .args(arguments)
        .env("SCHEMATHESIS_HOOKS", folder.join("schemathesis_hooks.py"))
        .env("no_proxy", "127.0.0.1")
        // It keeps what it has found where it is started.
        .current_dir(&place.0)
        .output()
        .expect("tests/install-tools.sh installs what is missing");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_hub_as_it_comes_answers_as_it_is_described() {
    hold(*Fanfare::start(&[]), CHECKS, &[]);
}

#[test]
fn a_hub_with_everything_answers_the_operator_as_it_is_described() {
    let checks = format!(
        "{CHECKS},unsupported_method,allow_header_conformance,ignored_auth,missing_required_header"
    );
    let header = format!("Authorization: Bearer {ADMIN}");
    hold(*with_everything(), &checks, &["--header", &header, "--include-path-regex", "^/admin/"]);
}

#[test]
fn a_hub_with_everything_answers_who_has_a_token_as_it_is_described() {
    let all = json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}});
    let header = format!("Authorization: Bearer {}", token(&all));
    let checks = format!("{CHECKS},unsupported_method");
    hold(*with_everything(), &checks, &["--header", &header, "--exclude-path-regex", "^/admin/"]);
}
