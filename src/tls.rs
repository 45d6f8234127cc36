//! The certificate of the hub, and what a handshake needs of it.
//!
//! Owns: the two files' contents. Promises: a certificate is only ever used with its own key; files
//! that change are read again, and where they can't be used the old ones stay; connections that are
//! open stay with what they began with. Does not: ask clients for certificates.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{task::spawn_blocking, time::sleep};

/// How often files are looked at. Two looks that see the same make a change: who writes one file
/// after the other is not met in between.
const LOOK: Duration = Duration::from_millis(500);

/// HTTP/2 as the protocol names it (RFC 7301).
pub const H2: &[u8] = b"h2";

/// Where certificate and key are, in PEM.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate, and those up to the root.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why the files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate.
    #[error("FANFARE_TLS_CERT (--tls-cert) can't be {path}: {1}", path = .0.display())]
    Certificate(PathBuf, String),
    /// The key.
    #[error("FANFARE_TLS_KEY (--tls-key) can't be {path}: {1}", path = .0.display())]
    Key(PathBuf, String),
}

/// What was in the files.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// See the module. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: Files,
    config: RwLock<Arc<ServerConfig>>,
    /// What was tried last, whether it could be used or not.
    tried: Mutex<Result<Contents, String>>,
}

impl Certificate {
    /// Reads the files.
    pub fn open(files: Files) -> Result<Self, TlsError> {
        let contents = read(&files)?;
        let config = RwLock::new(Arc::new(build(&files, &contents)?));
        let tried = Mutex::new(Ok(contents));
        Ok(Self(Arc::new(Shared { files, config, tried })))
    }

    /// What the next handshake is made with.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.config.read())
    }

    /// Reads the files again, whether they have changed or not.
    pub async fn reload(&self) {
        let read = self.look().await;
        self.try_on(read);
    }

    /// Takes up what is put into the files. Never ends.
    pub async fn follow(&self) {
        let mut last = None;
        loop {
            sleep(LOOK).await;
            let seen = self.look().await;
            let is_steady = last.as_ref() == Some(&seen);
            if is_steady && *self.0.tried.lock() != seen {
                self.try_on(seen.clone());
            }
            last = Some(seen);
        }
    }

    /// An error as its text, so that one that stays is told once.
    async fn look(&self) -> Result<Contents, String> {
        let files = self.0.files.clone();
        let look = spawn_blocking(move || read(&files).map_err(|error| error.to_string()));
        look.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn try_on(&self, read: Result<Contents, String>) {
        let built = read
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|contents| build(&self.0.files, contents).map_err(|error| error.to_string()));
        *self.0.tried.lock() = read;
        match built {
            Ok(config) => {
                *self.0.config.write() = Arc::new(config);
                log::info!("new connections get the certificate in {}", self.0.files);
            }
            Err(why) => log::error!("the certificate stays what it was: {why}"),
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.certificate.display().fmt(f)
    }
}

fn read(files: &Files) -> Result<Contents, TlsError> {
    let text = |path: &Path| fs::read(path).map_err(|error| error.to_string());
    let Files { certificate, key } = files;
    Ok(Contents {
        certificate: text(certificate)
            .map_err(|why| TlsError::Certificate(certificate.clone(), why))?,
        key: text(key).map_err(|why| TlsError::Key(key.clone(), why))?,
    })
}

fn build(files: &Files, contents: &Contents) -> Result<ServerConfig, TlsError> {
    let wrong_certificate = |why: String| TlsError::Certificate(files.certificate.clone(), why);
    let wrong_key = |why: String| TlsError::Key(files.key.clone(), why);
    let chain =
        CertificateDer::pem_slice_iter(&contents.certificate).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong_certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong_certificate("there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&contents.key)
        .map_err(|error| wrong_key(format!("there is no private key in it: {error}")))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong_key(error.to_string()))?;
    let single = builder.with_no_client_auth().with_single_cert(chain, key);
    let mut config = single.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            wrong_key(format!("it is not the key of the certificate in {files}"))
        }
        rustls::Error::InvalidCertificate(error) => wrong_certificate(format!("{error:?}")),
        error => wrong_key(error.to_string()),
    })?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
