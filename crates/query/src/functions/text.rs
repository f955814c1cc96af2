//! Japanese text for matching and grouping.

use model::japanese;

use super::{
    Function, Gives,
    Kind::Scalar,
    Make, STRICT,
    Type::Text,
    arg, example,
    scalar::{Cell, one},
    words,
};

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "ja_normalize",
    kind: Scalar,
    takes: &[arg("text", Text, "文字列", "a text")],
    gives: Gives::One(Text),
    says: words(
        "表記ゆれをそろえた文字列。全角と半角、ひらがなとカタカナ、大文字と小文字、長音とダッシュ、空白をそろえる。照合と集計に使う。",
        "A text in one writing, to match and group by: full and half width, hiragana and katakana, capital and small letters, long vowels and \
         dashes, and spaces become one form.",
    ),
    nulls: STRICT,
    source: "Unicode NFKC, then hiragana as katakana, small letters, one space",
    examples: &[
        example("ja_normalize('ｺｰﾋｰ　豆（２００ｇ）')", "コーヒー 豆(200g)"),
        example("ja_normalize('こ−ひー豆') = ja_normalize('コーヒー豆')", "true"),
    ],
    make: Make::Scalar(|function, _| one(function, |row| Some(Cell::Text(japanese::normalize(row.text(0)?))))),
}];
