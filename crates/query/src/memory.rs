//! What a question's memory is given to. The engine's own fair pool halves and halves again what each part of a plan may have, used or not; here
//! whoever needs memory has it, until little is left.

use std::{
    fmt,
    sync::{Mutex, MutexGuard},
};

use datafusion::{
    error::{DataFusionError, Result},
    execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size},
    physical_plan::{ExecutionPlan, repartition::RepartitionExec},
};

/// Parts that can put rows aside on disk have all but a quarter of the memory between them, first come, first served; of the last quarter
/// each has its even share alone, so that who comes late finds some. Rows that are on their way from one thread to another have no more than
/// half: to put them aside costs the least.
#[derive(Debug)]
pub(crate) struct QuestionMemory {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// By parts that cannot put anything aside.
    fixed: usize,
    /// By those that can, without the rows on their way.
    movable: usize,
    on_their_way: usize,
    /// How many parts share what is movable.
    parts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Fixed,
    Movable,
    OnTheirWay,
}

impl Part {
    fn of(consumer: &MemoryConsumer) -> Part {
        match (consumer.can_spill(), consumer.name().starts_with(RepartitionExec::static_name())) {
            (false, _) => Part::Fixed,
            (true, false) => Part::Movable,
            (true, true) => Part::OnTheirWay,
        }
    }
}

impl Held {
    fn all(&self) -> usize {
        self.fixed + self.movable + self.on_their_way
    }

    fn of(&mut self, part: Part) -> &mut usize {
        match part {
            Part::Fixed => &mut self.fixed,
            Part::Movable => &mut self.movable,
            Part::OnTheirWay => &mut self.on_their_way,
        }
    }

    /// Up to how many bytes a part that holds `own` may have, of so many in all.
    fn limit(&self, part: Part, own: usize, bytes: usize) -> usize {
        let free = bytes.saturating_sub(self.all());
        let before_the_last_quarter = (bytes - bytes / 4).saturating_sub(self.all());
        match part {
            Part::Fixed => own + free,
            Part::OnTheirWay => own + before_the_last_quarter.min((bytes / 2).saturating_sub(self.on_their_way)),
            Part::Movable => {
                let share = bytes.saturating_sub(self.fixed + self.on_their_way) / self.parts.max(1);
                (own + before_the_last_quarter).max(share.min(own + free))
            }
        }
    }
}

impl QuestionMemory {
    pub(crate) fn new(bytes: usize) -> QuestionMemory {
        QuestionMemory { bytes, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("nobody panics while holding it")
    }
}

impl MemoryPool for QuestionMemory {
    fn name(&self) -> &str {
        "question"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if Part::of(consumer) == Part::Movable {
            self.held().parts += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if Part::of(consumer) == Part::Movable {
            self.held().parts -= 1;
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.held().of(Part::of(reservation.consumer())) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        *self.held().of(Part::of(reservation.consumer())) -= shrink;
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let part = Part::of(reservation.consumer());
        let mut held = self.held();
        let limit = held.limit(part, reservation.size(), self.bytes);
        if reservation.size() + additional > limit {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{} holds {} and needs {} more, where it may have {} of {self}",
                reservation.consumer().name(),
                human_readable_size(reservation.size()),
                human_readable_size(additional),
                human_readable_size(limit),
            )));
        }
        *held.of(part) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.held().all()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}

impl fmt::Display for QuestionMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the question's {}", human_readable_size(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn part(pool: &Arc<dyn MemoryPool>, name: &str, can_spill: bool) -> MemoryReservation {
        MemoryConsumer::new(name).with_can_spill(can_spill).register(pool)
    }

    #[test]
    fn who_needs_memory_has_it_until_little_is_left() {
        let pool: Arc<dyn MemoryPool> = Arc::new(QuestionMemory::new(1_000));
        let (sums, sort) = (part(&pool, "sums", true), part(&pool, "sort", true));
        let (moved, join) = (part(&pool, "RepartitionExec[0]", true), part(&pool, "join", false));
        sums.try_grow(700).expect("nobody else needs any");
        sums.try_grow(100).expect_err("the last quarter is for those that have less than their share");
        sort.try_grow(300).expect("its share is half of all, and so much is left");
        sort.try_grow(1).expect_err("nothing is left");
        join.try_grow(1).expect_err("nothing is left");
        moved.try_grow(1).expect_err("nothing is left");
        sums.shrink(500);
        assert_eq!(pool.reserved(), 500);
        moved.try_grow(250).expect("rows on their way have up to half");
        moved.try_grow(1).expect_err("but not of the last quarter");
        join.try_grow(250).expect("who can put nothing aside has all that is left");
        drop((sums, sort, moved, join));
        assert_eq!(pool.reserved(), 0);
        let moved = part(&pool, "RepartitionExec[0]", true);
        moved.try_grow(500).expect("half");
        moved.try_grow(1).expect_err("rows on their way have up to half");
    }
}
