//! Records of a file: whatever a damaged one has, it is an event or an error; and an event is
//! written as it was read.

#![no_main]

use fanfare::history::{decode_record, encode_record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok((event, time)) = decode_record(bytes) else { return };
    let written = encode_record(&event, time);
    let (again, since) = decode_record(&written).expect("it is what was written");
    assert_eq!(encode_record(&again, since), written);
});
