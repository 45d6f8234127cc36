//! Any other program, started for one test and ended with it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
};

use super::PATIENCE;

pub struct Program {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Program {
    /// Starts it. What it writes to its two outputs is one text, so that an error is seen where
    /// something else was waited for.
    pub fn start(mut command: Command) -> Self {
        let (output, input) = std::io::pipe().expect("there is a pipe");
        let child = command
            .stdin(Stdio::null())
            .stdout(input.try_clone().expect("it is open"))
            .stderr(input)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{command:?}: {error}; tests/install-tools.sh installs what is missing")
            });
        // Else its ends of the pipe keep the text from ending.
        drop(command);
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Its next line, which has to come.
    pub fn line(&mut self) -> String {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
            RecvTimeoutError::Disconnected => panic!("it has ended"),
            RecvTimeoutError::Timeout => panic!("it says nothing more"),
        });
        self.said.push(line.clone());
        line
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Ends it, and returns all that it has said.
    pub fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.said.extend(self.lines.iter());
        self.said.join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let said = self.end();
        if std::thread::panicking() {
            eprintln!("--- what the other program said\n{said}");
        }
    }
}
