//! Texts: Japanese for matching and grouping, and members of JSON.

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

pub(super) const FUNCTIONS: &[Function] = &[JA_NORMALIZE, JSON_TEXT];

const JSON_TEXT: Function = Function {
    name: "json_text",
    kind: Scalar,
    takes: &[
        arg("json", Text, "JSON の文字列", "a text of JSON"),
        arg("path", Text, "メンバー名（.で区切る）", "names with dots between"),
    ],
    gives: Gives::One(Text),
    says: words(
        "JSON オブジェクトのメンバーを文字列で返す。イベントの `properties` の中を読む。",
        "The member of a JSON object at a path, as text; what is no text as JSON. Reads what is in the `properties` of an event.",
    ),
    nulls: words(
        "引数に空値がある、JSON でない、またはメンバーがないときは空値。",
        "Null if an argument is null, the text is no JSON, or nothing is there.",
    ),
    source: "RFC 8259",
    examples: &[example("json_text('{\"a\": {\"b\": \"x\"}}', 'a.b')", "x"), example("json_text('{\"n\": 12}', 'n')", "12")],
    make: Make::Scalar(|function, _| one(function, |row| json_text(row.text(0)?, row.text(1)?).map(Cell::Text))),
};

fn json_text(json: &str, path: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(json).ok()?;
    for name in path.split('.') {
        value = value.get_mut(name)?.take();
    }
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

const JA_NORMALIZE: Function = Function {
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
};
