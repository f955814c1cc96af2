//! The words of the answer: moments as the shop writes them, channels, reasons and causes.

use model::{Cap, Channel, Instant, SendState, ShopZone, Text};

/// Words in the shop's zone.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    pub zone: ShopZone,
}

/// Both languages from one pattern each, with the same holes.
macro_rules! both {
    ($ja:literal, $en:literal $(, $part:expr)* $(,)?) => {
        model::Text {
            ja: format!($ja $(, $crate::why::words::Part::ja(&$part))*),
            en: format!($en $(, $crate::why::words::Part::en(&$part))*),
        }
    };
}
pub(super) use both;

/// What may fill a hole: a text in each language, or one that is the same in both.
pub trait Part {
    fn ja(&self) -> String;
    fn en(&self) -> String;
}

impl Part for Text {
    fn ja(&self) -> String {
        self.get("ja").into()
    }
    fn en(&self) -> String {
        self.get("en").into()
    }
}

impl Part for str {
    fn ja(&self) -> String {
        self.into()
    }
    fn en(&self) -> String {
        self.into()
    }
}

impl Part for String {
    fn ja(&self) -> String {
        self.clone()
    }
    fn en(&self) -> String {
        self.clone()
    }
}

impl<P: Part + ?Sized> Part for &P {
    fn ja(&self) -> String {
        (**self).ja()
    }
    fn en(&self) -> String {
        (**self).en()
    }
}

pub fn channel(channel: Channel) -> Text {
    match channel {
        Channel::Email => Text::new("メール", "e-mail"),
        Channel::Line => Text::new("LINE", "LINE"),
        Channel::Sms => Text::new("SMS", "SMS"),
        Channel::WebPush => Text::new("Webプッシュ", "web push"),
        Channel::AppPush => Text::new("アプリプッシュ", "app push"),
        Channel::Webhook => Text::new("Webhook", "webhook"),
    }
}

/// Why a channel is suppressed.
pub fn suppression(reason: &str) -> Text {
    match reason {
        "blocked" => Text::new("ブロックされている", "blocked"),
        "bounced" => Text::new("不達になった", "bounced"),
        "complained" => Text::new("迷惑メールとして報告された", "reported as spam"),
        "opted_out" => Text::new("配信停止の申し出", "opted out"),
        "manual" => Text::new("手動で停止", "stopped by hand"),
        other => Text::new(other, other),
    }
}

/// Why a send was not made, as far as the name alone tells.
pub fn stop(reason: &str) -> Text {
    match reason {
        "no_address" => Text::new("連絡先がない", "there is no address on this channel"),
        "relay_address" => Text::new("連絡先がモールの転送用アドレスだけ", "the only address is one that a mall hands out"),
        "no_consent" => Text::new("配信の同意がない", "there is no consent"),
        "suppressed" => Text::new("配信停止中", "the channel is suppressed"),
        "line_blocked" => Text::new("LINEがブロックされている", "LINE is blocked"),
        "cap" => Text::new("配信頻度の上限", "the frequency cap was reached"),
        "quiet" => Text::new("配信停止時間帯", "quiet hours"),
        "expired" => Text::new("有効期限が過ぎた", "it was too late to be of use"),
        "exited" => Text::new("シナリオの離脱条件に該当", "they had left the scenario"),
        other => Text::new(other, other),
    }
}

/// Why an entry left before its end.
pub fn left(reason: &str) -> Text {
    if let Some(segment) = reason.strip_prefix("excluded by ") {
        return both!("除外セグメント「{}」に含まれていた", "the excluded segment `{}` has them", segment);
    }
    match reason {
        "goal" => Text::new("目標を達成した", "they reached the goal"),
        "rule" => Text::new("離脱条件に該当した", "an exit rule took them out"),
        "consent" => Text::new("どのチャネルにも同意がなくなった", "no channel has their consent any more"),
        "left_audience" => Text::new("対象セグメントから外れた", "they were no longer in the segment"),
        "erased" => Text::new("個人情報が消去された", "the person was erased"),
        "version_stopped" => Text::new("シナリオのこの版が終了した", "this version of the scenario ended"),
        "global_holdout" => Text::new("ショップ全体のホールドアウトに入っている", "they are in the shop's holdout"),
        "merged" => Text::new("別の会員に統合された", "they were merged into another customer"),
        "loop" => Text::new("ステップが循環していた", "its steps went in a circle"),
        other => Text::new(other, other),
    }
}

