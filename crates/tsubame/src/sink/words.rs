//! The words of the inbox in Japanese and English.

use crate::pages::words::Word;

const fn word(ja: &'static str, en: &'static str) -> Word {
    Word { ja, en }
}

pub const TITLE: Word = word("送信テストの受信箱", "Inbox of the dev sink");
pub const EXPLAINED: Word = word(
    "このパソコンの中だけで動く受信箱です。届いたものは外へ出ません。終了すると消えます。",
    "An inbox on this machine alone. Nothing goes further, and all is gone when it ends.",
);
pub const ALL: Word = word("すべて", "All");
pub const NOTHING: Word = word("まだ何も届いていません。", "Nothing has arrived yet.");
pub const DOOR: Word = word("チャネル", "Channel");
pub const KIND: Word = word("種類", "Kind");
pub const AT: Word = word("届いた時刻", "Arrived");
pub const TO: Word = word("宛先", "To");
pub const FROM: Word = word("差出人", "From");
pub const SUBJECT: Word = word("件名", "Subject");
pub const TEXT: Word = word("本文", "Text");
pub const HEAD: Word = word("ヘッダー", "Headers");
pub const KEY: Word = word("キー", "Key");
pub const COPIES: Word = word("同じキーの受信数", "Accepted under this key");
pub const TOLD: Word = word("送信側への返事", "What the sender was told");
pub const TOLD_ACCEPTED: Word = word("受け付けた", "accepted");
pub const TOLD_FAILED: Word = word("受け取ったのに失敗と返した", "failed, although it was taken");
pub const TOLD_NOTHING: Word = word("受け取ったのに返事をしなかった", "nothing, although it was taken");
pub const MORE_RECIPIENTS: Word = word("ほか{0}件", "and {0} more");
pub const BACK: Word = word("一覧へ戻る", "Back to the list");
pub const COUNTS: Word = word("件数", "Counts");
pub const ASKED: Word = word("要求", "Requests");
pub const ACCEPTED: Word = word("受信", "Accepted");
pub const REPEATED: Word = word("受信済みと回答", "Told: accepted before");
pub const REFUSED: Word = word("拒否", "Refused");
pub const THROTTLED: Word = word("待つよう回答", "Throttled");
pub const HIDDEN: Word = word("受けたが伝えず", "Taken, not told");
pub const DUPLICATES: Word = word("二重の受信", "Accepted twice");
pub const DIALS: Word = word("ふるまいのつまみ", "Dials");
pub const DIALS_EXPLAINED: Word =
    word("割合(0.2)、次の何回か(next:3)、なし(off)。", "A share (0.2), the next few (next:3), or off.");
pub const TURN: Word = word("変える", "Set");
pub const NO_SUCH_MESSAGE: Word = word("このメッセージはありません。", "There is no such message.");
pub const OTHER_LANGUAGE: Word = word("English", "日本語");

pub const REFUSE: Word = word("恒久的に拒否", "refuses for good");
pub const THROTTLE: Word = word("後で送るよう求める", "says: later");
pub const FAIL_AFTER: Word = word("受け取ってから失敗と返す", "takes it, then says it failed");
pub const DROP_ANSWER: Word = word("受け取ってから返事をせず切る", "takes it, then hangs up");
pub const LATE: Word = word("遅れて返事をする", "answers late");
pub const TWICE: Word = word("配信結果を二度知らせる", "sends receipts twice");
pub const DOWN: Word = word("接続をすぐ切る", "hangs up at once");
