//! Orders. Rows with equal `group_by` values are one order; up to [`OPEN_ORDERS_MAX`] other orders may lie between them. A row further away, or
//! a later file, makes a new *revision* of the order, or nothing when its content is the same. A member of the order itself (`total`,
//! `status`, …) is the first value that any of its rows has, so that a file may give it on one row or on all; rows that `keep_rows` leaves out
//! still give such values, but no line. An order with one bad row is rejected whole, because its money would be wrong.
//!
//! **Money.** `gross` is the goods before discounts, `net` = gross - discount - refunded, both without tax and shipping (SEMANTICS §14):
//!
//! | member | from |
//! |---|---|
//! | discount | `discount`, else the sum of the lines' `discount`; plus `points_used`; signs are ignored |
//! | gross | the first that is mapped and not empty: `subtotal`; `subtotal_discounted` + discount; the sum of the lines; `total` - tax - shipping - fee + discount |
//! | | where goods contain tax, the first three less the goods' tax (a line keeps its amount as the file has it) |
//! | line amount | `amount`, else `price` × `quantity` (1 when empty); a negative quantity is a return line and lowers gross |
//! | line unit price | `price`, else amount ÷ quantity |
//! | refunded | `refunded`, at most gross - discount: shops refund tax and shipping too |
//! | tax, shipping, fee, total | as the file has them: a shop finds its own figures again |
//!
//! **The goods' tax**, where goods contain tax: `subtotal` less the lines, if those are stated without tax (their difference is then above zero
//! and at most `tax`); else, where `tax` is missing or zero and lines have a `tax_rate`, the tax inside the lines, each rate rounded down once,
//! and `tax` is made of it; else `tax` less what shipping and fees contain at `shipping_tax_percent`.
//!
//! An empty `status` is `completed`. A negative gross or net is kept for a `returned` document (its own order, not a purchase), and rejected
//! otherwise. Zero is kept. Where `total` is not needed for gross it is compared with it, and differences are counted (`total_differs`), never
//! repaired.
//!
//! `occurred_at` of an order is `updated_at`, else `ordered_at`. Files without `updated_at` tell revisions apart by their order alone: one that
//! takes an order back to an earlier state in a *later* file has the key of that earlier revision, and is not seen.

use std::collections::BTreeMap;

use model::{Money, Order, OrderLine, OrderStatus, money::MoneyError};

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, Reader, missing, overflow},
        people::Person,
    },
    mapping::{Type, holds},
};

/// So many orders may be open at once, so that rows of one order need not be neighbours.
pub const OPEN_ORDERS_MAX: usize = 64;

pub const TARGETS: &[(&str, Type)] = &[
    ("order_id", Type::Id),
    ("customer_id", Type::Id),
    ("email", Type::Email),
    ("phone", Type::Phone),
    ("line_id", Type::Line),
    ("name", Type::Text),
    ("ordered_at", Type::Instant),
    ("updated_at", Type::Instant),
    ("status", Type::Status),
    ("subtotal", Type::Money),
    ("subtotal_discounted", Type::Money),
    ("discount", Type::Money),
    ("points_used", Type::Money),
    ("shipping", Type::Money),
    ("fee", Type::Money),
    ("tax", Type::Money),
    ("total", Type::Money),
    ("refunded", Type::Money),
    ("shipped_on", Type::Date),
    ("currency", Type::Text),
    ("coupon", Type::Text),
    ("sales_channel", Type::Text),
    ("subscription_id", Type::Text),
    ("subscription_count", Type::Count),
    ("send_id", Type::Text),
];

/// The rows of one order, each with whether it is a line.
pub(super) struct Group {
    key: Vec<Option<String>>,
    rows: Vec<(Row, bool)>,
}

