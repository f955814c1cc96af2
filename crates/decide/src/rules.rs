//! What a shop allows: the part of its settings that decisions look at.

use std::collections::BTreeMap;

use chrono::Duration;
use model::{
    Channel, Money, Shop, ShopZone,
    shop::{Cap, Quiet},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    pub zone: ShopZone,
    pub quiet: Quiet,
    pub caps: Vec<Cap>,
    /// Sends deferred to the end of the quiet hours are spread over this long, by a hash of the subject; zero sends all at once.
    pub spread: Duration,
    /// Of one message; a channel that is missing costs nothing.
    pub cost: BTreeMap<Channel, Money>,
}

impl Rules {
    pub fn of(shop: &Shop) -> Rules {
        Rules {
            zone: shop.timezone,
            quiet: shop.quiet.clone(),
            caps: shop.caps.clone(),
            spread: Duration::zero(),
            cost: Channel::ALL.map(|channel| (channel, shop.cost_of(channel))).into(),
        }
    }

    pub fn cost_of(&self, channel: Channel) -> Money {
        self.cost.get(&channel).copied().unwrap_or(Money::ZERO)
    }
}
