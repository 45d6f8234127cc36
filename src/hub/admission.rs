//! Who may have a stream: the places in all, for each address and for each subject of a token.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{farewell::Farewell, household::Household};

/// Why there is no place, or not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All places of the hub are taken.
    #[error("the hub is full")]
    Full,
    /// All places of this address are taken.
    #[error("this address has its full number of streams")]
    AddressFull,
    /// All places of the subject of this token are taken.
    #[error("the subject of this token has its full number of streams")]
    SubjectFull,
    /// This address asks too often.
    #[error("this address asks too often")]
    AddressRate,
    /// The subject of this token asks too often.
    #[error("the subject of this token asks too often")]
    SubjectRate,
    /// The hub is about to stop.
    #[error("the hub is draining")]
    Draining,
}

impl Refusal {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 6] = [
        Self::Full,
        Self::AddressFull,
        Self::SubjectFull,
        Self::AddressRate,
        Self::SubjectRate,
        Self::Draining,
    ];

    /// The word for errors and counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::SubjectFull => "subject_full",
            Self::AddressRate => "address_rate",
            Self::SubjectRate => "subject_rate",
            Self::Draining => "draining",
        }
    }
}

#[derive(Debug)]
pub struct Admission {
    max: usize,
    /// 0: no limit, and nothing is counted.
    max_per_address: usize,
    /// The same for the subjects of tokens.
    max_per_subject: usize,
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
    by_subject: HashMap<Arc<str>, usize>,
}

impl Admission {
    pub fn new(max: usize, max_per_address: usize, max_per_subject: usize) -> Self {
        Self {
            max,
            max_per_address,
            max_per_subject,
            is_closed: AtomicBool::new(false),
            state: Mutex::default(),
            emptied: Notify::new(),
        }
    }

    /// A place, for a subscriber from this address with a token of this subject.
    pub fn admit(
        this: &Arc<Self>,
        address: IpAddr,
        subject: Option<&Arc<str>>,
    ) -> Result<Seat, Refusal> {
        let subject = subject.filter(|_| this.max_per_subject > 0);
        let mut state = this.state.lock();
        if this.is_closed() {
            return Err(Refusal::Draining);
        }
        if state.taken >= this.max {
            return Err(Refusal::Full);
        }
        let household = (this.max_per_address > 0).then(|| Household::from(address));
        let taken = |count: Option<&usize>| count.copied().unwrap_or(0);
        if household.is_some_and(|it| taken(state.by_address.get(&it)) >= this.max_per_address) {
            return Err(Refusal::AddressFull);
        }
        if subject.is_some_and(|it| taken(state.by_subject.get(it)) >= this.max_per_subject) {
            return Err(Refusal::SubjectFull);
        }
        if let Some(household) = household {
            *state.by_address.entry(household).or_default() += 1;
        }
        if let Some(subject) = subject {
            *state.by_subject.entry(Arc::clone(subject)).or_default() += 1;
        }
        state.taken += 1;
        let (admission, subject) = (Arc::clone(this), subject.cloned());
        Ok(Seat { admission, address, subject, id: Uuid::new_v4() })
    }

    pub fn taken(&self) -> usize {
        self.state.lock().taken
    }

    /// Admits nobody any more. Of two farewells the earlier holds: this one is returned if it does.
    pub fn close(&self, farewell: impl FnOnce(usize) -> Farewell) -> Option<Farewell> {
        // Under the lock: who is admitted before is counted.
        let mut state = self.state.lock();
        let mut new = farewell(state.taken);
        if let Some(old) = state.farewell.as_mut().filter(|old| old.until <= new.until) {
            old.ends |= new.ends;
            return None;
        }
        new.ends |= state.farewell.is_some_and(|old| old.ends);
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

    fn give_back(&self, seat: &Seat) {
        let mut state = self.state.lock();
        state.taken -= 1;
        if self.max_per_address > 0 {
            leave(&mut state.by_address, &seat.address.into());
        }
        if let Some(subject) = &seat.subject {
            leave(&mut state.by_subject, subject);
        }
        if state.taken == 0 {
            self.emptied.notify_one();
        }
    }
}

/// One fewer of these; who has none is not in the list.
fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, whose: &K) {
    if let Some(taken) = counts.get_mut(whose) {
        *taken -= 1;
        if *taken == 0 {
            counts.remove(whose);
        }
    }
}

/// A subscriber's place. Dropping it gives it back: its subscription holds it, whoever writes to
/// the socket, until the stream has ended. The connection may go on after that.
#[derive(Debug)]
pub struct Seat {
    admission: Arc<Admission>,
    address: IpAddr,
    /// Whose token it has, where that is counted.
    subject: Option<Arc<str>>,
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
        self.admission.give_back(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_has_its_place_for_its_network() {
        let admission = Arc::new(Admission::new(10, 1, 0));
        let admit = |text: &str| Admission::admit(&admission, text.parse().unwrap(), None);
        let seat = admit("2001:db8::1").unwrap();
        assert_eq!(admit("2001:db8::2").err(), Some(Refusal::AddressFull));
        drop(seat);
        assert_eq!(admit("2001:db8::2").unwrap().address().to_string(), "2001:db8::2");
    }

    #[test]
    fn who_is_refused_takes_no_place() {
        let admission = Arc::new(Admission::new(10, 2, 1));
        let eve: Arc<str> = "eve".into();
        let admit = |subject| Admission::admit(&admission, [192, 0, 2, 1].into(), subject);
        let seat = admit(Some(&eve)).unwrap();
        assert_eq!(admit(Some(&eve)).err(), Some(Refusal::SubjectFull));
        let _other = admit(None).unwrap();
        assert_eq!(admit(None).err(), Some(Refusal::AddressFull));
        drop(seat);
        assert_eq!(admission.taken(), 1);
        admit(Some(&eve)).unwrap();
    }
}
