//! `GET /openapi.json`: what the hub's interface is, for programs (`OpenAPI` 3.1).
//!
//! Owns: the document. Promises: statuses, codes, headers and messages of errors are those that the
//! errors themselves have, limits are the code's constants, and bodies are described by the types
//! that are written; it is made once, when it is first asked for. Does not: know which settings are
//! on: what is only there with one says so, and is described without it too.

use std::{collections::BTreeSet, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ContentType, ETAG, EntityTag, Header as _, IfNoneMatch},
};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder,
    ServerBuilder, path::PathItemBuilder, tag::TagBuilder,
};

use super::{admin, mercure};

mod answer;
mod failure;
mod operation;
mod parameter;
mod publish;
mod security;
mod service;
mod subscribe;

pub use answer::Answer;
pub use failure::{at_a_rate, in_a_body, in_a_query, in_a_token, of_the_operator};
pub use operation::Described;
pub use parameter::{any_text, in_header, in_path, in_query, number, several, text, words};
pub use security::{OPERATOR, PUBLISHER, SUBSCRIBER};

/// The parts of the interface.
pub const PUBLISH: &str = "Publish";
pub const SUBSCRIBE: &str = "Subscribe";
pub const MERCURE: &str = "Mercure";
pub const OPERATE: &str = "Operator";
pub const SERVICE: &str = "Service";

const TAGS: [(&str, &str); 5] = [
    (PUBLISH, "Events come in."),
    (SUBSCRIBE, "Events go out, as Server-Sent Events."),
    (
        MERCURE,
        "The same events by the Mercure protocol, 0.x and 1.0. A method is there where someone has a key for it.",
    ),
    (
        OPERATE,
        "What the operator sees and does. Without `FANFARE_ADMIN_TOKEN` there is nothing at these paths: they answer 404. Parameters that a path does not have are refused.",
    ),
    (SERVICE, "Health, metrics, this document, and the page."),
];

const ABOUT: &str = "A self-hosted Server-Sent Events hub: what is published over HTTP reaches every \
open stream at once.

Every error of the hub's own paths is `{\"success\": false, \"error\": {\"code\", \"message\"}}`. \
Programs go by `code`; `message` says what to do, and may change. Mercure's errors are a line of text.

A path takes `OPTIONS`, answers other methods with 405 and an `Allow` header, and takes `HEAD` where \
it takes `GET`, but for Mercure's subscriptions. A slash at the end of a path of the hub's own makes \
no difference. What can't be read as HTTP is answered by 400, a head that is too large by 431, and \
one that takes too long by 408, all with no body.";

/// The document and its entity tag.
static DOCUMENT: LazyLock<(String, EntityTag)> = LazyLock::new(|| {
    let text =
        document().to_json().expect("its keys are strings, and it has no numbers but finite");
    let digest = format!("{:x}", Sha256::digest(&text));
    (text, EntityTag::new_strong(digest[..16].to_owned()))
});

/// `GET`.
pub async fn get(request: HttpRequest) -> HttpResponse {
    let (text, tag) = &*DOCUMENT;
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // A new version of the binary is a new version of the document.
    response.insert_header((ETAG, tag.clone())).insert_header((CACHE_CONTROL, "no-cache"));
    if known { response.finish() } else { response.content_type(ContentType::json()).body(&**text) }
}

fn document() -> OpenApi {
    let all = publish::described()
        .into_iter()
        .chain(subscribe::described())
        .chain(mercure::described())
        .chain(admin::described())
        .chain(service::described());
    let mut codes = BTreeSet::new();
    let mut components = ComponentsBuilder::new();
    let mut paths = PathsBuilder::new();
    for mut each in all {
        codes.extend(each.codes());
        components = components.schemas_from_iter(each.schemas());
        let (path, method, operation) = each.operation();
        paths = paths.path(path, PathItemBuilder::new().operation(method, operation).build());
    }
    let components = components.schema(failure::SCHEMA, failure::schema(codes));
    let license = LicenseBuilder::new().name("MIT").identifier(Some("MIT"));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Fanfare")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(license.build())),
        )
        // From where this document is: a proxy may have added a path.
        .servers(Some([ServerBuilder::new().url(".").build()]))
        .paths(paths)
        .components(Some(security::add_to(answer::add_headers(components)).build()))
        .tags(Some(
            TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build()),
        ))
        .build()
}
