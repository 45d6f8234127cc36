//! How a request says who it is from.
//!
//! Promises: where anyone may do something, no scheme is asked for: each list begins with none.

use utoipa::openapi::{
    ComponentsBuilder, SecurityRequirement,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::http::credentials::COOKIE;

/// What may be used, by name; an empty name is none.
pub type Schemes = &'static [&'static str];

/// For what the operator does.
pub const OPERATOR: Schemes = &["operator"];
/// For what publishers do.
pub const PUBLISHER: Schemes = &["", "bearer", "query", "cookie"];
/// For what subscribers do.
pub const SUBSCRIBER: Schemes = &["", "bearer", "query", "cookie", "ticket"];

/// The requirements of an operation.
pub fn requirements(schemes: Schemes) -> Vec<SecurityRequirement> {
    let none = [""; 0];
    let one = |name: &&str| match *name {
        "" => SecurityRequirement::default(),
        name => SecurityRequirement::new(name, none),
    };
    schemes.iter().map(one).collect()
}

/// Explains the names.
pub fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    let bearer = |about: &str| {
        let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
        SecurityScheme::Http(http.build())
    };
    let key = |name: &str, about: &str| ApiKeyValue::with_description(name, about);
    components
        .security_scheme("operator", bearer("The text in `FANFARE_ADMIN_TOKEN`."))
        .security_scheme(
            "bearer",
            bearer(
                "A JWT that grants it. Needed where the hub has keys (`FANFARE_PUBLISHER_JWT_KEY`, `FANFARE_SUBSCRIBER_JWT_KEY` and others); \
                 where it has none, anyone may.",
            ),
        )
        .security_scheme(
            "query",
            SecurityScheme::ApiKey(ApiKey::Query(key(
                "authorization",
                "The same token, for a client that can't set headers. URLs are logged: prefer a ticket.",
            ))),
        )
        .security_scheme(
            "cookie",
            SecurityScheme::ApiKey(ApiKey::Cookie(key(
                COOKIE,
                "The same token. On a POST it counts only from the pages in `FANFARE_PUBLISH_ORIGINS`. \
                 `FANFARE_COOKIE_NAME` gives it another name.",
            ))),
        )
        .security_scheme(
            "ticket",
            SecurityScheme::ApiKey(ApiKey::Query(key(
                "ticket",
                "What `POST /ticket` gave, for one stream.",
            ))),
        )
}
