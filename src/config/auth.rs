//! Settings of who may publish and who may listen.
//!
//! Promises: secrets come from the environment only, since every process of the machine may read
//! the arguments of another; none is printed. Does not: check keys; reading them does (`auth`).

use clap::{ArgAction, ArgMatches, Args, parser::ValueSource};

use crate::{
    auth::{self, ALGORITHMS, Algorithm, Issuer, Secret, Source},
    http::OriginPatterns,
};

/// Settings that are secrets, by their names as arguments.
const SECRETS: [&str; 4] =
    ["publisher_jwt_key", "subscriber_jwt_key", "admin_token", "hook_secret"];

/// Names that settings also have, in the official Mercure image. Ours come first.
pub const OTHER_NAMES: [(&str, &str, &str); 4] = [
    ("publisher_jwt_key", "FANFARE_PUBLISHER_JWT_KEY", "MERCURE_PUBLISHER_JWT_KEY"),
    ("publisher_jwt_alg", "FANFARE_PUBLISHER_JWT_ALG", "MERCURE_PUBLISHER_JWT_ALG"),
    ("subscriber_jwt_key", "FANFARE_SUBSCRIBER_JWT_KEY", "MERCURE_SUBSCRIBER_JWT_KEY"),
    ("subscriber_jwt_alg", "FANFARE_SUBSCRIBER_JWT_ALG", "MERCURE_SUBSCRIBER_JWT_ALG"),
];

/// See the module.
#[derive(Debug, Clone, Args)]
pub struct Auth {
    /// What publishers' tokens are verified with: a secret, a public key or certificate in PEM,
    /// or `file://` and the path of a file with one. Without a key anyone may publish. Also
    /// `MERCURE_PUBLISHER_JWT_KEY`; no flag
    #[arg(long, env = "FANFARE_PUBLISHER_JWT_KEY", value_name = "KEY", hide_env_values = true,
          value_parser = Secret::parse)]
    pub publisher_jwt_key: Option<Secret>,

    /// The algorithm of that key: `HS256`, `HS384`, `HS512`, `RS256`, `RS384`, `RS512`, `PS256`,
    /// `PS384`, `PS512`, `ES256`, `ES384`, `ES512` or `EdDSA`. Also `MERCURE_PUBLISHER_JWT_ALG`
    #[arg(long, env = "FANFARE_PUBLISHER_JWT_ALG", value_name = "NAME", default_value = "HS256",
          value_parser = parse_algorithm)]
    pub publisher_jwt_alg: Algorithm,

    /// A JSON Web Key Set in place of that key: `https://`, `http://` or `file://`
    #[arg(long, env = "FANFARE_PUBLISHER_JWKS_URL", value_name = "URL", value_parser = parse_jwks)]
    pub publisher_jwks_url: Option<Source>,

    /// What subscribers' tokens are verified with, as for publishers. Without a key anyone may
    /// subscribe, and nobody receives private events. Also `MERCURE_SUBSCRIBER_JWT_KEY`; no flag
    #[arg(long, env = "FANFARE_SUBSCRIBER_JWT_KEY", value_name = "KEY", hide_env_values = true,
          value_parser = Secret::parse)]
    pub subscriber_jwt_key: Option<Secret>,

    /// The algorithm of that key. Also `MERCURE_SUBSCRIBER_JWT_ALG`
    #[arg(long, env = "FANFARE_SUBSCRIBER_JWT_ALG", value_name = "NAME", default_value = "HS256",
          value_parser = parse_algorithm)]
    pub subscriber_jwt_alg: Algorithm,

    /// A JSON Web Key Set in place of that key
    #[arg(long, env = "FANFARE_SUBSCRIBER_JWKS_URL", value_name = "URL",
          value_parser = parse_jwks)]
    pub subscriber_jwks_url: Option<Source>,

    /// Whether subscribers without a token receive public events where there is a subscriber key
    #[arg(long, env = "FANFARE_ANONYMOUS", value_name = "BOOL", default_value = "false",
          action = ArgAction::Set, value_parser = parse_bool)]
    pub anonymous: bool,

    /// The cookie that may have a token [default: `mercureAuthorization`, and for Mercure 1.0
    /// `__Secure-mercure_access_token`]
    #[arg(long, env = "FANFARE_COOKIE_NAME", value_name = "NAME",
          value_parser = parse_cookie_name)]
    pub cookie_name: Option<String>,

    /// The origins whose pages may publish, and ask for tickets, with that cookie: a list such as
    /// `https://a.example,https://*.b.example`, or `*` for any [default: none]
    #[arg(long, env = "FANFARE_PUBLISH_ORIGINS", value_name = "ORIGINS",
          value_parser = OriginPatterns::parse)]
    pub publish_origins: Option<OriginPatterns>,

    /// Whether subscribers that are allowed to may know which subscriptions are active over
    /// Mercure: by events, and by asking
    #[arg(long, env = "FANFARE_SUBSCRIPTIONS", value_name = "BOOL", default_value = "false",
          action = ArgAction::Set, value_parser = parse_bool)]
    pub subscriptions: bool,

    /// The issuers whose tokens count (`iss`), a list [default: any that has a key]. One with keys
    /// of its own is `<issuer>=<URL of its JWKS>`: they are for publishers and subscribers, and no
    /// other key is for its tokens
    #[arg(long, env = "FANFARE_ISSUERS", value_name = "LIST", value_delimiter = ',',
          value_parser = parse_issuer)]
    pub issuers: Vec<Issuer>,

    /// Whom tokens with a claim `mercure` have to be for (`aud`) [default: not looked at]
    #[arg(long, env = "FANFARE_AUDIENCE", value_name = "TEXT", value_parser = parse_text)]
    pub audience: Option<String>,

    /// Whom OAuth access tokens have to be for (`aud`) [default: the URL of the hub, as the
    /// request has it, with the path `/.well-known/mercure`]
    #[arg(long, env = "FANFARE_RESOURCE_IDENTIFIER", value_name = "URL",
          value_parser = parse_resource)]
    pub resource_identifier: Option<String>,

    /// What opens `/admin/...`, the operator's side and the dashboard, as a bearer token; without
    /// one that is 404. At least 16 characters; no flag
    #[arg(long, env = "FANFARE_ADMIN_TOKEN", value_name = "SECRET", hide_env_values = true,
          value_parser = parse_admin_token)]
    pub admin_token: Option<Secret>,
}

