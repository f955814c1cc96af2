//! Every noun of `model` against its table: the members of a row are the table's columns, and a row reads back as it was written.

use std::collections::BTreeSet;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use lake::{
    Tail,
    tables::{self, TABLES},
};
use model::{
    AdSpend, Channel, Consent, ConsentState, Coupon, CouponUse, Credit, Currency, CustomerId, Decision, EntryStatus, EntryStep,
    Event, Exposure, Fact, Identity, LtvModel, Membership, Money, Order, OrderLine, OrderStatus, PointChange, Product, Profile,
    Purpose, Receipt, ReceiptKind, Record, Run, SegmentChange, Send, SendState, Shipment, Stock, StopRow, Subscription,
    Suppression, Touch, TouchKind,
    customer::{ContactFlag, CustomerFacts},
};
use serde_json::{Value, json};

use crate::{at, noon, open, rows, segment};

#[test]
fn rows_have_the_columns_of_their_table() {
    let samples = samples();
    let named: BTreeSet<&str> = samples.iter().map(|fact| fact.table).collect();
    assert_eq!(named, TABLES.iter().map(|table| table.name()).collect(), "a noun per table, a table per noun");
    for fact in samples {
        let row: Value = serde_json::from_str(&fact.row).expect("a JSON row");
        let members: BTreeSet<String> = row.as_object().expect("an object").keys().cloned().collect();
        let table = tables::find(fact.table).expect("a table");
        let columns: BTreeSet<String> = tables::row_columns(table).map(|column| column.name.to_string()).collect();
        assert_eq!(members, columns, "{}: the noun on the left, the table on the right", fact.table);
    }
}

#[tokio::test]
async fn rows_read_back_as_they_were_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = open(folder.path()).await;
    let samples = samples();
    let segments: Vec<_> =
        samples.iter().zip(1..).map(|(fact, position)| segment(position, std::slice::from_ref(fact))).collect();
    assert_eq!(lake.land(&segments).await.expect("landed").rows, samples.len() as u64);
    let view = lake.view(&Tail::default()).await.expect("a view");
    for fact in samples {
        let written: Value = serde_json::from_str(&fact.row).expect("a JSON row");
        let batch = rows(&view, fact.table).await;
        assert_eq!(batch.num_rows(), 1, "{}", fact.table);
        let options = FormatOptions::default().with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.6fZ"));
        for (name, expect) in written.as_object().expect("an object") {
            let column = batch.column_by_name(name).expect("a column");
            let read = ArrayFormatter::try_new(column.as_ref(), &options).expect("a column that prints").value(0).to_string();
            let expect = expect.as_str().map_or_else(|| expect.to_string(), String::from);
            // 1200.5 is 1200.5000 in a DECIMAL(18, 4).
            let is_money = matches!(column.data_type(), arrow::datatypes::DataType::Decimal128(..));
            let read = if is_money { Money::parse(&read).expect("an amount").to_string() } else { read };
            assert_eq!(read, expect, "{}.{name}", fact.table);
        }
    }
}

/// The sample of a table.
pub fn sample(table: &str) -> Fact {
    samples().into_iter().find(|fact| fact.table == table).expect("a noun per table")
}

fn fact(record: &impl Record) -> Fact {
    Fact::new(record, noon(), at("2026-06-02T00:00:00.000001Z"))
}

