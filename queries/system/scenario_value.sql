-- What a scenario sent, cost and is credited with
--
-- One row: accepted messages and their cost, and the net revenue that an attribution model credits the scenario with.
--
-- param scenario text
-- param model    text = "last"
-- column sent        int    ja:"配信数"  en:"Messages sent"
-- column cost        money  ja:"配信費"  en:"Cost"
-- column attributed  money  ja:"貢献純売上"  en:"Net credited"
SELECT message.sent, message.cost, credit.attributed
FROM (
    SELECT count(*) AS sent, CAST(coalesce(sum(cost), 0) AS DECIMAL(18, 4)) AS cost
    FROM sends
    WHERE scenario = $scenario AND state = 'accepted'
) AS message
CROSS JOIN (
    SELECT CAST(coalesce(sum(net), 0) AS DECIMAL(18, 4)) AS attributed
    FROM current_credits
    WHERE scenario = $scenario AND model = $model
) AS credit