/// What put a send off, from the note that the entry carries.
pub fn put_off(why: &str) -> Text {
    match why {
        "quiet" => Text::new("配信停止時間帯のため", "because of quiet hours"),
        "cap" => Text::new("配信頻度の上限のため", "because of a frequency cap"),
        "best_time" => Text::new("反応のよい時間まで", "until the hour at which they read"),
        "rollout" => Text::new("テストの結果が出るまで", "until the test is decided"),
        other => Text::new(other, other),
    }
}

pub fn state(state: SendState) -> Text {
    match state {
        SendState::Planned | SendState::Claimed => Text::new("配信予定", "planned"),
        SendState::Handed => Text::new("配信事業者に渡した。返答待ち", "handed to the provider, no answer yet"),
        SendState::Accepted => Text::new("配信事業者が受け付けた", "accepted by the provider"),
        SendState::Failed => Text::new("配信事業者に拒否された", "refused by the provider"),
        SendState::Deferred => Text::new("後で配信", "put off"),
        SendState::Ambiguous => Text::new("結果不明。確認中", "its outcome is unknown and being looked into"),
        SendState::Parked => Text::new("結果不明。担当者の判断待ち", "its outcome is unknown and waits for a person"),
        SendState::Stopped => Text::new("送信直前に中止", "stopped just before it left"),
        SendState::Ghost => Text::new("ホールドアウトのため送らずに記録だけ", "held out: recorded and not sent"),
    }
}

pub fn receipt(kind: &str, human: bool) -> Text {
    let text = match kind {
        "delivered" => Text::new("到達", "delivered"),
        "opened" => Text::new("開封", "opened"),
        "clicked" => Text::new("クリック", "clicked"),
        "bounced" => Text::new("不達", "bounced"),
        "complained" => Text::new("迷惑メール報告", "reported as spam"),
        "unsubscribed" => Text::new("配信停止の申し出", "unsubscribed"),
        "blocked" => Text::new("ブロック", "blocked us"),
        other => Text::new(other, other),
    };
    match kind {
        "opened" | "clicked" if !human => both!("{}（機械による）", "{} by a machine", text),
        _ => text,
    }
}

/// A cap's limit: `3 in 7d on all channels`.
pub fn cap(cap: &Cap) -> Text {
    let scope = match (cap.tag(), Channel::parse(&cap.scope)) {
        (Some(tag), _) => both!("タグ「{}」の配信", "messages tagged `{}`", tag),
        (None, Some(on)) => channel(on),
        (None, None) => Text::new("全チャネル", "all channels together"),
    };
    let per = match cap.per.to_string().as_str() {
        "day" => Text::new("暦日", "a calendar day"),
        "week" => Text::new("暦週", "a calendar week"),
        "month" => Text::new("暦月", "a calendar month"),
        rolling => both!("直近{}", "any {}", rolling),
    };
    both!("{0}は{1}に{2}通まで", "at most {2} in {1} on {0}", scope, per, cap.max.to_string())
}

impl Words {
    /// `2026-06-01 10:00`, in the shop's zone; seconds where there are some.
    pub fn at(&self, at: Instant) -> String {
        let local = self.zone.local(at);
        let has_seconds = local.format("%S").to_string() != "00";
        local.format(if has_seconds { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M" }).to_string()
    }

    pub fn day(&self, at: Instant) -> String {
        self.zone.day(at).to_string()
    }

    pub fn why_never(&self, title: &Text) -> Text {
        both!("「{}」に入ったことがない理由", "Why they never were in “{}”", title)
    }

    pub fn why_not_again(&self, title: &Text) -> Text {
        both!("「{}」に今いない理由", "Why they are not in “{}” now", title)
    }

    pub fn never_in(&self) -> Text {
        Text::new(
            "入ったことのないシナリオ（名前を指定すると理由を答えます）",
            "Scenarios they never were in (name one, and it is said why)",
        )
    }
}
