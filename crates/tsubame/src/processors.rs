//! One processor is left to those who answer events and pages: whoever computes at length, in this process or started by it, keeps to the
//! others. There it weighs as much as anybody: threads that weigh little look free to the system, and who is put on their processor waits until
//! their turn ends.

use std::io;

use tokio::runtime::{Builder, Runtime};

pub use of_system::{is_left, leave_one};

/// Threads that leave one processor to others, and so does what they start.
pub fn runtime(name: &str, threads: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .thread_stack_size(crate::THREAD_STACK_BYTES)
        .on_thread_start(leave_one)
        .enable_all()
        .build()
}

#[cfg(target_os = "linux")]
mod of_system {
    use std::sync::LazyLock;

    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };

    /// Nothing where there is one alone, or where a sandbox forbids us to choose.
    static OTHERS: LazyLock<Option<CpuSet>> = LazyLock::new(|| {
        // Those of the first thread, which keeps all that this process was given.
        let others = without_first(sched_getaffinity(Pid::this()).ok()?)?;
        let tried = std::thread::spawn(move || sched_setaffinity(CALLING_THREAD, &others)).join();
        tried.ok()?.ok()?;
        Some(others)
    });
    const CALLING_THREAD: Pid = Pid::from_raw(0);

    /// Whether one is left to those who answer.
    pub fn is_left() -> bool {
        OTHERS.is_some()
    }

    /// The calling thread, and what it starts from now on, keeps to the others.
    pub fn leave_one() {
        if let Some(others) = &*OTHERS {
            let _ = sched_setaffinity(CALLING_THREAD, others);
        }
    }

    fn without_first(mut given: CpuSet) -> Option<CpuSet> {
        let is_given = |processor: &usize| given.is_set(*processor).unwrap_or(false);
        let mut processors = (0..CpuSet::count()).filter(is_given);
        let (first, _) = (processors.next()?, processors.next()?);
        given.unset(first).ok()?;
        Some(given)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_first_is_left_to_others() {
            let set = |processors: &[usize]| {
                let mut set = CpuSet::new();
                processors.iter().for_each(|processor| set.set(*processor).unwrap());
                set
            };
            let check = |given: &[usize], expect: Option<&[usize]>| {
                assert_eq!(without_first(set(given)), expect.map(set), "{given:?}");
            };
            check(&[0, 1], Some(&[1]));
            check(&[2, 4, 5], Some(&[4, 5]));
            check(&[3], None);
            check(&[], None);
        }

        #[test]
        fn what_a_thread_starts_keeps_to_the_others_too() {
            let (Ok(all), others) = (sched_getaffinity(Pid::this()), &*OTHERS) else { return };
            let inherited = std::thread::spawn(|| {
                leave_one();
                std::thread::spawn(|| sched_getaffinity(CALLING_THREAD).unwrap()).join().unwrap()
            });
            assert_eq!(inherited.join().unwrap(), others.unwrap_or(all));
            assert_eq!(sched_getaffinity(Pid::this()), Ok(all), "the first thread keeps all");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod of_system {
    /// Whether one is left to those who answer.
    pub fn is_left() -> bool {
        false
    }

    /// The calling thread keeps to the others, where one may choose.
    pub fn leave_one() {}
}
