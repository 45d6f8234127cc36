//! Mercure at `/.well-known/mercure`: 0.x, which everything deployed speaks, and 1.0, at the same
//! time. Each test that is in both dialects runs in both.
//!
//! The numbers in comments (`d.2`, `a.5.33`, `J9`) are those of a study of the official hub's own
//! tests, of the rules that they hold, and of its defects; the text behind a number is the row's
//! name. `decision:` marks what neither generation settles, and why it is so here.
//!
//! Rows that have no test:
//!
//! - d.3, d.5 `public_urls` (421): there is no such setting; a token's audience is the same check.
//! - d.1 P in "compat 7", and other modes of compatibility: there are none, both generations are
//!   always on.
//! - d.2 hub stop with connections left to drain: a hub that stops ends its streams
//!   (`subscribe`), in waves (`ending`).
//! - d.5 `local_test`, errors of a closed transport; `health_test` and `metrics_test`: functions of
//!   Go, and the port of Caddy's admin API. The hub has `/health/live` and `/health/ready`.
//! - d.5 demo, playground, root redirect: parts of another program's page.
//! - d.5 `caddy_test`, two sites on one transport, unknown directives: there is no Caddyfile. An
//!   unknown variable is warned of (`settings`).
//! - d.5 `tracer_test`: there are no spans.
//! - d.3 `canReceive` and `canDispatch`: functions of Go; `publish`, `subscribe` and `matching` ask
//!   for what they do.

/// Tokens of 0.x, by each algorithm.
mod authorization;
/// Both dialects and the hub's own endpoints on one hub.
mod both;
/// A real browser with a cookie, cross-origin.
mod browser;
/// Real client libraries.
mod clients;
/// Whatever begins or ends a stream.
mod comings;
/// Tokens in cookies.
mod cookies;
/// What is wrong with other hubs.
mod defects;
/// Methods and headers.
mod headers;
/// What a selector takes.
mod matching;
/// What topics, ids, types and data may be.
mod names;
/// Tokens of 1.0.
mod oauth;
/// What has no place elsewhere.
mod others;
/// Who comes and goes.
mod presence;
/// Publishing.
mod publish;
/// What a returning subscriber gets.
mod replay;
/// Subscribing.
mod subscribe;
/// Who is there: the API.
mod subscriptions;

/// The two generations.
mod dialect;
/// A hub, and what is asked of it.
mod hub;
/// A stream, byte by byte.
mod reading;
/// Tokens, good and bad.
mod token;
