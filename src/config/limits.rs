//! Settings of how often and how many, for each address and each subject; and of whose address it is
//! behind a proxy.

use clap::Args;

use super::count;
use crate::http::{HeaderName, Proxies, Rate, Rates, TrustedProxies, parse_client_address_header};

/// See the module.
#[derive(Debug, Clone, Args)]
pub struct Limiting {
    /// The proxies that say who has asked them: a list of addresses and networks such as
    /// `127.0.0.1,10.0.0.0/8`, and `unix` for what comes over a Unix socket. Needs
    /// `FANFARE_CLIENT_ADDRESS_HEADER` [default: none; the address of a request is its peer's]
    #[arg(long, env = "FANFARE_TRUSTED_PROXIES", value_name = "LIST",
          value_parser = str::parse::<TrustedProxies>)]
    pub trusted_proxies: Option<TrustedProxies>,

    /// The header in which these proxies say it: `X-Forwarded-For`, or one with a single address
    /// such as `X-Real-IP`. From others it does not count
    #[arg(long, env = "FANFARE_CLIENT_ADDRESS_HEADER", value_name = "NAME",
          value_parser = parse_client_address_header)]
    pub client_address_header: Option<HeaderName>,

    /// The most streams at a time with tokens of one subject (`sub`); 0 for no limit
    #[arg(long, env = "FANFARE_MAX_PER_SUBJECT", value_name = "COUNT", default_value = "0",
          value_parser = count(0, 100_000_000))]
    pub max_per_subject: usize,

    /// How many events may be published from one address, or one /64 network of IPv6: `100/s`,
    /// `600/m` or `20/h`; as many may come at once, or those of a burst, as in `100/s:200`
    /// [default: no limit]
    #[arg(long, env = "FANFARE_PUBLISH_RATE", value_name = "RATE",
          value_parser = str::parse::<Rate>)]
    pub publish_rate: Option<Rate>,

    /// The same for tokens of one subject (`sub`) [default: no limit]
    #[arg(long, env = "FANFARE_PUBLISH_RATE_PER_SUBJECT", value_name = "RATE",
          value_parser = str::parse::<Rate>)]
    pub publish_rate_per_subject: Option<Rate>,

    /// How many streams, and tickets for them, may be asked for from one address, or one /64
    /// network of IPv6 [default: no limit]
    #[arg(long, env = "FANFARE_CONNECT_RATE", value_name = "RATE",
          value_parser = str::parse::<Rate>)]
    pub connect_rate: Option<Rate>,

    /// The same for tokens of one subject (`sub`) [default: no limit]
    #[arg(long, env = "FANFARE_CONNECT_RATE_PER_SUBJECT", value_name = "RATE",
          value_parser = str::parse::<Rate>)]
    pub connect_rate_per_subject: Option<Rate>,
}

impl Limiting {
    /// The rates that are set.
    pub fn rates(&self) -> Rates {
        Rates {
            publish: self.publish_rate,
            publish_per_subject: self.publish_rate_per_subject,
            connect: self.connect_rate,
            connect_per_subject: self.connect_rate_per_subject,
        }
    }

    /// The proxies that are trusted, and the header that they write; or which of them is missing.
    pub fn proxies(&self) -> Result<Option<Proxies>, String> {
        match (&self.trusted_proxies, &self.client_address_header) {
            (Some(trusted), Some(header)) => {
                Ok(Some(Proxies { header: header.clone(), trusted: trusted.clone() }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err("FANFARE_TRUSTED_PROXIES is set without \
                FANFARE_CLIENT_ADDRESS_HEADER: set it to the header that these proxies write, such \
                as X-Forwarded-For"
                .to_owned()),
            (None, Some(_)) => Err("FANFARE_CLIENT_ADDRESS_HEADER is set without \
                FANFARE_TRUSTED_PROXIES: set it to the addresses of the proxies that write this \
                header, such as 127.0.0.1"
                .to_owned()),
        }
    }
}
