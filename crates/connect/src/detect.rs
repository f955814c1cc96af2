//! A first mapping from a header and a few rows: what each column probably means, and how sure that is. A person corrects it.
//!
//! If a built-in mapping finds all of its columns in the header (of those that may be absent, enough) it is offered as it stands. Otherwise names decide (English and Japanese, as
//! carts write them), and the sample rows raise or lower the confidence: a column of e-mail addresses without a `@` is none.

use model::{Email, Money, Phone, ShopZone};

use crate::{
    formats::{Layout, Row},
    mapping::{ITEM_TARGETS, Kind, Mapping, Type, built_in, plain},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    pub kind: Kind,
    /// The built-in mapping that fits as it stands.
    pub built_in: Option<&'static str>,
    pub columns: Vec<GuessedColumn>,
    /// Columns of the file that got no meaning.
    pub unused: Vec<String>,
    /// Needed by the kind and not found.
    pub missing: Vec<&'static str>,
    /// The mapping file, with a confidence beside each column.
    pub toml: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GuessedColumn {
    pub target: String,
    /// Under `[items]`.
    pub item: bool,
    pub from: Vec<String>,
    /// 0..1.
    pub confidence: f64,
}

/// `name` becomes the source's name; `sample` is the first rows (a few dozen are enough).
pub fn guess(name: &str, layout: &Layout, header: &[String], sample: &[Row]) -> Guess {
    if let Some(found) = fitting_built_in(header) {
        return found;
    }
    let candidates = Kind::ALL.map(|kind| (kind, columns_for(kind, header, sample)));
    let score = |columns: &Vec<Placed>, kind: Kind| -> f64 {
        let found: f64 = columns.iter().map(|placed| placed.guess.confidence).sum();
        let missing = needed(kind).iter().filter(|target| !columns.iter().any(|placed| placed.guess.target == **target)).count();
        found - 1.5 * missing as f64
    };
    // At a tie the earlier kind: orders before customers before events before sends.
    let mut best = 0;
    for index in 1..candidates.len() {
        if score(&candidates[index].1, candidates[index].0) > score(&candidates[best].1, candidates[best].0) + 1e-9 {
            best = index;
        }
    }
    let (kind, placed) = &candidates[best];
    let used: Vec<usize> = placed.iter().flat_map(|placed| placed.at.iter().copied()).collect();
    let unused = header.iter().enumerate().filter(|(index, _)| !used.contains(index)).map(|(_, name)| name.clone()).collect();
    let missing =
        needed(*kind).iter().copied().filter(|target| !placed.iter().any(|placed| placed.guess.target == *target)).collect();
    let mut guess = Guess {
        kind: *kind,
        built_in: None,
        columns: placed.iter().map(|placed| placed.guess.clone()).collect(),
        unused,
        missing,
        toml: String::new(),
    };
    guess.toml = render(name, layout, &guess, placed, header, sample);
    guess
}

/// A target, the columns it was placed on, and the header names it goes by: exact names first, then parts of names.
struct Names {
    kind: Kind,
    item: bool,
    target: &'static str,
    exact: &'static [&'static str],
    part: &'static [&'static str],
}

struct Placed {
    guess: GuessedColumn,
    at: Vec<usize>,
    nth: usize,
    kind: Type,
}

