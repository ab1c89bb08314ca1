//! Rooms and broadcast of one namespace.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whom a broadcast is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Members of any of these rooms (SIO-RM-03); the whole namespace if there is none.
    pub rooms: Vec<String>,
    /// But none of these rooms' members (SIO-RM-07); a socket's id is the room it is alone in (SIO-RM-08).
    pub except: Vec<String>,
}

impl Selection {
    /// Whether a socket that is in these rooms is meant.
    pub fn covers<'a>(&self, mut rooms: impl Iterator<Item = &'a String> + Clone) -> bool {
        if rooms.clone().any(|room| self.except.contains(room)) {
            return false;
        }
        self.rooms.is_empty() || rooms.any(|room| self.rooms.contains(room))
    }
}

/// Who is in which room, and who gets a broadcast. `M` is what stands for a socket.
///
/// A socket is announced with [`Adapter::enter`] before its middleware runs, so that rooms joined there count from
/// its admission on, and vanish with its refusal (SIO-CE-14).
pub trait Adapter<M>: Send + Sync {
    /// A socket knocks: it may join rooms, but gets no broadcast yet.
    fn enter(&self, id: &str, member: M);
    /// The socket is admitted: from now on it gets broadcasts (SIO-OR-08).
    fn admit(&self, id: &str);
    /// The socket is gone; the rooms it was in, without its own (SIO-RM-13).
    fn remove(&self, id: &str) -> Vec<String>;
    /// Joins rooms; nothing happens for a socket that is gone (SIO-RM-19).
    fn join(&self, id: &str, rooms: &[String]);
    /// Leaves a room; harmless where it was not in it (SIO-RM-12).
    fn leave(&self, id: &str, room: &str);
    /// Empties a room.
    fn close_room(&self, room: &str);
    /// Everybody is gone.
    fn clear(&self);
    /// The sorted rooms of a socket, without its own.
    fn rooms(&self, id: &str) -> Vec<String>;
    /// Whether the socket is in its own room, named by its id (SIO-RM-09).
    fn in_own_room(&self, id: &str) -> bool;
    /// Calls `visit` once for each admitted socket that is meant (SIO-RM-02), in one order for all broadcasts: who
    /// broadcasts next waits until this one is through (SIO-RM-23, SIO-OR-07).
    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &M));
    /// Number of sockets, knocking ones included.
    fn len(&self) -> usize;
    /// Number of rooms that somebody is in, beside each socket's own.
    fn count(&self) -> usize;
    /// Whether there is no socket.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Rooms held in memory.
#[derive(Debug)]
pub struct Rooms<M> {
    state: Mutex<State<M>>,
}

#[derive(Debug)]
struct State<M> {
    /// In order of arrival would need another index; the order among receivers is free.
    members: HashMap<String, Member<M>>,
    /// Rooms with more than one possible member; a socket's own room is its entry in `members`.
    rooms: HashMap<String, BTreeSet<String>>,
}

#[derive(Debug)]
struct Member<M> {
    socket: M,
    admitted: bool,
    own_room: bool,
    rooms: BTreeSet<String>,
}

impl<M> Default for Rooms<M> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                members: HashMap::new(),
                rooms: HashMap::new(),
            }),
        }
    }
}

