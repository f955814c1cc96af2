//! A scenario in words, Japanese and English: what the command line and pages say of a file, so that nobody must read TOML to know what it does.
//!
//! The words are made from the definition alone. What a segment is called is told by whoever asks, who has the library at hand.

use chrono::{Duration, Weekday};

use crate::{Channel, Purpose, Text, time::TimeOfDay};

use super::{
    Concurrency, DateEntry, END, Entry, Exit, Matching, OnCap, OnQuiet, Reentry, Scenario, SendStep, Split, Start, Step, Wait,
};

/// What a scenario does, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Who comes in, when, and how often.
    pub entry: Text,
    /// Each step by its id, in the order of the file.
    pub steps: Vec<(String, Text)>,
    /// Who leaves before the end.
    pub exits: Vec<Text>,
    pub goal: Text,
    pub holdout: Option<Text>,
}

impl Description {
    /// One line per part, in `ja` or `en`.
    pub fn lines(&self, lang: &str) -> Vec<String> {
        let part = |ja: &str, en: &str, text: &Text| {
            let label = if lang == "en" { en } else { ja };
            format!("{label}: {}", text.get(lang))
        };
        let steps = self.steps.iter().map(|(id, text)| format!("[{id}] {}", text.get(lang)));
        let exits = self.exits.iter().map(|text| part("離脱", "leaves", text));
        let entry = [part("対象", "enters", &self.entry)].into_iter();
        let goal = [part("目標", "goal", &self.goal)].into_iter();
        let holdout = self.holdout.iter().map(|text| part("検証", "held out", text));
        entry.chain(steps).chain(exits).chain(goal).chain(holdout).collect()
    }
}

impl Scenario {
    /// In words. `segment_title` says what a segment is called; one that it does not know goes by its name.
    pub fn describe(&self, segment_title: &dyn Fn(&str) -> Option<Text>) -> Description {
        let title = |name: &str| segment_title(name).unwrap_or_else(|| Text::new(name, name));
        let step = |step: &Step| (step.id.clone(), with_next(step_words(step), step.next.as_deref()));
        Description {
            entry: entry_words(&self.entry, self.start, &title),
            steps: self.steps.iter().map(step).collect(),
            exits: self.exits.iter().map(exit_words).collect(),
            goal: {
                let (event, span) = (event_words(&self.goal.on), span_words(self.goal.within.0));
                both(format!("{}以内の{}", span.ja, event.ja), format!("{} within {}", event.en, span.en))
            },
            holdout: self.holdout.as_ref().map(|holdout| {
                both(
                    format!("{}%には送らず、効果を測る", holdout.percent),
                    format!("{} % get nothing, to measure the effect", holdout.percent),
                )
            }),
        }
    }
}

/// What an event is called where people read; any other goes by its name.
pub fn event_words(name: &str) -> Text {
    let (ja, en) = match name {
        "cart_updated" => ("カートの変更", "a change of the cart"),
        "cart_viewed" => ("カートの閲覧", "a look at the cart"),
        "order_placed" => ("注文", "an order"),
        "page_viewed" => ("サイトの閲覧", "a visit"),
        "product_viewed" => ("商品の閲覧", "a look at a product"),
        "product_added" => ("カートへの追加", "something put into the cart"),
        "product_removed" => ("カートからの削除", "something taken out of the cart"),
        "checkout_started" => ("購入手続きの開始", "a checkout begun"),
        "coupon_issued" => ("クーポンの発行", "a coupon issued"),
        other => (other, other),
    };
    Text::new(ja, en)
}

/// The dates that entries and waits know; any other was told by the trigger and goes by its name.
pub fn date_words(name: &str) -> Text {
    let (ja, en) = match name {
        "birthday" => ("誕生日", "the birthday"),
        "registration" => ("会員登録の記念日", "the anniversary of registration"),
        "first_order" => ("初回購入の記念日", "the anniversary of the first order"),
        "next_shipment" => ("次回お届け日", "the next shipment"),
        "shipped" => ("発送日", "the day it was shipped"),
        "delivered" => ("お届け日", "the day it was delivered"),
        "coupon_expires" | "expires_on" => ("有効期限", "the day it expires"),
        other => (other, other),
    };
    Text::new(ja, en)
}

