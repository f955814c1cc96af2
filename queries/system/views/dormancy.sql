-- When a customer counts as dormant and as lapsed
--
-- One row. Dormant (休眠): no purchase for as long as it took `dormant_share` of the eventual repeaters to come back, among buyers whose
-- first purchase lies two years back or more; 180 days where there are fewer than 30 of them. Lapsed (離脱): 240 days, or a third
-- longer than dormant where that is later. A shop states its own under [definitions]: `dormant_days`, `lapsed_days` (0 asks the data).
--
-- param dormant_days   int   = 0
-- param lapsed_days    int   = 0
-- param dormant_share  float = 0.9
-- column dormant_days  int   ja:"休眠とみなす日数"  en:"Dormant after days"
-- column lapsed_days   int   ja:"離脱とみなす日数"  en:"Lapsed after days"
-- column implied_days  int   ja:"データが示す休眠日数"  en:"Days the data imply"
-- column repeaters     int   ja:"対象のリピーター"  en:"Repeaters it rests on"
SELECT
    dormant_days,
    CASE WHEN $lapsed_days > 0 THEN $lapsed_days ELSE greatest(240, dormant_days * 4 / 3) END AS lapsed_days,
    implied_days, repeaters
FROM (
    SELECT
        CASE WHEN $dormant_days > 0 THEN $dormant_days ELSE coalesce(implied_days, 180) END AS dormant_days,
        implied_days, repeaters
    FROM (
        SELECT
            CASE WHEN max(total) >= 30 THEN min(CASE WHEN up_to >= $dormant_share * total - 1e-9 THEN gap END) END AS implied_days,
            CAST(coalesce(max(total), 0) AS BIGINT) AS repeaters
        FROM (
            SELECT gap, sum(people) OVER (ORDER BY gap) AS up_to, sum(people) OVER () AS total
            FROM (
                SELECT days_between(first_ordered_on, second_ordered_on) AS gap, count(*) AS people
                FROM customer_facts
                WHERE second_ordered_on IS NOT NULL AND days_between(first_ordered_on, $today) >= 730
                GROUP BY days_between(first_ordered_on, second_ordered_on)
            ) AS gapped
        ) AS ranked
    ) AS implied
) AS chosen
