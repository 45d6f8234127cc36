//! Bodies: what is taken is JSON without white space between its tokens, and means the same.

#![no_main]

use fanfare::http::compact;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(compacted) = compact(text) else { return };
    assert!(compacted.len() <= text.len());
    assert!(!compacted.contains(['\n', '\r']), "it fits into a line of data");
    assert_eq!(compact(&compacted).ok().as_ref(), Some(&compacted), "nothing is left to take out");
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    assert_eq!(value(text.trim()), value(&compacted));
});
