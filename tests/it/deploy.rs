use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use serde_json::Value;

use crate::{
    settings,
    support::{Fanfare, Folder, Program, Redis, get, wait_until},
};

const UNIT: &str = "deploy/fanfare.service";
const SOCKET: &str = "deploy/fanfare.socket";

/// The values of a name in the unit, in their order.
fn of_unit(name: &str) -> Vec<String> {
    of_file(UNIT, name)
}

fn of_file(file: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

fn seconds(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap()
}

/// What systemd says about the unit, with the binary where it is here, and its socket beside it.
fn systemd_analyze(arguments: &[&str]) -> Output {
    let folder = Folder::new();
    let text = fs::read_to_string(UNIT).unwrap();
    assert!(text.contains("\nExecStart=/usr/bin/fanfare serve\n"));
    let file = folder.0.join("fanfare.service");
    fs::write(&file, text.replace("/usr/bin/fanfare", env!("CARGO_BIN_EXE_fanfare"))).unwrap();
    let socket = folder.0.join("fanfare.socket");
    fs::copy(SOCKET, &socket).unwrap();
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(&file);
    if arguments[0] == "verify" {
        command.arg(&socket);
    }
    command.output().expect("systemd is there: tests/install-tools.sh installs it")
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_little_that_it_may() {
    let output = systemd_analyze(&["verify", "--man=no"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    // From 0 (nothing) to 100 (everything): a network of its own would leave nothing to serve.
    let output = systemd_analyze(&["security", "--offline=true", "--threshold=15", "--no-pager"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_hub_runs_with_the_environment_of_the_unit() {
    let folder = Folder::new();
    let settings = of_unit("Environment");
    let settings: Vec<_> = settings.iter().map(|line| line.split_once('=').unwrap()).collect();
    let state = format!("{}/{}", "/var/lib", of_unit("StateDirectory")[0]);
    let moved = |value: &str| value.replace(&state, folder.0.to_str().unwrap());
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, moved(value))).collect();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let mut hub = Fanfare::start(&settings);
    assert!(folder.0.join("history.redb").exists(), "it keeps events in its folder");
    assert_eq!(of_unit("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    hub.signal("HUP");
    assert_eq!(get(hub.0, "/health/ready").status, 200);
    hub.signal("TERM");
    assert!(hub.wait().success());

    let drain = settings.iter().find(|(name, _)| *name == "FANFARE_DRAIN").unwrap().1;
    let patience = seconds(&of_unit("TimeoutStopSec")[0]);
    assert!(patience > seconds(drain) + Duration::from_secs(11), "it is not killed as it ends");
}

/// systemd's own program that hands sockets over, in place of systemd: no test is root.
#[test]
fn the_hub_runs_with_the_socket_of_its_unit() {
    let folder = Folder::new();
    let place = &of_file(SOCKET, "ListenStream")[0];
    let path = folder.0.join(Path::new(place).file_name().unwrap());
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(&path).arg("--setenv=RUST_LOG=info");
    command.args([env!("CARGO_BIN_EXE_fanfare"), "serve"]).current_dir(&folder.0);
    let mut program = Program::start(command);
    wait_until("it listens", || path.exists());
    // The first who comes starts the hub.
    let path = path.to_str().unwrap();
    let output = crate::support::run_to_end(&["health", "--unix-socket", path], &[]);
    assert!(output.status.success(), "{output:?}");
    while !program.line().ends_with(&format!("Events service started at unix:{path}")) {}
}

#[test]
fn a_wrong_setting_is_no_reason_to_start_again() {
    let output = crate::support::run_to_end(&["serve"], &[("FANFARE_HOST", "x")]);
    let code = output.status.code().unwrap().to_string();
    assert_eq!(of_unit("RestartPreventExitStatus"), [code]);
}

/// The Kubernetes objects, by kind; and the kustomization, which has to name all files.
fn objects() -> BTreeMap<String, Value> {
    let script = "import json, pathlib, sys, yaml
files = sorted(pathlib.Path('deploy/kubernetes').iterdir())
print(json.dumps({path.name: list(yaml.safe_load_all(path.read_text())) for path in files}))";
    let output = Command::new("python3").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{output:?}; tests/install-tools.sh installs what is missing");
    let files: BTreeMap<String, Vec<Value>> = serde_json::from_slice(&output.stdout).unwrap();
    let named = &files["kustomization.yaml"][0]["resources"];
    let mut objects = BTreeMap::new();
    for (file, of_file) in &files {
        if file != "kustomization.yaml" {
            assert!(named.as_array().unwrap().contains(&file.as_str().into()), "{file}");
        }
        for object in of_file {
            assert!(object["apiVersion"].is_string(), "{file}");
            objects.insert(object["kind"].as_str().unwrap().to_owned(), object.clone());
        }
    }
    objects
}

/// What the only container of a pod says.
fn container(objects: &BTreeMap<String, Value>) -> &Value {
    &objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
}

fn environment(container: &Value) -> Vec<(&str, &str)> {
    let pairs = container["env"].as_array().unwrap().iter();
    pairs.map(|pair| (pair["name"].as_str().unwrap(), pair["value"].as_str().unwrap())).collect()
}

#[test]
fn the_kubernetes_objects_fit_together() {
    let objects = objects();
    let labels = &objects["Deployment"]["spec"]["template"]["metadata"]["labels"];
    let pod = &objects["Deployment"]["spec"]["template"]["spec"];
    let apart =
        &pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0];
    for selector in [
        &objects["Deployment"]["spec"]["selector"]["matchLabels"],
        &objects["Service"]["spec"]["selector"],
        &objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        &apart["podAffinityTerm"]["labelSelector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    let container = container(&objects);
    let target = &objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"];
    assert_eq!(
        (&target["kind"], &target["name"]),
        (&"Deployment".into(), &objects["Deployment"]["metadata"]["name"])
    );
    assert!(objects["Deployment"]["spec"].get("replicas").is_none(), "the autoscaler has them");
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(container["image"], objects["Kustomization"]["images"][0]["name"]);
    // The port that the hub listens on by itself.
    let port = &container["ports"][0];
    assert_eq!((&port["name"], &port["containerPort"]), (&"http".into(), &3000.into()));
    assert_eq!(objects["Service"]["spec"]["ports"][0]["targetPort"], "http");
    let image = fs::read_to_string("Dockerfile").unwrap();
    let user = &pod["securityContext"]["runAsUser"];
    assert!(image.contains(&format!("--uid {user} ")), "the image's user");
}

#[test]
fn a_pod_has_the_time_to_end_and_its_probes_are_answered() {
    let objects = objects();
    let container = container(&objects);
    let redis = Redis::start();
    let url = redis.url();
    let mut settings = environment(container);
    let drain = settings.iter().find(|(name, _)| *name == "FANFARE_DRAIN").unwrap().1;
    settings.extend([("FANFARE_HISTORY", &*url), ("FANFARE_ADMIN_TOKEN", "the-operators-token")]);
    // Other hubs of the machine may have that port.
    let metrics = settings.iter_mut().find(|(name, _)| *name == "FANFARE_METRICS").unwrap();
    let port = metrics.1.rsplit_once(':').unwrap().1.to_owned();
    metrics.1 = "127.0.0.1:0";
    assert_eq!(container["ports"][1]["containerPort"].to_string(), port);
    let annotations = &objects["Deployment"]["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["prometheus.io/port"], *port);
    let mut hub = Fanfare::start(&settings);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let asked = &container[probe]["httpGet"];
        assert_eq!(asked["port"], "http");
        assert_eq!(get(hub.0, asked["path"].as_str().unwrap()).status, 200, "{probe}");
    }
    let hook = words(&container["lifecycle"]["preStop"]["exec"]["command"]);
    let at = ["--url", &hub.url(), "--over", "100ms"];
    let token = [("FANFARE_ADMIN_TOKEN", "the-operators-token")];
    let stream = hub.subscribe("/events");
    let drained = crate::support::run_to_end(&[&hook[1..2], &at].concat(), &token);
    assert!(drained.status.success(), "{drained:?}");
    drop(stream);
    hub.signal("TERM");
    assert!(hub.wait().success());

    let pause = words(&container["lifecycle"]["preStop"]["exec"]["command"]);
    assert_eq!(pause[..3], ["fanfare", "drain", "--after"]);
    let pause = seconds(pause[3]);
    let pod = &objects["Deployment"]["spec"]["template"]["spec"];
    let patience = Duration::from_secs(pod["terminationGracePeriodSeconds"].as_u64().unwrap());
    assert!(patience > pause + seconds(drain) + Duration::from_secs(11));
}

fn words(command: &Value) -> Vec<&str> {
    command.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn the_autoscaler_asks_for_a_metric_that_there_is() {
    let objects = objects();
    let metrics = objects["HorizontalPodAutoscaler"]["spec"]["metrics"].as_array().unwrap();
    let name = metrics[0]["pods"]["metric"]["name"].as_str().unwrap();
    let hub = Fanfare::start(&[("FANFARE_METRICS", "on")]);
    assert!(get(hub.0, "/metrics").text().contains(&format!("# TYPE {name} gauge")));
    let docs = fs::read_to_string("docs/deploy.md").unwrap();
    assert!(docs.contains(&format!("seriesQuery: '{name}{{")));
}

#[test]
fn what_the_files_of_deploy_set_are_settings() {
    let objects = objects();
    let unit = of_unit("Environment");
    let set = unit.iter().map(|line| line.split_once('=').unwrap().0);
    let set = set.chain(environment(container(&objects)).into_iter().map(|(name, _)| name));
    let names = settings::names();
    for name in set {
        assert!(names.iter().any(|it| it == name), "{name} is not a setting");
    }
}
