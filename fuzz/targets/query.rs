//! Queries and forms: what is taken is what the standard says, and the rest is refused.

#![no_main]

use fanfare::http::{Fields, parse_pairs};
use libfuzzer_sys::fuzz_target;
use url::form_urlencoded;

fuzz_target!(|bytes: &[u8]| {
    // An independent reader, which puts U+FFFD where text is not UTF-8.
    let standard: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().collect();
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(pairs) = parse_pairs(text)
    {
        assert_eq!(pairs, standard);
    }
    if let Ok(fields) = Fields::parse(bytes) {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs: Vec<_> =
            fields.pairs().map(|(name, value)| (lossy(name), lossy(value))).collect();
        assert_eq!(pairs, standard);
    }
});