impl<M> Rooms<M> {
    fn state(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> State<M> {
    fn forget(&mut self, id: &str, room: &str) {
        if let Some(ids) = self.rooms.get_mut(room) {
            ids.remove(id);
            if ids.is_empty() {
                self.rooms.remove(room);
            }
        }
    }
}

impl<M: Send> Adapter<M> for Rooms<M> {
    fn enter(&self, id: &str, socket: M) {
        let member = Member {
            socket,
            admitted: false,
            own_room: true,
            rooms: BTreeSet::new(),
        };
        self.state().members.insert(id.to_owned(), member);
    }

    fn admit(&self, id: &str) {
        if let Some(member) = self.state().members.get_mut(id) {
            member.admitted = true;
        }
    }

    fn remove(&self, id: &str) -> Vec<String> {
        let mut state = self.state();
        let Some(member) = state.members.remove(id) else {
            return Vec::new();
        };
        for room in &member.rooms {
            state.forget(id, room);
        }
        member.rooms.into_iter().collect()
    }

    fn join(&self, id: &str, rooms: &[String]) {
        let mut state = self.state();
        let state = &mut *state;
        let Some(member) = state.members.get_mut(id) else {
            return;
        };
        for room in rooms {
            if room == id {
                member.own_room = true;
            } else if member.rooms.insert(room.clone()) {
                state
                    .rooms
                    .entry(room.clone())
                    .or_default()
                    .insert(id.to_owned());
            }
        }
    }

    fn leave(&self, id: &str, room: &str) {
        let mut state = self.state();
        let Some(member) = state.members.get_mut(id) else {
            return;
        };
        if room == id {
            member.own_room = false;
        }
        if member.rooms.remove(room) {
            state.forget(id, room);
        }
    }

    fn clear(&self) {
        let gone = {
            let mut state = self.state();
            state.rooms.clear();
            std::mem::take(&mut state.members)
        };
        // Members may hold what asks this adapter when it goes.
        drop(gone);
    }

    fn close_room(&self, room: &str) {
        let mut state = self.state();
        if let Some(member) = state.members.get_mut(room) {
            member.own_room = false;
        }
        for id in state.rooms.remove(room).unwrap_or_default() {
            if let Some(member) = state.members.get_mut(&id) {
                member.rooms.remove(room);
            }
        }
    }

    fn rooms(&self, id: &str) -> Vec<String> {
        self.state()
            .members
            .get(id)
            .map(|member| member.rooms.iter().cloned().collect())
            .unwrap_or_default()
    }

    fn in_own_room(&self, id: &str) -> bool {
        self.state()
            .members
            .get(id)
            .is_some_and(|member| member.own_room)
    }

    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &M)) {
        let state = self.state();
        let excluded = |id: &str, member: &Member<M>| {
            selection
                .except
                .iter()
                .any(|room| member.rooms.contains(room) || member.own_room && room == id)
        };
        let mut offer = |id: &str, member: &Member<M>| {
            if member.admitted && !excluded(id, member) {
                visit(id, &member.socket);
            }
        };
        if selection.rooms.is_empty() {
            state
                .members
                .iter()
                .for_each(|(id, member)| offer(id, member));
            return;
        }
        if let [room] = selection.rooms.as_slice() {
            let own = state
                .members
                .get_key_value(room)
                .filter(|(_, member)| member.own_room);
            for id in state.rooms.get(room).into_iter().flatten() {
                // Of a room named like its own, a member gets one copy all the same.
                if own.is_none_or(|(own, _)| own != id)
                    && let Some(member) = state.members.get(id)
                {
                    offer(id, member);
                }
            }
            if let Some((id, member)) = own {
                offer(id, member);
            }
            return;
        }
        let mut union: BTreeSet<&String> = selection
            .rooms
            .iter()
            .filter_map(|room| state.rooms.get(room))
            .flatten()
            .collect();
        for room in &selection.rooms {
            if let Some((id, _)) = state
                .members
                .get_key_value(room)
                .filter(|(_, member)| member.own_room)
            {
                union.insert(id);
            }
        }
        for id in union {
            if let Some(member) = state.members.get(id) {
                offer(id, member);
            }
        }
    }

    fn len(&self) -> usize {
        self.state().members.len()
    }

