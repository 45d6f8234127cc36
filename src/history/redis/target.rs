//! Where a Redis is, as a setting names it.

use std::fmt;

use percent_encoding::percent_decode_str;

/// A server, the seeds of a Cluster, or the Sentinels that know a server; and what to say there.
/// Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Asked one after another.
    pub hosts: Vec<(String, u16)>,
    pub tls: bool,
    /// The name by which Sentinels know the server.
    pub master: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: i64,
    /// What all keys begin with.
    pub name: String,
}

/// What a setting has to look like.
const ALLOWED: &str = "allowed is redis:// or rediss:// (TLS), user:password@ where there is \
                           one, host:port (for a Cluster several, with commas), and /database; or \
                           redis+sentinel://host:port,host:port/master";

impl Target {
    /// Reads a URL. `None` where its scheme is another one.
    pub fn parse(text: &str) -> Option<Result<Self, &'static str>> {
        let (scheme, rest) = text.split_once("://")?;
        let (tls, sentinel) = match scheme {
            "redis" | "valkey" => (false, false),
            "rediss" | "valkeys" => (true, false),
            "redis+sentinel" | "valkey+sentinel" => (false, true),
            "rediss+sentinel" | "valkeys+sentinel" => (true, true),
            _ => return None,
        };
        Some(Self::parse_rest(rest, tls, sentinel).ok_or(ALLOWED))
    }

    fn parse_rest(rest: &str, tls: bool, sentinel: bool) -> Option<Self> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let name = match query {
            "" => "fanfare".to_owned(),
            query => query.strip_prefix("name=").filter(|name| is_name(name))?.to_owned(),
        };
        let (rest, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let usual = if sentinel { 26379 } else { 6379 };
        let hosts = hosts.split(',').map(|host| parse_host(host, usual)).collect::<Option<_>>()?;
        let (master, database) = match (sentinel, path.split_once('/')) {
            (false, _) => (None, path),
            (true, Some((master, database))) => (Some(master), database),
            (true, None) => (Some(path), ""),
        };
        if master.is_some_and(|master| !is_name(master)) {
            return None;
        }
        let database = if database.is_empty() { 0 } else { database.parse().ok()? };
        Some(Self {
            hosts,
            tls,
            master: master.map(str::to_owned),
            user: some(decode(user)?),
            password: some(decode(password)?),
            database: i64::from(u16::try_from(database).ok()?),
            name,
        })
    }

    /// The key of this name. All of them are in one slot of a Cluster.
    pub fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.name)
    }
}

/// What needs no escapes, in a key neither.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// Nothing is none.
fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

fn parse_host(text: &str, usual: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(usual), str::parse).ok()?;
    (!host.is_empty() && !host.contains('@')).then(|| (host.to_owned(), port))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let sentinel = if self.master.is_some() { "+sentinel" } else { "" };
        write!(f, "{scheme}{sentinel}://")?;
        for (at, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
            write!(f, "{comma}{open}{host}{close}:{port}")?;
        }
        if let Some(master) = &self.master {
            write!(f, "/{master}")?;
        }
        if self.database != 0 {
            write!(f, "/{}", self.database)?;
        }
        if self.name != "fanfare" {
            write!(f, "?name={}", self.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
