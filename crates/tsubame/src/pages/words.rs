//! The words of the pages in Japanese and English, those that no query header or dashboard file gives.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    Ja,
    En,
}

impl Lang {
    pub fn name(self) -> &'static str {
        match self {
            Lang::Ja => "ja",
            Lang::En => "en",
        }
    }

    pub fn parse(name: &str) -> Option<Lang> {
        match name {
            "ja" => Some(Lang::Ja),
            "en" => Some(Lang::En),
            _ => None,
        }
    }

    pub fn other(self) -> Lang {
        match self {
            Lang::Ja => Lang::En,
            Lang::En => Lang::Ja,
        }
    }

    /// The better liked of the two in an `Accept-Language` header; Japanese where it names neither.
    pub fn accepted(header: &str) -> Lang {
        let mut best = (0.0, Lang::Ja);
        for part in header.split(',') {
            let mut fields = part.split(';').map(str::trim);
            let tag = fields.next().unwrap_or_default().to_ascii_lowercase();
            let weight = fields.find_map(|field| field.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f64>().unwrap_or(0.0));
            if let Some(lang) = Lang::parse(tag.split('-').next().unwrap_or_default())
                && weight > best.0
            {
                best = (weight, lang);
            }
        }
        best.1
    }
}

/// A word or sentence in both languages; `{0}`, `{1}` … are holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub ja: &'static str,
    pub en: &'static str,
}

