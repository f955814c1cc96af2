//! Groups of equal size, and what each adds up to.

use super::{
    Function, Gives,
    Kind::Aggregate,
    Make,
    Type::{Float, Int, Number, Text},
    arg, example, member, words,
};
use crate::aggregates::Tiles;

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "tiles",
    kind: Aggregate,
    takes: &[
        arg("groups", Int, "いくつに分けるか（全行で同じ値）", "how many groups, the same in every row"),
        arg("value", Number, "並べる値（大きいものが先）", "what rows are ordered by, the largest first"),
        arg("id", Text, "同じ値を分ける順", "what parts rows of equal value"),
        arg("measure", Int, "グループごとに平均する値", "what is averaged over each group"),
    ],
    gives: Gives::Each(&[
        member("tile", Int, "グループの番号（1が上位）", "the number of the group, 1 is the best"),
        member("count", Int, "行数", "its rows"),
        member("total", Number, "値の合計", "the sum of their values"),
        member("least", Number, "値の最小", "the least of them"),
        member("most", Number, "値の最大", "the greatest of them"),
        member("mean", Float, "measureの平均", "the mean of the measure"),
    ]),
    says: words(
        "値の大きい順に同じ人数のグループに分け、グループごとの合計を返す。`ntile`で番号を付けて集計するのと同じ結果で、全行を並べ替えない。",
        "Groups of equal size by value, and what each adds up to: what `ntile` and a sum per tile give, without sorting every row.",
    ),
    nulls: words(
        "値が空値の行は数えない。行数より多いグループは空になり、返さない。measureがすべて空値なら平均は空値。",
        "Rows without a value are left out. Groups past the number of rows would be empty and are not given. The mean is null where no row \
         has the measure.",
    ),
    source: "NTILE of ISO 9075: the first groups have one row more where they cannot be equal",
    examples: &[example(
        "SELECT tile['tile'] AS tile, tile['count'] AS buyers, CAST(tile['total'] AS BIGINT) AS net, tile['mean'] AS days FROM (SELECT unnest(tiles(2, net, id, \
         days)) AS tile FROM (VALUES ('a', 100, 5), ('b', 900, 1), ('c', 900, 2)) AS buyer (id, net, days)) AS tiled ORDER BY 1",
        "1 | 2 | 1800 | 1.5\n2 | 1 | 100 | 5",
    )],
    make: Make::Aggregate(|_| Tiles::default().into()),
}];
