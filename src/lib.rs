//! Fanfare: a self-hosted Server-Sent Events hub. Events come in over HTTP, and reach every open
//! `EventSource` at once.
//!
//! This crate is a program that is also a library, so that tests and benches use the doors that
//! `main` uses. It promises no stable interface; its interface is HTTP.
//!
//! # Vocabulary
//!
//! | word | meaning |
//! | --- | --- |
//! | event | what is published: topics, data, optional id, type and retry |
//! | frame | an event encoded for the wire, once, as shared bytes |
//! | topic | the name an event is published under |
//! | selector | what a subscriber asks for: `*`, a topic, an RFC 6570 template, a URL Pattern |
//! | subscriber | an entry in a Broadcaster's registry |
//! | subscription | the stream of one subscriber |
//! | Broadcaster | the actor that owns the subscriber map of one HTTP worker |
//! | account | what one subscriber was sent, and why its stream ended |
//! | seat | one of the bounded number of places for streams |
//! | round | events that are handed to all Broadcasters at a time |
//! | pass | what a Broadcaster writes at a time: one round or more, joined |
//! | sink | where the frames of a live subscriber go: a socket, or the queue of a body stream |
//! | tally | what a Broadcaster counts while it writes; the hub's ledger has what happens once a stream |
//! | slice | how long work may keep a worker's thread before the others get their turn |
//! | courier | writes to the socket of a subscriber that is behind, or has ended |
//! | lifeline | what a stream and whoever writes it to the kernel share: progress, and the cut |
//! | lobby | connections that have no stream, and what files they may take |
//! | herald | publishes the hub's own events: who comes and who goes |
//! | history | the ordered log of events that a returning subscriber is replayed from |
//! | position | a place in the history: epoch and sequence |
//! | token | a JWT that says what its bearer may do |
//! | grant | what a valid token allows |
//! | terms | what a stream was opened with: private topics, an end, the hub's own events or not |
//! | dialect | the generation of Mercure that a request is of: 0.x or 1.0 |
//! | drain | the planned end of all streams before the process stops |
//!
//! # The way of an event
//!
//! 1. [`http`] reads the request, and parses it into an [`event::Event`]: what exists is valid.
//! 2. [`hub::Hub::publish`] appends it to the [`history`], which gives it its position: this is
//!    the one order.
//! 3. The hub's tail takes what was appended since its last round, and tells every
//!    [`hub::Broadcaster`], one a worker.
//! 4. Each Broadcaster asks its [`hub::registry`] who matches. When all have answered, so is the
//!    publisher. It then writes to the socket of each; what the kernel does not take waits in a
//!    bounded backlog.
//! 5. A stream begins at actix, and may have to stay there: then step 4 ends in a bounded queue,
//!    and its [`hub::Subscription`] passes the frames on to the [`connection`].
//!
//! ARCHITECTURE.md has the reasons, with measurements.

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod connection;
pub mod event;
pub mod files;
pub mod histogram;
pub mod history;
pub mod hooks;
pub mod http;
pub mod hub;
pub mod invalid;
pub mod listeners;
pub mod outgoing;
pub mod slice;
pub mod sse;
pub mod topic;
