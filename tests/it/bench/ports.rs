use std::process::Command;

use serde_json::Value;

use super::assert_flawless;

/// Runs a hub and the tool in a network of their own, where the kernel has these ports.
fn with_ports(ports: &str, load: &str) -> Value {
    let script = format!(
        "ip link set lo up && echo {ports} > /proc/sys/net/ipv4/ip_local_port_range || exit 1
        \"$0\" serve > /dev/null & trap \"kill $!\" EXIT
        until \"$0\" health > /dev/null; do :; done
        \"$0\" bench --json --url http://127.0.0.1:3000 {load}"
    );
    let mut command = Command::new("unshare");
    command.args(["-Urn", "sh", "-c", &script, env!("CARGO_BIN_EXE_fanfare")]);
    let output = command.env_clear().env("PATH", env!("PATH")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn where_ports_run_out_connections_come_from_other_addresses() {
    let load = "--subscribers 100 --publishers 40 --rate 100 --duration 0.5 --warm-up 0";
    let report = with_ports("40000 40049", load);
    assert_flawless(&report, 100);
    assert_eq!(report["connecting"]["opened"], 100);
}
