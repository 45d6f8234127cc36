//! `/openapi.json`: what it says of the hub is so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;

use crate::{
    admin::ADMIN,
    auth::CLOSED,
    support::{Fanfare, Hub, get, request},
};

/// Requests that are made from the document, and whether their answers are as it says.
mod conformance;

/// With all that makes a path be there.
fn with_everything() -> Fanfare {
    let mut settings = CLOSED.to_vec();
    settings.extend([
        ("FANFARE_ADMIN_TOKEN", ADMIN),
        ("FANFARE_METRICS", "on"),
        ("FANFARE_SUBSCRIPTIONS", "true"),
    ]);
    Fanfare::start(&settings)
}

/// The methods that are described, by path.
fn described(hub: Hub) -> BTreeMap<String, BTreeSet<String>> {
    let document = get(hub.0, "/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect()
    };
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The paths of a route table, as its source has them.
fn routed(file: &str, from: &str, to: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let text = &text[text.find(from).unwrap()..];
    let text = &text[..text.find(to).unwrap()];
    let path = |text: &str| {
        // A slash at the end makes no difference; a part of a path may have a rule.
        let path = text.split_once(":.*").map_or(text.to_owned(), |(path, _)| format!("{path}}}"));
        if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path }
    };
    text.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/')).map(path).collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let hub = with_everything();
    let described = described(*hub);
    let mut routes = routed("src/http/mod.rs", "fn routes(", "mercure::routes");
    let mercure = routed("src/http/mercure/mod.rs", "pub fn routes(", "fn complete(");
    let below = |path: String| format!("/.well-known{path}");
    routes.extend(mercure.into_iter().filter(|path| path != "/.well-known").map(below));
    // One route, and three shapes of what follows.
    let rest = "/.well-known/mercure/subscriptions/{rest}";
    assert!(routes.remove(rest));
    let prefix = rest.trim_end_matches("{rest}");
    let paths: BTreeSet<_> = described.keys().cloned().collect();
    let shapes = paths.iter().filter(|path| path.starts_with(prefix)).count();
    assert_eq!(shapes, 3);
    assert_eq!(
        paths.into_iter().filter(|path| !path.starts_with(prefix)).collect::<BTreeSet<_>>(),
        routes
    );
}

#[test]
fn every_path_has_the_methods_that_are_described() {
    let hub = with_everything();
    for (path, methods) in described(*hub) {
        let place = path.replace(['{', '}'], "");
        let response = request(hub.0, "OPTIONS", &place, &[], b"");
        assert_eq!(response.status, 204, "{path}: {}", response.text());
        let allowed = response.header("allow").unwrap().split(", ").map(str::to_owned);
        // That there is a HEAD wherever there is a GET is said of all; QUERY is no method of 3.1.
        let told = |method: &String| !["OPTIONS", "QUERY", "HEAD"].contains(&&**method);
        let allowed: BTreeSet<_> = allowed.collect();
        let (described, routed): (BTreeSet<_>, BTreeSet<_>) = (
            methods.iter().filter(|m| told(m)).collect(),
            allowed.iter().filter(|m| told(m)).collect(),
        );
        assert_eq!(described, routed, "{path}");
        assert!(!methods.contains("HEAD") || allowed.contains("HEAD"), "{path}");
    }
}

#[test]
fn it_is_openapi_3_1_for_any_page_and_sent_once() {
    let hub = Fanfare::start(&[]);
    let origin = ("Origin", "https://elsewhere.example");
    let response = request(hub.0, "GET", "/openapi.json", &[origin], b"");
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let document = response.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["servers"][0]["url"], ".");
    let tag = response.header("etag").unwrap();
    for (known, status) in
        [(tag, 304), (&format!("W/{tag}"), 304), ("*", 304), ("\"x\"", 200), ("x", 200)]
    {
        let response = request(hub.0, "GET", "/openapi.json", &[("If-None-Match", known)], b"");
        assert_eq!(response.status, status, "{known}");
        assert_eq!(response.header("etag"), Some(tag));
        assert_eq!(response.body.is_empty(), status == 304);
    }
    // The same document whatever is set, in another process too.
    assert_eq!(get(with_everything().0, "/openapi.json").header("etag"), Some(tag));
}

#[test]
fn every_reference_in_it_leads_somewhere_and_every_name_is_there_once() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    found.insert(target.clone());
                }
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let hub = Fanfare::start(&[]);
    let document = get(hub.0, "/openapi.json").json();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for target in &found {
        assert!(document.pointer(&target[1..]).is_some(), "{target}");
    }
    for kind in ["schemas", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let target = format!("#/components/{kind}/{name}");
            assert!(found.contains(&target), "nothing refers to {target}");
        }
    }
    let paths = document["paths"].as_object().unwrap().values();
    let ids: Vec<_> = paths
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}
