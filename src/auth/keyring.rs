//! The keys of one role: where they come from, and the ones that count now.
//!
//! Owns: reading and fetching. Promises: nothing is fetched on a request but for a `kid` that is
//! not known, and then by one request at a time, not more often than every [`PAUSE`]; what can't
//! be read or fetched leaves the keys as they were. Does not: verify.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{
    algorithm::Algorithm,
    fetch::{fetch, shown},
    jwks::{self, JwksError, Readers},
    key::{Key, KeyError},
    secret::Secret,
};

/// How long after a fetch an unknown `kid` causes no other: tokens with one can be made up.
const PAUSE: Duration = Duration::from_secs(5);
/// When a fetched set is fetched again, so that a key that was taken out does not count for ever.
const MAX_AGE: Duration = Duration::from_secs(600);
/// What a key file may have, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The key itself.
    Given(Secret, Algorithm),
    /// A file with a key as it could be given.
    KeyFile(PathBuf, Algorithm),
    /// A file with a JWKS.
    JwksFile(PathBuf),
    /// A server's JWKS.
    JwksUrl(String),
}

/// Why keys can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A key that can't be used.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// A JWKS that can't be used.
    #[error("the JWKS can't be used: {0}")]
    Jwks(#[from] JwksError),
    /// A file that can't be read.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    File(PathBuf, std::io::Error),
    /// A server that does not answer as it should.
    #[error("{0}")]
    Fetch(String),
}

/// See the module.
pub struct Keyring {
    /// Who is verified with it, for the log.
    role: &'static str,
    source: Source,
    state: RwLock<State>,
    /// The end of the last fetch. Held while there is one.
    fetched: Arc<Mutex<Option<Instant>>>,
}

#[derive(Default, Clone)]
struct State {
    keys: Arc<[Key]>,
    since: Option<Instant>,
}

impl Keyring {
    /// Reads the keys. A server that does not answer is no error: it may start later than the
    /// hub. Until then nobody is verified.
    pub async fn open(role: &'static str, source: Source) -> Result<Arc<Self>, LoadError> {
        let is_remote = matches!(source, Source::JwksUrl(_));
        let fetched = Arc::default();
        let this = Arc::new(Self { role, source, state: RwLock::default(), fetched });
        match this.load().await {
            Err(error) if !is_remote => return Err(error),
            Err(error) => log::error!("no {role} keys yet: {error}"),
            Ok(()) => {}
        }
        Ok(this)
    }

    /// Reads the keys anew. The old ones stay where that fails.
    pub async fn reload(self: &Arc<Self>) {
        if let Err(error) = self.load().await {
            log::error!("the {} keys stay as they were: {error}", self.role);
        }
    }

    /// The keys for a token: those with its `kid`, then those without one. A token without a
    /// `kid` may be by any.
    pub async fn keys(self: &Arc<Self>, kid: Option<&str>) -> Arc<[Key]> {
        let State { keys, since } = self.state.read().clone();
        if !matches!(self.source, Source::JwksUrl(_)) {
            return keys;
        }
        let unknown = kid.is_some_and(|kid| !keys.iter().any(|key| key.id.as_deref() == Some(kid)));
        if unknown || keys.is_empty() {
            self.refresh(Arc::clone(&self.fetched).lock_owned().await).await;
            return Arc::clone(&self.state.read().keys);
        }
        if since.is_none_or(|since| since.elapsed() > MAX_AGE)
            && let Ok(turn) = Arc::clone(&self.fetched).try_lock_owned()
        {
            let this = Arc::clone(self);
            tokio::spawn(async move { this.refresh(turn).await });
        }
        keys
    }

    /// Fetches, where that was not just done.
    async fn refresh(self: &Arc<Self>, mut turn: tokio::sync::OwnedMutexGuard<Option<Instant>>) {
        if turn.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        let this = Arc::clone(self);
        // It goes on, and holds the turn, also where the request that waits for it is gone.
        let fetching = spawn_blocking(move || {
            let result = this.read();
            *turn = Some(Instant::now());
            (this.take(result), turn)
        });
        if let Ok((Err(error), _)) = fetching.await {
            log::error!("the {} keys stay as they were: {error}", self.role);
        }
    }

    async fn load(self: &Arc<Self>) -> Result<(), LoadError> {
        let mut turn = Arc::clone(&self.fetched).lock_owned().await;
        let this = Arc::clone(self);
        let reading = spawn_blocking(move || {
            let result = this.read();
            *turn = Some(Instant::now());
            this.take(result)
        });
        // It panics nowhere, and nobody aborts it.
        reading.await.unwrap_or_else(|error| Err(LoadError::Fetch(error.to_string())))
    }

    fn take(&self, read: Result<Vec<Key>, LoadError>) -> Result<(), LoadError> {
        let keys: Arc<[Key]> = read?.into();
        log::info!("{} keys: {}, from {}", self.role, keys.len(), self.source.name());
        *self.state.write() = State { keys, since: Some(Instant::now()) };
        Ok(())
    }

    fn read(&self) -> Result<Vec<Key>, LoadError> {
        let (keys, left_out) = match &self.source {
            Source::Given(secret, algorithm) => {
                (vec![Key::parse(secret.expose(), *algorithm)?], Vec::new())
            }
            Source::KeyFile(path, algorithm) => {
                let text = String::from_utf8_lossy(&read_file(path)?).into_owned();
                // Editors end a file with a line end, which is no part of a secret.
                let text = text.trim_end_matches(['\r', '\n']);
                (vec![Key::parse(text, *algorithm)?], Vec::new())
            }
            Source::JwksFile(path) => jwks::parse(&read_file(path)?, Readers::Us)?,
            Source::JwksUrl(url) => {
                jwks::parse(&fetch(url).map_err(LoadError::Fetch)?, Readers::Anyone)?
            }
        };
        for why in left_out {
            log::warn!("{} JWKS: {why}", self.role);
        }
        Ok(keys)
    }
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::Given(..) => "the environment".to_owned(),
            Self::KeyFile(path, _) | Self::JwksFile(path) => path.display().to_string(),
            Self::JwksUrl(url) => shown(url).to_owned(),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let fail = |error| LoadError::File(path.to_owned(), error);
    let length = std::fs::metadata(path).map_err(fail)?.len();
    if length > MAX_FILE {
        return Err(fail(std::io::Error::other(format!("it is larger than {MAX_FILE} bytes"))));
    }
    std::fs::read(path).map_err(fail)
}
