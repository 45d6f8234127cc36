//! Fanfare: a self-hosted Server-Sent Events hub.
pub mod app;
pub mod cli;
pub mod config;
pub mod connection;
pub mod event;
pub mod history;
pub mod http;
pub mod hub;
pub mod invalid;
pub mod sse;
pub mod topic;
