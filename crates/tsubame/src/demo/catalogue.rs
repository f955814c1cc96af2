//! What つばめ茶舗 sells: tea, sweets and what goes with them, at prices from a biscuit to an iron kettle.

use super::draw::{Draws, cumulative};

#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    pub code: String,
    pub name: &'static str,
    pub category: &'static str,
    /// Yen without tax.
    pub price: i64,
    /// 8 for food, 10 for the rest.
    pub tax_percent: i64,
    /// Comes by subscription (定期).
    pub subscribable: bool,
}

/// The category whose goods are given away, most of all in July and December.
const GIFTS: &str = "ギフト";

#[derive(Debug)]
pub struct Catalogue {
    products: Vec<Product>,
    ordinary: Vec<f64>,
    gift_season: Vec<f64>,
    subscribable: Vec<usize>,
}

impl Catalogue {
    pub fn new() -> Self {
        let mut products = Vec::new();
        let (mut ordinary, mut gift_season) = (Vec::new(), Vec::new());
        for (letter, category, weight, tax_percent, goods) in SHELVES {
            for (index, (name, price)) in goods.iter().enumerate() {
                // Within a shelf a few goods sell most, and cheap ones more than dear ones.
                let popularity = weight / (index + 1) as f64 / (*price as f64).sqrt();
                ordinary.push(popularity);
                gift_season.push(if category == GIFTS { popularity * 5.0 } else { popularity });
                products.push(Product {
                    code: format!("{letter}{:03}", index + 1),
                    name,
                    category,
                    price: *price,
                    tax_percent,
                    subscribable: index < 3 && matches!(letter, 'S' | 'H' | 'B' | 'K'),
                });
            }
        }
        let subscribable = (0..products.len()).filter(|index| products[*index].subscribable).collect();
        Catalogue { products, ordinary: cumulative(ordinary), gift_season: cumulative(gift_season), subscribable }
    }

    /// Something people buy or look at; in a gift month, gifts.
    pub fn any(&self, gift_month: bool, draws: &mut Draws) -> &Product {
        &self.products[draws.weighted(if gift_month { &self.gift_season } else { &self.ordinary })]
    }

    /// The product of a subscription.
    pub fn subscription(&self, draws: &mut Draws) -> &Product {
        &self.products[*draws.pick(&self.subscribable)]
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Catalogue::new()
    }
}

type Shelf = (char, &'static str, f64, i64, [(&'static str, i64); 10]);

