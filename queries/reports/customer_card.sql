-- Customer
--
-- What we know of one customer, in one row: profile, purchases, RFM by thresholds, and on which channels we may write. Addresses are
-- not shown, only whether there is one. A channel is open when there is an address, consent to marketing, and nothing
-- that blocks it.
--
-- param customer text
-- column customer_id        text    ja:"会員ID"  en:"Customer"
-- column gender             text    ja:"性別"  en:"Gender"
-- column birthday           date    ja:"誕生日"  en:"Birthday"
-- column prefecture         text    ja:"都道府県"  en:"Prefecture"
-- column registered_on      date    ja:"会員登録日"  en:"Registered on"
-- column acquisition        text    ja:"獲得経路"  en:"Acquisition"
-- column first_ordered_on   date    ja:"初回購入日"  en:"First purchase"
-- column second_ordered_on  date    ja:"2回目購入日"  en:"Second purchase"
-- column last_ordered_on    date    ja:"最終購入日"  en:"Last purchase"
-- column recency_days       int     ja:"最終購入からの日数"  en:"Days since last purchase"
-- column orders             int     ja:"注文数"  en:"Orders"
-- column purchase_days      int     ja:"購入日数"  en:"Purchase days"
-- column discounted_orders  int     ja:"値引注文数"  en:"Discounted orders"
-- column net_revenue        money   ja:"純売上"  en:"Net revenue"
-- column net_revenue_top    rate    ja:"純売上の上位割合"  en:"Top share by net revenue"
-- column r                  int     ja:"R"  en:"R"
-- column f                  int     ja:"F"  en:"F"
-- column m                  int     ja:"M"  en:"M"
-- column previous           int     ja:"前回のスコア（RFM）"  en:"Score before (RFM)"
-- column changed_on         date    ja:"スコア変化日"  en:"Score changed on"
-- column email_open         bool    ja:"メール配信可"  en:"E-mail open"
-- column line_open          bool    ja:"LINE配信可"  en:"LINE open"
-- column sms_open           bool    ja:"SMS配信可"  en:"SMS open"
-- column addresses          text    ja:"登録済みの連絡先"  en:"Addresses held"
-- column suppressed         text    ja:"配信停止中のチャネル"  en:"Suppressed channels"
SELECT
    asked.customer_id, profile.gender, profile.birthday, profile.prefecture, profile.registered_on, profile.acquisition,
    ranks.first_ordered_on, ranks.second_ordered_on, ranks.last_ordered_on, ranks.recency_days,
    coalesce(ranks.orders, 0) AS orders,
    coalesce(ranks.purchase_days, 0) AS purchase_days,
    coalesce(ranks.discounted_orders, 0) AS discounted_orders,
    coalesce(ranks.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue,
    ranks.net_revenue_top, scores.r, scores.f, scores.m, step.previous, step.changed_on,
    coalesce(contact.email = 1 AND consent.email = 1 AND coalesce(block.email, 0) = 0, FALSE) AS email_open,
    coalesce(contact.line = 1 AND consent.line = 1 AND coalesce(block.line, 0) = 0, FALSE) AS line_open,
    coalesce(contact.phone = 1 AND consent.sms = 1 AND coalesce(block.sms, 0) = 0, FALSE) AS sms_open,
    contact.kinds AS addresses,
    block.channels AS suppressed
FROM (SELECT CAST($customer AS VARCHAR) AS customer_id) AS asked
LEFT JOIN (SELECT * FROM customers WHERE customer_id = $customer) AS profile ON profile.customer_id = asked.customer_id
LEFT JOIN (SELECT * FROM customer_ranks WHERE customer_id = $customer) AS ranks ON ranks.customer_id = asked.customer_id
LEFT JOIN (SELECT * FROM customer_rfm WHERE customer_id = $customer) AS scores ON scores.customer_id = asked.customer_id
LEFT JOIN (
    SELECT customer_id, max(changed_on) AS changed_on, nullif(last_value(previous ORDER BY changed_on), 0) AS previous
    FROM rfm_steps
    WHERE customer_id = $customer
    GROUP BY customer_id
) AS step ON step.customer_id = asked.customer_id
LEFT JOIN (
    SELECT
        customer_id,
        max(CASE WHEN kind = 'email' THEN 1 ELSE 0 END) AS email,
        max(CASE WHEN kind = 'line' THEN 1 ELSE 0 END) AS line,
        max(CASE WHEN kind = 'phone' THEN 1 ELSE 0 END) AS phone,
        string_agg(kind, ', ' ORDER BY kind) AS kinds
    FROM contacts
    WHERE customer_id = $customer AND active
    GROUP BY customer_id
) AS contact ON contact.customer_id = asked.customer_id
LEFT JOIN (
    SELECT
        customer_id,
        max(CASE WHEN channel = 'email' THEN 1 ELSE 0 END) AS email,
        max(CASE WHEN channel = 'line' THEN 1 ELSE 0 END) AS line,
        max(CASE WHEN channel = 'sms' THEN 1 ELSE 0 END) AS sms
    FROM consents
    WHERE customer_id = $customer AND purpose = 'marketing' AND state = 'granted'
    GROUP BY customer_id
) AS consent ON consent.customer_id = asked.customer_id
LEFT JOIN (
    SELECT
        customer_id,
        max(CASE WHEN channel = 'email' THEN 1 ELSE 0 END) AS email,
        max(CASE WHEN channel = 'line' THEN 1 ELSE 0 END) AS line,
        max(CASE WHEN channel = 'sms' THEN 1 ELSE 0 END) AS sms,
        string_agg(concat(channel, ' (', reason, ')'), ', ' ORDER BY channel) AS channels
    FROM suppressions
    WHERE customer_id = $customer
    GROUP BY customer_id
) AS block ON block.customer_id = asked.customer_id
WHERE profile.customer_id IS NOT NULL OR ranks.customer_id IS NOT NULL OR contact.customer_id IS NOT NULL
