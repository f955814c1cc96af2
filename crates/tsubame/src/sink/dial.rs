//! What a provider may do to a sender, and how often: dials that a person or a proof turns.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Door;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// Says no for good.
    Refuse,
    /// Says "later", and when.
    Throttle,
    /// Takes the message, and then answers that it failed.
    FailAfter,
    /// Takes the message, and hangs up without an answer.
    DropAnswer,
    /// Answers late.
    Late,
    /// Tells twice what became of a message.
    Twice,
    /// Hangs up as soon as somebody connects.
    Down,
}

impl Behaviour {
    pub const ALL: [Behaviour; 7] = [
        Behaviour::Refuse,
        Behaviour::Throttle,
        Behaviour::FailAfter,
        Behaviour::DropAnswer,
        Behaviour::Late,
        Behaviour::Twice,
        Behaviour::Down,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Behaviour::Refuse => "refuse",
            Behaviour::Throttle => "throttle",
            Behaviour::FailAfter => "fail-after",
            Behaviour::DropAnswer => "drop-answer",
            Behaviour::Late => "late",
            Behaviour::Twice => "twice",
            Behaviour::Down => "down",
        }
    }
}

/// How often: a share of all, and the next few whatever the share.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dial {
    pub share: f64,
    pub next: u64,
}

impl Dial {
    /// `0.2`, `next:3`, `off`.
    pub fn parse(text: &str) -> Option<Dial> {
        if text == "off" {
            return Some(Dial::default());
        }
        match text.strip_prefix("next:") {
            Some(next) => next.parse().ok().map(|next| Dial { share: 0.0, next }),
            None => text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(|share| Dial { share, next: 0 }),
        }
    }
}

impl std::fmt::Display for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.next, self.share) {
            (0, 0.0) => f.write_str("off"),
            (0, share) => write!(f, "{share}"),
            (next, _) => write!(f, "next:{next}"),
        }
    }
}

/// `line.refuse` and how often.
pub fn parse(name: &str, value: &str) -> Result<(Door, Behaviour, Dial), String> {
    let (door, behaviour) = name.trim().split_once('.').unwrap_or((name, ""));
    let Some(door) = Door::ALL.into_iter().find(|one| one.name() == door) else {
        return Err(format!("there is no door `{door}`: one of {}", Door::ALL.map(Door::name).join(", ")));
    };
    let Some(behaviour) = Behaviour::ALL.into_iter().find(|one| one.name() == behaviour) else {
        return Err(format!("there is no dial `{behaviour}`: one of {}", Behaviour::ALL.map(Behaviour::name).join(", ")));
    };
    let dial = Dial::parse(value.trim()).ok_or_else(|| format!("`{value}` is no position: write 0.2, next:3 or off"))?;
    Ok((door, behaviour, dial))
}

/// All dials, and the chance by which they turn: the same seed and the same questions give the same answers.
#[derive(Debug, Clone, Default)]
pub struct Dials {
    seed: u64,
    set: BTreeMap<(Door, Behaviour), Dial>,
    asked: BTreeMap<(Door, Behaviour), u64>,
}

impl Dials {
    pub fn new(seed: u64) -> Dials {
        Dials { seed, ..Dials::default() }
    }

    pub fn set(&mut self, door: Door, behaviour: Behaviour, dial: Dial) {
        self.set.insert((door, behaviour), dial);
    }

    pub fn get(&self, door: Door, behaviour: Behaviour) -> Dial {
        self.set.get(&(door, behaviour)).copied().unwrap_or_default()
    }

    /// Whether it happens this time.
    pub fn strikes(&mut self, door: Door, behaviour: Behaviour) -> bool {
        let asked = self.asked.entry((door, behaviour)).or_default();
        *asked += 1;
        let time = asked.to_string();
        self.strikes_at(door, behaviour, &time)
    }

    /// Whether it happens to somebody: whom it happens to, it happens to every time.
    pub fn strikes_at(&mut self, door: Door, behaviour: Behaviour, whom: &str) -> bool {
        let Some(dial) = self.set.get_mut(&(door, behaviour)) else { return false };
        if dial.next > 0 {
            dial.next -= 1;
            return true;
        }
        let hash = Sha256::digest(format!("{}|{}|{}|{whom}", self.seed, door.name(), behaviour.name()));
        let drawn = u64::from_be_bytes(hash[..8].try_into().expect("eight bytes"));
        // 53 bits: as many as a float tells apart.
        ((drawn >> 11) as f64 / (1u64 << 53) as f64) < dial.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_in_words() {
        let check = |name: &str, value: &str, expect: Result<(Door, Behaviour, &str), &str>| match (parse(name, value), expect) {
            (Ok((door, behaviour, dial)), Ok(expect)) => assert_eq!((door, behaviour, dial.to_string().as_str()), expect),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (got, expect) => panic!("{name}={value}: {got:?}, not {expect:?}"),
        };
        check("line.refuse", "0.25", Ok((Door::Line, Behaviour::Refuse, "0.25")));
        check("smtp.drop-answer", "next:3", Ok((Door::Smtp, Behaviour::DropAnswer, "next:3")));
        check("twilio.down", "off", Ok((Door::Twilio, Behaviour::Down, "off")));
        check("twilio.late", "1", Ok((Door::Twilio, Behaviour::Late, "1")));
        check("pigeon.refuse", "1", Err("no door `pigeon`"));
        check("line", "1", Err("no dial ``"));
        check("line.refuse", "1.5", Err("`1.5` is no position"));
        check("line.refuse", "next:-1", Err("is no position"));
    }

    #[test]
    fn how_often_it_strikes() {
        let check = |seed, dial: &str, of: usize, expect: std::ops::RangeInclusive<usize>| {
            let mut dials = Dials::new(seed);
            dials.set(Door::Line, Behaviour::Refuse, Dial::parse(dial).unwrap());
            let struck = (0..of).filter(|_| dials.strikes(Door::Line, Behaviour::Refuse)).count();
            assert!(expect.contains(&struck), "{dial}: {struck} of {of}");
            assert!(!dials.strikes(Door::Smtp, Behaviour::Refuse), "the dial of another door");
            assert_eq!(
                dials.strikes_at(Door::Line, Behaviour::Refuse, "U1"),
                dials.strikes_at(Door::Line, Behaviour::Refuse, "U1")
            );
            struck
        };
        check(1, "off", 100, 0..=0);
        check(1, "1", 100, 100..=100);
        check(1, "next:3", 100, 3..=3);
        let once = check(1, "0.3", 1_000, 250..=350);
        assert_eq!(once, check(1, "0.3", 1_000, 250..=350), "a seed is a proof's address");
    }
}
