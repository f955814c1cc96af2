//! The first and the last touch take 40 % each, those between share 20 %; two share evenly, one takes all.

use super::{AttributionModel, Path};

pub struct Position;

impl AttributionModel for Position {
    fn name(&self) -> &'static str {
        "position"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn shares(&self, path: &Path) -> Vec<u64> {
        match path.touches.len() as u64 {
            0..=2 => vec![1; path.touches.len()],
            // With m between, each end weighs 2m and each of the m weighs 1: 2m/5m and 1/5m.
            touches => (0..touches).map(|index| if index == 0 || index == touches - 1 { 2 * (touches - 2) } else { 1 }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::allocate;
    use model::{Channel, CustomerId, Money, Touch, TouchKind};

    #[test]
    fn t25_the_ends_and_the_middle() {
        let touch = Touch {
            touch_id: "t".into(),
            customer_id: CustomerId::stored("c"),
            send_id: "s".into(),
            scenario: "s".into(),
            channel: Channel::Email,
            kind: TouchKind::Clicked,
            touched_at: Default::default(),
            sent_at: Default::default(),
            credit_until: Default::default(),
        };
        let check = |touches: usize, expect: &[i64]| {
            let touches = vec![&touch; touches];
            let shares = Position.shares(&Path { touches: &touches, ordered_at: Default::default() });
            let yen = |amount| Money::whole(amount).expect("an amount");
            assert_eq!(allocate(yen(10_000), yen(1), &shares), expect.iter().map(|amount| yen(*amount)).collect::<Vec<_>>());
        };
        check(0, &[]);
        check(1, &[10_000]);
        check(2, &[5_000, 5_000]);
        check(3, &[4_000, 2_000, 4_000]);
        check(4, &[4_000, 1_000, 1_000, 4_000]); // T25
    }
}