impl Importer {
    pub(super) fn push_order_row(&mut self, row: Row, kept: bool) {
        if self.bound.group_by.is_empty() {
            return self.close(Group { key: Vec::new(), rows: vec![(row, kept)] });
        }
        let same = |group: &&mut Group| {
            self.bound.group_by.iter().zip(&group.key).all(|(at, part)| row.cells.get(*at).map(str::trim) == part.as_deref())
        };
        if let Some(group) = self.open.iter_mut().rev().find(same) {
            return group.rows.push((row, kept));
        }
        let key = self.bound.group_by.iter().map(|at| row.cells.get(*at).map(|part| part.trim().to_string())).collect();
        self.open.push_back(Group { key, rows: vec![(row, kept)] });
        if self.open.len() > OPEN_ORDERS_MAX
            && let Some(oldest) = self.open.pop_front()
        {
            self.close(oldest);
        }
    }

    /// Makes an order of its rows, or rejects them all.
    pub(super) fn close(&mut self, group: Group) {
        if !group.rows.iter().any(|(_, kept)| *kept) {
            return; // No line was kept: its rows are counted already.
        }
        let Err(bads) = self.order(&group.rows) else { return };
        let first_line = bads.first().map_or(0, |(line, _)| *line);
        for (row, _) in &group.rows {
            let mut blamed = false;
            for (_, bad) in bads.iter().filter(|(line, _)| *line == row.line) {
                blamed = true;
                self.reject_row(row, bad.clone());
            }
            if !blamed {
                let reason = format!("another row of the same order was rejected (line {first_line})");
                let remedy = "correct that row and import the file again".into();
                self.reject_row(row, Bad { column: None, code: "order_rejected", reason, remedy });
            }
        }
    }

