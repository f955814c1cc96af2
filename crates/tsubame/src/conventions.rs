//! What the shop means by its figures: the settings and the questions' defaults as they are in force, each with where to change it.

use model::{CouponMode, Period, Shop, Text, shop::CreditClock, time::Span};
use query::{Library, dictionary};

/// One convention.
#[derive(Debug, Clone, PartialEq)]
pub struct Convention {
    pub says: Text,
    pub value: String,
    /// The file and the name in it.
    pub change: String,
}

/// Everything that decides what a figure means.
pub fn in_force(shop: &Shop, library: &Library) -> Vec<Convention> {
    let mut list = Vec::new();
    let mut say = |ja: &str, en: &str, value: String, change: &str| {
        list.push(Convention { says: Text::new(ja, en), value, change: change.into() });
    };
    let setting = |name: &str| format!("tsubame.toml: {name}");
    let view = |name: &str| match library.views().find(|(known, _)| *known == name) {
        Some((_, view)) => view.file.clone(),
        None => format!("queries/system/views/{name}.sql"),
    };
    say("1日、週、月の区切り", "Where days, weeks and months begin", shop.timezone.name().into(), &setting("timezone"));
    say("通貨", "Currency", shop.currency.as_str().into(), &setting("currency"));
    say(
        "この遅れまでに届いた事実は判断に間に合う",
        "Facts that arrive up to so late still count for a decision",
        span(shop.grace),
        &setting("grace"),
    );
    say(
        "純売上（net）",
        "Net revenue (net)",
        "without tax and shipping, after discounts, coupons and refunds; of the order day".into(),
        &view("orders"),
    );
    say(
        "購入とみなす注文",
        "Orders that count as a purchase",
        "completed, with net above 0; orders of one day are one purchase".into(),
        &view("purchases"),
    );
    let caps: Vec<String> = shop.caps.iter().map(|cap| format!("{} {} in {}", cap.max, cap.scope, period(cap.per))).collect();
    say(
        "配信数の上限",
        "Messages at most",
        if caps.is_empty() { "no limit".into() } else { caps.join(", ") },
        &setting("[[caps]]"),
    );
    let quiet = &shop.quiet;
    let hours = if quiet.enabled {
        format!("{} to {}", quiet.from.0.format("%H:%M"), quiet.until.0.format("%H:%M"))
    } else {
        "none".into()
    };
    say("配信しない時間", "No messages", hours, &setting("[quiet]"));
    let attribution = &shop.attribution;
    say(
        "貢献の配分モデル",
        "Attribution model that pages show",
        attribution.default_model.clone(),
        &setting("[attribution] default_model"),
    );
    say(
        "本人が使った固有クーポンの貢献",
        "A unique coupon used by its customer earns its message",
        match attribution.coupon {
            CouponMode::Override => "override: the whole order, up to its last day".into(),
            CouponMode::Touch => "touch: what a touch at the time of the order earns".into(),
            CouponMode::ReportOnly => "report_only: nothing".into(),
        },
        &setting("[attribution] coupon"),
    );
    let windows = |windows: &std::collections::BTreeMap<String, Span>| {
        let list: Vec<String> = windows.iter().map(|(channel, window)| format!("{channel} {}", span(*window))).collect();
        if list.is_empty() { "none".into() } else { list.join(", ") }
    };
    say(
        "クリックから注文までの期間",
        "From a click to an order at most",
        windows(&attribution.click_window),
        &setting("[attribution.click_window]"),
    );
    say(
        "到達から注文までの期間",
        "From a delivery to an order at most",
        windows(&attribution.delivered_window),
        &setting("[attribution.delivered_window]"),
    );
    say(
        "開封から注文までの期間",
        "From an opening to an order at most",
        windows(&attribution.opened_window),
        &setting("[attribution.opened_window]"),
    );
    say(
        "クリックと開封の期間の起点",
        "These periods of clicks and openings begin",
        match attribution.clock {
            CreditClock::Touch => "touch: with the click or opening".into(),
            CreditClock::Delivery => "delivery: with the delivery of the message".into(),
        },
        &setting("[attribution] clock"),
    );
    let cost: Vec<String> = shop.cost.iter().map(|(channel, cost)| format!("{channel} {cost}")).collect();
    say("1通の費用", "Cost of a message", cost.join(", "), &setting("[cost]"));
    let definitions = dictionary::definitions(library);
    for definition in &definitions {
        let value = definition.value.plain();
        // The machine's own questions, and filters that let everything through, define nothing.
        let is_asked = |name: &&str| !name.starts_with("system/") || name.starts_with("system/views/");
        let used_by: Vec<&str> = definition.used_by.iter().map(String::as_str).filter(is_asked).collect();
        if used_by.is_empty() || value.is_empty() {
            continue;
        }
        let (ja, en) = spoken(&definition.name);
        // One value everywhere is the shop's to define; where questions differ, each has its own.
        let is_one = definitions.iter().filter(|other| other.name == definition.name).count() == 1;
        let place = if is_one { "tsubame.toml: [definitions]" } else { "-- param" };
        say(&ja, &en, value, &format!("{place} {} ({})", definition.name, used_by.join(", ")));
    }
    list
}