pub fn channel_words(channel: Channel) -> Text {
    match channel {
        Channel::Email => Text::new("メール", "e-mail"),
        Channel::Line => Text::new("LINE", "LINE"),
        Channel::Sms => Text::new("SMS", "SMS"),
        Channel::WebPush => Text::new("ウェブプッシュ", "web push"),
        Channel::AppPush => Text::new("アプリプッシュ", "app push"),
        Channel::Webhook => Text::new("Webhook", "webhook"),
    }
}

/// `3時間`, `1日`; `3 hours`, `1 day`.
pub fn span_words(span: Duration) -> Text {
    let seconds = span.num_seconds();
    let units = [(86_400, "日", "day"), (3_600, "時間", "hour"), (60, "分", "minute"), (1, "秒", "second")];
    let (size, ja, en) = units.into_iter().find(|(size, ..)| seconds % size == 0).unwrap_or((1, "秒", "second"));
    let count = seconds / size;
    let plural = if count == 1 { "" } else { "s" };
    both(format!("{count}{ja}"), format!("{count} {en}{plural}"))
}

fn both(ja: impl Into<String>, en: impl Into<String>) -> Text {
    Text { ja: ja.into(), en: en.into() }
}

fn time(at: Option<TimeOfDay>) -> String {
    at.map_or_else(|| "09:00".into(), |at| at.0.format("%H:%M").to_string())
}

/// `日の3日前`, `3 days before`.
fn counted(days: i64, date: &Text) -> Text {
    let span = span_words(Duration::days(days.checked_abs().unwrap_or(0)));
    match days {
        0 => both(format!("{}当日", date.ja), format!("on {}", date.en)),
        ..0 => both(format!("{}の{}前", date.ja, span.ja), format!("{} before {}", span.en, date.en)),
        _ => both(format!("{}の{}後", date.ja, span.ja), format!("{} after {}", span.en, date.en)),
    }
}

// Coming in.

fn entry_words(entry: &Entry, start: Start, title: &dyn Fn(&str) -> Text) -> Text {
    let mut text = if let Some(event) = &entry.on {
        let event = event_words(event);
        both(format!("{}があった人", event.ja), format!("whoever has {}", event.en))
    } else if let Some(date) = &entry.date {
        let day = date_entry_words(date);
        both(format!("{}の{}を迎えた人", day.ja, time(entry.at)), format!("at {} {}", time(entry.at), day.en))
    } else {
        let name = title(entry.segment.as_deref().unwrap_or_default());
        let schedule = schedule_words(entry);
        let params = params_words(entry);
        both(
            format!("{}に「{}」にいる人{params}", schedule.ja, name.ja),
            format!("{}, whoever is in “{}”{params}", schedule.en, name.en),
        )
    };
    let mut add = |ja: String, en: String| {
        text.ja.push_str(&ja);
        text.en.push_str(&en);
    };
    if let Some(condition) = &entry.condition {
        add(format!("、条件 {condition}"), format!(", where {condition}"));
    }
    if !entry.exclude.is_empty() {
        let names: Vec<Text> = entry.exclude.iter().map(|name| title(name)).collect();
        let (ja, en): (Vec<&str>, Vec<&str>) = names.iter().map(|name| (name.ja.as_str(), name.en.as_str())).unzip();
        add(format!("、「{}」は除く", ja.join("」「")), format!(", but not “{}”", en.join("”, “")));
    }
    if !entry.seasons.is_empty() {
        add(format!("、{}の期間だけ", entry.seasons.join("・")), format!(", during {} alone", entry.seasons.join(" or ")));
    }
    if start == Start::IncludeCurrent {
        add("、開始時にいる人も含む".into(), ", those of the beginning too".into());
    }
    if entry.once.is_none() {
        let again = again_words(entry);
        add(format!("。{}", again.ja), format!("; {}", again.en));
    }
    text
}

fn date_entry_words(date: &DateEntry) -> Text {
    counted(date.days, &date_words(&date.of))
}

fn params_words(entry: &Entry) -> String {
    let params: Vec<String> = entry.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if params.is_empty() { String::new() } else { format!(" ({})", params.join(", ")) }
}

