-- Category mix by month
--
-- What each category's lines came to, and its share of the month. A purchase counts in each category of which it holds a line, so orders
-- and customers do not add up over categories. Lines are as sold; a refund on a part of an order is not shared out among them.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- column month      date   ja:"月"  en:"Month"
-- column category   text   ja:"カテゴリ"  en:"Category"
-- column amount     money  ja:"明細金額"  en:"Amount"
-- column share      rate   ja:"構成比"  en:"Share"
-- column units      int    ja:"点数"  en:"Units"
-- column orders     int    ja:"購入件数"  en:"Purchases"
-- column customers  int    ja:"会員数"  en:"Customers"
SELECT
    month, category,
    CAST(amount AS DECIMAL(18, 4)) AS amount,
    CAST(amount AS DOUBLE) / nullif(CAST(sum(amount) OVER (PARTITION BY month) AS DOUBLE), 0) AS share,
    units, orders, customers
FROM (
    SELECT
        month, category, sum(amount) AS amount, CAST(sum(units) AS BIGINT) AS units, CAST(sum(orders) AS BIGINT) AS orders,
        count(customer_id) AS customers
    FROM (
        SELECT month, category, customer_id, sum(amount) AS amount, sum(units) AS units, count(*) AS orders
        FROM (
            SELECT
                month_start(ordered_on) AS month, coalesce(category, '-') AS category, customer_id, source, order_id,
                sum(amount) AS amount, sum(quantity) AS units
            FROM purchase_lines
            WHERE ordered_on >= $from AND ordered_on < $to
            GROUP BY month_start(ordered_on), coalesce(category, '-'), customer_id, source, order_id
        ) AS part
        GROUP BY month, category, customer_id
    ) AS buyer
    GROUP BY month, category
) AS mixed
ORDER BY month, category
