use std::process::{Command, Stdio};

use crate::support::run_to_end;

fn printed(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let output = run_to_end(arguments, settings);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What bash would offer for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let script = r#"source /dev/stdin
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _fanfare "$1" "${!#}" "${@: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let completions = printed(&["completions", "bash"], &[]);
    let mut input = bash.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, completions.as_bytes()).unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_flags() {
    assert_eq!(offered(&["fanfare", "pub"]), ["publish"]);
    assert_eq!(offered(&["fanfare", "serve", "--heart"]), ["--heartbeat"]);
    assert_eq!(offered(&["fanfare", "health", "--li"]), ["--live"]);
}

#[test]
fn there_are_completions_for_other_shells() {
    for (shell, begins) in [("zsh", "#compdef fanfare"), ("fish", "# Print an optspec")] {
        let script = printed(&["completions", shell], &[]);
        assert!(script.starts_with(begins) && script.contains("heartbeat"), "{shell}: {script}");
    }
    let output = run_to_end(&["completions", "tcsh"], &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(2), 1), "{text}");
    assert!(text.contains("tcsh"), "{text}");
}

/// As `man` shows it.
fn shown(page: &str) -> String {
    let folder = crate::support::Folder::new();
    let file = folder.0.join("fanfare.1");
    std::fs::write(&file, page).unwrap();
    let output = Command::new("man")
        .args(["--warnings", "--no-hyphenation", "--no-justification", "--local-file"])
        .arg(&file)
        .envs([("MANWIDTH", "100"), ("LC_ALL", "C.UTF-8")])
        .output()
        .expect("man is there: tests/install-tools.sh installs it");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn there_is_a_manual_page_of_the_program_and_of_each_command() {
    let page = shown(&printed(&["man"], &[]));
    assert!(page.starts_with("fanfare(1)"), "{page}");
    for command in ["serve", "publish", "subscribe", "health", "export", "import", "bench"] {
        assert!(page.contains(&format!("fanfare-{command}(1)")), "{page}");
        let page = shown(&printed(&["man", command], &[]));
        assert!(page.starts_with(&format!("fanfare-{command}(1)")), "{page}");
    }
    // No secret of the environment that it is made in.
    let secret = "a secret that has thirty-two bytes or more";
    let page = printed(&["man", "serve"], &[("FANFARE_PUBLISHER_JWT_KEY", secret)]);
    assert!(!page.contains("thirty"), "{page}");
    let page = shown(&page);
    for name in crate::settings::names() {
        assert!(page.contains(&name), "{name}: {page}");
    }
    let output = run_to_end(&["man", "nonsense"], &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