const SHELVES: [Shelf; 8] = [
    (
        'S',
        "煎茶",
        6.0,
        8,
        [
            ("やぶきた煎茶 100g", 1200),
            ("深蒸し煎茶 100g", 1500),
            ("茎茶 200g", 1000),
            ("新茶 八十八夜 100g", 2000),
            ("粉茶 お徳用 300g", 980),
            ("有機煎茶 80g", 1800),
            ("さえみどり 100g", 2400),
            ("玄米茶 200g", 780),
            ("手摘み煎茶 50g", 3600),
            ("品評会出品茶 100g", 10800),
        ],
    ),
    (
        'G',
        "玉露・抹茶",
        2.5,
        8,
        [
            ("抹茶 白鷺 30g", 1600),
            ("抹茶 燕の昔 30g", 2800),
            ("玉露 雫 50g", 2500),
            ("かぶせ茶 100g", 2000),
            ("抹茶ラテの素 200g", 1300),
            ("雁ヶ音 100g", 1700),
            ("玉露 手摘み 50g", 5400),
            ("碾茶 30g", 1900),
            ("抹茶 濃茶用 20g", 4800),
            ("玉露 特選 桐箱 100g", 16200),
        ],
    ),
    (
        'H',
        "ほうじ茶",
        5.0,
        8,
        [
            ("ほうじ茶 浅炒り 150g", 860),
            ("ほうじ茶 深炒り 150g", 860),
            ("加賀風 棒茶 100g", 980),
            ("ほうじ茶ラテの素 200g", 1200),
            ("番茶 300g", 720),
            ("三年番茶 200g", 1400),
            ("ほうじ茶パウダー 80g", 1100),
            ("雁ヶ音ほうじ茶 100g", 1300),
            ("燻し番茶 150g", 1000),
            ("ほうじ玉露 60g", 2600),
        ],
    ),
    (
        'K',
        "紅茶・烏龍茶",
        3.0,
        8,
        [
            ("和紅茶 べにふうき 80g", 1300),
            ("和紅茶 ティーバッグ 15個", 980),
            ("ジャスミン茶 100g", 900),
            ("柚子紅茶 10個", 850),
            ("凍頂烏龍茶 80g", 2200),
            ("和烏龍茶 60g", 1600),
            ("桜の和紅茶 10個", 950),
            ("東方美人 50g", 4200),
            ("燻製紅茶 60g", 2000),
            ("水出し烏龍 10個", 880),
        ],
    ),
    (
        'B',
        "ティーバッグ",
        6.0,
        8,
        [
            ("煎茶ティーバッグ 30個", 1100),
            ("ほうじ茶ティーバッグ 30個", 980),
            ("水出し緑茶 20個", 880),
            ("玄米茶ティーバッグ 30個", 900),
            ("麦茶 国産 40個", 640),
            ("抹茶入り玄米茶 20個", 960),
            ("黒豆茶 15個", 780),
            ("そば茶 20個", 720),
            ("カフェインレス緑茶 15個", 1200),
            ("飲み比べ 12種", 1800),
        ],
    ),
    (
        'W',
        "菓子",
        5.5,
        8,
        [
            ("抹茶クッキー 8枚", 780),
            ("ほうじ茶フィナンシェ 5個", 1250),
            ("豆大福 4個", 960),
            ("抹茶カステラ", 1480),
            ("栗羊羹", 1900),
            ("かりんとう", 390),
            ("最中 6個", 1320),
            ("抹茶生チョコレート", 1680),
            ("金平糖 小瓶", 540),
            ("抹茶テリーヌ", 3200),
        ],
    ),
    (
        'U',
        "茶器",
        1.2,
        10,
        [
            ("茶こし", 650),
            ("ガラスのフィルターボトル", 2400),
            ("急須 常滑 360ml", 4800),
            ("湯呑 二客", 3200),
            ("茶筒", 2800),
            ("茶筅", 3600),
            ("抹茶碗", 6800),
            ("急須 萬古 黒", 7800),
            ("銅の茶筒", 18000),
            ("鉄瓶", 38000),
        ],
    ),
    (
        'F',
        "ギフト",
        2.0,
        8,
        [
            ("茶と菓子の詰合せ 小", 2500),
            ("茶と菓子の詰合せ 中", 3800),
            ("煎茶二本詰 化粧箱", 3000),
            ("茶と菓子の詰合せ 大", 5400),
            ("水出し茶の夏ギフト", 3300),
            ("ドリップティー十種", 2200),
            ("玉露と煎茶 桐箱", 8800),
            ("冬の茶菓ギフト", 4200),
            ("選べるカタログギフト 茶", 11000),
            ("特選詰合せ 三段重", 32000),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_products_with_prices_of_a_long_tail() {
        let catalogue = Catalogue::new();
        let mut prices: Vec<i64> = catalogue.products.iter().map(|product| product.price).collect();
        prices.sort_unstable();
        assert_eq!((prices.len(), prices[0], prices[79]), (80, 390, 38_000));
        assert!(prices.iter().sum::<i64>() / 80 > prices[40] * 3 / 2, "the mean is well above the median");
        let codes: std::collections::BTreeSet<&str> = catalogue.products.iter().map(|product| product.code.as_str()).collect();
        assert_eq!(codes.len(), 80);
    }
}
