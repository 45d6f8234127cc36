//! The real binary, started for one test and ended with it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Condvar, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Connection, PATIENCE, Stream, get, post_json, wait_until};

/// Tests share the machine; those that fill it run alone.
static MACHINE: RwLock<()> = RwLock::new(());

#[expect(dead_code, reason = "held for its drop")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
    Second,
}

/// Where a hub listens, however it was started.
#[derive(Debug, Clone, Copy)]
pub struct Hub(pub SocketAddr);

impl Hub {
    pub fn url(self) -> String {
        format!("http://{}", self.0)
    }

    pub fn ready(self) -> serde_json::Value {
        get(self.0, "/health/ready").json()
    }

    /// Publishes a JSON text with a query, and returns the hub's answer.
    pub fn publish(self, query: &str, json: &str) -> serde_json::Value {
        let response = post_json(self.0, &format!("/send-event{query}"), json);
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// Opens a stream, and reads its greeting.
    pub fn subscribe(self, target: &str) -> Stream {
        let mut stream = Stream::open(self.0, target, &[]);
        stream.greeting();
        stream
    }

    /// Opens many streams, from an address of their own, and reads their greetings.
    pub fn crowd(self, size: usize) -> Vec<Stream> {
        rlimit::increase_nofile_limit(u64::MAX).unwrap();
        let source = Ipv4Addr::from_bits(fastrand::u32(0x7F01_0000..0x7FFF_0000));
        let open = |_| {
            let connection = Connection::open_from(source, self.0);
            let mut stream = Stream::over(connection, self.0, "/events", &[]);
            stream.greeting();
            stream
        };
        (0..size).map(open).collect()
    }

    /// Opens a stream that resumes after an id, and reads its greeting.
    pub fn resume(self, target: &str, last_event_id: &str) -> Stream {
        let mut stream = Stream::open(self.0, target, &[("Last-Event-ID", last_event_id)]);
        stream.greeting();
        stream
    }

    /// Waits until so many subscribers are live, and returns how long that took.
    pub fn wait_for_subscribers(self, count: usize) -> Duration {
        wait_until(&format!("{count} subscribers"), || self.ready()["subscribers"] == count)
    }

    pub fn wait_for_streams(self, count: usize) -> Duration {
        wait_until(&format!("{count} streams"), || self.ready()["streams"] == count)
    }
}

/// A process that ends with the test, also with one that panics.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `fanfare serve` of one test.
pub struct Fanfare {
    child: Process,
    log: Arc<Log>,
    hub: Hub,
    _folder: Folder,
    turn: Turn,
}

impl std::ops::Deref for Fanfare {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl Fanfare {
    /// Starts on a free port with these settings, and waits until it listens.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let turn = MACHINE.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Self::launch(settings, Turn::Shared(turn), Command::new(env!("CARGO_BIN_EXE_fanfare")))
    }

    /// The same, with no other test's hub running: for tests that fill or time the machine.
    pub fn start_alone(settings: &[(&str, &str)]) -> Self {
        let turn = MACHINE.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        Self::launch(settings, Turn::Alone(turn), Command::new(env!("CARGO_BIN_EXE_fanfare")))
    }

    /// One more, in a test that has its turn already.
    pub fn start_another(settings: &[(&str, &str)]) -> Self {
        Self::launch(settings, Turn::Second, Command::new(env!("CARGO_BIN_EXE_fanfare")))
    }

    /// One in the place of one that has ended. The turn goes on.
    pub fn start_again(mut self, settings: &[(&str, &str)]) -> Self {
        let turn = std::mem::replace(&mut self.turn, Turn::Second);
        drop(self);
        Self::launch(settings, turn, Command::new(env!("CARGO_BIN_EXE_fanfare")))
    }

    /// The same, with no other test's hub running.
    pub fn start_alone_through(mut command: Command, settings: &[(&str, &str)]) -> Self {
        let turn = MACHINE.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        command.arg(env!("CARGO_BIN_EXE_fanfare"));
        Self::launch(settings, Turn::Alone(turn), command)
    }