const fn names(kind: Kind, target: &'static str, exact: &'static [&'static str], part: &'static [&'static str]) -> Names {
    Names { kind, item: false, target, exact, part }
}

const fn item(target: &'static str, exact: &'static [&'static str], part: &'static [&'static str]) -> Names {
    Names { kind: Kind::Orders, item: true, target, exact, part }
}

/// In the order in which columns are given away.
static NAMES: &[Names] = &[
    names(
        Kind::Orders,
        "order_id",
        &[
            "注文ID",
            "受注ID",
            "注文番号",
            "受注番号",
            "order_id",
            "order id",
            "order number",
            "order_no",
            "orderid",
            "invoiceno",
            "invoice_no",
            "basket_id",
            "店舗伝票番号",
            "name",
        ],
        &["注文番号", "受注番号", "伝票番号", "order_id", "orderid"],
    ),
    names(
        Kind::Orders,
        "customer_id",
        &[
            "会員ID",
            "会員番号",
            "顧客ID",
            "顧客番号",
            "customer_id",
            "customer id",
            "customerid",
            "user_id",
            "userid",
            "household_id",
            "member_id",
        ],
        &["会員id", "顧客id", "customer_id", "customerid"],
    ),
    names(
        Kind::Orders,
        "email",
        &["メールアドレス", "email", "e-mail", "mail", "受注メールアドレス", "注文者メールアドレス", "email address"],
        &["メール", "email"],
    ),
    names(
        Kind::Orders,
        "phone",
        &["TEL", "電話番号", "phone", "phone number", "受注電話番号", "注文者電話番号", "billing phone"],
        &["電話", "phone"],
    ),
    names(
        Kind::Orders,
        "name",
        &["氏名", "お名前", "受注名", "注文者名", "注文者氏名", "billing name", "customer name", "customer_name"],
        &["注文者氏名"],
    ),
    names(
        Kind::Orders,
        "ordered_at",
        &[
            "受注日",
            "受注日時",
            "注文日",
            "注文日時",
            "created at",
            "created_at",
            "ordered_at",
            "order_date",
            "order date",
            "orderdate",
            "invoicedate",
            "invoice_date",
            "transaction_timestamp",
            "paid at",
            "date",
        ],
        &["注文日", "受注日", "order_date", "ordered"],
    ),
    names(Kind::Orders, "updated_at", &["更新日", "更新日時", "updated_at", "updated at"], &[]),
    names(
        Kind::Orders,
        "status",
        &[
            "対応状況(ID)",
            "対応状況",
            "対応状況(名称)",
            "処理状況",
            "financial status",
            "financial_status",
            "status",
            "order_status",
            "注文状況",
            "受注ステータス",
        ],
        &["ステータス", "status"],
    ),
    names(Kind::Orders, "subtotal", &["小計", "商品計", "商品合計", "total_line_items_price"], &["小計"]),
    names(Kind::Orders, "subtotal_discounted", &["subtotal", "subtotal_price"], &[]),
    names(
        Kind::Orders,
        "discount",
        &["値引き", "値引", "割引", "割引額", "discount amount", "discount", "total_discounts", "クーポン値引き"],
        &["値引", "割引額"],
    ),
    names(Kind::Orders, "points_used", &["利用ポイント", "使用ポイント", "ポイント利用額", "points_used"], &["利用ポイント"]),
    names(Kind::Orders, "shipping", &["送料", "発送料", "shipping", "shipping_price", "shipping fee"], &["送料"]),
    names(Kind::Orders, "tax", &["税金", "消費税", "税額", "taxes", "tax", "total_tax"], &["消費税"]),
    names(
        Kind::Orders,
        "total",
        &["支払合計", "合計", "合計金額", "総合計", "total", "total_price", "請求金額", "order_total"],
        &["合計金額"],
    ),
    names(Kind::Orders, "refunded", &["返金額", "refunded amount", "refunded", "total_refunded"], &["返金"]),
    names(Kind::Orders, "currency", &["通貨", "currency"], &[]),
    names(Kind::Orders, "coupon", &["クーポン", "クーポンコード", "discount code", "coupon", "coupon_code"], &["クーポンコード"]),
    names(
        Kind::Orders,
        "sales_channel",
        &["販売経路", "受注経路", "店舗", "source", "source_name", "sales_channel", "channel"],
        &["経路"],
    ),
    names(Kind::Orders, "subscription_id", &["定期契約番号", "定期受注番号", "subscription_id"], &["定期契約"]),
    names(Kind::Orders, "subscription_count", &["定期回数", "subscription_count"], &[]),
    names(Kind::Orders, "send_id", &["配信ID", "send_id"], &[]),
    item("sku", &["商品コード", "lineitem sku", "sku", "stockcode", "stock_code", "商品番号"], &["sku"]),
    item("product_id", &["商品ID", "product_id", "product id", "productid", "item_id"], &[]),
    item("name", &["商品名", "lineitem name", "product_name", "product name", "description", "item_name", "item"], &["商品名"]),
    item("category", &["カテゴリ", "カテゴリー", "商品カテゴリ", "category", "product_category"], &["カテゴリ"]),
    item("price", &["価格", "単価", "lineitem price", "unitprice", "unit_price", "price", "販売価格"], &["単価"]),
    item("quantity", &["個数", "数量", "lineitem quantity", "quantity", "qty"], &["数量"]),
    item("amount", &["金額", "明細金額", "line_total", "amount", "sales_value", "sales"], &["明細金額"]),
    names(
        Kind::Customers,
        "customer_id",
        &["会員ID", "会員番号", "顧客ID", "顧客番号", "customer_id", "customer id", "customerid", "user_id", "id"],
        &["会員id", "顧客id", "customer_id"],
    ),
    names(
        Kind::Customers,
        "email",
        &["メールアドレス", "email", "e-mail", "mail", "email address"],
        &["メールアドレス", "email"],
    ),
    names(Kind::Customers, "phone", &["TEL", "電話番号", "phone", "携帯電話番号", "phone number"], &["電話", "phone"]),
    names(Kind::Customers, "line_id", &["LINE ID", "LINEユーザーID", "line_id", "line_user_id"], &["lineid"]),
    names(Kind::Customers, "name", &["氏名", "お名前", "名前", "name", "full_name", "customer_name"], &["氏名"]),
    names(
        Kind::Customers,
        "birthday",
        &["誕生日", "生年月日", "birthday", "date_of_birth", "birth_date"],
        &["生年月日", "誕生日"],
    ),
    names(Kind::Customers, "gender", &["性別", "性別(名称)", "性別(ID)", "gender", "sex"], &["性別"]),
    names(
        Kind::Customers,
        "prefecture",
        &["都道府県", "都道府県(名称)", "prefecture", "province", "default address province"],
        &["都道府県"],
    ),
    names(
        Kind::Customers,
        "registered_on",
        &["登録日", "会員登録日", "登録日時", "registered_on", "created_at", "created at", "registered_at"],
        &["登録日"],
    ),
    names(Kind::Customers, "updated_at", &["更新日", "更新日時", "updated_at"], &[]),
    names(Kind::Customers, "acquisition", &["流入元", "流入経路", "acquisition", "広告媒体", "source"], &["流入"]),
    names(
        Kind::Customers,
        "consent_email",
        &["メール同意", "メルマガ", "メルマガ購読", "accepts email marketing", "accepts marketing", "consent_email"],
        &["メルマガ"],
    ),
    names(Kind::Customers, "consent_line", &["LINE同意", "consent_line"], &[]),
    names(Kind::Customers, "consent_sms", &["SMS同意", "accepts sms marketing", "consent_sms"], &[]),
    names(Kind::Customers, "consent_at", &["同意日時", "同意日", "consent_at"], &["同意日"]),
    names(Kind::Events, "event_id", &["event_id", "messageid", "message_id", "イベントID"], &[]),
    names(Kind::Events, "name", &["event", "event_name", "イベント名", "name", "event_type"], &["event_name"]),
    names(
        Kind::Events,
        "occurred_at",
        &["occurred_at", "timestamp", "event_time", "event_timestamp", "発生日時", "redemption_date", "time"],
        &["timestamp"],
    ),
    names(Kind::Events, "customer_id", &["customer_id", "user_id", "userid", "会員ID", "household_id"], &["customer_id"]),
    names(Kind::Events, "visitor_id", &["visitor_id", "anonymous_id", "anonymousid", "client_id", "visitorid"], &[]),
    names(Kind::Events, "session_id", &["session_id", "sessionid"], &[]),
    names(Kind::Events, "cart_id", &["cart_id", "cartid"], &[]),
    names(Kind::Events, "order_id", &["order_id", "orderid"], &[]),
    names(Kind::Events, "product_id", &["product_id", "productid", "itemid"], &[]),
    names(Kind::Events, "category", &["category"], &[]),
    names(Kind::Events, "value", &["value", "revenue"], &[]),
    names(Kind::Events, "url", &["url", "page_url"], &["page_url"]),
    names(Kind::Events, "send_id", &["send_id"], &[]),
    names(Kind::Sends, "send_id", &["send_id", "配信ID"], &[]),
    names(Kind::Sends, "customer_id", &["customer_id", "会員ID", "user_id", "household_id"], &["customer_id"]),
    names(Kind::Sends, "email", &["メールアドレス", "email"], &[]),
    names(
        Kind::Sends,
        "sent_at",
        &["sent_at", "配信日時", "送信日時", "配信日", "send_time", "start_date"],
        &["配信日", "送信日"],
    ),
    names(Kind::Sends, "channel", &["channel", "チャネル", "配信チャネル", "campaign_type"], &["チャネル"]),
    names(
        Kind::Sends,
        "campaign",
        &["campaign", "campaign_id", "campaign_name", "キャンペーン", "配信名", "シナリオ"],
        &["キャンペーン"],
    ),
    names(Kind::Sends, "cost", &["cost", "費用", "コスト"], &[]),
    names(Kind::Products, "product_id", &["商品ID", "product_id", "product id"], &[]),
    names(Kind::Products, "sku", &["商品コード", "sku", "品番", "JANコード", "variant sku"], &["商品コード", "sku"]),
    names(Kind::Products, "name", &["商品名", "product_name", "name", "title"], &["商品名"]),
    names(Kind::Products, "category", &["カテゴリ", "カテゴリー", "商品カテゴリ", "category", "type"], &["カテゴリ"]),
    names(Kind::Products, "price", &["販売価格", "価格", "単価", "price", "variant price"], &["販売価格"]),
    names(Kind::Products, "cost", &["原価", "仕入価格", "仕入値", "cost", "cost per item"], &["原価", "仕入"]),
    names(Kind::Products, "stock", &["在庫数", "在庫", "stock", "inventory", "variant inventory qty"], &["在庫"]),
    names(Kind::Products, "location", &["倉庫", "拠点", "location"], &[]),
    names(Kind::Products, "url", &["商品URL", "url"], &[]),
    names(Kind::Products, "image_url", &["画像URL", "image_url", "image src"], &[]),
    names(Kind::Products, "updated_at", &["更新日", "更新日時", "updated_at"], &[]),
    names(
        Kind::Subscriptions,
        "subscription_id",
        &["定期契約番号", "定期受注番号", "定期番号", "定期ID", "subscription_id", "subscription id"],
        &["定期契約", "定期受注番号"],
    ),
    names(Kind::Subscriptions, "customer_id", &["会員ID", "会員番号", "顧客ID", "顧客番号", "customer_id"], &["customer_id"]),
    names(Kind::Subscriptions, "email", &["メールアドレス", "email"], &["メールアドレス"]),
    names(Kind::Subscriptions, "phone", &["電話番号", "TEL", "phone"], &[]),
    names(Kind::Subscriptions, "plan", &["コース", "定期コース", "プラン", "plan"], &["コース"]),
    names(Kind::Subscriptions, "product_id", &["商品ID", "商品コード", "product_id"], &[]),
    names(Kind::Subscriptions, "status", &["契約状況", "定期ステータス", "ステータス", "status"], &["ステータス", "契約状"]),
    names(
        Kind::Subscriptions,
        "started_on",
        &["開始日", "契約日", "申込日", "started_on", "start_date"],
        &["契約開始", "申込日"],
    ),
    names(Kind::Subscriptions, "next_shipment_on", &["次回お届け日", "次回配送日", "次回発送日", "next_shipment_on"], &["次回"]),
    names(Kind::Subscriptions, "interval_days", &["お届け間隔", "間隔日数", "interval_days"], &["間隔"]),
    names(Kind::Subscriptions, "shipments", &["お届け回数", "継続回数", "shipments"], &["継続回数"]),
    names(Kind::Subscriptions, "amount", &["定期金額", "金額", "amount"], &[]),
    names(Kind::Subscriptions, "ended_on", &["解約日", "終了日", "ended_on", "cancelled_on"], &["解約日"]),
    names(Kind::Subscriptions, "reason", &["解約理由", "reason"], &["解約理由"]),
    names(Kind::Subscriptions, "updated_at", &["更新日", "更新日時", "updated_at"], &[]),
    names(
        Kind::Shipments,
        "shipment_id",
        &["出荷ID", "出荷番号", "出荷伝票番号", "送り状番号", "shipment_id"],
        &["出荷id", "送り状"],
    ),
    names(Kind::Shipments, "order_id", &["注文ID", "注文番号", "受注番号", "order_id"], &["注文番号", "受注番号"]),
    names(Kind::Shipments, "subscription_id", &["定期契約番号", "定期受注番号", "subscription_id"], &["定期契約"]),
    names(Kind::Shipments, "customer_id", &["会員ID", "会員番号", "顧客ID", "customer_id"], &[]),
    names(Kind::Shipments, "email", &["メールアドレス", "email"], &[]),
    names(Kind::Shipments, "count", &["定期回数", "お届け回数", "count"], &[]),
    names(Kind::Shipments, "status", &["出荷状況", "配送状況", "出荷ステータス", "status"], &["出荷状", "配送状"]),
    names(Kind::Shipments, "planned_on", &["出荷予定日", "お届け予定日", "planned_on"], &["予定日"]),
    names(Kind::Shipments, "shipped_at", &["発送日", "出荷日", "発送日時", "shipped_at"], &["出荷日", "発送日"]),
    names(Kind::Shipments, "delivered_at", &["配達日", "お届け日", "配達完了日", "delivered_at"], &["配達完了"]),
    names(Kind::Points, "change_id", &["ポイント履歴ID", "change_id"], &[]),
    names(Kind::Points, "customer_id", &["会員ID", "会員番号", "顧客ID", "customer_id"], &["会員id"]),
    names(Kind::Points, "email", &["メールアドレス", "email"], &[]),
    names(Kind::Points, "change", &["増減ポイント", "付与ポイント", "ポイント増減", "change", "points"], &["増減", "付与"]),
    names(Kind::Points, "balance", &["ポイント残高", "保有ポイント", "現在ポイント", "balance"], &["残高", "保有ポイント"]),
    names(Kind::Points, "reason", &["理由", "事由", "reason"], &[]),
    names(Kind::Points, "order_id", &["注文番号", "注文ID", "order_id"], &[]),
    names(Kind::Points, "expires_on", &["有効期限", "失効日", "expires_on"], &["有効期限"]),
    names(Kind::Points, "occurred_at", &["発生日時", "付与日", "日時", "occurred_at"], &["付与日"]),
    names(Kind::Spend, "spent_on", &["日付", "日", "day", "date", "spent_on"], &[]),
    names(Kind::Spend, "medium", &["媒体", "広告媒体", "medium", "source", "platform"], &["媒体"]),
    names(Kind::Spend, "campaign", &["キャンペーン", "キャンペーン名", "campaign", "campaign name"], &["キャンペーン"]),
    names(
        Kind::Spend,
        "cost",
        &["費用", "広告費", "ご利用金額", "消化金額", "cost", "amount spent", "spend"],
        &["広告費", "消化金額"],
    ),
    names(Kind::Spend, "impressions", &["表示回数", "インプレッション", "impressions", "impr."], &["表示回数"]),
    names(Kind::Spend, "clicks", &["クリック数", "クリック", "clicks"], &["クリック"]),
    names(Kind::Consents, "customer_id", &["会員ID", "顧客ID", "customer_id"], &[]),
    names(Kind::Consents, "email", &["メールアドレス", "email", "mail"], &["メールアドレス", "email"]),
    names(Kind::Consents, "phone", &["電話番号", "携帯電話番号", "phone"], &["電話"]),
    names(Kind::Consents, "line_id", &["LINE ID", "LINEユーザーID", "line_id", "line_user_id"], &["lineid"]),
    names(Kind::Consents, "channel", &["チャネル", "channel"], &[]),
    names(Kind::Consents, "purpose", &["目的", "purpose"], &[]),
    names(Kind::Consents, "state", &["同意", "同意状況", "state", "consent"], &[]),
    names(Kind::Consents, "wording", &["同意文言", "wording", "consent_text"], &["同意文"]),
    names(Kind::Consents, "evidence", &["同意証跡", "証跡", "evidence", "ip", "optin_ip"], &["証跡"]),
    names(Kind::Consents, "at", &["同意日時", "同意日", "登録日時", "opt_in_at", "optin_time", "at"], &["同意日"]),
    names(Kind::Suppressions, "customer_id", &["会員ID", "顧客ID", "customer_id"], &[]),
    names(Kind::Suppressions, "email", &["メールアドレス", "email", "mail"], &["メールアドレス", "email"]),
    names(Kind::Suppressions, "phone", &["電話番号", "phone"], &["電話"]),
    names(Kind::Suppressions, "line_id", &["LINE ID", "LINEユーザーID", "line_id"], &["lineid"]),
    names(Kind::Suppressions, "channel", &["チャネル", "channel"], &[]),
    names(
        Kind::Suppressions,
        "reason",
        &["配信停止理由", "停止理由", "エラー理由", "bounce_type", "reason"],
        &["停止理由", "bounce"],
    ),
    names(
        Kind::Suppressions,
        "at",
        &["配信停止日時", "配信停止日", "エラー日時", "unsub_time", "bounced_at", "at"],
        &["停止日", "エラー日"],
    ),
];

/// Without which a guess is of another kind: what a mapping needs, and whom customers are known by.
fn needed(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Customers => &["customer_id"],
        // What tells these apart from files of orders and customers, which have the same people and things in them.
        Kind::Products => &["sku", "name", "price"],
        Kind::Subscriptions => &["subscription_id", "status"],
        Kind::Shipments => &["shipment_id", "status"],
        Kind::Points => &["customer_id", "change"],
        Kind::Consents => &["at", "state"],
        Kind::Suppressions => &["reason", "at"],
        kind => kind.needed(),
    }
}

/// The built-in mapping that finds most of its columns in the header: all that it must have, and two thirds of all.
fn fitting_built_in(header: &[String]) -> Option<Guess> {
    let mut best: Option<(usize, &str, &str, Mapping)> = None;
    for (name, text) in built_in() {
        let Ok(mapping) = Mapping::parse(name, text) else { continue };
        let Ok(bound) = mapping.bind(header) else { continue };
        let found = bound.columns.iter().chain(&bound.items).filter(|bound| !bound.at.is_empty()).count();
        let all = mapping.columns.iter().chain(&mapping.items).filter(|column| !column.from.is_empty()).count();
        if found * 3 >= all * 2 && best.as_ref().is_none_or(|(most, ..)| found > *most) {
            best = Some((found, name, text, mapping));
        }
    }
    let (_, name, text, mapping) = best?;
    let plain_header: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let all = mapping.columns.iter().map(|column| (false, column)).chain(mapping.items.iter().map(|column| (true, column)));
    let columns: Vec<GuessedColumn> = all
        .map(|(item, column)| GuessedColumn {
            target: column.target.clone(),
            item,
            from: column.from.iter().filter(|name| plain_header.contains(&plain(name))).cloned().collect(),
            confidence: 1.0,
        })
        .filter(|column| !column.from.is_empty())
        .collect();
    let used = |name: &&String| columns.iter().any(|column| column.from.iter().any(|from| plain(from) == plain(name)));
    let unused = header.iter().filter(|name| !used(name)).cloned().collect();
    Some(Guess { kind: mapping.kind, built_in: Some(name), columns, unused, missing: Vec::new(), toml: text.into() })
}

fn columns_for(kind: Kind, header: &[String], sample: &[Row]) -> Vec<Placed> {
    let plain_header: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let mut taken = vec![false; header.len()];
    let mut placed: Vec<Placed> = Vec::new();
    // Exact names are given away before parts of names, so that 商品名カナ does not take the place of 商品名.
    for exact_round in [true, false] {
        for names in NAMES.iter().filter(|names| names.kind == kind) {
            if placed.iter().any(|placed| placed.guess.target == names.target && placed.guess.item == names.item) {
                continue;
            }
            let wanted = if exact_round { names.exact } else { names.part };
            let fits = |name: &str, wanted: &str| if exact_round { name == wanted } else { name.contains(wanted) };
            let hit = wanted.iter().map(|name| plain(name)).find_map(|wanted| {
                plain_header.iter().enumerate().position(|(index, name)| !taken[index] && fits(name, &wanted))
            });
            let Some(at) = hit else { continue };
            let value_type = type_of(names);
            let by_name = if exact_round { 0.9 } else { 0.6 };
            let confidence = match share_that_fits(value_type, at, sample) {
                Some(share) if share < 0.2 => by_name * 0.3,
                Some(share) => by_name * (0.5 + 0.5 * share) + 0.1 * share,
                None => by_name * 0.8, // No value seen.
            };
            if confidence < 0.3 {
                continue;
            }
            taken[at] = true;
            let nth = plain_header[..at].iter().filter(|name| **name == plain_header[at]).count() + 1;
            placed.push(Placed {
                guess: GuessedColumn {
                    target: names.target.into(),
                    item: names.item,
                    from: vec![header[at].clone()],
                    confidence: (confidence * 100.0).round() / 100.0,
                },
                at: vec![at],
                nth,
                kind: value_type,
            });
        }
    }
    split_name(header, &plain_header, &mut taken, kind, &mut placed);
    placed
}

/// お名前(姓) and お名前(名), as EC-CUBE writes them.
fn split_name(header: &[String], plain_header: &[String], taken: &mut [bool], kind: Kind, placed: &mut Vec<Placed>) {
    let has_name = placed.iter().any(|placed| placed.guess.target == "name" && !placed.guess.item);
    if has_name || !matches!(kind, Kind::Orders | Kind::Customers) {
        return;
    }
    for (family, given) in [("お名前(姓)", "お名前(名)"), ("姓", "名"), ("last name", "first name")] {
        let find = |wanted: &str| plain_header.iter().position(|name| *name == plain(wanted));
        if let (Some(family), Some(given)) = (find(family), find(given)) {
            (taken[family], taken[given]) = (true, true);
            let from = vec![header[family].clone(), header[given].clone()];
            let guess = GuessedColumn { target: "name".into(), item: false, from, confidence: 0.9 };
            placed.push(Placed { guess, at: vec![family, given], nth: 1, kind: Type::Text });
            return;
        }
    }
}

fn type_of(names: &Names) -> Type {
    let targets = if names.item { ITEM_TARGETS } else { names.kind.targets() };
    targets.iter().find(|(target, _)| *target == names.target).map_or(Type::Text, |(_, kind)| *kind)
}

/// The share of the filled cells that read as the type; `None` when all are empty.
fn share_that_fits(kind: Type, at: usize, sample: &[Row]) -> Option<f64> {
    let cells: Vec<&str> =
        sample.iter().filter_map(|row| row.cells.get(at)).map(str::trim).filter(|cell| !cell.is_empty()).take(200).collect();
    if cells.is_empty() {
        return None;
    }
    let fits = |cell: &&&str| match kind {
        Type::Money => Money::parse(cell).is_ok() || cell.parse::<f64>().is_ok_and(f64::is_finite),
        Type::Count => cell.parse::<f64>().is_ok_and(|number| number.fract() == 0.0),
        Type::Instant | Type::Date => instant_format(cell).is_some(),
        Type::Email => Email::parse(cell).is_ok(),
        Type::Phone => Phone::parse(cell).is_ok(),
        _ => true,
    };
    Some(cells.iter().filter(fits).count() as f64 / cells.len() as f64)
}

/// Formats that are no guess about day and month; a serial number only in the range of this half century.
const FORMATS: &[&str] = &[
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S %z",
    "rfc3339",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y年%m月%d日",
    "jp_era",
];

fn instant_format(cell: &str) -> Option<&'static str> {
    let zone = ShopZone::tokyo();
    let fits = |format: &&&str| zone.parse_instant(cell, &[format.to_string()]).is_ok();
    let serial = cell.parse::<f64>().is_ok_and(|serial| (30_000.0..60_000.0).contains(&serial));
    FORMATS.iter().find(fits).copied().or(serial.then_some("excel_serial"))
}

fn render(name: &str, layout: &Layout, guess: &Guess, placed: &[Placed], header: &[String], sample: &[Row]) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line("# A guess by `tsubame import detect`. The number behind each column is how sure it is (1 = certain): check those below 0.8.".into());
    line("[source]".into());
    line(format!("name = {}", quoted(name)));
    line(format!("kind = {}", quoted(guess.kind.name())));
    line(format!("encoding = {}", quoted(layout.encoding.name())));
    if layout.separator != b',' {
        let separator = if layout.separator == b'\t' { "tab".to_string() } else { char::from(layout.separator).to_string() };
        line(format!("separator = {}", quoted(&separator)));
    }
    if layout.skip_rows > 0 {
        line(format!("skip_rows = {}", layout.skip_rows));
    }
    line("timezone = \"Asia/Tokyo\"".into());
    line("currency = \"JPY\"".into());
    if guess.kind == Kind::Orders {
        line("tax_included = false            # true when goods amounts contain the tax".into());
        let has_items = placed.iter().any(|placed| placed.guess.item);
        if let (true, Some(order)) = (has_items, placed.iter().find(|placed| placed.guess.target == "order_id")) {
            line(format!("group_by = [{}]", quoted(&order.guess.from[0])));
        }
        if let Some(kind) = header.iter().find(|name| plain(name) == plain("明細区分(ID)")) {
            line(format!("keep_rows = {}       # 1 商品", quoted(&format!("{kind} = 1"))));
        }
    }
    for item in [false, true] {
        let mut part: Vec<&Placed> = placed.iter().filter(|placed| placed.guess.item == item).collect();
        if item && part.is_empty() {
            continue;
        }
        part.sort_by_key(|placed| placed.at[0]);
        line(if item { "\n[items]".into() } else { "\n[columns]".into() });
        for placed in part {
            let mut members = vec![match placed.guess.from.as_slice() {
                [one] => format!("from = {}", quoted(one)),
                many => format!("from = [{}]", many.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
            }];
            let doubled = header.iter().filter(|name| plain(name) == plain(&placed.guess.from[0])).count() > 1;
            if doubled {
                members.push(format!("nth = {}", placed.nth));
            }
            let cells =
                || sample.iter().filter_map(|row| row.cells.get(placed.at[0])).map(str::trim).filter(|cell| !cell.is_empty());
            match placed.kind {
                Type::Money if cells().any(|cell| Money::parse(cell).is_err()) => members.push("as = \"float\"".into()),
                Type::Instant | Type::Date => {
                    let mut formats: Vec<&str> = cells().take(200).filter_map(instant_format).collect();
                    formats.sort_unstable();
                    formats.dedup();
                    if !formats.is_empty() {
                        members.push(format!(
                            "formats = [{}]",
                            formats.iter().map(|format| quoted(format)).collect::<Vec<_>>().join(", ")
                        ));
                    }
                }
                Type::Status | Type::Channel => members.extend(map_of(placed.kind, cells())),
                _ => {}
            }
            line(format!("{} = {{ {} }}  # {:.2}", placed.guess.target, members.join(", "), placed.guess.confidence));
        }
    }
    if !guess.missing.is_empty() {
        line(format!("\n# Not found, and needed: {}", guess.missing.join(", ")));
    }
    if !guess.unused.is_empty() {
        let names: Vec<String> = guess.unused.iter().map(|name| name.replace(['\r', '\n'], " ")).collect();
        line(format!("\n# Without a meaning here: {}", names.join(", ")));
    }
    out
}

/// A map for the words seen, with the meaning that carts give them.
fn map_of<'a>(kind: Type, cells: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut words: Vec<&str> = cells.filter(|cell| cell.chars().count() <= 20 && !cell.contains('@')).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() || words.len() > 20 {
        return (kind == Type::Status).then(|| "map = { \"*\" = \"completed\" }".to_string());
    }
    let meaning = |word: &str| -> Option<&'static str> {
        let lower = word.to_lowercase();
        let any = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        match kind {
            Type::Status if any(&["取消", "キャンセル", "cancel", "void"]) || lower == "3" => Some("cancelled"),
            Type::Status if any(&["返品", "返送", "refund", "return"]) && !lower.contains("partial") || lower == "9" => {
                Some("returned")
            }
            Type::Status if any(&["処理中", "仮", "pending"]) || lower == "7" || lower == "8" => Some("skip"),
            Type::Channel if any(&["mail", "メール"]) => Some("email"),
            Type::Channel if any(&["line"]) => Some("line"),
            Type::Channel if any(&["sms"]) => Some("sms"),
            _ => None,
        }
    };
    let mut pairs: Vec<String> =
        words.iter().filter_map(|word| Some(format!("{} = {}", quoted(word), quoted(meaning(word)?)))).collect();
    if kind == Type::Status {
        pairs.push("\"*\" = \"completed\"".into());
    }
    (!pairs.is_empty()).then(|| format!("map = {{ {} }}", pairs.join(", ")))
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.replace(|c: char| c.is_control(), " ")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[&str]) -> Vec<Row> {
        let row = |(index, line): (usize, &&str)| {
            let cells = line.split(',').map(|cell| (!cell.is_empty()).then(|| cell.to_string())).collect();
            Row { line: index as u64 + 2, cells, raw: Vec::new() }
        };
        lines.iter().enumerate().map(row).collect()
    }

    #[test]
    fn headers_of_carts() {
        let check = |header: &str, lines: &[&str], kind: Kind, built_in: Option<&str>, expect: &[&str]| {
            let header: Vec<String> = header.split(',').map(String::from).collect();
            let guess = guess("shop", &Layout::default(), &header, &rows(lines));
            assert_eq!((guess.kind, guess.built_in), (kind, built_in), "{header:?}\n{}", guess.toml);
            let mapping =
                Mapping::parse("m.toml", &guess.toml).unwrap_or_else(|problems| panic!("{problems:#?}\n{}", guess.toml));
            mapping.bind(&header).unwrap_or_else(|problems| panic!("{problems:#?}"));
            for pair in expect {
                let (target, from) = pair.split_once('=').unwrap();
                let column = mapping.column(target).or_else(|| mapping.item(target.trim_start_matches("item:")));
                assert_eq!(column.map(|column| column.from.join("+")).as_deref(), Some(from), "{target}\n{}", guess.toml);
            }
        };
        check(
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            &[],
            Kind::Orders,
            Some("online-retail"),
            &["order_id=InvoiceNo"],
        );
        check(
            "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp",
            &[],
            Kind::Orders,
            Some("complete-journey-transactions"),
            &[],
        );
        check(
            "会員ID,氏名,フリガナ,メールアドレス,電話番号,LINE ID,性別,誕生日,都道府県,登録日,流入元,メール同意,LINE同意,SMS同意,同意日時",
            &[],
            Kind::Customers,
            Some("demo-customers"),
            &[],
        );
        // A shop that took columns out of its EC-CUBE export.
        check(
            "注文番号,会員ID,お名前(姓),お名前(名),メールアドレス,小計,値引き,送料,税金,合計,対応状況(名称),受注日,商品名,商品コード,価格,個数,明細区分(ID),送料",
            &["A1,5,田中,一郎,a@example.jp,1000,0,500,100,1600,注文取消し,2024-04-02 08:20:54,お茶,T1,1000,1,1,500"],
            Kind::Orders,
            None,
            &[
                "order_id=注文番号",
                "name=お名前(姓)+お名前(名)",
                "ordered_at=受注日",
                "item:price=価格",
                "shipping=送料",
                "subtotal=小計",
            ],
        );
        check(
            "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount",
            &[
                "#1001,a@example.jp,paid,2024-04-02 08:20:54 +0900,JPY,1000,500,100,1600,,0,2024-04-02 08:20:54 +0900,1,Tea,1000,T1,0",
            ],
            Kind::Orders,
            Some("shopify-orders"),
            &["order_id=Name", "ordered_at=Created at", "subtotal_discounted=Subtotal", "total=Total", "item:sku=Lineitem sku"],
        );
        check(
            "会員ID,お名前(姓),お名前(名),メールアドレス,TEL,性別(名称),誕生日,都道府県(名称),登録日,更新日,ポイント",
            &["5,田中,一郎,a@example.jp,090-1234-5678,男性,1980-01-02,東京都,2020-01-01 10:00:00,2021-01-01 10:00:00,3"],
            Kind::Customers,
            None,
            &["customer_id=会員ID", "registered_on=登録日", "gender=性別(名称)"],
        );
        check(
            "messageId,event,timestamp,userId,anonymousId,url",
            &["m1,product_viewed,2024-04-02T08:20:54Z,5,v1,https://shop.example/"],
            Kind::Events,
            None,
            &["event_id=messageId", "name=event", "visitor_id=anonymousId"],
        );
        check(
            "会員ID,配信日時,チャネル,キャンペーン",
            &["5,2024/04/02 08:20,メール,春のご案内"],
            Kind::Sends,
            None,
            &["sent_at=配信日時", "channel=チャネル"],
        );
    }

    #[test]
    fn lists_beside_orders_and_members() {
        let check = |header: &str, line: &str, kind: Kind| {
            let header: Vec<String> = header.split(',').map(String::from).collect();
            let guess = guess("list", &Layout::default(), &header, &rows(&[line]));
            assert_eq!((guess.kind, guess.built_in, guess.missing.len()), (kind, None, 0), "{header:?}\n{}", guess.toml);
            let mapping =
                Mapping::parse("m.toml", &guess.toml).unwrap_or_else(|problems| panic!("{problems:#?}\n{}", guess.toml));
            mapping.bind(&header).unwrap_or_else(|problems| panic!("{problems:#?}"));
        };
        check("商品コード,商品名,販売価格,原価,在庫数", "T1,お茶,1000,400,12", Kind::Products);
        check(
            "定期契約番号,会員ID,契約状況,契約日,次回お届け日,解約日",
            "S1,5,active,2024-04-01,2024-06-01,",
            Kind::Subscriptions,
        );
        check("出荷番号,受注番号,出荷状況,出荷日", "H1,A1,shipped,2024-04-02", Kind::Shipments);
        check("会員ID,増減ポイント,ポイント残高,付与日", "5,10,110,2024-04-02", Kind::Points);
        check("日付,広告媒体,キャンペーン名,広告費,表示回数,クリック数", "2024-04-02,x,春,1200,1000,10", Kind::Spend);
        check("メールアドレス,同意,同意日時,同意文言", "a@example.jp,1,2024-04-02 10:00:00,読む", Kind::Consents);
        check("メールアドレス,配信停止理由,配信停止日時", "a@example.jp,unsubscribed,2024-04-02 10:00:00", Kind::Suppressions);
    }

    #[test]
    fn values_speak_against_a_name() {
        let header = ["order_id", "order_date", "total", "email"].map(String::from);
        let guess = guess("shop", &Layout::default(), &header, &rows(&["1,2024-04-02,100,yes", "2,2024-04-03,200,no"]));
        assert!(!guess.columns.iter().any(|column| column.target == "email"), "{}", guess.toml);
        assert_eq!(guess.unused, ["email"]);
        assert!(guess.toml.contains("order_id = { from = \"order_id\" }  # 1.00"), "{}", guess.toml);
    }
}
