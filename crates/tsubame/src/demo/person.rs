//! Who a customer is: a made-up person, with addresses that belong to nobody.
//!
//! E-mail is at `example.jp`, which is reserved; phones are 090-0xxx-xxxx, a block that has never been given out.

use chrono::{Datelike, NaiveDate};
use model::CustomerId;

use super::{
    calendar::{DAY, HOUR, Moment, Span, day_of},
    draw::{Draws, cumulative},
    life::Life,
    names::{FEMALE, MALE, PREFECTURES, SURNAMES},
};

/// Not `Debug`: it holds addresses, and even made-up ones should not be printed by habit.
#[derive(Clone, PartialEq)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub kana: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub line: Option<String>,
    /// 女性, 男性, or not said.
    pub gender: Option<&'static str>,
    pub birthday: Option<NaiveDate>,
    pub prefecture: &'static str,
    pub registered: Moment,
    pub acquisition: &'static str,
    pub email_consent: bool,
    pub line_consent: bool,
    pub sms_consent: bool,
}

const ACQUISITION: [(&str, f64); 6] =
    [("検索", 34.0), ("広告", 27.0), ("SNS", 16.0), ("紹介", 9.0), ("店頭", 8.0), ("メディア", 6.0)];

pub fn customer_id(who: u32) -> CustomerId {
    CustomerId::stored(id_text(who))
}

pub fn id_text(who: u32) -> String {
    format!("C{:06}", who + 1)
}

/// The customer of an id, if it is one of ours.
pub fn who(id: &CustomerId, customers: u32) -> Option<u32> {
    let number: u32 = id.as_str().strip_prefix('C')?.parse().ok()?;
    number.checked_sub(1).filter(|who| *who < customers)
}

impl Person {
    pub fn of(seed: u64, who: u32, life: &Life, span: Span) -> Person {
        let mut draws = Draws::new(seed, "person", u64::from(who));
        let (surname, surname_kana, _) = SURNAMES[draws.weighted(&cumulative(SURNAMES.map(|name| name.2)))];
        let female = draws.chance(0.66);
        let (given, given_kana) = if female { *draws.pick(&FEMALE) } else { *draws.pick(&MALE) };
        let age = 24 + (48.0 * (draws.unit() + draws.unit()) / 2.0 + 10.0 * draws.unit()) as i32;
        let birthday = NaiveDate::from_yo_opt(2026 - age, 1 + draws.below(365) as u32).filter(|_| draws.chance(0.72));
        let (prefecture, _) = PREFECTURES[draws.weighted(&cumulative(PREFECTURES.map(|prefecture| prefecture.1)))];
        let gender = if female { "女性" } else { "男性" };
        let (has_email, has_phone, has_line) = (draws.chance(0.97), draws.chance(0.9), draws.chance(0.42));
        Person {
            id: id_text(who),
            name: format!("{surname} {given}"),
            kana: format!("{surname_kana} {given_kana}"),
            email: has_email.then(|| format!("c{:06}@example.jp", who + 1)),
            phone: has_phone.then(|| format!("090-0{:03}-{:04}", who / 10_000 % 1000, who % 10_000)),
            line: has_line.then(|| format!("U{}{}", draws.hex(), draws.hex())),
            gender: draws.chance(0.88).then_some(gender),
            birthday: birthday.filter(|day| day.year() > 1900),
            prefecture,
            registered: registered(life, span, &mut draws),
            acquisition: ACQUISITION[draws.weighted(&cumulative(ACQUISITION.map(|source| source.1)))].0,
            email_consent: has_email && draws.chance(0.8),
            line_consent: has_line && draws.chance(0.95),
            sms_consent: has_phone && draws.chance(0.3),
        }
    }
}

/// Everybody is a member before anything is lived, those too whose first purchase falls in it or later.
fn registered(life: &Life, span: Span, draws: &mut Draws) -> Moment {
    let first = life.purchases.first().map(|purchase| purchase.at);
    let at = match first {
        Some(first) if day_of(first) < span.from && draws.chance(0.6) => first - draws.between(300, 1_500),
        Some(first) if day_of(first) < span.from => first - draws.between(HOUR, 40 * DAY),
        Some(_) => (span.from - draws.between(1, 45)) * DAY + draws.between(8 * HOUR, 22 * HOUR),
        None => draws.between(0, span.from - 1) * DAY + draws.between(8 * HOUR, 22 * HOUR),
    };
    at.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::calendar::Calendar;

    #[test]
    fn addresses_parse_and_belong_to_nobody() {
        let calendar = Calendar::new(Span::MONTH);
        let mut reachable = 0;
        for index in 0..5_000 {
            let life = Life::of(1, index, &calendar);
            let person = Person::of(1, index, &life, calendar.span);
            if let Some(email) = &person.email {
                assert!(model::Email::parse(email).is_ok() && email.ends_with("@example.jp"));
            }
            if let Some(phone) = &person.phone {
                assert!(phone.starts_with("090-0") && model::Phone::parse(phone).unwrap().is_mobile());
            }
            if let Some(line) = &person.line {
                assert!(model::LineUserId::parse(line).is_ok());
            }
            assert!(person.registered < Span::MONTH.from * DAY);
            assert!(life.purchases.first().is_none_or(|first| person.registered <= first.at));
            assert_eq!(who(&customer_id(index), 5_000), Some(index));
            reachable += usize::from(person.line_consent || person.email_consent || person.sms_consent);
        }
        assert!((4_200..4_900).contains(&reachable), "{reachable}");
        assert_eq!(who(&CustomerId::stored("C005001"), 5_000), None);
    }
}