    /// Starts through another program, such as `nsenter`, whose arguments end with ours.
    pub fn start_through(mut command: Command, settings: &[(&str, &str)]) -> Self {
        let turn = MACHINE.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        command.arg(env!("CARGO_BIN_EXE_fanfare"));
        Self::launch(settings, Turn::Shared(turn), command)
    }

    fn launch(settings: &[(&str, &str)], turn: Turn, mut command: Command) -> Self {
        let folder = Folder::new();
        let mut child = command
            .env_remove("RUST_LOG")
            .env("PORT", "0")
            .env("FANFARE_HOST", "127.0.0.1")
            .envs(settings.iter().copied())
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map(Process)
            .expect("the binary has been built");
        let log = Arc::new(Log::default());
        let stderr = child.0.stderr.take().expect("it is piped");
        let writer = Arc::clone(&log);
        std::thread::spawn(move || writer.fill(stderr));
        let hub = Hub(address_in(&log.wait_for("Events service started at ")));
        Self { child, log, hub, _folder: folder, turn }
    }

    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits until the process has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.0.try_wait().expect("it is our child") {
                self.log.wait_for_end();
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end; its log:\n{}", self.log.text());
            std::thread::yield_now();
        }
    }

    /// Waits for a line of the log that contains this, and returns it.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.log.wait_for(text)
    }

    pub fn log(&self) -> String {
        self.log.text()
    }
}

impl Drop for Fanfare {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.log.text();
            let lines: Vec<_> = text.lines().collect();
            let from = lines.len().saturating_sub(50);
            eprintln!("--- log of fanfare (its end)\n{}", lines[from..].join("\n"));
        }
    }
}

/// The first address of TCP that the log names; none that can be used for Unix sockets alone.
fn address_in(line: &str) -> SocketAddr {
    let mut urls = line.split([' ', ',']).filter_map(|word| word.split_once("://"));
    let address = urls
        .next()
        .map_or("0.0.0.0:0".to_owned(), |(_, address)| address.replace("localhost", "127.0.0.1"));
    address.parse().expect("the log names the address")
}

/// Runs what follows in a shell that has lowered its limit of open files for good.
pub fn with_open_files(count: usize) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\"")]);
    command
}

/// Runs the binary with arguments until it ends by itself.
pub fn run_to_end(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .envs(settings.iter().copied())
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary has been built");
    let begun = Instant::now();
    while child.try_wait().expect("it is our child").is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("fanfare {arguments:?} does not end");
        }
        std::thread::yield_now();
    }
    child.wait_with_output().expect("it has ended")
}

/// The lines that it has logged so far.
#[derive(Default)]
struct Log {
    state: Mutex<(Vec<String>, bool)>,
    grown: Condvar,
}

impl Log {
    fn fill(&self, stderr: impl std::io::Read) {
        let mut reader = BufReader::new(stderr);
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 0 {
            self.state.lock().unwrap().0.push(line.trim_end().to_owned());
            self.grown.notify_all();
            line.clear();
        }
        let _ = reader.read_to_string(&mut line);
        self.state.lock().unwrap().1 = true;
        self.grown.notify_all();
    }

    fn wait_for(&self, text: &str) -> String {
        let begun = Instant::now();
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(line) = state.0.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            if begun.elapsed() > PATIENCE || state.1 {
                let log = state.0.join("\n");
                // Not poisoned by the panic: the log is shown once more, by a drop.
                drop(state);
                panic!("no {text:?} in the log:\n{log}");
            }
            state = self.grown.wait_timeout(state, PATIENCE).unwrap().0;
        }
    }

    fn wait_for_end(&self) {
        let ended = self.grown.wait_timeout_while(self.state.lock().unwrap(), PATIENCE, |s| !s.1);
        assert!(!ended.unwrap().1.timed_out(), "something holds the log open");
    }

    fn text(&self) -> String {
        self.state.lock().unwrap().0.join("\n")
    }
}

/// An empty folder that goes with its test. As a hub's working directory it makes that no `.env`
/// of the developer's counts.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("fanfare-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