fn schedule_words(entry: &Entry) -> Text {
    let at = time(entry.at);
    if let Some(once) = entry.once {
        let when = once.0.format("%Y-%m-%d %H:%M");
        return both(format!("{when}の一度だけ（一斉配信）"), format!("once, at {when} (a broadcast)"));
    }
    let days = match (entry.weekdays.is_empty(), entry.days.is_empty()) {
        (false, _) => {
            let (ja, en): (Vec<&str>, Vec<&str>) = entry.weekdays.iter().map(|day| weekday_words(*day)).unzip();
            both(format!("毎週{}曜日", ja.join("・")), format!("every {}", en.join(" and ")))
        }
        (_, false) => {
            let days: Vec<String> = entry.days.iter().map(ToString::to_string).collect();
            both(format!("毎月{}日", days.join("・")), format!("on day {} of each month", days.join(" and ")))
        }
        _ => both("毎日", "every day"),
    };
    match entry.every {
        Some(every) => {
            let every = span_words(every.0);
            both(format!("{}{at}から{}ごと", days.ja, every.ja), format!("{} from {at} on, each {}", days.en, every.en))
        }
        None => both(format!("{}{at}", days.ja), format!("{} at {at}", days.en)),
    }
}

fn weekday_words(day: Weekday) -> (&'static str, &'static str) {
    match day {
        Weekday::Mon => ("月", "Monday"),
        Weekday::Tue => ("火", "Tuesday"),
        Weekday::Wed => ("水", "Wednesday"),
        Weekday::Thu => ("木", "Thursday"),
        Weekday::Fri => ("金", "Friday"),
        Weekday::Sat => ("土", "Saturday"),
        Weekday::Sun => ("日", "Sunday"),
    }
}

fn again_words(entry: &Entry) -> Text {
    let keyed = entry.key.is_some() || entry.date.is_some();
    let per = match (&entry.key, keyed) {
        (Some(key), _) => both(format!("{key}ごとに"), format!(" per {key}")),
        (None, true) => both("その日ごとに", " per such day"),
        (None, false) => both("", ""),
    };
    // A cooldown of one entry at a time spans all keys.
    let spans_keys = matches!(entry.reentry, Reentry::Cooldown { .. }) && entry.concurrency == Concurrency::OnePerSubject;
    let per = if spans_keys { both("", "") } else { per };
    match &entry.reentry {
        Reentry::Once => both(format!("{}一度だけ", per.ja), format!("once{}", per.en)),
        Reentry::Rematch => {
            both(format!("{}抜けてから再び入るたび", per.ja), format!("again whenever they left it and came back{}", per.en))
        }
        Reentry::Cooldown { calendar_days, elapsed } => {
            let days = calendar_days.map(Duration::days).into_iter().chain(elapsed.map(|span| span.0)).max().unwrap_or_default();
            let days = span_words(days);
            both(format!("{}{}以上あけて再び", per.ja, days.ja), format!("again after {} or more{}", days.en, per.en))
        }
    }
}

// On the way.

fn step_words(step: &Step) -> Text {
    if let Some(wait) = &step.wait {
        wait_words(wait)
    } else if let Some(send) = &step.send {
        send_words(send)
    } else if let Some(split) = &step.split {
        split_words(split)
    } else {
        let arms = step.branch.iter().flatten().map(|arm| match &arm.when {
            Some(when) => {
                let to = leads(arm.to.as_deref().unwrap_or(END));
                both(format!("{when} なら{}", to.ja), format!("if {when}, {}", to.en))
            }
            None => {
                let to = leads(arm.otherwise.as_deref().unwrap_or(END));
                both(format!("それ以外は{}", to.ja), format!("else {}", to.en))
            }
        });
        let arms: Vec<Text> = arms.collect();
        both(format!("分岐: {}", joined(&arms, "ja", "、")), format!("branch: {}", joined(&arms, "en", "; ")))
    }
}

fn joined(texts: &[Text], lang: &str, between: &str) -> String {
    texts.iter().map(|text| text.get(lang)).collect::<Vec<_>>().join(between)
}

fn leads(step: &str) -> Text {
    if step == END { both("終了", "end") } else { both(format!("[{step}]へ"), format!("go to [{step}]")) }
}

fn with_next(text: Text, next: Option<&str>) -> Text {
    let Some(next) = next else { return text };
    let to = leads(next);
    both(format!("{}、その後{}", text.ja, to.ja), format!("{}, then {}", text.en, to.en))
}

