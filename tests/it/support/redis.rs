//! A real Redis server of one test.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{Folder, PATIENCE, wait_until};

/// A `redis-server` on its own port and in its own folder, which ends with its test.
pub struct Redis {
    child: Option<Child>,
    pub port: u16,
    folder: Folder,
    arguments: Vec<String>,
}

impl Redis {
    /// One that has written what it has acknowledged.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One with these settings.
    pub fn with(settings: &[&str]) -> Self {
        let port = free_port();
        let number = port.to_string();
        let usual = ["--port", &number, "--bind", "127.0.0.1", "--save", ""];
        Self::run(port, Folder::new(), &[&usual, settings].concat())
    }

    /// A Sentinel, which watches over a server by the name `main`.
    pub fn sentinel(master: &Self) -> Self {
        let (port, folder) = (free_port(), Folder::new());
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n",
            master.port
        );
        std::fs::write(folder.0.join("sentinel.conf"), settings).unwrap();
        Self::run(port, folder, &["sentinel.conf", "--sentinel"])
    }

    fn run(port: u16, folder: Folder, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut redis = Self { child: None, port, folder, arguments };
        redis.launch();
        redis
    }

    /// Starts it again, and waits until it answers.
    pub fn launch(&mut self) {
        // It ends also where the process of the tests is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "redis-server"])
            .args(&self.arguments)
            .current_dir(&self.folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is there: tests/install-tools.sh installs it");
        self.child = Some(child);
        wait_until("Redis answers", || self.answers());
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Whether it takes commands, or at least asks for a password.
    fn answers(&self) -> bool {
        let answer = ask(self.address(), &["PING"]).unwrap_or_default();
        answer.starts_with("+PONG") || answer.starts_with("-NOAUTH")
    }

    /// Has it do something, and returns its answer as it is.
    pub fn ask(&self, command: &[&str]) -> String {
        ask(self.address(), command).expect("Redis answers")
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What it has on its disk.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder.0
    }
}

/// Taken by whoever comes first, now that it is free again.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends one command, and returns the first piece of the answer.
fn ask(address: SocketAddr, command: &[&str]) -> std::io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut request = format!("*{}\r\n", command.len());
    for word in command {
        request += &format!("${}\r\n{word}\r\n", word.len());
    }
    socket.write_all(request.as_bytes())?;
    let mut piece = [0; 16384];
    let length = socket.read(&mut piece)?;
    Ok(String::from_utf8_lossy(&piece[..length]).into_owned())
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
