//! What a file has had lately, in memory that does not grow with the file: hashes of ids, each with the hash of the content it came with.
//!
//! An id is remembered until some [`WAYS`] others that fall into the same place push it out: in a file of up to about half a million ids
//! hardly one, in a larger file those that lie about a million back. What is forgotten costs little, because the journal knows every key it
//! ever took: the same content again is a duplicate there instead of here, and of two events or sends with one id the first still wins,
//! without being listed as a rejection. One thing is lost: an order without a time of its change that goes from A to B and, a million
//! orders later in the same file, back to A stays at B.

/// Ids that share a place.
const WAYS: usize = 8;
/// Places to begin with, and at most; powers of two. With [`WAYS`] and three numbers each the most is 24 MiB.
const PLACES_MIN: usize = 1 << 8;
const PLACES_MAX: usize = 1 << 17;
/// How much more room there is when half of it is taken.
const GROWTH: usize = 8;

/// Numbers of a slot: key, content, and one more.
const SLOT: usize = 3;

pub(super) struct Recent {
    /// Slots one after the other, [`WAYS`] to a place, the latest of a place first; a key of zero is nothing.
    numbers: Vec<u64>,
    taken: usize,
}

impl Recent {
    pub fn new() -> Recent {
        Recent::of(PLACES_MIN)
    }

    fn of(places: usize) -> Recent {
        Recent { numbers: vec![0; places * WAYS * SLOT], taken: 0 }
    }

    fn places(&self) -> usize {
        self.numbers.len() / (WAYS * SLOT)
    }

    fn grow(&mut self) {
        let mut larger = Recent::of((self.places() * GROWTH).min(PLACES_MAX));
        // The latest last, so that they are first again.
        for place in self.numbers.chunks_exact(WAYS * SLOT) {
            for slot in place.chunks_exact(SLOT).rev().filter(|slot| slot[0] != 0) {
                larger.put(slot[0], slot[1], slot[2]);
            }
        }
        *self = larger;
    }

    pub fn get(&self, key: u64) -> Option<(u64, u64)> {
        let (key, start) = self.place(key);
        let place = &self.numbers[start..start + WAYS * SLOT];
        place.chunks_exact(SLOT).find(|slot| slot[0] == key).map(|slot| (slot[1], slot[2]))
    }

    /// Remembers a key with its content, and says what it had before.
    pub fn put(&mut self, key: u64, content: u64, number: u64) -> Option<(u64, u64)> {
        if self.taken * 2 > self.places() * WAYS && self.places() >= PLACES_MIN && self.places() < PLACES_MAX {
            self.grow();
        }
        let (key, start) = self.place(key);
        let place = &mut self.numbers[start..start + WAYS * SLOT];
        let at = place.chunks_exact(SLOT).position(|slot| slot[0] == key);
        let before = at.map(|at| (place[at * SLOT + 1], place[at * SLOT + 2]));
        self.taken += usize::from(at.is_none() && place[(WAYS - 1) * SLOT] == 0);
        place[..(at.unwrap_or(WAYS - 1) + 1) * SLOT].rotate_right(SLOT);
        place[..SLOT].copy_from_slice(&[key, content, number]);
        before
    }

    /// Keys are hashes already: their lower bits tell the place.
    fn place(&self, key: u64) -> (u64, usize) {
        (key.max(1), (key as usize & (self.places() - 1)) * WAYS * SLOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered() {
        let mut recent = Recent::of(4);
        let mut check = |key: u64, content: u64, before: Option<u64>| {
            assert_eq!(recent.put(key, content, 0).map(|(content, _)| content), before, "{key}");
            assert_eq!(recent.get(key), Some((content, 0)));
        };
        check(0, 1, None);
        check(0, 2, Some(1));
        for other in 1..=7 {
            check(other * 4, other, None);
        }
        check(0, 3, Some(2));
        // Seven others and itself: the eighth pushes out the one that lies furthest back, and other places are not touched.
        check(32, 9, None);
        check(4, 1, None);
        check(0, 4, Some(3));
        check(5, 1, None);
    }

    #[test]
    fn half_a_million_ids_are_all_known() {
        let mut recent = Recent::new();
        let hash = |number: u64| {
            let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let known = 400_000;
        for number in 0..known {
            recent.put(hash(number), number, 0);
        }
        let forgotten = (0..known).filter(|number| recent.get(hash(*number)).is_none()).count();
        assert!(forgotten < 4_000, "{forgotten}");
    }
}
