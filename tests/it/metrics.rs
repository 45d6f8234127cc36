//! What an operator's Prometheus reads. The page goes through the parser of the official Python
//! client, so that it is what the format wants, and not only what we think of it.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{Fanfare, get, request, wait_until};

/// Busy hubs.
mod busy;
/// The dashboard and the document have the names that there are.
mod names;
/// Each number after something that it counts.
mod numbers;
/// Where the page is, and where it is not.
mod places;

/// A port of its own.
const OWN: (&str, &str) = ("FANFARE_METRICS", "127.0.0.1:0");

#[derive(serde::Deserialize)]
struct Page {
    /// `counter` and so on, by the names of families.
    kinds: BTreeMap<String, String>,
    /// By name and labels, such as `fanfare_gaps_total{reason=epoch}`.
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let mut parser = Command::new(folder.join(".venv/bin/python"))
            .arg(folder.join("openmetrics.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/install-tools.sh installs what is missing");
        parser.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = parser.wait_with_output().unwrap();
        assert!(output.status.success(), "{text}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn scrape(address: SocketAddr) -> Self {
        Self::parse(&text(address))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they are counts")]
    fn count(&self, sample: &str) -> u64 {
        let value = self.samples.get(sample).unwrap_or_else(|| panic!("there is no {sample}"));
        assert!(*value >= 0.0 && value.fract() == 0.0, "{sample} is {value}");
        *value as u64
    }

    /// All of a family's samples together.
    fn sum(&self, name: &str) -> u64 {
        let all = self.samples.keys().filter(|key| key.split('{').next() == Some(name));
        all.map(|key| self.count(key)).sum()
    }
}

fn text(address: SocketAddr) -> String {
    let response = get(address, "/metrics");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    response.text()
}

/// Where a hub's metrics are that have a port of their own.
fn own_address(hub: &Fanfare) -> SocketAddr {
    let line = hub.wait_for_log("metrics at http://");
    let address = line.rsplit("http://").next().unwrap();
    address.strip_suffix("/metrics").unwrap().parse().unwrap()
}

/// One number of a page, read again and again until it is as wanted: publishers are answered before
/// their events are written.
fn wait_for(address: SocketAddr, sample: &str, wanted: u64) {
    let line = |text: &str| {
        let sample = sample.replace('=', "=\"").replace('}', "\"}");
        text.lines().find_map(|line| line.strip_prefix(&sample)?.trim().parse::<u64>().ok())
    };
    wait_until(&format!("{sample} {wanted}"), || line(&text(address)) == Some(wanted));
}