impl Auth {
    /// What they mean together; or which of them contradict.
    pub fn settings(&self) -> Result<auth::Settings, String> {
        let role = |role: &str, key: &Option<Secret>, algorithm, jwks: &Option<Source>| match (
            key, jwks,
        ) {
            (Some(_), Some(_)) => Err(format!(
                "FANFARE_{role}_JWT_KEY and FANFARE_{role}_JWKS_URL are both set: choose one"
            )),
            (Some(key), None) => Ok(Some(source(key, algorithm))),
            (None, jwks) => Ok(jwks.clone()),
        };
        let subscriber = role(
            "SUBSCRIBER",
            &self.subscriber_jwt_key,
            self.subscriber_jwt_alg,
            &self.subscriber_jwks_url,
        )?;
        Ok(auth::Settings {
            publisher: role(
                "PUBLISHER",
                &self.publisher_jwt_key,
                self.publisher_jwt_alg,
                &self.publisher_jwks_url,
            )?,
            subscriber,
            anonymous: self.anonymous,
            issuers: self.issuers.clone(),
            audience: self.audience.clone(),
            resource: self.resource_identifier.clone(),
        })
    }
}

/// Refuses secrets that came as arguments.
pub fn refuse_secret_arguments(serve: &ArgMatches) -> Result<(), String> {
    let given = |name: &&&str| serve.value_source(name) == Some(ValueSource::CommandLine);
    match SECRETS.iter().find(given) {
        None => Ok(()),
        Some(name) => Err(format!(
            "--{} is not taken as an argument, which others can read: set FANFARE_{}",
            name.replace('_', "-"),
            name.to_uppercase()
        )),
    }
}

fn source(key: &Secret, algorithm: Algorithm) -> Source {
    match key.expose().strip_prefix("file://") {
        Some(path) => Source::KeyFile(path.into(), algorithm),
        None => Source::Given(key.clone(), algorithm),
    }
}

fn parse_algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|_| format!("allowed is {ALGORITHMS}"))
}

fn parse_jwks(text: &str) -> Result<Source, &'static str> {
    const ALLOWED: &str = "allowed is an https://, http:// or file:// URL without a password";
    if let Some(path) = text.strip_prefix("file://").filter(|path| !path.is_empty()) {
        return Ok(Source::JwksFile(path.into()));
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let fine = !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace);
    if fine { Ok(Source::JwksUrl(text.to_owned())) } else { Err(ALLOWED) }
}

fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" | "1" | "on" => Ok(true),
        "false" | "0" | "off" => Ok(false),
        _ => Err("allowed is true, 1 or on; false, 0 or off"),
    }
}

/// A token of RFC 9110, 5.6.2.
fn parse_cookie_name(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("allowed is the name of a cookie: letters, digits and -_.")
    }
}

fn parse_text(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("unset it, or give it a value") } else { Ok(text.to_owned()) }
}

fn parse_issuer(text: &str) -> Result<Issuer, &'static str> {
    let (name, jwks) = match text.split_once('=') {
        Some((name, jwks)) => (name, Some(parse_jwks(jwks.trim())?)),
        None => (text, None),
    };
    Ok(Issuer { name: parse_text(name)?, jwks })
}

/// An absolute URL, since other URLs are relative to it.
fn parse_resource(text: &str) -> Result<String, &'static str> {
    let text = parse_text(text)?;
    match url::Url::parse(&text) {
        Ok(url) if !url.cannot_be_a_base() && url.fragment().is_none() => Ok(text),
        _ => Err("allowed is a URL such as https://hub.example/.well-known/mercure"),
    }
}

fn parse_admin_token(text: &str) -> Result<Secret, &'static str> {
    match text.len() {
        1..16 => Err("it is shorter than 16 characters"),
        _ => Secret::parse(text),
    }
}
