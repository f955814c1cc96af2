//! What each customer did, and in which order: aggregates that go over the rows once, where a window would be opened for every customer.

use super::{
    Function, Gives,
    Kind::Aggregate,
    Make,
    Type::{Bool, Date, Instant, Int},
    arg, example, optional, words,
};
use crate::aggregates::{SecondMin, WindowFunnel};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "second_min",
        kind: Aggregate,
        takes: &[arg("value", Date, "日付、日時、または整数", "dates, instants or whole numbers")],
        gives: Gives::One(Date),
        says: words(
            "異なる値のうち2番目に小さいもの。`second_min(ordered_on)`は2回目の購入日。",
            "The second smallest of the different values: `second_min(ordered_on)` is the day of the second purchase.",
        ),
        nulls: words(
            "空値の行は数えない。異なる値が2つなければ空値。",
            "Rows with a null are left out. Null where there are not two different values.",
        ),
        source: "SEMANTICS §13",
        examples: &[example(
            "SELECT second_min(day) AS second FROM (VALUES (DATE '2026-01-05'), (DATE '2026-01-05'), (DATE '2026-03-01'), \
             (DATE '2026-02-01')) AS bought (day)",
            "2026-02-01",
        )],
        make: Make::Aggregate(|_| SecondMin::default().into()),
    },
    Function {
        name: "window_funnel",
        kind: Aggregate,
        takes: &[
            arg("seconds", Int, "最初の段階から何秒以内か", "seconds from the first step within which the chain is walked"),
            arg("happened_at", Instant, "行動の日時", "when it happened"),
            arg("step_1", Bool, "その行が1番目の段階か", "whether the row is the first step"),
            optional("step_2", Bool, "none", "2番目の段階か", "the second step"),
            optional("step_3", Bool, "none", "3番目の段階か（最大16段階）", "the third, and so on: 16 at most"),
        ],
        gives: Gives::One(Int),
        says: words(
            "決まった順の段階を、最初の段階から指定秒数以内にいくつまで進んだか。途中に別の行動があってもよい。",
            "How many steps of a chain were taken in their order within so many seconds of its first; what lies between does not matter.",
        ),
        nulls: words(
            "日時が空値の行は数えない。どの段階もなければ0。",
            "Rows without a moment are left out. 0 where no step was taken.",
        ),
        source: "ClickHouse windowFunnel",
        examples: &[example(
            "SELECT window_funnel(3600, happened_at, step = 'view', step = 'cart', step = 'order') AS steps FROM (VALUES \
             (CAST('2026-01-05T10:00:00Z' AS TIMESTAMP(6) WITH TIME ZONE), 'view'), \
             (CAST('2026-01-05T10:20:00Z' AS TIMESTAMP(6) WITH TIME ZONE), 'cart'), \
             (CAST('2026-01-05T12:00:00Z' AS TIMESTAMP(6) WITH TIME ZONE), 'order')) AS walk (happened_at, step)",
            "2",
        )],
        make: Make::Aggregate(|_| WindowFunnel::default().into()),
    },
];
