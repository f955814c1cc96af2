//! Japanese text as people mean it, not as their keyboards wrote it: one form for half and full width, both kana, dashes and spaces; and dates by
//! era.

use chrono::{Datelike, NaiveDate};
use unicode_normalization::UnicodeNormalization;

/// The form in which two writings of one thing are equal: compatibility forms unified (NFKC: ｱ → ア, Ａ → A, ㈱ → (株)), hiragana as katakana,
/// small letters, every wide dash as `-` and after kana as the long vowel `ー`, runs of spaces as one, none at the ends, nothing invisible.
pub fn normalize(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    // The free-standing voicing marks would be taken apart into a space and a mark; a full-width dash would become the narrow one, which
    // codes are written with and which stays what it is.
    let joined = text.chars().map(|letter| match letter {
        '\u{309b}' => '\u{3099}',
        '\u{309c}' => '\u{309a}',
        '\u{ff0d}' => '\u{2212}',
        letter => letter,
    });
    for letter in joined.nfkc().flat_map(char::to_lowercase) {
        let last = normal.chars().next_back();
        match letter {
            '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => {}
            letter if letter.is_whitespace() => {
                if last.is_some_and(|last| last != ' ') {
                    normal.push(' ');
                }
            }
            'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => normal.push(char::from_u32(letter as u32 + 0x60).unwrap_or(letter)),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}' if last.is_some_and(is_katakana) => normal.push('ー'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}' => normal.push('-'),
            '\u{301c}' => normal.push('~'),
            letter => normal.push(letter),
        }
    }
    normal.truncate(normal.trim_end().len());
    normal
}

fn is_katakana(letter: char) -> bool {
    matches!(letter, 'ァ'..='ヺ' | 'ー')
}

/// A date by its era, from Meiji's calendar reform (1873) on: 令和6年4月1日. The first year of an era is 元年.
pub fn era_date(day: NaiveDate) -> Option<String> {
    // The day each era began. The calendar before 1873 was another one.
    const ERAS: [(i32, u32, u32, &str); 5] =
        [(2019, 5, 1, "令和"), (1989, 1, 8, "平成"), (1926, 12, 25, "昭和"), (1912, 7, 30, "大正"), (1868, 1, 25, "明治")];
    if day < NaiveDate::from_ymd_opt(1873, 1, 1)? {
        return None;
    }
    let (year, .., name) =
        ERAS.into_iter().find(|(year, month, first, _)| (day.year(), day.month(), day.day()) >= (*year, *month, *first))?;
    let year = match day.year() - year + 1 {
        1 => "元".into(),
        year => year.to_string(),
    };
    Some(format!("{name}{year}年{}月{}日", day.month(), day.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_writings_of_one_thing_are_equal() {
        let check = |raw: &str, expect: &str| {
            assert_eq!(normalize(raw), expect, "{raw}");
            assert_eq!(normalize(expect), expect, "{raw}: twice is once");
        };
        check("ｺｰﾋｰ　豆（２００ｇ）", "コーヒー 豆(200g)");
        check("コ−ヒ－豆", "コーヒー豆");
        check("こーひー豆", "コーヒー豆");
        check("ｶﾞﾗｽ", "ガラス");
        check("か゛らす", "ガラス");
        check("が", "ガ");
        check("㈱燕  商店\u{3000}", "(株)燕 商店");
        check(" T−シャツ ", "t-シャツ");
        check("10〜20代", "10~20代");
        check("a\u{200b}b\u{feff}", "ab");
        check("〒150−0001", "〒150-0001");
        check("シャツ-L", "シャツ-l");
        check("ゔぃおら", "ヴィオラ");
        check("", "");
        check("　", "");
    }

    #[test]
    fn dates_by_era() {
        let check = |day: &str, expect: Option<&str>| assert_eq!(era_date(day.parse().unwrap()).as_deref(), expect, "{day}");
        check("2024-04-01", Some("令和6年4月1日"));
        check("2019-05-01", Some("令和元年5月1日"));
        check("2019-04-30", Some("平成31年4月30日"));
        check("1989-01-08", Some("平成元年1月8日"));
        check("1989-01-07", Some("昭和64年1月7日"));
        check("1926-12-25", Some("昭和元年12月25日"));
        check("1912-07-29", Some("明治45年7月29日"));
        check("1873-01-01", Some("明治6年1月1日"));
        check("1872-12-31", None);
    }
}
