//! Which processors the load client has, and which the servers.
//!
//! On one processor, client and server would measure each other's absence. So the client keeps one for itself, and the
//! servers, which inherit what their starter has, get the others.

/// The processors of a run.
#[derive(Debug, Clone)]
pub struct Cores {
    /// How many there are.
    pub all: usize,
    /// Whether client and servers are kept apart.
    pub apart: bool,
    /// Their numbers, where the system tells.
    numbers: Vec<usize>,
}

/// Who is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The load client: the last processor.
    Client,
    /// What is started now: all others.
    Servers,
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::{Cores, Side};

    fn allowed() -> Vec<usize> {
        let Ok(set) = sched_getaffinity(None) else {
            return Vec::new();
        };
        (0..CpuSet::MAX_CPU)
            .filter(|cpu| set.is_set(*cpu))
            .collect()
    }

    /// A change of the processors of this thread; undone when dropped.
    #[derive(Debug)]
    pub struct Pinned(Option<CpuSet>);

    impl Cores {
        /// Those that this process may use.
        pub fn found(apart: bool) -> Self {
            let numbers = allowed();
            let all = numbers.len().max(1);
            Self {
                all,
                apart: apart && all > 1,
                numbers,
            }
        }

        /// Keeps this thread, and what it starts, to its side until the result is dropped.
        pub fn pin(&self, side: Side) -> Pinned {
            let before = sched_getaffinity(None).ok();
            let (Some((last, others)), true) = (self.numbers.split_last(), self.apart) else {
                return Pinned(None);
            };
            let mut set = CpuSet::new();
            match side {
                Side::Client => set.set(*last),
                Side::Servers => others.iter().for_each(|cpu| set.set(*cpu)),
            }
            let done = sched_setaffinity(None, &set).is_ok();
            Pinned(before.filter(|_| done))
        }
    }

    impl Drop for Pinned {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                let _ = sched_setaffinity(None, before);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Cores, Side};

    /// Nothing is changed here.
    #[derive(Debug)]
    pub struct Pinned;

    impl Cores {
        /// Those that this process may use.
        pub fn found(_: bool) -> Self {
            Self {
                all: std::thread::available_parallelism().map_or(1, usize::from),
                apart: false,
                numbers: Vec::new(),
            }
        }

        /// Nothing is changed here.
        pub fn pin(&self, _: Side) -> Pinned {
            Pinned
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::Pinned;
#[cfg(target_os = "linux")]
pub use linux::Pinned;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_own_processors_even_when_the_other_side_asks() {
        let cores = Cores::found(true);
        if !cores.apart {
            return;
        }
        let _client = cores.pin(Side::Client);
        assert_eq!(Cores::found(true).numbers, cores.numbers[cores.all - 1..]);
        {
            let _servers = cores.pin(Side::Servers);
            assert_eq!(Cores::found(true).numbers, cores.numbers[..cores.all - 1]);
        }
        assert_eq!(Cores::found(true).all, 1);
    }
}
