//! Tokens: nothing is granted by one that the key has not signed.

#![no_main]

use std::cell::OnceCell;

use fanfare::auth::{Algorithm, Authority, Secret, Settings, Source};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static AUTHORITY: OnceCell<(Runtime, Authority)> = const { OnceCell::new() };
}

/// A secret of 32 bytes that nobody has signed with: whatever is granted was not signed.
const KEY: &str = "nobody-has-ever-signed-with-this";

fuzz_target!(|token: &str| {
    AUTHORITY.with(|authority| {
        let (runtime, authority) = authority.get_or_init(open);
        let url = "https://hub.example/";
        assert!(runtime.block_on(authority.publisher(token, url)).is_err());
        assert!(runtime.block_on(authority.subscriber(token, url)).is_err());
    });
    let _ = fanfare::auth::generation(token);
});

fn open() -> (Runtime, Authority) {
    let runtime = Builder::new_current_thread().build().expect("a runtime without drivers");
    let algorithm = |name: &str| name.parse::<Algorithm>().expect("it is one");
    let key = Secret::parse(KEY).expect("it is not empty");
    let public = Secret::parse(include_str!("../../tests/keys/ed25519.pub.pem")).expect("as that");
    let settings = Settings {
        publisher: Some(Source::Given(key, algorithm("HS256"))),
        subscriber: Some(Source::Given(public, algorithm("EdDSA"))),
        ..Settings::default()
    };
    let authority = runtime.block_on(Authority::open(settings)).expect("the keys are keys");
    (runtime, authority)
}