/// One of each noun, with every member filled.
fn samples() -> Vec<Fact> {
    let customer = || CustomerId::stored("c-0001");
    let text = |value: &str| value.to_string();
    let some = |value: &str| Some(value.to_string());
    let yen = |value: &str| Money::parse(value).expect("an amount");
    let day = |value: &str| value.parse::<chrono::NaiveDate>().expect("a day");
    vec![
        fact(&Event {
            event_id: text("e1"),
            name: text("cart_updated"),
            source: text("web"),
            customer_id: Some(customer()),
            visitor_id: some("v1"),
            session_id: some("s1"),
            cart_id: some("k1"),
            order_id: some("o1"),
            product_id: some("p1"),
            category: some("お茶"),
            value: Some(yen("1200.5")),
            url: some("/cart"),
            send_id: some("m1"),
            properties: json!({ "utm_source": "line", "n": 1 }),
        }),
        fact(&Order {
            order_id: text("o1"),
            revision_id: text("r1"),
            source: text("cart"),
            customer_id: Some(customer()),
            ordered_at: noon(),
            status: OrderStatus::Returned,
            gross: yen("3000"),
            discount: yen("500"),
            refunded: yen("0.0001"),
            net: yen("-2500"),
            tax: yen("250"),
            shipping: yen("600"),
            fee: yen("330"),
            points_used: yen("100"),
            total: Some(yen("3680")),
            shipped_on: Some(day("2026-06-02")),
            currency: Currency::jpy(),
            coupon: some("WELCOME"),
            sales_channel: some("web"),
            subscription_id: some("s1"),
            subscription_count: Some(2),
            send_id: some("m1"),
        }),
        fact(&OrderLine {
            order_id: text("o1"),
            revision_id: text("r1"),
            source: text("cart"),
            line_no: 1,
            product_id: some("p1"),
            sku: some("T1"),
            name: some("玉露"),
            category: some("お茶"),
            quantity: 2,
            unit_price: yen("1500"),
            amount: yen("3000"),
        }),
        fact(&Profile {
            customer_id: customer(),
            revision_id: text("r1"),
            source: text("cart"),
            birthday: Some(day("1985-04-03")),
            gender: some("female"),
            prefecture: some("京都府"),
            registered_on: Some(day("2025-01-31")),
            acquisition: some("ad"),
            attributes: json!({ "size": "M" }),
        }),
        fact(&ContactFlag {
            customer_id: customer(),
            kind: text("email"),
            address_hash: text("00ff"),
            active: true,
            source: text("cart"),
            changed_at: noon(),
        }),
        fact(&Consent {
            customer_id: customer(),
            channel: Channel::Line,
            purpose: Purpose::Marketing,
            state: ConsentState::Revoked,
            source: text("cart"),
            wording: some("w1"),
            evidence: some("form"),
            changed_at: noon(),
        }),
        fact(&Suppression {
            customer_id: customer(),
            channel: Channel::Sms,
            reason: text("bounced"),
            active: false,
            source: text("file"),
            changed_at: noon(),
        }),
        fact(&EntryStep {
            entry_id: text("n1"),
            run_id: text("r1"),
            scenario: text("cart-recovery"),
            scenario_version: text("ab"),
            customer_id: customer(),
            entry_key: text("k1"),
            entered_at: noon(),
            status: EntryStatus::Waiting,
            step: text("wait3h"),
            due_at: noon(),
            held_out: true,
            reason: some("goal"),
            context: json!({ "cart_value": "1200" }),
        }),
        fact(&Send {
            send_id: text("m1"),
            run_id: text("r1"),
            entry_id: text("n1"),
            scenario: text("cart-recovery"),
            scenario_version: text("ab"),
            step: text("remind"),
            customer_id: customer(),
            channel: Channel::Email,
            purpose: Purpose::Transactional,
            template: text("cart_1"),
            arm: some("a"),
            state: SendState::Accepted,
            due_at: noon(),
            cost: yen("0.3"),
            provider_id: some("p"),
            detail: some("d"),
        }),
        fact(&StopRow {
            run_id: text("r1"),
            entry_id: text("n1"),
            scenario: text("cart-recovery"),
            step: text("remind"),
            customer_id: customer(),
            channel: Some(Channel::AppPush),
            reason: text("no_consent"),
            detail: some("d"),
        }),
        fact(&Receipt {
            receipt_id: text("x1"),
            send_id: text("m1"),
            customer_id: customer(),
            channel: Channel::WebPush,
            kind: ReceiptKind::Clicked,
            human: true,
            link: some("/c/m1"),
            source: text("file"),
        }),
        fact(&Touch {
            touch_id: text("t1"),
            customer_id: customer(),
            send_id: text("m1"),
            scenario: text("cart-recovery"),
            channel: Channel::Email,
            kind: TouchKind::Clicked,
            touched_at: noon(),
            sent_at: noon(),
            credit_until: noon(),
        }),
        fact(&Credit {
            order_id: text("o1"),
            revision_id: text("r1"),
            touch_id: text("t1"),
            send_id: text("m1"),
            customer_id: customer(),
            scenario: text("cart-recovery"),
            channel: Channel::Email,
            model: text("last"),
            model_version: text("1"),
            gross: yen("3000"),
            net: yen("-2500"),
            booked_on: day("2026-06-01"),
            ordered_at: noon(),
        }),
        fact(&Exposure {
            experiment: text("f2-subject"),
            version: text("ab"),
            unit: text("c-0001"),
            customer_id: Some(customer()),
            arm: text("a"),
            scenario: some("f2-followup"),
            step: some("invite"),
            send_id: some("m1"),
            source: text("tick"),
        }),
        fact(&Membership {
            run_id: text("r1"),
            segment: text("dormant_top_ltv"),
            definition: text("ab"),
            as_of: noon(),
            customer_id: customer(),
        }),
        fact(&SegmentChange {
            run_id: text("r1"),
            segment: text("dormant_top_ltv"),
            definition: text("ab"),
            as_of: noon(),
            customer_id: customer(),
            entered: true,
        }),
        fact(&Run {
            run_id: text("r1"),
            kind: text("export"),
            name: text("dormant-top"),
            logical_at: noon(),
            definition: text("ab"),
            members: 3,
            counts: json!({ "added": 3 }),
        }),
        fact(&CustomerFacts {
            customer_id: customer(),
            revision_id: text("r1"),
            first_ordered_on: Some(day("2026-01-05")),
            second_ordered_on: Some(day("2026-01-25")),
            last_ordered_on: Some(day("2026-01-25")),
            orders: 2,
            purchase_days: 2,
            discounted_orders: 1,
            gross_revenue: yen("3000"),
            net_revenue: yen("2500"),
        }),
        fact(&Identity {
            kind: text("kind-1"),
            from_id: text("from_id-1"),
            survivor_id: customer(),
            rule: text("rule-1"),
            linked: true,
            source: text("source-1"),
            evidence: some("evidence-1"),
            changed_at: noon(),
        }),
        fact(&Product {
            product_id: text("product_id-1"),
            revision_id: text("revision_id-1"),
            source: text("source-1"),
            sku: some("sku-1"),
            name: some("name-1"),
            category: some("category-1"),
            price: Some(yen("980")),
            cost: Some(yen("980")),
            url: some("url-1"),
            image_url: some("image_url-1"),
            status: text("status-1"),
        }),
        fact(&Stock {
            product_id: text("product_id-1"),
            sku: some("sku-1"),
            source: text("source-1"),
            location: some("location-1"),
            quantity: 3,
            changed_at: noon(),
        }),
        fact(&Subscription {
            subscription_id: text("subscription_id-1"),
            revision_id: text("revision_id-1"),
            source: text("source-1"),
            customer_id: Some(customer()),
            plan: some("plan-1"),
            product_id: some("product_id-1"),
            status: text("status-1"),
            started_on: Some(day("2026-05-31")),
            next_shipment_on: Some(day("2026-05-31")),
            interval_days: Some(3),
            shipments: Some(3),
            amount: Some(yen("980")),
            ended_on: Some(day("2026-05-31")),
            reason: some("reason-1"),
        }),
        fact(&Shipment {
            shipment_id: text("shipment_id-1"),
            revision_id: text("revision_id-1"),
            source: text("source-1"),
            customer_id: Some(customer()),
            subscription_id: some("subscription_id-1"),
            order_id: some("order_id-1"),
            count: Some(3),
            status: text("status-1"),
            planned_on: Some(day("2026-05-31")),
            shipped_at: Some(noon()),
            delivered_at: Some(noon()),
        }),
        fact(&PointChange {
            change_id: text("change_id-1"),
            source: text("source-1"),
            customer_id: customer(),
            change: Some(3),
            balance: Some(3),
            reason: some("reason-1"),
            order_id: some("order_id-1"),
            expires_on: Some(day("2026-05-31")),
        }),
        fact(&AdSpend {
            spend_id: text("spend_id-1"),
            revision_id: text("revision_id-1"),
            source: text("source-1"),
            spent_on: day("2026-05-31"),
            medium: text("medium-1"),
            campaign: some("campaign-1"),
            cost: yen("1200.5"),
            impressions: Some(3),
            clicks: Some(3),
        }),
        fact(&LtvModel {
            model_id: text("model_id-1"),
            fitted_on: day("2026-05-31"),
            kind: text("mbg_nbd"),
            customers: 700,
            repeaters: 300,
            r: Some(0.5),
            alpha: Some(4.25),
            a: Some(0.75),
            b: Some(2.5),
            log_likelihood: Some(-9_594.5),
            slope: Some(0.0625),
            no_dropout: Some(false),
            problem: some("problem-1"),
            p: Some(6.25),
            q: Some(3.75),
            v: Some(15.5),
            value_customers: 300,
            value_log_likelihood: Some(-4_056.5),
            correlation: Some(0.125),
            value_problem: some("value_problem-1"),
            holdout_days: 90,
            holdout_r: Some(0.625),
            holdout_alpha: Some(4.5),
            holdout_a: Some(0.875),
            holdout_b: Some(2.25),
            holdout_customers: 650,
            holdout_expected: Some(120.5),
            holdout_actual: 118,
            holdout_problem: some("holdout_problem-1"),
        }),
        fact(&Decision {
            decision_id: text("d1"),
            rule: text("rollout"),
            test: text("subject"),
            version: text("v1"),
            decided_at: noon(),
            action: text("{\"do\":\"send_rest\",\"arm\":\"b\"}"),
            why: text("{\"why\":\"not_due\"}"),
        }),
        fact(&Coupon {
            code: text("K7MQ2XW4PA"),
            send_id: text("send_id-1"),
            scenario: text("scenario-1"),
            step: text("step-1"),
            customer_id: CustomerId::stored("c-1"),
            channel: Channel::Line,
            issued_at: noon(),
            expires_on: day("2026-05-31"),
        }),
        fact(&CouponUse {
            code: text("K7MQ2XW4PA"),
            send_id: text("send_id-1"),
            scenario: text("scenario-1"),
            channel: Channel::Line,
            issued_at: noon(),
            source: text("source-1"),
            order_id: text("order_id-1"),
            customer_id: CustomerId::stored("c-1"),
            ordered_at: noon(),
            by_owner: true,
            in_time: true,
        }),
    ]
}
