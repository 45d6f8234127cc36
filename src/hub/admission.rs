//! Who may have a stream: the places in all and for each address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::farewell::Farewell;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All places of the hub are taken.
    #[error("the hub is full")]
    Full,
    /// All places of this address are taken.
    #[error("this address has its full number of streams")]
    AddressFull,
    /// The hub is about to stop.
    #[error("the hub is draining")]
    Draining,
}

impl Refusal {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::Full, Self::AddressFull, Self::Draining];

    /// The word for errors and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::Draining => "draining",
        }
    }
}

#[derive(Debug)]
pub struct Admission {
    max: usize,
    /// 0: no limit, and nothing is counted.
    max_per_address: usize,
    /// Whether there is a farewell: looked at for each event, and each step of a replay.
    is_closed: AtomicBool,
    state: Mutex<State>,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Once nobody is admitted any more.
    farewell: Option<Farewell>,
    by_address: HashMap<Household, usize>,
}

/// Whom the limit for an address is for. With IPv6 a provider gives everyone a network of 2^64
/// addresses, at least (RFC 6177): to count each of them would be no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Household(IpAddr);

impl From<IpAddr> for Household {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl Admission {
    pub fn new(max: usize, max_per_address: usize) -> Self {
        Self {
            max,
            max_per_address,
            is_closed: AtomicBool::new(false),
            state: Mutex::default(),
            emptied: Notify::new(),
        }
    }

    pub fn admit(this: &Arc<Self>, address: IpAddr) -> Result<Seat, Refusal> {
        let mut state = this.state.lock();
        if this.is_closed() {
            return Err(Refusal::Draining);
        }
        if state.taken >= this.max {
            return Err(Refusal::Full);
        }
        if this.max_per_address > 0 {
            let taken = state.by_address.entry(address.into()).or_default();
            if *taken >= this.max_per_address {
                return Err(Refusal::AddressFull);
            }
            *taken += 1;
        }
        state.taken += 1;
        Ok(Seat { admission: Arc::clone(this), address, id: Uuid::new_v4() })
    }

    pub fn taken(&self) -> usize {
        self.state.lock().taken
    }

    /// Admits nobody any more. Of two farewells the earlier holds: this one is returned if it does.
    pub fn close(&self, farewell: impl FnOnce(usize) -> Farewell) -> Option<Farewell> {
        // Under the lock: who is admitted before is counted.
        let mut state = self.state.lock();
        let new = farewell(state.taken);
        if state.farewell.is_some_and(|old| old.until <= new.until) {
            return None;
        }
        state.farewell = Some(new);
        self.is_closed.store(true, Relaxed);
        Some(new)
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    pub fn farewell(&self) -> Option<Farewell> {
        if self.is_closed() { self.state.lock().farewell } else { None }
    }

    pub async fn wait_until_empty(&self) {
        while self.taken() > 0 {
            self.emptied.notified().await;
        }
    }

    fn give_back(&self, address: IpAddr) {
        let mut state = self.state.lock();
        state.taken -= 1;
        if let Some(taken) = state.by_address.get_mut(&address.into()) {
            *taken -= 1;
            if *taken == 0 {
                state.by_address.remove(&address.into());
            }
        }
        if state.taken == 0 {
            self.emptied.notify_one();
        }
    }
}

/// A subscriber's place. Dropping it gives it back: its subscription holds it, whoever writes to
/// the socket, until the stream has ended. The connection may go on after that.
#[derive(Debug)]
pub struct Seat {
    admission: Arc<Admission>,
    address: IpAddr,
    id: Uuid,
}

impl Seat {
    /// What its subscriber is called.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whose place it is.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How the hub parts from the stream on this place, where it drains.
    pub fn farewell(&self) -> Option<Farewell> {
        self.admission.farewell()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.admission.give_back(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_ipv4_or_a_network_of_ipv6() {
        let one = |a: &str, b: &str| {
            let household = |text: &str| Household::from(text.parse::<IpAddr>().unwrap());
            household(a) == household(b)
        };
        assert!(one("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(one("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert!(!one("2001:db8:0:1::1", "2001:db8:0:2::1"));

        let admission = Arc::new(Admission::new(10, 1));
        let admit = |text: &str| Admission::admit(&admission, text.parse().unwrap());
        let seat = admit("2001:db8::1").unwrap();
        assert_eq!(admit("2001:db8::2").err(), Some(Refusal::AddressFull));
        drop(seat);
        assert_eq!(admit("2001:db8::2").unwrap().address().to_string(), "2001:db8::2");
    }
}
