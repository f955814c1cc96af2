//! Where customers live, as quiet hours ask it at every tick. All that was ever stated is read once, and again when a profile has come in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use model::{CustomerId, Instant, ShopZone};
use query::{Mode, Params};

use crate::{fault::Fault, jobs::tick::Rows, reachable::Reachable, workspace::Workspace};

/// Later than anything that is recorded.
const FAR: TimeDelta = TimeDelta::days(36_500);

/// A zone that a customer was said to live in; none, if there is no such zone.
#[derive(Debug)]
struct Stated {
    customer: CustomerId,
    occurred_at: Instant,
    known_at: Instant,
    zone: Option<ShopZone>,
}

/// What was read, and the position of the last profile then.
#[derive(Debug, Default)]
pub struct KnownZones(Mutex<Option<(i64, Arc<Vec<Stated>>)>>);

impl Workspace {
    /// Where customers live, as it is known at a moment. Whoever has no zone, or names one that there is not, lives by the shop's.
    pub async fn zones(&self, as_of: Instant, reachable: &Reachable) -> Result<BTreeMap<CustomerId, ShopZone>, Fault> {
        let stated = self.stated_zones().await?;
        let known = stated.iter().filter(|stated| stated.occurred_at <= as_of && stated.known_at <= as_of);
        let last: BTreeMap<&CustomerId, Option<ShopZone>> = known.map(|stated| (&stated.customer, stated.zone)).collect();
        let mut zones = BTreeMap::new();
        for (customer, zone) in last {
            let Some(zone) = zone else { continue };
            let survivor = reachable.survivor(customer.clone());
            // The survivor's own word comes first.
            if survivor == *customer {
                zones.insert(survivor, zone);
            } else {
                zones.entry(survivor).or_insert(zone);
            }
        }
        Ok(zones)
    }

    async fn stated_zones(&self) -> Result<Arc<Vec<Stated>>, Fault> {
        let desk = self.desk(self.now() + FAR, Mode::AsHappened).await?;
        let position = desk.view.table("customers").map_or(0, |profiles| profiles.last_position());
        let known = self.zones.0.lock().expect("nobody panics while holding it").clone();
        if let Some((_, stated)) = known.filter(|(read_to, _)| *read_to == position) {
            return Ok(stated);
        }
        let answer = desk.ask("system/customer_zones", &Params::new()).await?;
        let rows = Rows::new(&answer);
        let stated = |row| -> Result<Stated, Fault> {
            Ok(Stated {
                customer: CustomerId::stored(rows.needed(row, "customer_id")?),
                occurred_at: rows.instant(row, "occurred_at")?,
                known_at: rows.instant(row, "known_at")?,
                zone: ShopZone::parse(&rows.needed(row, "timezone")?).ok(),
            })
        };
        let stated = Arc::new((0..answer.rows.len()).map(stated).collect::<Result<Vec<_>, Fault>>()?);
        *self.zones.0.lock().expect("nobody panics while holding it") = Some((position, stated.clone()));
        Ok(stated)
    }
}

#[cfg(test)]
mod tests {
    use model::{Fact, Profile};
    use serde_json::{Value, json};

    use crate::{
        jobs::made::{at, customer, shop},
        workspace::deep,
    };

    #[test]
    fn the_zone_that_was_last_stated() {
        deep(async {
            let (_folder, workspace) = shop(|own| own.into(), &[], at("09:00")).await;
            let told = |index: usize, time: &str, attributes: Value| {
                let profile = Profile {
                    customer_id: customer(index),
                    revision_id: time.into(),
                    source: "made".into(),
                    birthday: None,
                    gender: None,
                    prefecture: None,
                    registered_on: None,
                    acquisition: None,
                    attributes,
                };
                Fact::new(&profile, at(time), at(time))
            };
            let facts = vec![
                told(0, "08:00", json!({"timezone": "America/New_York"})),
                told(0, "08:30", json!({"plan": "gold"})),
                told(1, "08:00", json!({"timezone": "Europe/Paris"})),
                told(1, "07:00", json!({"timezone": "Asia/Seoul"})),
                told(2, "08:00", json!({"timezone": "Mars/Olympus"})),
                told(3, "08:00", json!({"timezone": null})),
                told(4, "08:00", Value::Null),
            ];
            let check = async |as_of: &str, expect: &[(&str, &str)]| {
                let reachable = workspace.reachable().await.unwrap();
                let zones = workspace.zones(at(as_of), &reachable).await.unwrap();
                let names: Vec<(&str, &str)> = zones.iter().map(|(customer, zone)| (customer.as_str(), zone.name())).collect();
                assert_eq!(names, expect, "{as_of}");
            };
            check("09:00", &[]).await;
            workspace.state.journal().append(facts, workspace.now()).await.unwrap();
            check("06:00", &[]).await;
            check("07:00", &[("c0001", "Asia/Seoul")]).await;
            check("09:00", &[("c0000", "America/New_York"), ("c0001", "Europe/Paris")]).await;
            let moved = told(0, "08:40", json!({"timezone": "Asia/Tokyo"}));
            workspace.state.journal().append(vec![moved], workspace.now()).await.unwrap();
            check("09:00", &[("c0000", "Asia/Tokyo"), ("c0001", "Europe/Paris")]).await;
        });
    }
}