fn wait_words(wait: &Wait) -> Text {
    let mut text = if let Some(event) = &wait.event {
        let event = event_words(event);
        let (ja, en) = match_words(wait.matching);
        let limit = wait.timeout.map(|span| span_words(span.0)).unwrap_or_else(|| both("いつまでも", "for ever"));
        both(format!("{ja}{}を最長{}待つ", event.ja, limit.ja), format!("wait for {}{en}, at most {}", event.en, limit.en))
    } else if let Some(date) = &wait.date {
        let day = counted(wait.days, &date_words(date));
        both(format!("{}の{}まで待つ", day.ja, time(wait.at)), format!("wait until {} {}", time(wait.at), day.en))
    } else if let Some(until) = wait.until {
        both(format!("次の{}まで待つ", time(Some(until))), format!("wait until the next {}", time(Some(until))))
    } else {
        let span = span_words(wait.duration.map(|span| span.0).unwrap_or_default());
        match wait.since_event().map(event_words) {
            Some(event) => both(
                format!("最後の{}から{}待つ", event.ja, span.ja),
                format!("wait {} after {} (the last one)", span.en, event.en),
            ),
            None => both(format!("{}待つ", span.ja), format!("wait {}", span.en)),
        }
    };
    if let Some(condition) = &wait.condition {
        text = both(format!("{}（条件 {condition}）", text.ja), format!("{} (where {condition})", text.en));
    }
    if let Some(on_timeout) = &wait.on_timeout {
        let to = leads(on_timeout);
        text = both(format!("{}、なければ{}", text.ja, to.ja), format!("{}; without it {}", text.en, to.en));
    }
    text
}

fn match_words(matching: Matching) -> (&'static str, &'static str) {
    match matching {
        Matching::Subject => ("", ""),
        Matching::Key => ("同じキーの", " of the same key"),
        Matching::Send => ("配信からの", " that came from a message of this entry"),
    }
}

fn send_words(send: &SendStep) -> Text {
    let channels: Vec<Text> = send.channels.iter().map(|channel| channel_words(*channel)).collect();
    let purpose = match send.purpose {
        Purpose::Marketing | Purpose::Ads => both("", ""),
        Purpose::Transactional => both("重要なお知らせとして", " as a notice, not as advertising"),
    };
    let template = &send.template;
    let mut text = both(
        format!("「{template}」を{}{}で送る", purpose.ja, joined(&channels, "ja", "、届かなければ")),
        format!("send “{template}” by {}{}", joined(&channels, "en", ", else by "), purpose.en),
    );
    let mut add = |ja: String, en: String| {
        text.ja.push_str(&ja);
        text.en.push_str(&en);
    };
    if let Some(test) = &send.experiment {
        add(
            format!("（テスト「{}」{}通り）", test.name, test.arms.len()),
            format!(" (test “{}” of {} ways)", test.name, test.arms.len()),
        );
    }
    if let Some(coupon) = &send.coupon {
        match &coupon.code {
            Some(code) => add(format!("（クーポン {code}）"), format!(" (with the coupon {code})")),
            None => add("（1通ごとのクーポンコード付き）".into(), " (with a coupon code of its own)".into()),
        }
    }
    if send.best_time.is_some() {
        add("、よく読む時間に".into(), ", at the hour they read".into());
    }
    if let Some(valid) = send.valid_for {
        let valid = span_words(valid.0);
        add(format!("、{}以内", valid.ja), format!(", within {}", valid.en));
    }
    match send.on_cap {
        OnCap::Skip => {}
        OnCap::NextChannel => add("、上限なら次のチャネル".into(), ", at a cap by the next".into()),
        OnCap::Defer => add("、上限なら空くまで待つ".into(), ", at a cap when there is room".into()),
    }
    match send.on_quiet {
        OnQuiet::Defer => {}
        OnQuiet::NextChannel => add("、夜間は次のチャネル".into(), ", in quiet hours by the next".into()),
        OnQuiet::Drop => add("、夜間なら送らない".into(), ", not in quiet hours".into()),
    }
    text
}

fn split_words(split: &Split) -> Text {
    let arms = split.arms.iter().map(|arm| {
        let (share, to) = ((arm.weight * 100.0).round(), leads(&arm.to));
        both(format!("{share}%は{}", to.ja), format!("{share} % {}", to.en))
    });
    let arms: Vec<Text> = arms.collect();
    both(
        format!("テスト「{}」: {}", split.name, joined(&arms, "ja", "、")),
        format!("test “{}”: {}", split.name, joined(&arms, "en", "; ")),
    )
}

