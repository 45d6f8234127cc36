//! How often someone may.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use governor::Quota;

/// The most in a unit of time, and at once.
const MOST: u32 = 1_000_000;

/// A rate, and how many may come together: a bucket that is full at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub(super) Quota);

impl FromStr for Rate {
    type Err = &'static str;

    /// Reads `100/s`, `600/m`, `20/h`, each with a burst as in `100/s:200`. Without one it is the
    /// number itself.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).ok_or(
            "allowed is a number, a unit and a burst such as 100/s, 600/m or 20/h:5, \
             from 1 to 1000000",
        )
    }
}

impl Rate {
    fn read(text: &str) -> Option<Self> {
        let number = |text: &str| {
            // No sign, which is a number to `parse`.
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<NonZeroU32>().ok().filter(|number| digits && number.get() <= MOST)
        };
        let (rate, burst) = match text.split_once(':') {
            Some((rate, burst)) => (rate, Some(number(burst)?)),
            None => (text, None),
        };
        let (count, unit) = rate.split_once('/')?;
        let count = number(count)?;
        let unit = Duration::from_secs(match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            _ => return None,
        });
        let quota = Quota::with_period(unit / count.get())?;
        Some(Self(quota.allow_burst(burst.unwrap_or(count))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_a_unit_and_a_burst() {
        let read = |text: &str| {
            let Rate(quota) = text.parse().unwrap();
            (quota.replenish_interval(), quota.burst_size().get())
        };
        assert_eq!(read("100/s"), (Duration::from_millis(10), 100));
        assert_eq!(read("100/s:200"), (Duration::from_millis(10), 200));
        assert_eq!(read("600/m:1"), (Duration::from_millis(100), 1));
        assert_eq!(read("1/h"), (Duration::from_secs(3600), 1));
        assert_eq!(read("1000000/s:1000000"), (Duration::from_micros(1), MOST));
        for wrong in [
            "",
            "1",
            "1/",
            "/s",
            "0/s",
            "1/d",
            "1/s:",
            "1/s:0",
            "+1/s",
            "1.5/s",
            "1000001/s",
            "1/s:+1",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
