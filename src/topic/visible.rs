//! Characters that can be seen, for names that people read and compare.

use std::ops::RangeInclusive;

/// Unicode 16, general category `Cf`: they change how others look, and are seen nowhere.
const FORMAT: [RangeInclusive<u32>; 21] = [
    0x00AD..=0x00AD,
    0x0600..=0x0605,
    0x061C..=0x061C,
    0x06DD..=0x06DD,
    0x070F..=0x070F,
    0x0890..=0x0891,
    0x08E2..=0x08E2,
    0x180E..=0x180E,
    0x200B..=0x200F,
    0x202A..=0x202E,
    0x2060..=0x2064,
    0x2066..=0x206F,
    0xFEFF..=0xFEFF,
    0xFFF9..=0xFFFB,
    0x110BD..=0x110BD,
    0x110CD..=0x110CD,
    0x13430..=0x1343F,
    0x1BCA0..=0x1BCA3,
    0x1D173..=0x1D17A,
    0xE0001..=0xE0001,
    0xE0020..=0xE007F,
];

/// Whether a text has neither control characters nor such that only format others (Mercure 1.0).
pub fn is_visible(text: &str) -> bool {
    let hidden =
        |c: char| c.is_control() || FORMAT.iter().any(|range| range.contains(&u32::from(c)));
    !text.contains(hidden)
}

#[cfg(test)]
mod tests {
    use super::is_visible;

    #[test]
    fn what_nobody_sees_is_found() {
        for text in ["", "a b", "é 中 🎺", "\u{2028}", "\u{ac}", "\u{ae}"] {
            assert!(is_visible(text), "{text:?}");
        }
        for text in ["\0", "\t", "\u{7f}", "\u{85}", "\u{ad}", "a\u{200b}", "\u{feff}", "\u{e0020}"]
        {
            assert!(!is_visible(text), "{text:?}");
        }
    }
}