impl Word {
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Ja => self.ja,
            Lang::En => self.en,
        }
    }

    pub fn fill(self, lang: Lang, parts: &[&str]) -> String {
        let mut rest = self.get(lang);
        let mut out = String::new();
        // One pass, so that a part which looks like a hole stays as it is.
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            match after.split_once('}').and_then(|(hole, tail)| Some((parts.get(hole.parse::<usize>().ok()?)?, tail))) {
                Some((part, tail)) => {
                    out.push_str(part);
                    rest = tail;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out + rest
    }
}

macro_rules! words {
    ($($name:ident: $ja:literal, $en:literal;)*) => {
        $(pub const $name: Word = Word { ja: $ja, en: $en };)*

        #[cfg(test)]
        const ALL: &[(&str, Word)] = &[$((stringify!($name), $name)),*];
    };
}

words! {
    YES: "はい", "Yes";
    NO: "いいえ", "No";
    POINTS: "pt", "pp";
    JUST_NOW: "たった今", "just now";
    MINUTES_AGO: "{0}分前", "{0} min ago";
    HOURS_AGO: "{0}時間前", "{0} h ago";
    DAYS_AGO: "{0}日前", "{0} days ago";

    NO_DATA: "まだデータがありません", "No data yet";
    NO_DATA_REMEDY: "期間や条件を広げるか、注文データを取り込んでください。", "Widen the period or the conditions, or import orders.";
    IMPORT_ORDERS: "注文CSVを取り込む", "Import orders from CSV";
    IMMATURE: "観察期間が足りない", "not yet mature";
    CHART_LABEL: "{0}(図、{1}点。同じ数値の表が下にあります)", "{0} (chart of {1} points; the same numbers are in the table below)";
    AXES: "{0}({1}ごと)", "{0} · {1}";
    AXES_GRID: "{0}(縦: {1}、横: {2})", "{0} (down: {1}, across: {2})";
    OF_STEP_BEFORE: "(前の段階から)", "of the step before";
    UP: "上がった", "up";
    DOWN: "下がった", "down";
    UNCLEAR: "差は不明", "inconclusive";
    INTERVAL_95: "95%区間", "95 % interval";
    AGAINST: "({0} 比)", "vs {0}";

    TABLE: "表で見る", "Show as table";
    ROWS: "{0}行", "rows: {0}";
    MORE_ROWS: "先頭の{0}行です。全{1}行はCSVにあります。", "The first {0} of {1} rows; the CSV has all of them.";
    CSV: "CSV", "CSV";
    CSV_TITLE: "{0} をCSVで保存", "Save {0} as CSV";
    SQL: "SQLを見る", "Show the SQL";
    PANEL_FAILED: "このパネルは表示できません", "This panel cannot be shown";
    REMEDY: "対処", "What to do";
    APPLY: "適用", "Apply";

    SEGMENTS: "セグメント", "Segments";
    SEGMENTS_INTRO: "自店のセグメントと、シナリオや出力で使うセグメントの該当者は毎晩保存されます。増減は前の晩との差です。", "The members of the shop's own segments, and of those that scenarios and exports use, are saved every night; what changed is since the night before.";
    SEGMENT: "セグメント", "Segment";
    SEGMENT_MEMBERS: "人数", "Members";
    SEGMENT_CHANGE: "前の晩から", "Since the night before";
    SEGMENT_CAME_LEFT: "+{0} / −{1}", "+{0} / −{1}";
    SEGMENT_AS_OF: "時点", "As of";
    SEGMENT_EXPORTED: "最終出力", "Last export";
    SEGMENT_USED_BY: "利用先", "Used by";
    SEGMENT_USED_SCENARIO: "シナリオ {0}", "scenario {0}";
    SEGMENT_USED_EXPORT: "出力 {0}", "export {0}";
    SEGMENT_USED_SEGMENT: "セグメント {0}", "segment {0}";
    SEGMENT_NOT_SAVED: "未保存(自店のものと利用中のものが毎晩保存されます)", "Not saved (the shop's own and those in use are, every night)";
    SEGMENT_EXPORT: "現在の該当者をCSVで保存", "Save today's members as CSV";
    SEGMENT_DEFINITION: "定義(実行されるSQL)", "Definition (the SQL it runs)";
    SEGMENT_SIZE: "人数の推移", "Size over time";
    SEGMENT_OVERLAP: "他のセグメントとの重複", "Overlap with other segments";
    SEGMENT_SAMPLE: "該当者の例(IDは一部だけ表示)", "Some of its members (a part of each id)";
    SEGMENT_EXPLAIN: "この会員はなぜ該当する・しない?", "Why is a customer in it, or not?";
    SEGMENT_CUSTOMER: "会員ID", "Customer";
    SEGMENT_ASK: "調べる", "Explain";
    SEGMENT_IS_IN: "該当します", "In the segment";
    SEGMENT_IS_OUT: "該当しません", "Not in the segment";
    SEGMENT_NOT_ONE_CONDITION: "定義が1つの条件ではない(和集合・集計・件数制限)ため、条件ごとには示せません。", "Its definition is not one condition on rows (a union, a grouping or a limit), so no clause can be named.";
    SEGMENT_BACK_TEST: "過去の夜で試す", "Test on past nights";
    SEGMENT_BACK_TEST_NOTE: "毎晩の人数と、その後に該当者とそれ以外の会員が買った額を比べます。両者は条件以外でも異なるため、効果(増分)ではありません。", "The size of each night, and what members and everybody else bought in the time after. That is no lift: the two differ in more than the condition.";
    SEGMENT_FROM: "最初の夜", "First night";
    SEGMENT_TO: "最後の夜", "Last night";
    SEGMENT_WINDOW: "その後の日数", "Days after";
    SEGMENT_TEST: "試す", "Test";
    SEGMENT_BACK: "セグメントに戻る", "Back to the segment";
    SEGMENT_OUTCOME: "その後の購入(完了した夜の合計)", "Bought in the time after (all nights whose window is over)";
    SEGMENT_NIGHTS: "夜ごとの結果", "Night by night";
    SEGMENT_AS_KNOWN: "当時の情報", "As known";
    SEGMENT_AS_HAPPENED: "後から届いた情報を含む", "As happened";
    SEGMENT_IN: "該当者", "Members";
    SEGMENT_OTHERS: "それ以外の会員", "Everybody else";

    SEGMENT_FORM: "条件でセグメントを作る", "Build a segment from conditions";
    SEGMENT_FORM_NEW: "条件で新しく作る", "Build a new one from conditions";
    SEGMENT_FORM_EDIT: "条件を編集", "Edit its conditions";
    SEGMENT_FORM_INTRO: "条件を並べると、実行されるSQLと該当人数を確かめられます。", "List conditions, and see the SQL they stand for and how many customers fulfil them.";
    SEGMENT_FORM_NAME: "名前(英小文字・数字・_)", "Name (a-z, 0-9, _)";
    SEGMENT_FORM_TITLE_JA: "名称(日本語)", "Title (Japanese)";
    SEGMENT_FORM_TITLE_EN: "名称(英語)", "Title (English)";
    SEGMENT_FORM_MATCH: "条件の結び方", "Conditions are joined by";
    SEGMENT_FORM_ALL: "すべてに当てはまる", "all of them";
    SEGMENT_FORM_ANY: "いずれかに当てはまる", "any of them";
    SEGMENT_FORM_GROUP: "グループ", "Group";
    SEGMENT_FORM_NOT: "当てはまらない", "Does not hold";
    SEGMENT_FORM_COMPARISON: "比較", "Comparison";
    SEGMENT_FORM_VALUE: "値", "Value";
    SEGMENT_FORM_ATTRIBUTE: "項目", "Attribute";
    SEGMENT_FORM_ADD: "条件を追加", "Add a condition";
    SEGMENT_FORM_REMOVE: "削除", "Remove";
    SEGMENT_FORM_PREVIEW: "確認", "Preview";
    SEGMENT_FORM_SAVE: "保存", "Save";
    SEGMENT_FORM_NOTE: "複数の値や範囲は「1, 9」のように区切ります。同じグループの条件は、全体とは逆の結び方(すべて⇔いずれか)でまとめられます。", "Separate several values, or the two ends of a range, by commas: 1, 9. Conditions of one group are joined the other way than the whole (all or any).";
    SEGMENT_FORM_COUNT: "{0}人が該当します", "{0} customers are in it";
    SEGMENT_FORM_SAVED: "{0} に保存しました。次の起動から使えます。", "Saved as {0}. It can be used from the next start on.";
    SEGMENT_FORM_BAD_NAME: "この名前は使えません", "This name cannot be used";
    SEGMENT_FORM_BAD_NAME_REMEDY: "英小文字・数字・_で64文字までにしてください", "write up to 64 of a-z, 0-9 and _";
    SEGMENT_FORM_TAKEN: "同じ名前のSQLのセグメントがあります", "There is a segment of this name that is SQL";
    SEGMENT_FORM_TAKEN_REMEDY: "別の名前にしてください", "choose another name";
    COMPARE_IS: "が", "is";
    COMPARE_EQUALS: "等しい", "equals";
    COMPARE_NOT_EQUALS: "等しくない", "does not equal";
    COMPARE_AT_LEAST: "以上", "at least";
    COMPARE_AT_MOST: "以下", "at most";
    COMPARE_MORE_THAN: "より大きい", "more than";
    COMPARE_LESS_THAN: "より小さい", "less than";
    COMPARE_BETWEEN: "の範囲", "between";
    COMPARE_ONE_OF: "のいずれか", "one of";
    COMPARE_NONE_OF: "のいずれでもない", "none of";
    COMPARE_CONTAINS: "を含む", "contains";
    COMPARE_STARTS_WITH: "で始まる", "starts with";
    COMPARE_DAYS_AGO_AT_LEAST: "日以上前", "at least so many days ago";
    COMPARE_DAYS_AGO_AT_MOST: "日以内", "at most so many days ago";
    COMPARE_KNOWN: "が分かっている(はい・いいえ)", "is known (yes or no)";

    SKIP: "本文へ", "Skip to content";
    NAVIGATION: "ページ", "Pages";
    IMPORT: "データ取込", "Import";
    IDENTITY: "名寄せ", "Who is who";
    IDENTITY_NOTE: "LINE連携が同じ人と、メールアドレスが同じゲスト購入と会員は自動で統合されます。電話番号や住所が同じだけの人は、ご家族かもしれないので、ここで人が決めます。統合すると会員（同じ場合は登録の古い方）のIDが残り、いつでも元に戻せます。", "Customers with the same LINE link, and guest and member of one e-mail address, are merged by themselves. Those who share only a phone or a postal address may be a family: a person decides here. The member's id remains, else the older one, and every merge can be undone.";
    PROPOSED: "同じ人かもしれない組：{0}件", "May be one person: {0}";
    NOTHING_PROPOSED: "確認を待っている組はありません。", "Nobody is waiting to be looked at.";
    FIRST_SHOWN: "先頭の{0}件を表示しています。", "The first {0} are shown.";
    MERGED: "統合済み：{0}件", "Merged: {0}";
    NOBODY_MERGED: "まだ誰も統合されていません。", "Nobody has been merged yet.";
    MERGE: "統合する", "Merge";
    KEEP_APART: "別人のままにする", "Keep apart";
    UNDO: "元に戻す", "Undo";
    REASON: "理由", "Reason";
    MERGED_CUSTOMER: "統合前の会員ID", "Merged customer";
    SURVIVOR: "統合先", "Survivor";
    MERGED_FOR: "根拠", "Ground";
    MERGED_AT: "統合日時", "Merged at";
    MERGED_BY: "決めた人・取得元", "By";
    REGISTERED_ON: "会員登録日", "Registered on";
    NET_REVENUE: "純売上", "Net revenue";
    GENDER: "性別", "Gender";
    BIRTHDAY: "誕生日", "Birthday";
    PREFECTURE: "都道府県", "Prefecture";
    FIRST_PURCHASE: "初回購入日", "First purchase";
    LAST_PURCHASE: "最終購入日", "Last purchase";
    LAST_IMPORT: "最終取込", "Last import";
    NEVER_IMPORTED: "取込なし", "nothing imported";
    STALE: "更新が止まっています", "data is stale";
    SIGN_OUT: "ログアウト", "Sign out";
    SIGN_IN: "ログイン", "Sign in";
    OTHER_LANGUAGE: "English", "日本語";
    TAGLINE: "ECの分析・実験・配信", "Analytics, experiments and messages for online shops";

    USER_NAME: "ユーザー名", "User name";
    PASSWORD: "パスワード", "Password";
    SIGN_IN_FAILED: "ユーザー名かパスワードが違います。", "The user name or the password is wrong.";
    SIGN_IN_WAIT: "失敗が続いたため、{0}秒後にもう一度お試しください。", "Too many failures: try again in {0} seconds.";
    FIRST_PASSWORD: "最初のパスワードは、初回起動時に端末へ一度だけ表示されます。", "The first password is printed once in the terminal when the server first starts.";

    DROP_FILE: "注文のファイルをここにドロップ、または選択", "Drop a file of orders here, or choose one";
    DROP_HINT: "CSV・TSV（UTF-8・Shift_JIS(CP932)・EUC-JP）、Excel（xlsx・xls）、NDJSON、Parquet、{0} MB まで。列は自動で推定し、取り込む前に確認できます。", "CSV or TSV (UTF-8, Shift_JIS (CP932) or EUC-JP), Excel (xlsx, xls), NDJSON or Parquet, up to {0} MB. Columns are guessed, and you check them before anything is imported.";
    PREVIEW: "内容を確認", "Preview";
    IMPORT_TITLE: "注文データの取込", "Import orders";
    IMPORT_NOTHING_LOST: "読めない行は捨てずに、理由とともに残します。同じファイルをもう一度取り込んでも、注文は二重になりません。", "Rows that cannot be read are kept with the reason. Importing the same file twice does not double any order.";
    PREVIEW_TITLE: "取込内容の確認", "Check before importing";
    FILE: "ファイル", "File";
    ENCODING: "文字コード", "Encoding";
    DELIMITER: "区切り", "Separator";
    COLUMN: "列", "Column";
    FIELD: "意味", "Meaning";
    CONFIDENCE: "確からしさ", "Confidence";
    SAMPLE: "例", "Examples";
    NOT_USED: "使わない", "not used";
    SURE: "確実", "sure";
    LIKELY: "おそらく", "likely";
    DOUBTFUL: "要確認", "please check";
    PERSONAL: "個人情報(伏せて表示)", "personal (hidden here)";
    GUESSED_MAPPING: "列の対応(推定)", "Column mapping (guessed)";
    SAMPLE_ROWS: "先頭の行", "First rows";
    ORDERS: "注文", "Orders";
    ORDER_LINES: "明細", "Order lines";
    CUSTOMERS: "会員", "Customers";
    NET_SALES: "純売上", "Net sales";
    PERIOD: "期間", "Period";
    UNREADABLE: "読めない行", "Unreadable rows";
    MISSING_FIELDS: "必要な列が見つかりません: {0}", "Required columns were not found: {0}";
    IMPORT_NOW: "{0}件の注文を取り込む", "Import {0} orders";
    CHOOSE_OTHER: "別のファイルを選ぶ", "Choose another file";
    UPDATE_PREVIEW: "対応を変えて確認し直す", "Check again with this mapping";
    RESULT_TITLE: "取込の結果", "Import finished";
    IMPORTED: "取り込みました", "Imported";
    NEW_ORDERS: "新しい注文", "New orders";
    KNOWN_ORDERS: "取込済みの注文", "Known already";
    REJECTED: "取り込めなかった行", "Rejected rows";
    LINE: "行", "Line";
    QUARANTINE: "受信エラー", "Quarantine";
    QUARANTINE_TITLE: "取り込めなかったデータ", "What could not be taken";
    QUARANTINE_NOTE: "取り込めなかったイベントと行は、理由とともに暗号化して30日間保管します。原因を直してから「もう一度受け付ける」を押すと、届いた順に同じ入口を通ります。二重になることはありません。元の内容は「tsubame quarantine show 番号」で見られます。", "Events and lines that could not be taken are kept sealed for 30 days, with the reason. Mend the cause and press “Take again”: they go through the same door in the order they came, and nothing is counted twice. `tsubame quarantine show ID` shows one as it came.";
    QUARANTINE_EMPTY: "取り込めなかったデータはありません。", "There is nothing that could not be taken.";
    QUARANTINE_DONE: "{0}件を取り込みました。{1}件はまだ取り込めません。{2}件はファイルの行です（ファイルを直してもう一度取り込んでください）。", "{0} were taken, {1} are refused still, {2} are lines of files (mend the file and import it again).";
    QUARANTINE_SOURCE: "取得元", "Source";
    QUARANTINE_CODE: "種類", "Code";
    QUARANTINE_COUNT: "件数", "Letters";
    QUARANTINE_LAST: "最後に届いた日時", "Last arrived";
    QUARANTINE_ID: "番号", "ID";
    QUARANTINE_AT: "届いた日時", "Arrived";
    QUARANTINE_PREVIEW: "内容（伏せ字）", "Content (masked)";
    QUARANTINE_NEWEST: "最近の{0}件", "The last {0}";
    REPLAY: "もう一度受け付ける", "Take again";
    ALL_REJECTS: "取り込めなかった行をすべて見る", "See every rejected row";
    LOOK_AT: "さっそく見る", "Look at it";

    NOT_FOUND: "ページが見つかりません", "Page not found";
    NOT_FOUND_REMEDY: "アドレスが変わったか、ダッシュボードのファイルが削除された可能性があります。左のページ一覧から選んでください。", "The address may have changed, or the dashboard's file was removed. Choose a page from the list.";
    FORBIDDEN: "この操作は許可されていません", "You may not do this";
    FORBIDDEN_REMEDY: "ページを開き直してからもう一度お試しください。続く場合は、管理者に権限を確認してください。", "Open the page again and retry. If it goes on, ask an administrator about your role.";
    FAILED: "エラーが起きました", "Something went wrong";
    FAILED_REMEDY: "もう一度お試しください。続く場合は、下の番号をサーバーの記録で探してください。データは失われていません。", "Try again. If it goes on, look for the number below in the server's log. No data was lost.";
    BAD_REQUEST: "リクエストを読めませんでした", "The request could not be read";
    INCIDENT: "番号", "Number";
    BACK_HOME: "最初のページへ", "To the first page";

    VALUE_TITLE: "この施策の価値", "What this scenario is worth";
    SENT: "配信数", "Sent";
    COST: "配信費用", "Cost";
    COST_UNKNOWN: "単価未設定", "no price set";
    ATTRIBUTED: "貢献売上", "Attributed";
    ATTRIBUTED_NOTE: "{0}。配信に触れた注文の売上で、配信が増やした売上とは限りません。", "{0}. Sales of orders touched by a message, not necessarily sales it added.";
    ADDED: "増えた売上", "Added";
    ADDED_NOTE: "対象の {0}人を、配信しないでおいた {1}人と比べた差", "{0} people in the scenario, against {1} held out";
    HOLDOUT_COST: "ホールドアウトの費用", "What the holdout cost";
    HOLDOUT_COST_NOTE: "配信しなかった {0}人にも配信していれば得られた売上", "Sales the {0} people held out would have added";
    CANNOT_SAY: "まだ言えない", "Cannot say yet";
    CANNOT_SAY_FROM: "{0} 以降に言えます", "can be said from {0}";
    CANNOT_SAY_OPEN: "いつ言えるかは、まだ分かりません", "it is not known yet from when";
    SENTENCE_UP: "この施策は売上を増やしました。", "The scenario added sales.";
    SENTENCE_DOWN: "この施策は売上を減らしました。", "The scenario took sales away.";
    SENTENCE_UNCLEAR: "売上を増やしたとも減らしたとも言えません(区間が0をまたぎます)。", "It cannot be told from zero: the interval holds both a gain and a loss.";
    BETWEEN: "{0} 〜 {1}", "{0} – {1}";

    TESTS: "サイトのテスト", "Site tests";
    TESTS_INTRO: "experiments/ に書かれたテストの一覧です。名前から結果を開きます。", "The tests of experiments/; a name leads to its results.";
    TESTS_NONE: "テストはまだありません。`tsubame experiment new 名前 > experiments/名前.toml` で雛形ができます。", "No tests yet: `tsubame experiment new NAME > experiments/NAME.toml` writes one to start from.";
    TESTS_PAST: "過去のテストのまとめ", "Past tests together";
    TESTS_MET: "配信の中のテスト", "Tests of messages";
    TESTS_BACK: "テスト一覧に戻る", "Back to the tests";
    TEST: "テスト", "Test";
    TEST_STATE: "状態", "State";
    TEST_SINCE: "開始", "Since";
    TEST_UNITS: "参加数", "Units so far";
    TEST_DECISION: "判定", "Decision";
    TEST_DRAFT: "下書き", "Draft";
    TEST_RUNNING: "実施中", "Running";
    TEST_STOPPED: "終了", "Stopped";
    TEST_WON: "終了（{0} を採用）", "Stopped, {0} is for everybody";
    TEST_DESIGN: "必要な人数を計算", "How large must a test be";
    PAST_INTRO: "終わったテストの主要指標を一つずつ数え、偶然が何件ふくまれていそうかを示します。", "The goal of each test that ended, and how many of the findings are expected to be chance.";
    PAST_COMPARED: "比べたグループ", "Variants compared";
    PAST_WON: "勝ち", "Won";
    PAST_LOST: "負け", "Lost";
    PAST_NULL_SHARE: "効果がなかったとみられる割合（Storey）", "Share that changed nothing (Storey)";
    PAST_FALSE: "有意のうち偶然とみられる件数", "Significant ones expected to be chance";
    PAST_NEXT: "次の「勝ち」が偶然である確率", "Risk that the next winner is chance";
    DECIDED_SHIP: "採用", "Ship";
    DESIGN_INTRO: "知りたい変化を見分けるのに必要な人数と期間です。", "How many units and weeks it takes to see the change worth knowing.";
    DESIGN_KIND: "指標", "Metric";
    DESIGN_RATE: "割合（購入率など）", "A rate, such as conversion";
    DESIGN_MEAN: "平均（売上など）", "A mean, such as revenue";
    DESIGN_RATE_NOW: "今の割合（%）", "Rate now (%)";
    DESIGN_MEAN_NOW: "今の平均", "Mean now";
    DESIGN_SD: "標準偏差", "Standard deviation";
    DESIGN_LIFT: "見分けたい変化（%）", "Change to see (%)";
    DESIGN_PER_DAY: "1日の参加数（全体）", "Units per day, all arms";
    DESIGN_CORRELATION: "過去との相関（CUPED）", "Correlation with the past (CUPED)";
    DESIGN_ALPHA: "有意水準（%）", "Level (%)";
    DESIGN_POWER: "検出力（%）", "Power (%)";
    DESIGN_ASK: "計算", "Compute";
    DESIGN_PER_ARM: "1群の人数", "Units per arm";
    DESIGN_TOTAL: "全体の人数", "Units in all";
    DESIGN_WEEKS: "期間（週）", "Weeks";
    DESIGN_NOTE: "2群、両側検定。曜日の偏りをなくすため、期間は週単位に切り上げます。", "Two arms, two-sided. Whole weeks, so that every weekday counts alike.";
    DESIGN_WRONG: "「{0}」の「{1}」は数ではありません。10 のように書いてください。", "{0}: `{1}` is no number; write one such as 10";
    SHIP_ARM: "採用: {0}", "Ship {0}";
    DO_NOT_SHIP: "採用しない", "Do not ship";
    KEEP_RUNNING: "継続", "Keep running";
    INVALID: "判定不能", "Not valid";
    STATUS_RUNNING: "実施中", "Running";
    STATUS_ENDED: "終了", "Ended";
    STATUS_DRAFT: "準備中", "Draft";
    DAY_COUNT: "{0}日間", "{0} days";
    ARM: "群", "Arm";
    BASELINE: "基準", "baseline";
    PLANNED_SHARE: "予定配分", "Planned share";
    EXPOSED: "対象者", "Exposed";
    CONVERSIONS: "コンバージョン", "Conversions";
    TOTAL: "合計", "Total";
    RATE: "率", "Rate";
    PER_CUSTOMER: "1人あたり", "Per customer";
    DIFFERENCE: "基準との差", "Difference";
    P_VALUE: "p値", "p-value";
    GOAL: "目標", "Goal";
    SECONDARY: "補助指標", "Secondary";
    HEALTH: "健全性", "Health";
    SRM_OK: "配分は予定どおりです", "The split is as planned";
    SRM_BAD: "配分が予定と違います。結果を読む前に原因を探してください。", "The split differs from the plan: find out why before reading any result.";
    SRM_DETAIL: "SRM検定 χ² = {0}、p {1}", "SRM test χ² = {0}, p {1}";
    GUARDRAIL: "ガードレール", "Guardrails";
    METRIC: "指標", "Metric";
    VARIANT: "変更後", "Variant";
    VERSION: "版", "Version";
    LIFT: "基準比", "Lift";
    CHANCE_TO_WIN: "勝つ確率", "Chance to win";
    SHRUNK: "控えめな推定", "shrunk";
    ANYTIME: "いつ見ても有効:", "at any look:";
    ANYTIME_NOTE: "横棒は基準比の95%区間です。「いつ見ても有効」の区間は毎日見ても誤りが増えません。判定は、始める前に決めた規則だけで行います。", "Bars are 95 % intervals of the lift. The one “at any look” stays valid however often it is looked at. Decisions follow from the rule declared before the start alone.";
    STOPPED_BY_RULE: "{0} に、テスト自身の規則で停止しました", "Stopped by its own rule on {0}";
    AT_STAKE: "今後{0}日の見込み {1}（{2}）", "next {0} days: {1} ({2})";
    DAYS_LEFT: "あと約{0}日です。", " About {0} days are left.";
    GUARD_SAFE: "安全", "safe";
    GUARD_HARM: "悪化", "harm";
    GUARD_OPEN: "未確定", "open";
    MARGIN: "許容", "margin";
    SLICES: "区分別", "By slice";
    SLICES_NOTE: "区分ごとの差は、全体として違いがある(p値)ときだけ意味があります。控えめな推定は、偶然の分を除いた値です。", "Slices mean something only where they differ as a whole (p-value); the shrunk value has chance taken off.";
    DIMENSION: "切り口", "Dimension";
    SLICE: "区分", "Slice";
    P_DIFFER: "違いのp値", "p that they differ";
    MET_SEVERAL: "複数の群に触れた人: {0}人({1})。集計から除いています。", "People who met several arms: {0} ({1}); they are left out.";
    STILL_FOLLOWED: "観測途中の人: {0}。", "Still being followed: {0}.";
    DIFFERED_BEFORE: "始まる前から差がありました: {0}", "There was a difference before the test: {0}";
    DICTIONARY: "データ辞書", "Data dictionary";
    DICTIONARY_NOTE: "SQLで問い合わせられる表です。名前から列の一覧を開けます。", "The tables that SQL can ask. A name opens its columns.";
    DICTIONARY_TABLE: "表", "Table";
    DICTIONARY_COLUMN: "列", "Column";
    DICTIONARY_COLUMNS: "列数", "Columns";
    DICTIONARY_TYPE: "型", "Type";
    DICTIONARY_LABEL: "表示名", "Label";
    DICTIONARY_SAYS: "意味", "Meaning";
    DICTIONARY_UNIT: "単位", "Unit";
    DICTIONARY_PERSONAL: "個人に関する列", "Personal";
    DICTIONARY_FROM: "元の表", "Made from";
    CONVENTIONS: "このショップの定義と既定値", "What figures mean in this shop";
    CONVENTIONS_NOTE: "今有効な値と、変える場所です。", "The values in force, and where each is changed.";
    CONVENTION_VALUE: "値", "Value";
    CONVENTION_CHANGE: "変える場所", "Where to change it";
    FUNCTIONS: "SQL関数", "SQL functions";
    FUNCTIONS_NOTE: "PostgreSQLの関数に加えて使える関数です。計算できないときは空値になり、数値の代わりは置きません。", "Functions beside PostgreSQL's. What cannot be computed is null; no number stands in for it.";
    FUNCTION_MEMBERS: "{0}(…)['名前'] で1つを取り出します。", "{0}(…)['name'] picks one of:";
    FUNCTION_SOURCE: "出典", "Source";
    DIFFERENCE_NOTE: "横棒は差の95%区間、縦線は0です。", "Bars are 95 % intervals of the difference; the vertical line is zero.";

    SQL_PAGE: "SQL", "SQL";
    SQL_TABLES: "テーブル", "Tables";
    SQL_RUN: "実行", "Run";
    SQL_KEYS: "Ctrl+Enter で実行", "Ctrl+Enter runs it";
    SQL_NOTE: "読み取り専用です。`$today` と `$as_of` はいつでも使えます。Tab で字下げ、Esc の後の Tab で次の項目へ移ります。", "It only reads. `$today` and `$as_of` are always there. Tab indents; Escape, then Tab, leaves the editor.";
    SQL_AS_OF: "時点(空欄は今)", "As of (empty: now)";
    SQL_MODE: "過去の読み方", "Reading of the past";
    SQL_AS_KNOWN: "その時点で分かっていたこと", "As known then";
    SQL_AS_HAPPENED: "後から届いた分も含む", "As it happened, with what came later";
    SQL_MASKED: "伏せ字", "masked";
    SQL_MASKED_NOTE: "個人情報の列です。許可がなければ伏せて表示します。", "A personal column: masked unless it was granted.";
    SQL_SAVE: "保存する", "Save";
    SQL_SAVE_AS: "種類", "As a";
    SQL_SEGMENT: "セグメント", "Segment";
    SQL_REPORT: "レポート", "Report";
    SQL_NAME: "名前(英小文字・数字・_)", "Name (a-z, 0-9, _)";
    SQL_TITLE: "タイトル", "Title";
    SQL_SAVE_NOW: "この SQL を保存", "Save this SQL";
    SQL_SAVED: "{0} に保存しました。次に起動したときから使えます。", "Saved as {0}; it is used from the next start on.";
    SQL_CHART: "グラフ", "Chart";
    SQL_BAR: "棒", "Bars";
    SQL_LINE: "折れ線", "Lines";
    SQL_ACROSS: "横", "Across";
    SQL_UP: "縦", "Up";
    SQL_DRAW: "描く", "Draw";
    SQL_CUT: "最初の{0}行です。すべての行は CSV か Parquet で。", "The first {0} rows; CSV and Parquet have them all.";
    SQL_NO_ROWS: "該当する行はありません。", "No rows.";
    SQL_AT: "{0}行目の{1}文字目", "Line {0}, column {1}";

    WHY: "届いた理由・届かない理由", "Why they got it, or did not";
    WHY_INTRO: "会員1人について、何をいつ送ったか、送らなかったものとその理由、次に何が来るかを言葉で答えます。シナリオを選ぶと、入っていない理由をセグメントの条件まで示します。", "For one customer: what was sent and when, what was not and why, and what comes next. With a scenario also why they are not in it, down to the clause of its segment.";
    WHY_CUSTOMER: "会員ID", "Customer id";
    WHY_SCENARIO: "シナリオ", "Scenario";
    WHY_ALL: "すべて", "All of them";
    WHY_ASK: "調べる", "Ask";
    WHY_TIMELINE: "この会員の詳細とタイムライン", "The customer's page and timeline";
    WHY_UNKNOWN: "この会員、またはこのシナリオは見つかりません。", "There is no such customer, or no such scenario.";
    WHY_UNKNOWN_REMEDY: "会員IDを確かめてください。「会員」のページで検索できます。", "Check the id; the page of customers finds it by how it begins.";

    PARKED: "結果不明の配信", "Messages of unknown outcome";
    PARKED_INTRO: "配信事業者に渡したあと返答がなく、届いたかどうかわからない配信です。二重に届かないよう自動では送り直しません。判断は担当者の名前と日時とともに記録されます。", "These were handed to a provider that did not answer, so they may have arrived. Nothing is sent again by itself. What is decided is recorded with your name and the time.";
    PARKED_NONE: "結果不明の配信はありません。", "No message is of unknown outcome.";
    PARKED_DUE: "予定日時", "Was due at";
    PARKED_HANDED: "渡した日時", "Handed over at";
    PARKED_ATTEMPTS: "渡した回数", "Times handed over";
    PARKED_WAITS: "判断の期限", "Waits until";
    PARKED_FOR_EVER: "担当者が判断するまで待つ", "somebody decides";
    PARKED_LOOK_UP: "配信事業者に問い合わせる", "Ask the provider";
    PARKED_PROVIDER_ID: "受付番号(わかれば)", "Provider's id, if known";
    PARKED_FOUND: "届いていた(受付済みにする)", "It has it: count as accepted";
    PARKED_ABSENT: "届いていない(次の配信で送る)", "It surely does not: let it leave";
    PARKED_RESEND: "もう一度送る(二重になってもよい)", "Send again, even if it arrives twice";
    PARKED_DROP: "送らない", "Let be";
    PARKED_RESENT: "もう一度送りました。結果はこの一覧か会員のページに出ます。", "It was sent again; what became of it is here or on the customer's page.";
    PARKED_DROPPED: "送らないことにしました。", "It is let be.";
    PARKED_WAS_FOUND: "配信事業者が受け付けていました。受付済みにしました。", "The provider has it: it counts as accepted.";
    PARKED_LEAVES: "次の配信で送ります。その時点の同意と停止を改めて確認します。", "It leaves with the next delivery, if consent and suppressions still allow it.";
    PARKED_CANNOT_TELL: "配信事業者に問い合わせましたが、わかりませんでした。管理画面で確かめて、下の欄に入力してください。", "The provider was asked and cannot tell. Look at its own pages, and say below what they show.";
    PARKED_NO_LOOK_UP: "この配信手段では問い合わせができません。配信事業者の管理画面で確かめて、下の欄に入力してください。", "This sender cannot ask its provider. Look at its own pages, and say below what they show.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_in_both_languages_with_the_same_holes() {
        let holes = |text: &str| (0..5).map(|hole| text.contains(&format!("{{{hole}}}"))).collect::<Vec<_>>();
        for (name, word) in ALL {
            assert!(!word.ja.is_empty() && !word.en.is_empty(), "{name}");
            assert_eq!(holes(word.ja), holes(word.en), "{name}");
        }
    }

    #[test]
    fn holes_are_filled_once() {
        let check = |parts: &[&str], expect: &str| assert_eq!(BETWEEN.fill(Lang::En, parts), expect);
        check(&["1", "2"], "1 – 2");
        check(&["{1}", "2"], "{1} – 2");
        check(&["1"], "1 – {1}");
    }

    #[test]
    fn the_language_a_browser_asks_for() {
        let check = |header: &str, expect| assert_eq!(Lang::accepted(header), expect, "{header}");
        check("en-US,en;q=0.9,ja;q=0.8", Lang::En);
        check("ja,en-US;q=0.7", Lang::Ja);
        check("fr, en;q=0.5", Lang::En);
        check("fr", Lang::Ja);
        check("", Lang::Ja);
        check("en;q=x, ja;q=0.1", Lang::Ja);
    }
}