// Going out.

fn exit_words(exit: &Exit) -> Text {
    let (ja, en) = match_words(exit.matching);
    let condition = |text: Text| match &exit.condition {
        Some(condition) => both(format!("{}（条件 {condition}）", text.ja), format!("{} (where {condition})", text.en)),
        None => text,
    };
    match (&exit.on, &exit.when, exit.leave.as_deref()) {
        (Some(event), ..) => {
            let event = event_words(event);
            condition(both(format!("{ja}{}があったら", event.ja), format!("at {}{en}", event.en)))
        }
        (None, Some(when), _) => both(format!("{when} になったら"), format!("once {when}")),
        (None, None, Some("audience")) => both("対象から外れたら", "when no longer in the segment"),
        (None, None, _) => both("どのチャネルにも同意がなくなったら", "when no channel has consent any more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(entry: &str, rest: &str) -> Description {
        let text = format!(
            "scenario = \"s\"\ntitle = {{ ja = \"s\", en = \"s\" }}\ngoal = {{ on = \"order_placed\", within = \"5d\" }}\n{rest}\n[entry]\n{entry}\n"
        );
        let scenario = Scenario::parse("s.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        scenario.describe(&|name| (name == "vip").then(|| Text::new("お得意様", "Best customers")))
    }

    const SEND: &str = "step = [{ id = \"s\", send = { try = [\"line\"], template = \"t\" } }]";
    const EXIT: &str = "exit = [{ on = \"order_placed\" }]";

    #[test]
    fn who_comes_in() {
        let check = |entry: &str, ja: &str, en: &str| {
            assert_eq!(described(entry, &format!("{SEND}\n{EXIT}")).entry, Text::new(ja, en), "{entry}");
        };
        check(
            "on = \"cart_updated\"\nkey = \"cart_id\"\nwhere = \"value > 0\"",
            "カートの変更があった人、条件 value > 0。cart_idごとに一度だけ",
            "whoever has a change of the cart, where value > 0; once per cart_id",
        );
        check(
            "on = \"x\"\nkey = \"cart_id\"\nreentry = { rule = \"cooldown\", calendar_days = 7 }",
            "xがあった人。7日以上あけて再び",
            "whoever has x; again after 7 days or more",
        );
        check(
            "segment = \"vip\"\nparams = { top = 0.1 }\nat = \"10:00\"\nweekdays = [\"mon\", \"thu\"]\nexclude = [\"other\"]\nreentry = { rule = \"rematch\" }",
            "毎週月・木曜日10:00に「お得意様」にいる人 (top = 0.1)、「other」は除く。抜けてから再び入るたび",
            "every Monday and Thursday at 10:00, whoever is in “Best customers” (top = 0.1), but not “other”; again whenever they left it and came back",
        );
        check(
            "segment = \"vip\"\nkey = \"product_id\"\nevery = \"2h\"\nconcurrency = \"one_per_key\"\nreentry = { rule = \"cooldown\", calendar_days = 14 }",
            "毎日09:00から2時間ごとに「お得意様」にいる人。product_idごとに14日以上あけて再び",
            "every day from 09:00 on, each 2 hours, whoever is in “Best customers”; again after 14 days or more per product_id",
        );
        check(
            "segment = \"vip\"\ndays = [1, 31]",
            "毎月1・31日09:00に「お得意様」にいる人。一度だけ",
            "on day 1 and 31 of each month at 09:00, whoever is in “Best customers”; once",
        );
        check(
            "segment = \"vip\"\nonce = \"2026-12-01T10:00\"",
            "2026-12-01 10:00の一度だけ（一斉配信）に「お得意様」にいる人",
            "once, at 2026-12-01 10:00 (a broadcast), whoever is in “Best customers”",
        );
        check(
            "date = { of = \"birthday\", days = -7 }\nat = \"10:00\"",
            "誕生日の7日前の10:00を迎えた人。その日ごとに一度だけ",
            "at 10:00 7 days before the birthday; once per such day",
        );
        check(
            "date = { of = \"next_shipment\" }",
            "次回お届け日当日の09:00を迎えた人。その日ごとに一度だけ",
            "at 09:00 on the next shipment; once per such day",
        );
    }

    #[test]
    fn what_happens_on_the_way() {
        let check = |step: &str, ja: &str, en: &str| {
            let more = "{ id = \"a\", send = { try = [\"line\"], template = \"t\" } }, { id = \"b\", send = { try = [\"line\"], template = \"t\" } }";
            let way = "branch = [{ when = \"orders > 1\", to = \"a\" }, { else = \"b\" }]";
            let rest = format!("{EXIT}\nstep = [{{ id = \"s\", {step} }}, {{ id = \"w\", {way} }}, {more}]");
            assert_eq!(described("on = \"x\"", &rest).steps[0].1, Text::new(ja, en), "{step}");
        };
        check("wait = { for = \"24h\" }", "1日待つ", "wait 1 day");
        check(
            "wait = { for = \"90m\", since = \"last(cart_updated)\" }",
            "最後のカートの変更から90分待つ",
            "wait 90 minutes after a change of the cart (the last one)",
        );
        check("wait = { until = \"10:00\" }", "次の10:00まで待つ", "wait until the next 10:00");
        check(
            "wait = { event = \"page_viewed\", match = \"send\", timeout = \"2d\", on_timeout = \"w\" }, next = \"end\"",
            "配信からのサイトの閲覧を最長2日待つ、なければ[w]へ、その後終了",
            "wait for a visit that came from a message of this entry, at most 2 days; without it go to [w], then end",
        );
        check(
            "wait = { date = \"next_shipment\", days = -3, at = \"18:00\" }",
            "次回お届け日の3日前の18:00まで待つ",
            "wait until 18:00 3 days before the next shipment",
        );
        check(
            "send = { purpose = \"transactional\", try = [\"email\", \"sms\"], template = \"t\", valid_for = \"12h\", on_cap = \"defer\", on_quiet = \"drop\" }",
            "「t」を重要なお知らせとしてメール、届かなければSMSで送る、12時間以内、上限なら空くまで待つ、夜間なら送らない",
            "send “t” by e-mail, else by SMS as a notice, not as advertising, within 12 hours, at a cap when there is room, not in quiet hours",
        );
        check(
            "send = { try = [\"line\"], template = \"t\", coupon = { unique = true, expires = \"14d\" } }",
            "「t」をLINEで送る（1通ごとのクーポンコード付き）",
            "send “t” by LINE (with a coupon code of its own)",
        );
        check(
            "split = { name = \"way\", salt = \"x\", arm = [{ id = \"1\", weight = 0.5, to = \"w\" }, { id = \"2\", weight = 0.5, to = \"end\" }] }",
            "テスト「way」: 50%は[w]へ、50%は終了",
            "test “way”: 50 % go to [w]; 50 % end",
        );
        check(
            "branch = [{ when = \"orders > 1\", to = \"w\" }, { else = \"end\" }]",
            "分岐: orders > 1 なら[w]へ、それ以外は終了",
            "branch: if orders > 1, go to [w]; else end",
        );
    }

    #[test]
    fn who_leaves_and_what_it_is_for() {
        let check = |exit: &str, ja: &str, en: &str| {
            let rest = format!("{SEND}\nexit = [{{ {exit} }}]\nholdout = {{ percent = 10, salt = \"h\" }}");
            let lines = |lang: &str| described("segment = \"vip\"", &rest).lines(lang);
            let (ja_goal, en_goal) = ("目標: 5日以内の注文", "goal: an order within 5 days");
            let (ja_held, en_held) = ("検証: 10%には送らず、効果を測る", "held out: 10 % get nothing, to measure the effect");
            assert_eq!(lines("ja")[2..], [format!("離脱: {ja}"), ja_goal.into(), ja_held.into()], "{exit}");
            assert_eq!(lines("en")[2..], [format!("leaves: {en}"), en_goal.into(), en_held.into()], "{exit}");
        };
        check(
            "on = \"order_placed\", where = \"value > 0\"",
            "注文があったら（条件 value > 0）",
            "at an order (where value > 0)",
        );
        check("when = \"orders > 1\"", "orders > 1 になったら", "once orders > 1");
        check("leave = \"consent\"", "どのチャネルにも同意がなくなったら", "when no channel has consent any more");
        check("leave = \"audience\"", "対象から外れたら", "when no longer in the segment");
    }
}