    fn order(&mut self, rows: &[(Row, bool)]) -> Result<(), Vec<(u64, Bad)>> {
        let mut bads: Vec<(u64, Bad)> = Vec::new();
        let first = &rows[0].0;
        let head = Head { importer: self, rows };
        let order_id = head.take(&mut bads, "order_id", Importer::id);
        let ordered_at = head.take(&mut bads, "ordered_at", Importer::instant);
        let updated_at = head.take(&mut bads, "updated_at", Importer::instant);
        let status = head.take(&mut bads, "status", Importer::text);
        let subtotal = head.money(&mut bads, "subtotal");
        let subtotal_discounted = head.money(&mut bads, "subtotal_discounted");
        let discount = head.money(&mut bads, "discount");
        let points = head.money(&mut bads, "points_used");
        let fee = head.money(&mut bads, "fee");
        let shipped_on = head.take(&mut bads, "shipped_on", Importer::date);
        let shipping = head.money(&mut bads, "shipping");
        let tax = head.money(&mut bads, "tax");
        let total = head.money(&mut bads, "total");
        let refunded = head.money(&mut bads, "refunded");
        let currency = head.take(&mut bads, "currency", Importer::currency);
        let subscription_count = head.take(&mut bads, "subscription_count", Importer::count);
        let coupon = head.take(&mut bads, "coupon", Importer::free);
        let sales_channel = head.take(&mut bads, "sales_channel", Importer::free);
        let subscription_id = head.take(&mut bads, "subscription_id", Importer::reference);
        let send_id = head.take(&mut bads, "send_id", Importer::reference);
        let mut lines = Vec::new();
        let mut line_discount = Money::ZERO;
        let mut lines_have_money = false;
        let mut by_rate: BTreeMap<i64, Vec<Money>> = BTreeMap::new();
        if !self.bound.items.is_empty() {
            for (row, _) in rows.iter().filter(|(_, kept)| *kept) {
                match self.line(row, lines.len() as i64 + 1) {
                    Ok(made) => {
                        lines_have_money |= made.has_money;
                        match line_discount.plus(made.discount) {
                            Ok(sum) => line_discount = sum,
                            Err(_) => bads.push((row.line, overflow())),
                        }
                        by_rate.entry(made.tax_rate).or_default().push(made.line.amount);
                        lines.push(made.line);
                    }
                    Err(bad) => bads.push((row.line, bad)),
                }
            }
        }
        if order_id.is_none() && bads.is_empty() {
            bads.push((first.line, missing(self.name_of("order_id"), "an order number")));
        }
        if ordered_at.is_none() && bads.is_empty() {
            bads.push((first.line, missing(self.name_of("ordered_at"), "the time of the order")));
        }
        let (Some(order_id), Some(ordered_at)) = (order_id, ordered_at) else { return Err(bads) };
        if let Err(bad) = self.not_ahead(ordered_at, "ordered_at") {
            bads.push((first.line, bad));
        }
        if !bads.is_empty() {
            return Err(bads);
        }
        let status = match status.as_deref() {
            None => OrderStatus::Completed,
            Some("skip") => {
                self.out.counts.left_out += 1;
                return Ok(());
            }
            Some(name) => match OrderStatus::parse(name) {
                Some(status) => status,
                None => return Err(vec![(first.line, self.unmapped("status", name, "completed, cancelled, returned or skip"))]),
            },
        };
        let currency = currency.unwrap_or_else(|| self.mapping.currency.clone());
        let stated = Stated {
            subtotal,
            subtotal_discounted,
            discount,
            points: points.map(absolute).unwrap_or_default(),
            shipping: shipping.unwrap_or_default(),
            fee: fee.unwrap_or_default(),
            tax: tax.unwrap_or_default(),
            total,
            refunded: refunded.map(absolute).unwrap_or_default(),
            lines: lines_have_money.then(|| Money::sum(lines.iter().map(|line| line.amount))),
            line_discount,
            by_rate,
        };
        let Ok(amounts) = self.amounts(stated, currency.minor_unit()) else { return Err(vec![(first.line, overflow())]) };
        if status != OrderStatus::Returned && (amounts.gross < Money::ZERO || amounts.net < Money::ZERO) {
            let reason = format!("the goods of the order come to {} (net {}), below zero", amounts.gross, amounts.net);
            let remedy = "map its status to \"returned\" if it is a return document, to \"skip\" if it is bookkeeping".into();
            let column = ["subtotal", "subtotal_discounted", "total"].iter().find_map(|target| self.name_of(target));
            return Err(vec![(first.line, Bad { column, code: "negative_total", reason, remedy })]);
        }
        let head = Head { importer: self, rows };
        let person = head.person().map_err(|bad| vec![(first.line, bad)])?;
        let mut order = Order {
            order_id,
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            customer_id: person.customer_id.clone(),
            ordered_at,
            status,
            gross: amounts.gross,
            discount: amounts.discount,
            refunded: amounts.refunded,
            net: amounts.net,
            tax: amounts.tax,
            shipping: amounts.shipping,
            fee: amounts.fee,
            points_used: amounts.points_used,
            total,
            shipped_on,
            currency,
            coupon,
            sales_channel,
            subscription_id,
            subscription_count,
            send_id,
        };
        for line in &mut lines {
            line.order_id = order.order_id.clone();
        }
        self.out.counts.total_differs += u64::from(amounts.differs);
        self.out.counts.refunds_cut += u64::from(amounts.cut);
        let occurred_at = updated_at.unwrap_or(ordered_at);
        let known_at = self.known_at(occurred_at);
        self.tell(&person, known_at);
        let order_id = order.order_id.clone();
        let Some(revision_id) = self.revision(&order_id, &(&order, &lines), updated_at) else { return Ok(()) };
        order.revision_id = revision_id;
        for line in &mut lines {
            line.revision_id = order.revision_id.clone();
        }
        self.fact(&order, occurred_at, known_at);
        for line in &lines {
            self.fact(line, occurred_at, known_at);
        }
        Ok(())
    }

