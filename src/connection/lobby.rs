//! The lobby of a worker: its connections that carry no stream.
//!
//! Owns: their order, by when something was last read from them. Promises: whenever a connection
//! comes and makes them too many, those that were silent longest are shown out, so that one that
//! comes is always served. Does not: close anything. Whoever is shown out reads the end, as if its
//! client had half-closed: what is being answered gets its answer.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
    task::{Context, Waker},
};

/// See the module. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Lobby(Rc<Shared>);

struct Shared {
    /// How many may be here: asked whenever one comes.
    limit: Box<dyn Fn() -> usize>,
    /// By their places, which only grow: the first was silent longest.
    guests: RefCell<BTreeMap<u64, Rc<Exit>>>,
    next: Cell<u64>,
}

/// How a guest learns that it has to go.
#[derive(Debug, Default)]
struct Exit {
    shown: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

/// A connection in the lobby. One that is made by `default` is in none, and may stay.
#[derive(Debug, Default)]
pub struct Guest {
    lobby: Option<Lobby>,
    place: Cell<Option<u64>>,
    exit: Rc<Exit>,
}

impl fmt::Debug for Lobby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lobby")
    }
}

impl Lobby {
    /// An empty lobby for as many as `limit` says.
    pub fn new(limit: impl Fn() -> usize + 'static) -> Self {
        let (guests, next) = (RefCell::default(), Cell::new(0));
        Self(Rc::new(Shared { limit: Box::new(limit), guests, next }))
    }

    /// Lets a connection in.
    pub fn welcome(&self) -> Guest {
        let lobby = Some(self.clone());
        let guest = Guest { lobby, place: Cell::default(), exit: Rc::default() };
        guest.enter();
        // The one that has just come may stay.
        let limit = (self.0.limit)().max(1);
        let mut guests = self.0.guests.borrow_mut();
        while guests.len() > limit {
            if let Some((_, exit)) = guests.pop_first() {
                exit.shown.set(true);
                exit.waiting.take().into_iter().for_each(Waker::wake);
            }
        }
        guest
    }
}

impl Guest {
    /// It is here, and has just been heard of. Shows nobody out: its file is open already.
    pub fn enter(&self) {
        let Some(Lobby(lobby)) = &self.lobby else { return };
        if self.exit.shown.get() {
            return;
        }
        self.leave();
        let place = lobby.next.replace(lobby.next.get() + 1);
        lobby.guests.borrow_mut().insert(place, Rc::clone(&self.exit));
        self.place.set(Some(place));
    }

    /// It is not here any more: it carries a stream now, or is closed.
    pub fn leave(&self) {
        if let (Some(Lobby(lobby)), Some(place)) = (&self.lobby, self.place.take()) {
            lobby.guests.borrow_mut().remove(&place);
        }
    }

    /// Whether it is shown out. Wakes the task when it will be.
    pub fn is_shown_out(&self, cx: &Context<'_>) -> bool {
        let mut waiting = self.exit.waiting.borrow_mut();
        if !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waiting = Some(cx.waker().clone());
        }
        self.exit.shown.get()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_out(guests: &[Guest]) -> Vec<bool> {
        let cx = Context::from_waker(Waker::noop());
        guests.iter().map(|guest| guest.is_shown_out(&cx)).collect()
    }

    #[test]
    fn whoever_was_silent_longest_goes_first_and_streams_do_not_count() {
        let lobby = Lobby::new(|| 2);
        let mut guests = vec![lobby.welcome(), lobby.welcome()];
        guests[0].enter();
        guests.push(lobby.welcome());
        assert_eq!(shown_out(&guests), [false, true, false]);
        // A stream begins, and another connection takes its place here; when the stream ends they
        // are one too many, which is noticed when the next comes.
        guests[0].leave();
        guests.push(lobby.welcome());
        guests[0].enter();
        assert_eq!(shown_out(&guests), [false, true, false, false]);
        guests.push(lobby.welcome());
        assert_eq!(shown_out(&guests), [false, true, true, true, false]);
        drop(guests);
        assert!(lobby.0.guests.borrow().is_empty());
    }
}
