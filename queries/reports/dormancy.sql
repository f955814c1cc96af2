-- When a customer counts as dormant
--
-- Dormant (休眠) and lapsed (離脱) as all pages count them: after the days in which 90 % of the eventual repeaters had come back, among
-- buyers of two years ago and earlier, where there are 30 such repeaters, else 180; lapsed 240 days, or a third longer than dormant. A shop
-- states its own days under [definitions] in tsubame.toml: dormant_days, lapsed_days.
--
-- column dormant_days  int  ja:"休眠とみなす日数"  en:"Dormant after days"
-- column lapsed_days   int  ja:"離脱とみなす日数"  en:"Lapsed after days"
-- column implied_days  int  ja:"データが示す休眠日数"  en:"Days the data imply"
-- column repeaters     int  ja:"対象のリピーター"  en:"Repeaters it rests on"
SELECT dormant_days, lapsed_days, implied_days, repeaters
FROM dormancy
