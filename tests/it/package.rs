use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::support::{Folder, run_to_end};

/// What a script of Python prints as JSON.
fn python(script: &str) -> Value {
    let output = Command::new("python3").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_package_has_a_page_for_each_command_and_all_its_files_are_there() {
    let folder = Folder::new();
    let texts = folder.0.join("package");
    let made = Command::new("deploy/package-texts.sh")
        .arg(env!("CARGO_BIN_EXE_fanfare"))
        .arg(&texts)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let help = String::from_utf8(run_to_end(&["--help"], &[]).stdout).unwrap();
    let commands = help.split("Commands:\n").nth(1).unwrap().lines();
    let commands = commands.take_while(|line| !line.is_empty());
    let commands = commands.map(|line| line.split_whitespace().next().unwrap());
    let commands: Vec<_> = commands.filter(|name| *name != "help").collect();
    assert!(commands.contains(&"drain") && commands.len() > 8, "{commands:?}");
    let mut pages: Vec<_> = commands.iter().map(|name| format!("fanfare-{name}.1")).collect();
    pages.push("fanfare.1".to_owned());
    pages.sort_unstable();
    assert_eq!(files_in(&texts.join("man")), pages);

    let package = python(
        "import json, tomllib; deb = tomllib.load(open('Cargo.toml', 'rb'))['package']['metadata']['deb']
print(json.dumps(deb))",
    );
    for asset in package["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        let source = match source.strip_prefix("target/package/") {
            Some(made) => texts.join(made),
            // It is built first.
            None if source.starts_with("target/release/") => continue,
            None => source.into(),
        };
        let (folder, name) = (source.parent().unwrap(), source.file_name().unwrap());
        let (before, after) =
            name.to_str().unwrap().split_once('*').unwrap_or((name.to_str().unwrap(), ""));
        let folder = if folder == Path::new("") { Path::new(".") } else { folder };
        let found = files_in(folder).iter().any(|it| it.starts_with(before) && it.ends_with(after));
        assert!(found, "{}", source.display());
    }
    let unit = &package["systemd-units"][0];
    let scripts = unit["unit-scripts"].as_str().unwrap();
    let name = unit["unit-name"].as_str().unwrap();
    assert!(Path::new(scripts).join(format!("{name}.service")).exists());
}

#[test]
fn what_a_release_runs_is_there() {
    let steps = python(
        "import json, yaml
jobs = yaml.safe_load(open('.github/workflows/release.yml'))['jobs']
print(json.dumps([step['run'] for job in jobs.values() for step in job['steps'] if 'run' in step]))",
    );
    let makefile = fs::read_to_string("Makefile").unwrap();
    let mut found = 0;
    for line in steps.as_array().unwrap().iter().flat_map(|step| step.as_str().unwrap().lines()) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("make"), Some(target)) => {
                assert!(makefile.contains(&format!("\n{target}: ")), "{target}");
                found += 1;
            }
            (Some(script), None) if script.starts_with('.') => {
                assert!(Path::new(script).exists(), "{script}");
                found += 1;
            }
            _ => {}
        }
    }
    assert_eq!(found, 2, "the tests, and the package");
    let changes = fs::read_to_string("CHANGELOG.md").unwrap();
    assert!(changes.contains("\n## "), "a release has the notes of its version");
}