/// What a parameter decides, where its name is used by several questions alike.
fn spoken(name: &str) -> (String, String) {
    let (ja, en) = match name {
        "days" => ("問いの期間（日）", "Days a question looks at"),
        "days_max" => ("問いの期間の上限（日）", "Days a question looks at, at most"),
        "hours" => ("問いの期間（時間）", "Hours a question looks at"),
        "hours_max" => ("問いの期間の上限（時間）", "Hours a question looks at, at most"),
        "top" => ("上位とみなす割合", "Share that counts as the top"),
        "dormant_days" => (
            "休眠とみなす最終購入からの日数（0はデータから）",
            "Days since the last purchase from which somebody is dormant (0 asks the data)",
        ),
        "lapsed_days" => (
            "離脱とみなす最終購入からの日数（0はデータから）",
            "Days since the last purchase from which somebody has lapsed (0 asks the data)",
        ),
        "rfm_days" => ("RFMの対象期間（日）", "Days that RFM looks at"),
        "first_orders_from" => ("初回購入を確実とみなす開始日", "From this day on first orders are surely the first"),
        "predict_days" => ("予測する期間（日）", "Days ahead that are predicted"),
        "from" => ("期間の始まり", "Where a period begins"),
        "to" | "until" => ("期間の終わり", "Where a period ends"),
        _ => return (format!("{name} の既定値"), format!("Default of {name}")),
    };
    (ja.into(), en.into())
}

fn period(period: Period) -> String {
    match period {
        Period::Rolling(rolling) => span(rolling),
        Period::Day => "a calendar day".into(),
        Period::Week => "a calendar week".into(),
        Period::Month => "a calendar month".into(),
    }
}

fn span(span: Span) -> String {
    let seconds = span.0.num_seconds();
    match seconds {
        seconds if seconds > 0 && seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        seconds if seconds > 0 && seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shop_sets_is_in_force() {
        let (library, _) = Library::load(None);
        let shop = Shop::parse(
            "tsubame.toml",
            "timezone = \"Asia/Seoul\"\n[quiet]\nenabled = false\n[attribution]\ndefault_model = \"linear\"\n",
        );
        let list = in_force(&shop.expect("settings"), &library);
        let check = |says: &str, value: &str, change: &str| {
            let found = list.iter().find(|convention| convention.says.en == says).expect(says);
            assert_eq!((found.value.as_str(), found.change.as_str()), (value, change));
        };
        check("Where days, weeks and months begin", "Asia/Seoul", "tsubame.toml: timezone");
        check("No messages", "none", "tsubame.toml: [quiet]");
        check("Attribution model that pages show", "linear", "tsubame.toml: [attribution] default_model");
        check("From a click to an order at most", "email 5 d, line 5 d, sms 5 d", "tsubame.toml: [attribution.click_window]");
        assert!(list.iter().all(|convention| !convention.says.ja.is_empty() && !convention.value.is_empty()), "{list:?}");
    }
}
