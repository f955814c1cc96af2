//! The commonest mistakes and what to do about them in Japanese, for the doors that speak it. What is not listed is said in English.

/// English and Japanese; `{}` is what stands there, in the same order.
const SAID: [(&str, &str); 40] = [
    ("there is no column `{}`", "列 `{}` はありません"),
    ("`{}` has no column `{}`", "`{}` に列 `{}` はありません"),
    ("there is no table `{}` in FROM", "FROM に `{}` はありません"),
    ("there is no table `{}`", "テーブル `{}` はありません"),
    ("there is no segment `{}`", "セグメント `{}` はありません"),
    ("there is no function `{}`", "関数 `{}` はありません"),
    ("`{}` is called `{}` here", "`{}` はここでは `{}` という名前です"),
    ("`{}` is a column of more than one table here", "列 `{}` は複数のテーブルにあります"),
    ("two columns are named `{}`", "`{}` という列が2つあります"),
    ("`{}` begins no question", "`{}` で始まる問い合わせはありません"),
    ("{} is not understood", "{} は使えません"),
    ("the question ends in the middle of a sentence", "SQL が途中で終わっています"),
    ("this bracket is never closed", "この括弧が閉じられていません"),
    ("this bracket closes none that is open", "対応する開き括弧がありません"),
    ("nothing follows this comma", "このカンマの後に何もありません"),
    ("nothing stands before this comma", "このカンマの前に何もありません"),
    ("nothing stands between this comma and {}", "このカンマと {} の間に何もありません"),
    ("two commas follow each other", "カンマが続いています"),
    ("a text that begins here does not end", "ここで始まる文字列が閉じられていません"),
    ("a name that begins here does not end", "ここで始まる名前が閉じられていません"),
    ("something is divided by zero", "0 で割っています"),
    ("a number does not fit its type", "数が型に収まりません"),
    ("did you mean {}?", "{} のことですか？"),
    ("there is {} and {} more", "使えるのは {} ほか{}個です"),
    ("there is {}", "使えるのは {} です"),
    ("it has {} and {} more", "あるのは {} ほか{}個です"),
    ("it has {}", "あるのは {} です"),
    ("FROM has {}", "FROM にあるのは {} です"),
    ("write LIMIT at the end", "末尾に LIMIT を書いてください"),
    ("write x / nullif(y, 0): the answer is null where y is 0", "x / nullif(y, 0) と書けば、y が 0 の行は空になります"),
    ("TRY_CAST(x AS type) gives null where a text is none", "TRY_CAST(x AS 型) なら、変換できない文字列は空になります"),
    ("add `{}` to FROM", "FROM に `{}` を加えてください"),
    ("say which table's: {}", "どのテーブルの列か書いてください: {}"),
    ("a text takes single quotes: {}", "文字列は一重引用符で囲みます: {}"),
    ("give one of them another name with AS", "一方に AS で別の名前を付けてください"),
    ("a value or a column is missing behind this", "この後に値か列が要ります"),
    ("close it with ) where what belongs to it ends", "終わる所に ) を書いてください"),
    ("remove it, or open one before", "取り除くか、前に開き括弧を書いてください"),
    ("remove the comma", "カンマを取り除いてください"),
    ("remove it, or add what is missing", "取り除くか、足りないものを書いてください"),
];

/// The same in Japanese; itself where there are no words for it.
pub(crate) fn in_japanese(said: &str) -> String {
    let found = SAID.iter().find_map(|(english, japanese)| Some((holes(english, said)?, japanese)));
    let Some((holes, japanese)) = found else { return said.into() };
    let mut words = japanese.split("{}");
    let mut text = words.next().unwrap_or_default().to_string();
    for (hole, word) in holes.into_iter().zip(words) {
        text.push_str(hole);
        text.push_str(word);
    }
    text
}

/// What stands in the holes of a sentence, if it is this one.
fn holes<'a>(sentence: &str, said: &'a str) -> Option<Vec<&'a str>> {
    let mut words = sentence.split("{}");
    let mut rest = said.strip_prefix(words.next()?)?;
    let mut holes = Vec::new();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        // The last word ends the sentence.
        let at = if words.peek().is_none() { rest.ends_with(word).then(|| rest.len() - word.len()) } else { rest.find(word) };
        let (hole, after) = rest.split_at(at?);
        holes.push(hole);
        rest = &after[word.len()..];
    }
    rest.is_empty().then_some(holes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_common_is_said_in_japanese() {
        let check = |english: &str, expect: &str| assert_eq!(in_japanese(english), expect, "{english}");
        check("there is no column `totl`", "列 `totl` はありません");
        check("`o` has no column `totl`", "`o` に列 `totl` はありません");
        check("there is no table `a` in FROM", "FROM に `a` はありません");
        check("did you mean orders.total?", "orders.total のことですか？");
        check("there is a, b and 13 more", "使えるのは a, b ほか13個です");
        check("there is a, b", "使えるのは a, b です");
        check("two commas follow each other", "カンマが続いています");
        check("remove the comma", "カンマを取り除いてください");
        check("TOP is not understood", "TOP は使えません");
        check("write LIMIT at the end", "末尾に LIMIT を書いてください");
        check("write it otherwise", "write it otherwise");
        check("something that nobody translated", "something that nobody translated");
    }

    #[test]
    fn both_languages_have_the_same_holes() {
        for (english, japanese) in SAID {
            assert_eq!(english.matches("{}").count(), japanese.matches("{}").count(), "{english}");
        }
    }
}
