//! Settings of what is listened on.
//!
//! Does not: know of sockets that are inherited; they come before these, and are found by
//! `listeners`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;

use super::Switch;
use crate::{listeners::Place, tls};

/// See the module.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// The address to listen on. `127.0.0.1` keeps the hub on this machine, `::` takes IPv6 too
    #[arg(long, env = "FANFARE_HOST", value_name = "ADDRESS", default_value = "0.0.0.0",
          value_parser = parse_address)]
    pub host: IpAddr,

    /// The port to listen on; 0 takes a free one. `FANFARE_PORT` comes before `PORT`
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "3000",
          value_parser = parse_port)]
    pub port: u16,

    /// The path of a Unix socket to listen on, in place of that address and port
    #[arg(long, env = "FANFARE_SOCKET", value_name = "PATH", value_parser = parse_path)]
    pub socket: Option<PathBuf>,

    /// Who may connect to that socket: the mode of its file
    #[arg(long, env = "FANFARE_SOCKET_MODE", value_name = "MODE", default_value = "0660",
          value_parser = parse_mode)]
    pub socket_mode: u32,

    /// The file with the certificate, and those up to its root, in PEM: with it the hub speaks
    /// HTTPS, HTTP/1.1 and HTTP/2, wherever it listens on TCP. Read again when it changes
    #[arg(long, env = "FANFARE_TLS_CERT", value_name = "PATH", value_parser = parse_path)]
    pub tls_cert: Option<PathBuf>,

    /// The file with the key of that certificate, in PEM
    #[arg(long, env = "FANFARE_TLS_KEY", value_name = "PATH", value_parser = parse_path)]
    pub tls_key: Option<PathBuf>,

    /// Whether HTTP/2 is spoken without TLS too, with who begins with it: a proxy in front
    #[arg(long, env = "FANFARE_H2C", value_name = "SWITCH", default_value = "off")]
    pub h2c: Switch,
}

impl Listen {
    /// Where to listen, unless sockets are inherited.
    pub fn place(&self) -> Place {
        match &self.socket {
            Some(path) => Place::Unix(path.clone(), self.socket_mode),
            None => Place::Tcp(SocketAddr::new(self.host, self.port)),
        }
    }

    /// The files for TLS, where it is spoken.
    pub fn tls(&self) -> Result<Option<tls::Files>, String> {
        let missing = |name, other| Err(format!("{name} is missing: {other} alone does nothing"));
        match (self.tls_cert.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(tls::Files { certificate, key })),
            (None, None) => Ok(None),
            (None, Some(_)) => missing("FANFARE_TLS_CERT", "FANFARE_TLS_KEY"),
            (Some(_), None) => missing("FANFARE_TLS_KEY", "FANFARE_TLS_CERT"),
        }
    }
}

fn parse_address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "allowed is an address such as 127.0.0.1, 0.0.0.0 or ::")
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "allowed is a number from 0 to 65535")
}

/// Absolute: whoever connects has another working directory.
pub fn parse_path(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    let is_file = path.is_absolute() && path.file_name().is_some() && !text.ends_with('/');
    if is_file { Ok(path) } else { Err("allowed is an absolute path of a file") }
}

fn parse_mode(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or("allowed is a mode in octal from 0000 to 0777, such as 0660")
}