    fn count(&self) -> usize {
        self.state().rooms.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(sockets: &[(&str, &[&str])]) -> Rooms<()> {
        let adapter = Rooms::default();
        for (id, rooms) in sockets {
            adapter.enter(id, ());
            adapter.admit(id);
            adapter.join(id, &names(rooms));
        }
        adapter
    }

    fn names(rooms: &[&str]) -> Vec<String> {
        rooms.iter().map(|room| (*room).to_owned()).collect()
    }

    fn reached(adapter: &Rooms<()>, to: &[&str], except: &[&str]) -> Vec<String> {
        let selection = Selection {
            rooms: names(to),
            except: names(except),
        };
        let mut reached = Vec::new();
        adapter.select(&selection, &mut |id, ()| reached.push(id.to_owned()));
        reached.sort();
        reached
    }

    #[test]
    fn a_broadcast_reaches_the_members_of_the_room_and_nobody_else() {
        let adapter = rooms(&[("a", &["r"]), ("b", &["s"]), ("c", &[])]);
        assert_eq!(reached(&adapter, &["r"], &[]), ["a"]);
        assert_eq!(reached(&adapter, &["nobody"], &[]), [] as [&str; 0]);
        assert_eq!(reached(&adapter, &[], &[]), ["a", "b", "c"]);
    }

    #[test]
    fn several_rooms_are_a_union_that_reaches_each_member_once() {
        let adapter = rooms(&[("a", &["r1", "r2"]), ("b", &["r2"]), ("c", &[])]);
        assert_eq!(reached(&adapter, &["r1", "r2"], &[]), ["a", "b"]);
        assert_eq!(reached(&adapter, &["r1", "a"], &[]), ["a"]);
    }

    #[test]
    fn except_wins_over_to_and_takes_ids_as_well() {
        let adapter = rooms(&[("a", &["r"]), ("b", &["r", "x"]), ("c", &["r"])]);
        assert_eq!(reached(&adapter, &["r"], &["x"]), ["a", "c"]);
        assert_eq!(reached(&adapter, &["r"], &["x", "c"]), ["a"]);
        assert_eq!(reached(&adapter, &[], &["a"]), ["b", "c"]);
    }

    #[test]
    fn each_socket_is_alone_in_the_room_of_its_id() {
        let adapter = rooms(&[("a", &[]), ("b", &["a"])]);
        assert_eq!(reached(&adapter, &["a"], &[]), ["a", "b"]);
        assert!(adapter.in_own_room("a"));
        assert_eq!(adapter.rooms("a"), [] as [&str; 0]);
    }

    #[test]
    fn joining_twice_is_joining_once() {
        let adapter = rooms(&[("a", &["r"])]);
        adapter.join("a", &names(&["r"]));
        adapter.leave("a", "r");
        assert_eq!(reached(&adapter, &["r"], &[]), [] as [&str; 0]);
    }

    #[test]
    fn whoever_is_gone_is_in_no_room_and_joins_none() {
        let adapter = rooms(&[("a", &["r"])]);
        assert_eq!(adapter.remove("a"), ["r"]);
        adapter.join("a", &names(&["late"]));
        assert_eq!(adapter.rooms("a"), [] as [&str; 0]);
        assert_eq!(reached(&adapter, &["late", "r", "a"], &[]), [] as [&str; 0]);
        assert!(adapter.is_empty());
    }

    #[test]
    fn a_room_is_there_as_long_as_somebody_is_in_it() {
        let adapter = rooms(&[("a", &["r", "s"]), ("b", &["r"])]);
        assert_eq!(adapter.count(), 2);
        adapter.remove("a");
        assert_eq!(adapter.count(), 1);
        adapter.leave("b", "r");
        assert_eq!(adapter.count(), 0);
    }

    #[test]
    fn a_socket_that_is_not_admitted_yet_gets_no_broadcast() {
        let adapter = Rooms::default();
        adapter.enter("a", ());
        adapter.join("a", &names(&["pre"]));
        assert_eq!(reached(&adapter, &["pre"], &[]), [] as [&str; 0]);
        adapter.admit("a");
        assert_eq!(reached(&adapter, &["pre"], &[]), ["a"]);
    }

    #[test]
    fn room_names_are_exact_strings() {
        let adapter = rooms(&[("a", &["", "__proto__", "Räum"])]);
        assert_eq!(reached(&adapter, &[""], &[]), ["a"]);
        assert_eq!(reached(&adapter, &["__proto__"], &[]), ["a"]);
        assert_eq!(reached(&adapter, &["räum"], &[]), [] as [&str; 0]);
    }

    #[test]
    fn a_closed_room_has_no_members() {
        let adapter = rooms(&[("a", &["r", "s"]), ("b", &["r"])]);
        adapter.close_room("r");
        assert_eq!(reached(&adapter, &["r"], &[]), [] as [&str; 0]);
        assert_eq!(adapter.rooms("a"), ["s"]);
    }
}
