//! All tests. Each module is one promise of the product.
//!
//! They start the real binary on a free port and speak to it as users do. None waits by sleeping:
//! each waits for the thing itself, and gives up after `support::PATIENCE`.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the answer")]
#![expect(clippy::format_collect, clippy::format_push_string, reason = "requests are short")]

/// What the operator sees and does.
mod admin;
/// What a client of the tutorial sees, and every answer that is not an error.
mod api;
/// The rules of the sources.
mod architecture;
/// Who may publish and who may listen.
mod auth;
/// Every answer that is one.
mod bad_input;
/// The load tool: what it counts is so.
mod bench;
/// What users have: a real browser, with the hub's own page, the tutorial's, and others.
mod browser;
/// Client libraries that people use, and what reaches those who use them.
mod clients;
/// The commands besides `serve`.
mod commands;
/// Pages of other origins.
mod cors;
/// More clients than the hub has files and memory for.
mod crowd;
/// What runs the hub: the files of `deploy/` for systemd and Kubernetes.
mod deploy;
/// Sockets that Broadcasters write to themselves.
mod direct;
/// A history in a file: what survives, and what happens when the disk fails.
mod disk;
/// How an operator moves subscribers off a hub.
mod drain;
/// How streams and the process end as planned.
mod ending;
/// One event for many, and many events for some.
mod fan_out;
/// A part of the hub dies.
mod fault;
/// What keeps idle streams alive.
mod heartbeat;
/// What a history promises, wherever it is kept.
mod history_contract;
/// Webhooks that tell who comes and goes.
mod hooks;
/// What it costs when nothing happens.
mod idle;
/// Subscribers that go, with or without a word.
mod leaving;
/// What dependencies may bring along.
mod licences;
/// How much there may be of everything.
mod limits;
/// Unix sockets, and sockets that are inherited.
mod listeners;
/// What an operator reads.
mod logs;
/// Topics, selectors and the registry, against naive matching.
mod matching;
/// Mercure of both generations: its clients work unchanged.
mod mercure;
/// What an operator's Prometheus reads.
mod metrics;
/// The description of the interface, and whether the hub is as it says.
mod openapi;
/// One order for all, under load.
mod order;
/// What is released.
mod package;
/// HTTP/1 as clients really speak it.
mod protocol;
/// Proxies in front of the hub, as the files of `deploy/` set them up.
mod proxies;
/// What publishers can ask for.
mod publishing;
/// A history in Redis, and several nodes.
mod redis;
/// What a returning subscriber gets.
mod replay;
/// What SECURITY.md and docs/open.md say.
mod security;
/// Flags, variables, files.
mod settings;
/// Completions and manual pages.
mod shell;
/// Subscribers that read late, or not at all.
mod slow;
/// The machinery.
mod support;
/// TLS and HTTP/2, with clients that check what they get.
mod tls;
/// The wire format, against an independent decoder.
mod wire;
