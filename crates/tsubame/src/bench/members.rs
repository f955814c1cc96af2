//! A shop for the benches that plan and send: so many members, each with addresses, permissions and one order.
//!
//! The files of members and orders are made up; all that follows is what an import of a real shop does: reading, sealing addresses, the
//! journal, the lake, and the values that are kept per customer.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use chrono::{NaiveDate, TimeDelta};
use model::{Channel, Instant, ShopZone};

use crate::{
    clock::Clock,
    fault::{Exit, Fault},
    jobs::{
        facts::keep_if_landed,
        import::{import, mapping_text},
    },
    progress::Progress,
    workspace::{Access, Workspace},
};

/// What telephone numbers are enough for.
pub const MEMBERS_MAX: u64 = 9_000_000;
/// The segment of everybody.
pub const SEGMENT: &str = "everybody";
/// The days over which the orders lie, the last of them some days before the shop's today.
const DAYS: u64 = 1_085;
const LAST_DAY: u32 = 20;

const SEGMENT_SQL: &str = "-- Everybody who has bought\n--\n-- For a bench.\n--\n-- column customer_id text ja:\"会員ID\" en:\"Customer\"\n\
    SELECT customer_id FROM customer_facts WHERE orders > 0\n";
const LEGAL: &str = "\n[legal]\nsender_name = \"つばめ茶舗\"\npostal_address = \"〒000-0000 架空県つばめ市茶町1-1\"\n\
    contact = \"support@shop.example.jp\"\nunsubscribe_url = \"https://shop.example.jp/unsubscribe\"\n";
/// Words of about a kilobyte, as they are written.
const MESSAGE: &str = r#"[email]
subject = "季節のお茶のご案内"
body = """
{{ name }}様

いつも{{ shop.name }}をご利用いただきありがとうございます。
この季節のお茶が入りました。渋みの少ない若い葉を、低めの温度でゆっくり淹れてお楽しみください。
前回お求めのお茶とあわせてお飲みいただくと、香りの違いがよく分かります。
淹れ方や保存のご相談は、このメールの連絡先までお気軽にお寄せください。

{{ link }}

――――――――――
{{ shop.sender_name }}
{{ shop.postal_address }}
お問い合わせ: {{ shop.contact }}
配信停止: {{ unsubscribe_url }}
"""

[line]
body = """
{{ name }}様、この季節のお茶が入りました。
{{ link }}

{{ shop.name }} 配信停止: {{ unsubscribe_url }}"""

[sms]
body = "季節のお茶が入りました。 {{ link }} {{ shop.sender_name }} 停止: {{ unsubscribe_url }}"
"#;

/// Whether a member has consented to e-mail, LINE and SMS.
pub type Consents = fn(u64) -> [bool; 3];

/// A time of July 2026 in the shop's zone; the shop is made on the first at nine.
pub fn at(day: u32, hour: u32, minute: u32) -> Instant {
    let local = NaiveDate::from_ymd_opt(2026, 7, day).and_then(|day| day.and_hms_opt(hour, minute, 0));
    ShopZone::tokyo().instant(local.expect("a time of July"))
}

/// Where a member is written to, as the vault has it.
pub fn address(channel: Channel, member: u64) -> String {
    match channel {
        Channel::Line => format!("U{member:032x}"),
        Channel::Sms => format!("+81901{member:07}"),
        _ => format!("m{member:07}@mail.example"),
    }
}

/// Makes a shop in `folder` by these settings and files, beside what every such shop has.
pub async fn make(
    folder: &Path,
    members: u64,
    consents: Consents,
    settings: &str,
    files: &[(String, String)],
) -> Result<(), Fault> {
    write(folder, "tsubame.toml", &format!("name = \"つばめ茶舗\"\n{settings}{LEGAL}"))?;
    write(folder, "messages/news.toml", MESSAGE)?;
    write(folder, &format!("queries/segments/{SEGMENT}.sql"), SEGMENT_SQL)?;
    for (path, text) in files {
        write(folder, path, text)?;
    }
    let (customers, orders) = (folder.join("customers.csv"), folder.join("orders.csv"));
    let could_not = |source| Fault::io(format!("could not write into {}", folder.display()), source);
    write_customers(&customers, members, consents).map_err(could_not)?;
    write_orders(&orders, members).map_err(could_not)?;
    let workspace = Workspace::open(folder, Clock::logical(at(1, 9, 0)), Access::Write).await?;
    bring_in(&workspace, customers, "demo-customers").await?;
    bring_in(&workspace, orders, "demo-orders").await?;
    keep_if_landed(&workspace, workspace.now()).await?;
    workspace.state.close().await;
    Ok(())
}

/// A file of a shop, with the folders above it.
pub fn write(folder: &Path, path: &str, text: &str) -> Result<(), Fault> {
    let path = folder.join(path);
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(&path, text))
        .map_err(|source| Fault::io(format!("could not write {}", path.display()), source))
}

async fn bring_in(workspace: &Workspace, file: PathBuf, mapping: &str) -> Result<(), Fault> {
    let (name, text) = mapping_text(&workspace.folder, mapping)?;
    let bytes = std::fs::metadata(&file).map_or(0, |data| data.len());
    let progress = Progress::of_file(&format!("importing {}", file.display()), bytes);
    let report = import(workspace, &file, &name, &text, &progress).await?;
    progress.finish(&format!("{} rows", report.rows));
    match report.rejected {
        0 => Ok(()),
        rejected => Err(Fault::new(Exit::Data, format!("{rejected} rows of {} were rejected", file.display()))),
    }
}

fn write_customers(path: &Path, members: u64, consents: Consents) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(
        file,
        "会員ID,氏名,メールアドレス,電話番号,LINE ID,性別,誕生日,都道府県,登録日,流入元,メール同意,LINE同意,SMS同意,同意日時"
    )?;
    for member in 0..members {
        let (email, line) = (address(Channel::Email, member), address(Channel::Line, member));
        let [by_email, by_line, by_sms] = consents(member).map(u8::from);
        writeln!(
            file,
            "m{member:07},茶々,{email},0901{member:07},{line},,,,2023-01-31,,{by_email},{by_line},{by_sms},2023-01-31 00:00:00"
        )?;
    }
    file.flush()
}

fn write_orders(path: &Path, members: u64) -> std::io::Result<()> {
    let last = NaiveDate::from_ymd_opt(2026, 6, LAST_DAY).expect("a day of June");
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(
        file,
        "注文番号,会員ID,受注日,対応状況,小計,値引き,送料,税金,合計,返金額,クーポン,販売経路,定期契約番号,定期回数,配信ID,商品コード,商品名,カテゴリ,単価,数量"
    )?;
    for member in 0..members {
        // Steps that share no divisor with what they go round in: days and prices are spread evenly.
        let day = last - TimeDelta::days((member * 787 % DAYS) as i64);
        let price = 1_000 + 10 * (member * 7_919 % 899);
        let (tax, total) = (price / 10, price + price / 10);
        let product = member % 40;
        writeln!(
            file,
            "o{member:07},m{member:07},{day} 12:00:00,発送済,{price},0,0,{tax},{total},0,,,,,,tea-{product},煎茶,茶,{price},1"
        )?;
    }
    file.flush()
}
