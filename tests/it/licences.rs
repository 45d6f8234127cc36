//! As far as it can be known without a network: `make licences` asks cargo-deny, and a workflow asks
//! for known weaknesses.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// What a part of a licence expression (SPDX) is, from its end.
struct Expression<'a>(Vec<&'a str>);

impl Expression<'_> {
    /// Whether a licence that is allowed satisfies it.
    fn is_satisfied(&mut self, allowed: &BTreeSet<String>) -> bool {
        let mut satisfied = self.all(allowed);
        while self.0.pop_if(|word| *word == "OR").is_some() {
            satisfied |= self.all(allowed);
        }
        satisfied
    }

    fn all(&mut self, allowed: &BTreeSet<String>) -> bool {
        let mut satisfied = self.one(allowed);
        while self.0.pop_if(|word| *word == "AND").is_some() {
            satisfied &= self.one(allowed);
        }
        satisfied
    }

    fn one(&mut self, allowed: &BTreeSet<String>) -> bool {
        let name = self.0.pop().expect("a licence");
        if name == "(" {
            let satisfied = self.is_satisfied(allowed);
            assert_eq!(self.0.pop(), Some(")"));
            return satisfied;
        }
        match self.0.pop_if(|word| *word == "WITH") {
            // An exception only adds to what a licence allows.
            Some(_) => self.0.pop().is_some() && allowed.contains(name),
            None => allowed.contains(name),
        }
    }
}

fn is_satisfied(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = licence.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut expression = Expression(spaced.split_whitespace().rev().collect());
    let satisfied = expression.is_satisfied(allowed);
    assert!(expression.0.is_empty(), "{licence}");
    satisfied
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for yes in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR X) AND ISC", "MIT WITH Y"] {
        assert!(is_satisfied(yes, &allowed), "{yes}");
    }
    for no in ["GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR MIT AND X", "(X OR Y) AND MIT"] {
        assert!(!is_satisfied(no, &allowed), "{no}");
    }
}

#[test]
fn nothing_comes_in_that_deny_toml_does_not_allow() {
    let script = "import json, tomllib; print(json.dumps(tomllib.load(open('deny.toml', 'rb'))))";
    let rules = json(Command::new("python3").args(["-c", script]));
    let allowed = words(&rules["licenses"]["allow"]);
    let banned = rules["bans"]["deny"].as_array().unwrap().iter();
    let banned: BTreeSet<_> = banned.map(|ban| ban["crate"].as_str().unwrap()).collect();
    // Packages for other systems are not here.
    let host =
        String::from_utf8(Command::new("rustc").arg("-vV").output().unwrap().stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let all = json(Command::new(env!("CARGO")).args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--filter-platform",
        host,
    ]));
    let used = all["resolve"]["nodes"].as_array().unwrap().iter();
    let used: BTreeSet<_> = used.map(|node| node["id"].as_str().unwrap()).collect();
    let packages = all["packages"].as_array().unwrap().iter();
    let packages: Vec<_> =
        packages.filter(|it| used.contains(it["id"].as_str().unwrap())).collect();
    assert!(packages.len() > 200, "{}", packages.len());
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} has none"));
        assert!(is_satisfied(licence, &allowed), "{name}: {licence}");
        assert!(!banned.contains(name), "{name} is banned");
        let registry = package["source"].as_str().is_none_or(|it| it.starts_with("registry+"));
        assert!(registry, "{name} comes from elsewhere");
    }
}
