//! The settings of how streams are ended when the process is told to stop.

use std::time::Duration;

use clap::Args;

use super::{count, duration};
use crate::hub::DrainPace;

/// See the module.
#[derive(Debug, Clone, Args)]
pub struct Drain {
    /// Over what time streams are ended when the process is told to stop
    #[arg(id = "drain", long = "drain", env = "FANFARE_DRAIN", value_name = "TIME",
          default_value = "1s", value_parser = duration("0s", "1h"))]
    over: Duration,

    /// The most streams that are ended in a second then: it takes longer where there are more; and
    /// their clients come back over as long a time. 0 for no limit
    #[arg(id = "drain_rate", long = "drain-rate", env = "FANFARE_DRAIN_RATE", value_name = "COUNT",
          default_value = "0", value_parser = count(0, 10_000_000))]
    rate: usize,
}

impl Drain {
    /// How fast streams end.
    pub fn pace(&self) -> DrainPace {
        DrainPace { over: self.over, rate: Some(self.rate).filter(|rate| *rate > 0) }
    }
}