    /// The order's money from what the file states of it.
    fn amounts(&self, stated: Stated, unit: Money) -> Result<Amounts, MoneyError> {
        let includes = self.mapping.tax_included;
        let percent = self.mapping.shipping_tax_percent;
        let of_extras =
            |amount: Money, is_included: bool| if is_included { inside(amount, percent * 100, unit) } else { Money::ZERO };
        let extras_tax = of_extras(stated.shipping, includes.shipping).plus(of_extras(stated.fee, includes.fee))?;
        let line_sum = stated.lines.transpose()?;
        let mut tax = stated.tax;
        let mut goods_tax = Money::ZERO;
        let mut extras_tax = extras_tax;
        let has_rates = stated.by_rate.keys().any(|rate| *rate > 0);
        if includes.goods && tax == Money::ZERO && has_rates {
            for (rate, amounts) in &stated.by_rate {
                goods_tax = goods_tax.plus(inside(Money::sum(amounts.iter().copied())?, *rate, unit))?;
            }
            tax = goods_tax.plus(extras_tax)?;
        } else {
            extras_tax = extras_tax.min(tax).max(Money::ZERO);
            let beside_lines = match (stated.subtotal, line_sum) {
                (Some(subtotal), Some(lines)) => Some(subtotal.minus(lines)?).filter(|tax_of_lines| *tax_of_lines > Money::ZERO),
                _ => None,
            };
            if includes.goods {
                if let Some(tax_of_lines) = beside_lines.filter(|tax_of_lines| *tax_of_lines <= tax) {
                    extras_tax = tax.minus(tax_of_lines)?; // The rest of the tax is in shipping and fees, whatever its rate.
                }
                goods_tax = tax.minus(extras_tax)?;
            }
        }
        let discount = stated.discount.map(absolute).unwrap_or(stated.line_discount).plus(stated.points)?;
        let extras = stated.shipping.plus(stated.fee)?.minus(extras_tax)?;
        let gross = match (stated.subtotal, stated.subtotal_discounted, line_sum, stated.total) {
            (Some(subtotal), ..) => subtotal.minus(goods_tax)?,
            (None, Some(after), ..) => after.minus(goods_tax)?.plus(discount)?,
            (None, None, Some(lines), _) => lines.minus(goods_tax)?,
            (None, None, None, Some(total)) => total.minus(tax)?.minus(extras)?.plus(discount)?,
            (None, None, None, None) => Money::ZERO,
        };
        let paid = gross.minus(discount)?;
        let cut = stated.refunded > paid && paid >= Money::ZERO;
        let refunded = if cut { paid } else { stated.refunded };
        let expected = paid.plus(tax)?.plus(extras)?;
        // Tax is rounded once more for each amount that it was taken out of.
        let roundings = 1 + i64::from(includes.shipping) + i64::from(includes.fee);
        let differs =
            stated.total.is_some_and(|total| (total.scaled() - expected.scaled()).abs() >= model::money::SCALE * roundings);
        Ok(Amounts {
            gross,
            discount,
            refunded,
            net: paid.minus(refunded)?,
            tax,
            shipping: stated.shipping,
            fee: stated.fee,
            points_used: stated.points,
            cut,
            differs,
        })
    }

    fn line(&self, row: &Row, line_no: i64) -> Result<MadeLine, Bad> {
        let item = |target: &str| self.bound.items.iter().find(|item| item.column.target == target);
        let free = |target: &str| item(target).map_or(Ok(None), |column| self.free(column, row));
        let id = |target: &str| item(target).map_or(Ok(None), |column| self.reference(column, row));
        let money = |target: &str| item(target).map_or(Ok(None), |column| self.money(column, row));
        let quantity = item("quantity").map_or(Ok(None), |column| self.count(column, row))?.unwrap_or(1);
        let price = money("price")?;
        let amount = money("amount")?;
        let has_money = price.is_some() || amount.is_some();
        let amount = match (amount, price) {
            (Some(amount), _) => amount,
            (None, Some(price)) => price.times(quantity).map_err(|_| overflow())?,
            (None, None) => Money::ZERO,
        };
        let unit_price = match price {
            Some(price) => price,
            None if quantity == 0 => amount,
            None => {
                let (units, count) = (amount.scaled().abs(), quantity.abs());
                let rounded = (units + count / 2) / count * amount.scaled().signum() * quantity.signum();
                Money::from_scaled(rounded).map_err(|_| overflow())?
            }
        };
        Ok(MadeLine {
            has_money,
            tax_rate: item("tax_rate").map_or(Ok(None), |column| self.percent(column, row))?.unwrap_or_default(),
            discount: absolute(money("discount")?.unwrap_or_default()),
            line: OrderLine {
                order_id: String::new(),
                revision_id: String::new(),
                source: self.mapping.name.clone(),
                line_no,
                product_id: id("product_id")?,
                sku: id("sku")?,
                name: free("name")?,
                category: free("category")?,
                quantity,
                unit_price,
                amount,
            },
        })
    }
}

