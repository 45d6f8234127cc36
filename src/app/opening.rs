//! What the log says when the hub opens.

use crate::{auth::Authority, config::Config, http};

/// Says where the hub is, and what it holds to.
pub fn log_start(config: &Config, addresses: &[String], workers: usize, max_subscribers: usize) {
    let kept = config.history.retention().limits;
    log::info!("Events service started at {}", addresses.join(", "));
    log::info!(
        "{workers} workers; at most {max_subscribers} streams, {} per address; \
         history in {}, at most {} events and {} bytes",
        if config.max_per_address == 0 {
            "any number".to_owned()
        } else {
            config.max_per_address.to_string()
        },
        config.history.place,
        kept.events,
        kept.bytes,
    );
}

/// Says what is open to whom.
pub fn log_openness(config: &Config, authority: &Authority) {
    let open = match (authority.publishing_is_open(), authority.is_anonymous()) {
        (true, true) => "publish and subscribe",
        (true, false) => "publish",
        (false, true) => "subscribe",
        (false, false) => return,
    };
    log::warn!("anyone who reaches this address may {open}");
    if config.cors_origins == http::Origins::Any {
        log::warn!("pages of any origin may {open} (FANFARE_CORS_ORIGINS)");
    }
}
