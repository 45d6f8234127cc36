//! A CA for one test, and what it has signed.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::support::Folder;

pub struct Ca(pub Folder);

const CURVE: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

impl Ca {
    pub fn new() -> Self {
        let ca = Self(Folder::new());
        let extension = "basicConstraints=critical,CA:TRUE";
        let files = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2"];
        ca.openssl(&[&["req", "-x509", "-addext", extension], &CURVE[..], &files].concat());
        ca
    }

    pub fn path(&self, name: &str) -> String {
        self.0.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        let output = command.args(arguments).current_dir(&self.0.0).output().unwrap();
        assert!(output.status.success(), "{arguments:?} {output:?}");
    }

    /// A certificate for this machine, whose subject has this name, and its key: their paths.
    pub fn issue(&self, name: &str) -> (String, String) {
        let (request, key) = (format!("{name}.csr"), format!("{name}.key"));
        let subject = format!("/CN={name}");
        let files = ["-keyout", &key, "-out", &request, "-subj", &subject];
        self.openssl(&[&["req"], &CURVE[..], &files].concat());
        self.sign(name);
        (self.path(&format!("{name}.pem")), self.path(&key))
    }

    /// Signs the request of this name.
    pub fn sign(&self, name: &str) {
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
        fs::write(self.path("names"), names).unwrap();
        let (request, out) = (format!("{name}.csr"), format!("{name}.pem"));
        let by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
        let files = ["-in", &request, "-out", &out, "-extfile", "names"];
        self.openssl(&[&["x509", "-req"], &by[..], &files].concat());
    }
}

/// What `openssl s_client` sees at this port.
pub fn s_client(port: u16, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
