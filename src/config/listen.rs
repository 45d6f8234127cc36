//! Settings of what is listened on.
//!
//! Does not: know of sockets that are inherited; they come before these, and are found by
//! `listeners`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;

use crate::listeners::Place;

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
}

impl Listen {
    /// Where to listen, unless sockets are inherited.
    pub fn place(&self) -> Place {
        match &self.socket {
            Some(path) => Place::Unix(path.clone(), self.socket_mode),
            None => Place::Tcp(SocketAddr::new(self.host, self.port)),
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