/// The order's own members: the first value that any row of the group has.
struct Head<'a> {
    importer: &'a Importer,
    rows: &'a [(Row, bool)],
}

impl Head<'_> {
    fn take<T>(&self, bads: &mut Vec<(u64, Bad)>, target: &str, how: Reader<T>) -> Option<T> {
        let bound = self.importer.bound.columns.iter().find(|bound| bound.column.target == target)?;
        for (row, _) in self.rows {
            match how(self.importer, bound, row) {
                Ok(None) => {}
                Ok(value) => return value,
                Err(bad) => {
                    bads.push((row.line, bad));
                    return None;
                }
            }
        }
        None
    }

    /// Money as [`Head::take`], or added up over the rows that the mapping names.
    fn money(&self, bads: &mut Vec<(u64, Bad)>, target: &str) -> Option<Money> {
        let bound = self.importer.bound.columns.iter().find(|bound| bound.column.target == target)?;
        if bound.rows.is_empty() {
            return self.take(bads, target, Importer::money);
        }
        let mut sum = None;
        for (row, _) in self.rows.iter().filter(|(row, _)| holds(&bound.rows, &row.cells)) {
            let part = self.importer.money(bound, row).and_then(|money| {
                let times = bound.times.map_or(Ok(None), |at| self.importer.count_at(at, row))?.unwrap_or(1);
                let sum = sum.unwrap_or(Money::ZERO);
                money.unwrap_or_default().times(times).and_then(|money| sum.plus(money)).map_err(|_| overflow())
            });
            match part {
                Ok(part) => sum = Some(part),
                Err(bad) => {
                    bads.push((row.line, bad));
                    return None;
                }
            }
        }
        sum
    }

    fn person(&self) -> Result<Person, Bad> {
        self.importer.person(|target| {
            let mut bads = Vec::new();
            let found = self.take(&mut bads, target, Importer::text);
            match bads.pop() {
                Some((_, bad)) => Err(bad),
                None => Ok(found),
            }
        })
    }
}

/// What the file states of an order's money.
struct Stated {
    subtotal: Option<Money>,
    subtotal_discounted: Option<Money>,
    discount: Option<Money>,
    points: Money,
    shipping: Money,
    fee: Money,
    tax: Money,
    total: Option<Money>,
    refunded: Money,
    /// The sum of the lines, if they have money.
    lines: Option<Result<Money, MoneyError>>,
    line_discount: Money,
    /// Amounts of lines by their rate of tax in 1/10,000.
    by_rate: BTreeMap<i64, Vec<Money>>,
}

struct Amounts {
    gross: Money,
    discount: Money,
    refunded: Money,
    net: Money,
    tax: Money,
    shipping: Money,
    fee: Money,
    points_used: Money,
    cut: bool,
    differs: bool,
}

struct MadeLine {
    line: OrderLine,
    discount: Money,
    /// In 1/10,000.
    tax_rate: i64,
    has_money: bool,
}

fn absolute(money: Money) -> Money {
    Money::from_scaled(money.scaled().abs()).expect("the absolute value of money is money")
}

/// The tax at `rate` (in 1/10,000) inside an amount, rounded towards zero to the currency's unit.
fn inside(amount: Money, rate: i64, unit: Money) -> Money {
    let (amount, rate, unit) = (i128::from(amount.scaled()), i128::from(rate), i128::from(unit.scaled()));
    let tax = amount * rate / (10_000 + rate) / unit * unit;
    Money::from_scaled(tax as i64).expect("a part of money is money")
}
