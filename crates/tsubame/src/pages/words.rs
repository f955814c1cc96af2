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

    REPLAY: "過去で試す(リプレイ)", "Replay over the past";
    REPLAY_INTRO: "シナリオを有効にする前に、過去の期間で動かしていたら何通配信されたかを、本番と同じ処理で確かめます。実際の配信や店舗のデータの変更は一切ありません。", "Before a scenario is switched on: what it would have sent over past days, by the code that runs it live. Nothing is sent and nothing of the shop changes.";
    REPLAY_SCENARIO: "シナリオ", "Scenario";
    REPLAY_FROM: "開始日", "First day";
    REPLAY_TO: "終了日(この日は含まない)", "Day after the last";
    REPLAY_START: "試す", "Replay";
    REPLAY_RUNNING: "リプレイ中です: {0}%。このページは自動で更新されます。", "Replaying: {0} %. This page refreshes itself.";
    REPLAY_BUSY: "別のリプレイ({0})が進行中です: {1}%。終わりしだい始めます。このページは自動で更新されます。", "Another replay ({0}) is under way: {1} %. This one begins when it has ended. This page refreshes itself.";
    REPLAY_FAILED: "リプレイに失敗しました。原因はログにあります。", "The replay failed; the log says why.";
    REPLAY_AGAIN: "もう一度実行してください。", "Start it again.";
    REPLAY_DAILY: "日別の配信予定", "Would send, day by day";
    REPLAY_CSV: "配信予定をCSVで保存", "Save the messages as CSV";
    REPLAY_TOML: "シナリオのTOML", "The scenario's TOML";
    REPLAY_NO_SCENARIOS: "シナリオがまだありません。scenarios/ にTOMLを置いてください。", "There is no scenario yet: put a TOML file into scenarios/.";

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
    SEGMENT_FORM_DESCRIPTION_JA: "説明(日本語)", "Description (Japanese)";
    SEGMENT_FORM_DESCRIPTION_EN: "説明(英語)", "Description (English)";
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
    SEGMENT_FORM_SAVED: "{0} に保存しました。すぐに使えます。", "Saved as {0}. It can be used at once.";
    SEGMENT_FORM_BAD_NAME: "この名前は使えません", "This name cannot be used";
    SEGMENT_FORM_BAD_NAME_REMEDY: "英小文字・数字・_で64文字までにしてください", "write up to 64 of a-z, 0-9 and _";
    SEGMENT_FORM_CONFLICT: "この画面を開いたあとに、ファイルが別の場所で変更されました。保存していません。", "The file was changed elsewhere after this form was opened. Nothing was saved.";
    SEGMENT_FORM_CONFLICT_REMEDY: "新しい画面で開き直し、その内容に変更を加えてください", "open the segment anew, and make the change to what it says now";
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
    TAKE_AGAIN: "もう一度受け付ける", "Take again";
    ALL_REJECTS: "取り込めなかった行をすべて見る", "See every rejected row";
    LOOK_AT: "さっそく見る", "Look at it";

    CHANNEL_EMAIL: "メール", "e-mail";
    CHANNEL_LINE: "LINE", "LINE";
    CHANNEL_SMS: "SMS", "SMS";
    CHANNEL_WEB_PUSH: "Webプッシュ", "web push";
    CHANNEL_APP_PUSH: "アプリプッシュ", "app push";
    CHANNEL_WEBHOOK: "Webhook", "webhook";

    DESK: "シナリオの運用", "Run scenarios";
    DESK_INTRO: "シナリオを作り、文面を直し、過去で試し、承認を経て配信を始めます。数字は直近のものです。", "Make scenarios, edit their words, try them on the past, have them approved and switch them on. Figures are recent ones.";
    DESK_NEW: "用意されたシナリオから作る", "New from a ready-made one";
    DESK_NONE: "シナリオはまだありません。「用意されたシナリオから作る」から始められます。", "There are no scenarios yet. Begin with a ready-made one.";
    DESK_TO_CHARTS: "効果の一覧(グラフ)", "What they added (charts)";
    DESK_SCENARIO: "シナリオ", "Scenario";
    DESK_STATE: "状態", "State";
    DESK_SENDS: "配信数({0}日)", "Sent, {0} days";
    DESK_STOPS_OF: "見送り({0}日)", "Not sent, {0} days";
    DESK_WAYS: "操作", "Pages";
    DESK_EDIT: "編集", "Edit";
    DESK_PREVIEW: "プレビューとテスト送信", "Preview and test";
    DESK_REPLAY: "過去で試す", "Replay";
    DESK_SWITCH: "承認と配信", "Approve and switch";
    DESK_STOPS: "送らなかった理由", "Why not sent";
    DESK_MEASURED: "効果", "What it added";
    DESK_BACK: "シナリオの一覧へ", "To all scenarios";
    DESK_DRAFT: "下書き", "Draft";
    DESK_WAITING: "承認待ち", "Waiting for approval";
    DESK_APPROVED: "承認済み", "Approved";
    DESK_ON: "配信中", "On";
    DESK_HELD: "承認がないため見送り中", "Held back until approved";
    DESK_PAUSED: "一時停止中", "Paused";
    DESK_STOPPED: "停止", "Stopped";

    DESK_NEW_INTRO: "選んで名前を付けると、停止した状態の下書きができます。文面や待ち時間は次の画面で直せます。", "Choose one and name it: you get a draft that is switched off. Words and waits are edited on the next page.";
    DESK_NEEDS: "必要なもの", "What it needs";
    DESK_NAME: "名前(英小文字・数字・-)", "Name (a-z, 0-9, -)";
    DESK_LANGUAGE: "文面の言語", "Language of the messages";
    DESK_MAKE: "下書きを作る", "Make a draft";
    DESK_BAD_NAME: "「{0}」という名前は使えません。", "The name {0} cannot be used.";
    DESK_BAD_NAME_REMEDY: "英小文字で始まる、英小文字・数字・- の40文字までの名前を付けてください。", "Begin with a-z; use a-z, 0-9 and -, up to 40 characters.";
    DESK_TAKEN: "「{0}」というシナリオは既にあります。", "There is a scenario {0} already.";
    DESK_TAKEN_REMEDY: "別の名前を付けてください。", "Choose another name.";

    DESK_EDIT_TITLE: "編集: {0}", "Edit: {0}";
    DESK_SAVED: "保存しました。", "Saved.";
    DESK_SAME: "変更はありませんでした。", "Nothing was changed.";
    DESK_MADE: "下書きを作りました。まだ誰にも送られません。", "The draft is made. Nothing is sent yet.";
    DESK_NOT_SAVED: "次の問題があるため、何も保存していません。", "Nothing was saved, because of:";
    DESK_WARNINGS: "確かめてほしい点", "Please look at";
    DESK_WHAT_IT_DOES: "このシナリオの動き", "What it does";
    DESK_FORM_NOTE: "長さは 30m(30分)・3h(3時間)・2d(2日)、時刻は 10:00 のように書きます。保存すると、承認は無効になります。", "Write lengths as 30m, 3h or 2d, and times as 10:00. Saving voids an approval.";
    DESK_SAVE: "保存", "Save";
    DESK_AS_FILES: "ファイルを直接編集", "Edit the files themselves";
    DESK_AS_FILES_NOTE: "フォームと同じファイルです。コメントもそのまま残ります。", "The same files as the form's. Comments stay as they are.";
    DESK_TEXT_OF: "{0} の内容", "Text of {0}";
    DESK_SAVE_FILE: "このファイルを保存", "Save this file";
    DESK_CONFLICT: "編集中に、ほかの人がファイルを変更しました。", "Somebody else changed the file while you were editing.";
    DESK_CONFLICT_NOTE: "まだ何も保存していません。両方の内容を見比べて、どちらにするかを選んでください。下の欄は直してから保存できます。", "Nothing was saved. Compare both texts and choose; yours can be edited before it is saved.";
    DESK_THEIRS: "今のファイルの内容", "The file as it is now";
    DESK_GONE: "ファイルはもうありません。", "The file is gone.";
    DESK_MINE: "あなたの変更を加えた内容", "With your changes";
    DESK_KEEP_MINE: "あなたの内容で上書きする", "Save yours over it";
    DESK_KEEP_THEIRS: "変更を捨てて、今の内容を開く", "Drop your changes and open it as it is";
    DESK_GENERAL: "全体", "General";
    DESK_STEP: "ステップ {0}", "Step {0}";
    DESK_MESSAGE: "メッセージ", "Message";
    DESK_SUBJECT: "件名", "Subject";
    DESK_BODY: "本文", "Body";
    DESK_TITLE_JA: "名称(日本語)", "Title (Japanese)";
    DESK_TITLE_EN: "名称(英語)", "Title (English)";
    DESK_DESCRIPTION_JA: "説明(日本語)", "Description (Japanese)";
    DESK_DESCRIPTION_EN: "説明(英語)", "Description (English)";
    DESK_PRIORITY: "優先度(大きいほど先)", "Priority (higher goes first)";
    DESK_ENTRY_AT: "対象者を調べる時刻", "When the audience is looked up";
    DESK_ONCE: "配信する日時", "When it is sent";
    DESK_DATE_DAYS: "基準日からの日数(前は負の数)", "Days after the date (negative: before)";
    DESK_COOLDOWN_DAYS: "もう一度対象になるまでの日数", "Days until somebody may come in again";
    DESK_COOLDOWN: "もう一度対象になるまでの時間", "Time until somebody may come in again";
    DESK_PARAM: "対象の条件: {0}", "Audience: {0}";
    DESK_GOAL_WITHIN: "目標を数える期間", "The goal counts within";
    DESK_HOLDOUT: "送らずに比べる人の割合(%)", "Held out to compare (%)";
    DESK_WAIT_FOR: "待つ長さ", "Wait for";
    DESK_WAIT_UNTIL: "待つ時刻", "Wait until";
    DESK_WAIT_AT: "その日の時刻", "At what time of the day";
    DESK_WAIT_DAYS: "基準日からの日数(前は負の数)", "Days after the date (negative: before)";
    DESK_WAIT_TIMEOUT: "待つ長さの上限", "Wait at most";
    DESK_VALID_FOR: "送れる期間(過ぎたら送らない)", "May be sent for (then it is dropped)";
    DESK_BEST_OTHERWISE: "最適な時刻が分からない人への時刻", "Time for those whose best hour is not known";
    DESK_ON_CAP: "配信頻度の上限に達したら", "At a frequency cap";
    DESK_ON_QUIET: "配信停止時間帯なら", "In quiet hours";
    DESK_SKIP: "送らない", "do not send";
    DESK_NEXT_CHANNEL: "次のチャネルで送る", "try the next channel";
    DESK_DEFER: "後で送る", "send later";

    DESK_PREVIEW_TITLE: "プレビュー: {0}", "Preview: {0}";
    DESK_PREVIEW_INTRO: "会員3人に届く文面です。配信と同じ処理で作ります。名前は一部だけ、宛先は表示しません。", "The messages as three customers would read them, made as delivery makes them. Names are shown in part, addresses not at all.";
    DESK_PREVIEW_CUSTOMERS: "会員ID(3人まで、空欄は対象者から)", "Customers (up to three; empty: of the audience)";
    DESK_PREVIEW_SHOW: "表示", "Show";
    DESK_PREVIEW_NOBODY: "対象者がまだいません。会員IDを入力すると、その人の文面を見られます。", "Nobody is in the audience yet. Give a customer's id to see their messages.";
    DESK_CUSTOMER: "会員 {0}", "Customer {0}";
    DESK_UNKNOWN: "この会員IDの情報はありません。", "Nothing is known of this id.";
    DESK_NO_NAME: "名前の登録なし(「お客様」になります)", "no name is known";
    DESK_HAS_ADDRESS: "{0}の宛先あり", "an address for {0}";
    DESK_HAS_NO_ADDRESS: "{0}の宛先なし", "no address for {0}";
    DESK_NO_WORDS: "文面を作れません:", "It cannot be written:";
    DESK_MISSING: "この会員にない差し込み項目: {0}", "This customer has no value for: {0}";
    DESK_TEST: "自分にテスト送信", "Send a test to yourself";
    DESK_TEST_NOTE: "見本の値で作った文面に【テスト】を付けて、入力した宛先へ送ります。配信数・上限・効果には数えず、宛先は記録しません。1分に5通までです。", "The message with sample values, marked as a test, goes to the address you type. It counts for no figure, cap or measure, and the address is not kept. Up to five a minute.";
    DESK_TEST_MESSAGE: "メッセージ", "Message";
    DESK_TEST_ADDRESS: "宛先(メール・LINEのID・電話番号)", "Address (e-mail, LINE id or phone)";
    DESK_TEST_MINE: "自分の、または相手の了承を得た宛先です", "It is mine, or its owner agreed";
    DESK_TEST_SEND: "テスト送信", "Send the test";
    DESK_TEST_SENT: "テストを送りました。", "The test was sent.";
    DESK_TEST_NOT_SENT: "テストは送っていません。", "No test was sent.";
    DESK_TEST_MINE_MISSING: "自分の、または了承を得た宛先であることを確認してください。", "Confirm that the address is yours, or that its owner agreed.";
    DESK_TEST_NO_MESSAGE: "このシナリオにそのメッセージはありません。", "The scenario has no such message.";
    DESK_TEST_NO_SENDER: "{0}の送信設定がありません。tsubame.toml の [[senders]] を確かめてください。", "There is no sender for {0}: look at [[senders]] in tsubame.toml.";
    DESK_TEST_EMAIL: "メールアドレスとして読めません。", "That is not an e-mail address.";
    DESK_TEST_PHONE: "電話番号として読めません。", "That is not a phone number.";
    DESK_TEST_LINE: "LINEのユーザーID(Uに続く32桁の16進数)として読めません。", "That is not a LINE user id (U and 32 hex digits).";
    DESK_TEST_WAIT: "1分に5通までです。{0}秒後にもう一度お試しください。", "Up to five a minute: try again in {0} seconds.";
    DESK_TEST_NOT_TAKEN: "送信先のサービスが受け付けませんでした: {0}", "The provider did not take it: {0}";

    DESK_SWITCH_TITLE: "承認と配信: {0}", "Approve and switch: {0}";
    DESK_ASK: "承認を依頼する", "Ask for approval";
    DESK_APPROVE: "承認する", "Approve";
    DESK_WITHDRAW: "承認・依頼を取り下げる", "Withdraw";
    DESK_SWITCH_ON: "配信を開始する", "Switch on";
    DESK_SWITCH_OFF: "停止する", "Stop";
    DESK_PAUSE: "一時停止する", "Pause";
    DESK_RESUME: "再開する", "Resume";
    DESK_HALT: "全停止", "Stop everything";
    DESK_RESUME_ALL: "全停止を解除", "Resume everything";
    DESK_HALTED: "全停止中です。どのシナリオも配信しません。", "Everything is stopped: no scenario sends.";
    DESK_ALL: "すべてのシナリオ", "all scenarios";
    DESK_ASK_NOTE: "別のアカウントが内容を確かめて承認します。", "Another account looks at it and approves.";
    DESK_APPROVE_NOTE: "今の内容を承認します。その後に変更があると無効になります。", "Approves it as it is now; any change voids it.";
    DESK_WITHDRAW_NOTE: "もう一度依頼と承認が必要になります。", "It has to be asked for and approved again.";
    DESK_ON_NOTE: "条件に合う会員への配信が始まります。", "Messages go to customers who fulfil its conditions.";
    DESK_OFF_NOTE: "新しい対象者は入らず、途中の人への配信も止まります。", "Nobody comes in, and whoever is under way waits.";
    DESK_PAUSE_NOTE: "再開するまで何も送りません。", "Nothing is sent until it is resumed.";
    DESK_RESUME_NOTE: "止まっていた間の分も、有効期限内なら送ります。", "What fell due meanwhile is sent, if it is still valid.";
    DESK_HALT_NOTE: "すべてのシナリオと一斉配信を、解除するまで止めます。送信中のものも次の1通から止まります。", "Stops every scenario and broadcast until it is lifted, those being delivered from the next call on.";
    DESK_RESUME_ALL_NOTE: "止まっていた間の分も、有効期限内なら送ります。", "What fell due meanwhile is sent, if it is still valid.";
    DESK_SURE: "{0}: {1} — よろしいですか?", "{0}: {1} — are you sure?";
    DESK_ABOUT: "対象はおよそ{0}人です。", "It goes to about {0} people.";
    DESK_CANCEL: "やめる", "Cancel";
    DESK_NOT_NEEDED: "このショップでは承認を必要としていません(tsubame.toml の [approval])。", "This shop asks for no approval ([approval] in tsubame.toml).";
    DESK_NOT_SO_MANY: "対象が{0}人以下なので、承認は必要ありません。", "It goes to no more than {0} people, so no approval is needed.";
    DESK_NEEDED: "およそ{0}人に送るため、別のアカウントの承認が必要です。", "It goes to about {0} people, so a second account has to approve it.";
    DESK_ASKED: "{0} が {1} に承認を依頼しました(およそ{2}人)。", "{0} asked for approval on {1}, for about {2} people.";
    DESK_APPROVED_BY: "{0} が {1} に承認しました。", "Approved by {0} on {1}.";
    DESK_VOID: "依頼・承認の後に変更があったため無効です: {0}(およそ{1}人)", "The approval is void, because of changes in {0} (about {1} people).";
    DESK_TRIAL: "今配信した場合の人数", "What it would do now";
    DESK_BASIS_AT: "{0} の時点で数えます。", "Counted as of {0}.";
    DESK_BASIS_LAST: "過去{0}日間に条件に合った人数です。", "Who fulfilled its conditions in the last {0} days.";
    DESK_BASIS_NEXT: "これから{0}日間に日付が来る人数です。", "Whose date comes in the next {0} days.";
    DESK_AUDIENCE: "対象", "Audience";
    DESK_ENTERS: "シナリオに入る人", "Who comes in";
    DESK_REACHABLE: "{0}で送れる", "can be reached by {0}";
    DESK_SENT_AT_ONCE: "すぐに送る: {0}", "sent at once by {0}";
    DESK_GHOSTS: "比較のため送らない", "held out to compare";
    DESK_DEFERRED: "後で送る", "put off";
    DESK_STOPPED_FOR: "除外: {0}", "not sent: {0}";
    DESK_EXCLUDED: "除外セグメントに該当", "in a segment that stays out";
    DESK_GLOBAL_HOLDOUT: "ショップ全体のホールドアウト", "in the shop's holdout";
    DESK_HISTORY: "操作の履歴", "Who did what";
    DESK_HISTORY_NONE: "まだ何もありません。", "Nothing yet.";
    DESK_AT: "日時", "When";
    DESK_ACT: "操作", "What";
    DESK_BY: "担当", "Who";
    DESK_RECIPIENTS: "対象人数", "Recipients";
    DESK_DID_EDIT: "編集した", "Edited";
    DESK_DID_ASK: "承認を依頼した", "Asked for approval";
    DESK_DID_APPROVE: "承認した", "Approved";
    DESK_DID_WITHDRAW: "取り下げた", "Withdrew it";
    DESK_DID_SWITCH_ON: "配信を開始した", "Switched on";
    DESK_DID_SWITCH_OFF: "停止した", "Stopped";
    DESK_DID_PAUSE: "一時停止した", "Paused";
    DESK_DID_RESUME: "再開した", "Resumed";

    DESK_STOPS_TITLE: "送らなかった理由: {0}", "Why messages were not sent: {0}";
    DESK_STOPS_NOTE: "理由とチャネルごとの件数です。チャネルが空のものは、ステップ全体を見送った件数です。", "By reason and channel. Without a channel the whole step was not sent.";
    DESK_STOPS_SQL: "この集計をSQLで開く", "Open the question in SQL";

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
    SENTENCE_UNCLEAR: "売上を増やしたとも減らしたとも言えません(区間が0をまたぎます)。", "Whether it added sales or took them away cannot be told: the interval holds both.";
    BETWEEN: "{0} 〜 {1}", "{0} – {1}";

    TESTS: "サイトのテスト", "Site tests";
    TESTS_INTRO: "experiments/ に書かれたテストの一覧です。名前から結果を開きます。", "The tests of experiments/; a name leads to its results.";
    TESTS_NONE: "テストはまだありません。`tsubame experiment new 名前 > experiments/名前.toml` で雛形ができます。", "No tests yet: `tsubame experiment new NAME > experiments/NAME.toml` writes one to start from.";
    AA_SAME: "差なし（正常）", "No difference, as it should be";
    AA_DIFFERS: "同じものなのに差が出ている", "The same, and yet different";
    AA_SPLITS: "分け直したときの偽陽性", "False alarms when split anew";
    AA_SPLITS_NOTE: "このテストの人を何度も2つに分け直して比べます。どちらも同じ扱いなので、有意になったものはすべて偶然です。その割合は有意水準に近いはずです。", "The units of this test are split in two again and again. Nothing differs between the halves, so whatever is significant is chance: it should be about as often as the level says.";
    AA_RATE: "有意になった割合", "Significant";
    AA_LEVEL: "有意水準", "Level";
    AA_VERDICT: "判定", "Verdict";
    AA_SOUND: "水準どおり", "As the level says";
    AA_TOO_MANY: "多すぎる", "Too many";
    AA_TOO_FEW: "少なすぎる（差を見逃しやすい）", "Too few: differences may be missed";
    SHARE: "結果を共有", "Share a read-out";
    SHARE_INTRO: "リンクを知っている人は誰でも、ログインせずに、作った時点の結果を見られます。個人の情報は含まれません。", "Whoever has a link sees the read-out as it is when the link is made, without signing in. Nothing in it is about a person.";
    SHARE_FOR: "有効期間", "Good for";
    SHARE_DAYS: "{0}日", "{0} days";
    SHARE_MAKE: "リンクを作る", "Make a link";
    SHARE_NONE: "有効なリンクはありません。", "No link is open.";
    SHARE_LINK: "リンク", "Link";
    SHARE_MADE: "作成", "Made";
    SHARE_ENDS: "期限", "Ends";
    SHARE_BY: "作成者", "By";
    SHARE_TAKE_BACK: "取り消す", "Take back";
    SHARED_AS_OF: "{0} 時点", "As of {0}";
    SHARED_UNTIL: "このリンクは {0} まで", "This link ends {0}";
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
    SQL_SAVED: "{0} に保存しました。すぐに使えます。", "Saved as {0}; it can be used at once.";
    SQL_CHART: "グラフ", "Chart";
    SQL_BAR: "棒", "Bars";
    SQL_LINE: "折れ線", "Lines";
    SQL_ACROSS: "横", "Across";
    SQL_UP: "縦", "Up";
    SQL_DRAW: "描く", "Draw";
    SQL_CUT: "最初の{0}行です。CSV と Parquet には、[sql] rows の上限までの行が入ります。", "The first {0} rows; CSV and Parquet have more, up to `rows` under [sql].";
    SQL_CHART_REMEDY: "ほかの列を選ぶか、横軸の値ごとに1行になるよう SQL で集計してください。", "Choose other columns, or aggregate so that each value across has one row.";
    SQL_NO_ROWS: "該当する行はありません。", "No rows.";
    SQL_AT: "{0}行目の{1}文字目", "Line {0}, column {1}";

    BROADCASTS: "一斉配信", "Broadcasts";
    BROADCAST: "一斉配信", "Broadcast";
    BROADCASTS_INTRO: "1回だけの配信です。対象・除外・日時・本文を決め、人数を確かめてから予約します。", "Messages that go out once: choose whom, when and what, look at the numbers, then reserve.";
    BROADCASTS_NONE: "一斉配信はまだありません。", "There are no broadcasts yet.";
    BROADCAST_NEW: "一斉配信を作る", "New broadcast";
    BROADCAST_STAGE: "状態", "State";
    BROADCAST_AT: "配信日時", "Goes out at";
    BROADCAST_PLANNED: "配信予定数", "Planned";
    BROADCAST_ACCEPTED: "配信済み", "Accepted";
    BROADCAST_STOPPED: "見送り", "Left out";
    BROADCAST_COST: "配信費", "Cost";
    STOP_ALL: "全停止", "Stop everything";
    RESUME_ALL: "全停止を解除", "Resume everything";
    ALL_STOPPED: "全停止中です。何も配信されません。", "Everything is stopped: nothing is sent.";
    STAGE_DRAFT: "下書き", "Draft";
    STAGE_WAITING: "承認待ち", "Waiting for approval";
    STAGE_RESERVED: "予約済み", "Reserved";
    STAGE_SENDING: "配信中", "Sending";
    STAGE_STOPPED: "停止中", "Stopped";
    STAGE_SENT: "配信済み", "Sent";
    STAGE_MISSED: "配信されなかった", "Not sent";
    STAGE_RUNNING: "稼働中", "Running";
    STOP_NO_ADDRESS: "連絡先がない", "No address on this channel";
    STOP_RELAY_ADDRESS: "モールの転送用アドレス(連絡に使えない)", "The address is a mall's, not to be written to";
    STOP_NO_CONSENT: "配信の同意がない", "No consent";
    STOP_SUPPRESSED: "配信停止中(不達・苦情など)", "Suppressed (bounce, complaint, by hand)";
    STOP_LINE_BLOCKED: "LINEがブロックされている", "LINE is blocked";
    STOP_QUOTA: "今月の配信可能通数に達した", "The channel's monthly quota is used up";
    STOP_CAP: "配信頻度の上限に達した", "Frequency cap reached";
    STOP_QUIET: "配信停止時間帯", "Quiet hours";
    STOP_EXPIRED: "有効期限切れ", "Too late to be of use";
    STOP_EXITED: "離脱条件に該当(購入など)", "Left (bought, …)";
    STOP_EXCLUDED: "除外セグメントに入っている", "In an excluded segment";
    STOP_SAME_ADDRESS: "同じ連絡先の別の人に送る", "Another person with the same address is sent to";
    STOP_SENT_LATELY: "最近配信を受け取った", "Was sent a message lately";
    STOP_HOLDOUT: "全体ホールドアウト", "In the shop's holdout";
    BROADCAST_FORM_INTRO: "保存しても配信されません。人数を確かめ、必要なら承認を受けてから予約します。", "Saving sends nothing: the numbers come next, then approval where it is needed, then the reservation.";
    BROADCAST_CONFLICT: "{0} は、開いてからほかの人が変更しました。保存していません。今の内容は次のとおりです。", "{0} was changed by somebody else since you opened it. Nothing was saved; it says now:";
    BROADCAST_NOT_SAVED: "保存していません。", "Nothing was saved.";
    BROADCAST_SAVE: "保存して人数を見る", "Save and see the numbers";
    BROADCAST_BACK: "戻る", "Back";
    BROADCAST_AUDIENCE: "対象", "Audience";
    BROADCAST_NAME: "ID(英小文字・数字・-)", "Id (a-z, 0-9, -)";
    BROADCAST_TITLE: "名前", "Name";
    BROADCAST_TITLE_EN: "名前(英語)", "Name (English)";
    BROADCAST_EXCLUDE: "除外するセグメント", "Segments left out";
    BROADCAST_SENT_WITHIN: "この日数以内に配信した人を除く", "Leave out who was sent to within days";
    BROADCAST_MEMBERS: "{0}人", "{0} people";
    BROADCAST_NOT_COUNTED: "未集計", "not counted yet";
    BROADCAST_SCHEDULE: "予約", "Schedule";
    BROADCAST_DAY: "日付", "Day";
    BROADCAST_TIME: "時刻(店舗の時刻)", "Time (of the shop)";
    BROADCAST_VALID_FOR: "遅れても送る時間(時間)", "Still sent when late by (hours)";
    BROADCAST_GOAL_DAYS: "効果を見る日数", "Days in which an order counts";
    BROADCAST_SCHEDULE_NOTE: "対象はこの時刻に決まり、届くまでに数分から十数分かかります。", "Who is in the audience is settled at this time; messages leave some minutes later.";
    BROADCAST_PAST: "配信日時が過ぎています。", "The time is over already.";
    BROADCAST_PAST_REMEDY: "これからの日時を選んでください。", "Choose one that is yet to come.";
    BROADCAST_TAKEN: "このIDのシナリオか一斉配信がすでにあります。", "A scenario or broadcast has this id already.";
    BROADCAST_TAKEN_REMEDY: "別のIDにしてください。", "Choose another one.";
    BROADCAST_MESSAGE: "メッセージ", "Message";
    BROADCAST_CHANNEL: "{0}番目に試すチャネル", "Channel tried as number {0}";
    BROADCAST_CHANNELS: "チャネル", "Channels";
    BROADCAST_TEMPLATE: "本文", "Words";
    BROADCAST_OWN_MESSAGE: "この一斉配信のために書く(下の欄)", "Written for this broadcast (below)";
    BROADCAST_SUBJECT: "件名", "Subject";
    BROADCAST_BODY: "本文", "Body";
    BROADCAST_MESSAGE_NOTE: "選んだチャネルの欄だけが使われます。広告のメールには、送信者名・住所・連絡先・配信停止の案内が必要です。", "Only the chosen channels' words are used. Advertising e-mail must name the sender, its address and contact, and the way out.";
    BROADCAST_SENDING: "送り方", "How it is sent";
    BROADCAST_PRIORITY: "優先度(大きいほど先)", "Priority (higher goes first)";
    BROADCAST_IGNORE_CAPS: "配信頻度の上限を適用しない", "Send in spite of frequency caps";
    BROADCAST_ON_CAP: "頻度の上限に達した人", "Who has reached a cap";
    BROADCAST_ON_QUIET: "配信停止時間帯のとき", "In quiet hours";
    BROADCAST_TEST_LIST: "テスト配信する会員ID(コンマ区切り)", "Customers for tests (ids, separated by commas)";
    BROADCAST_TEST_NOTE: "宛先を直接入力するテスト配信は、保存したあとのプレビューのページにあります。宛先はどこにも保存されません。", "Tests to an address that you type are on the preview page after saving; the address is kept nowhere.";
    WAY_DROP: "送らない", "is not sent to";
    WAY_NEXT_CHANNEL: "次のチャネルを試す", "the next channel is tried";
    WAY_DEFER: "後で送る", "is sent to later";
    BROADCAST_LEAVES: "{0} 以降に配信", "Goes out from {0} on";
    BROADCAST_EDIT: "編集", "Edit";
    BROADCAST_PREVIEW: "プレビューとテスト配信", "Preview and test";
    BROADCAST_NO_FORM: "フォームで表せない内容があるため、{0} を編集してください。", "It says more than the form can show: edit {0}.";
    COUNT_TITLE: "配信前の人数", "Before it goes out";
    COUNT_AUDIENCE: "対象", "Audience";
    COUNT_REACHABLE: "到達可能", "Reachable";
    COUNT_CAN: "{0}可", "Can get {0}";
    COUNT_SENDS: "配信", "Sent to";
    COUNT_MESSAGES: "配信数", "Messages";
    COUNT_GHOSTS: "ホールドアウト(送らない)", "Held out (not sent to)";
    COUNT_DEFERRED: "後で送る", "Later";
    COUNT_LEFT_OUT: "除外", "Left out";
    COUNT_NOT_AGAIN: "以前に対象となった", "Was in it before";
    COUNT_NOTE: "配信の計画と同じ計算です。配信の時点までに同意や購入が変われば、人数も変わります。費用は、今月すでに配信した分の上に加わる額です。", "By the planner itself. What changes until then changes the numbers. The cost is what it adds to what the month has sent already.";
    MONTH_LEFT: "{0}: その月に{1}通配信済み、{2}通のうち残り{3}通", "{0}: {1} sent that month of {2}, {3} left";
    APPROVAL: "承認と予約", "Approval and reservation";
    APPROVAL_NOT_NEEDED: "承認は必要ありません。", "No approval is needed.";
    APPROVAL_NEEDED: "約{0}人に配信するため、別のアカウントの承認が必要です。", "It goes to about {0} people and needs another account's approval.";
    APPROVAL_ASKED: "{0} が {1} に承認を依頼しました(約{2}人)。", "{0} asked for approval at {1} (about {2} people).";
    APPROVAL_GIVEN: "{0} が {1} に承認しました。", "{0} approved it at {1}.";
    APPROVAL_VOID: "変更があったため承認は無効です({0})。もう一度依頼してください。", "The approval is void, because this was changed: {0}. Ask again.";
    APPROVAL_ASK: "承認を依頼する", "Ask for approval";
    APPROVAL_APPROVE: "承認する", "Approve";
    APPROVAL_WITHDRAW: "取り下げる", "Withdraw";
    APPROVAL_BY_ANOTHER: "依頼した人と最後に編集した人は承認できません。別のアカウントで承認してください。", "Another account approves: neither who asked nor who edited last can.";
    BROADCAST_RESERVE: "予約する", "Reserve";
    BROADCAST_CANCEL: "予約を取り消す", "Cancel the reservation";
    BROADCAST_STOP: "停止する", "Stop";
    BROADCAST_RESUME: "再開する", "Resume";
    ACT_EDITED: "編集", "edited";
    ACT_ASKED: "承認を依頼", "asked for approval";
    ACT_APPROVED: "承認", "approved";
    ACT_WITHDRAWN: "取り下げ", "withdrew";
    ACT_RESERVED: "予約", "reserved";
    ACT_CANCELLED: "予約を取り消し", "cancelled";
    ACT_STOPPED: "停止", "stopped";
    ACT_RESUMED: "再開", "resumed";
    BECAME: "配信の結果", "What became of it";
    BECAME_NOTHING: "まだ何も配信していません。", "Nothing was sent yet.";
    BECAME_WHY: "見送りの理由", "Why not sent";
    STATE_PLANNED: "配信待ち", "Waiting to leave";
    STATE_HANDED: "送信中", "Handed over";
    STATE_ACCEPTED: "配信事業者が受付", "Accepted by the provider";
    STATE_FAILED: "失敗", "Failed";
    STATE_DEFERRED: "後で送る", "Put off";
    STATE_UNKNOWN: "結果が不明", "Outcome unknown";
    STATE_STOPPED: "送信時に中止", "Stopped at the last moment";
    REACHED: "届いた人の一覧", "Who has it already";
    REACHED_SAVE: "届いた人をセグメントとして保存", "Save them as a segment";
    REACHED_TITLE: "{0} が届いた人", "Reached by {0}";
    CALENDAR: "配信カレンダー", "Calendar";
    CALENDAR_INTRO: "月ごとの配信を、配信済み・予約・見込みの人数と費用で示します。", "What each month sends: gone out, reserved and expected, in people and money.";
    CALENDAR_NOTE: "予約の人数は今の計算、稼働中のシナリオの見込みは同じ曜日の直近4回(日付指定は直近3か月の同じ日)の平均です。下書きは費用の合計に入りません。", "Reserved broadcasts are counted now; running scenarios are expected to send the mean of the last four of the same weekday (on days of the month, of the last three months). Drafts are in no sum.";
    CALENDAR_BEFORE: "← 前の月", "← Month before";
    CALENDAR_AFTER: "次の月 →", "Month after →";
    CALENDAR_CHANNELS: "チャネルごとの通数と費用", "Messages and cost by channel";
    CALENDAR_CHANNEL: "チャネル", "Channel";
    CALENDAR_LIST: "一覧", "List";
    CALENDAR_SENT: "配信済み", "Sent";
    CALENDAR_EXPECTED: "予定", "Expected";
    CALENDAR_ESTIMATE: "見込み", "Estimate";
    CALENDAR_INCLUDED: "無料通数・上限", "Included or at most";
    CALENDAR_LEFT: "残り", "Left";
    CALENDAR_LEFT_OF: "今 {0}、月末 {1}", "{0} now, {1} at the end";
    CALENDAR_OVER: "上限を超えます", "Over the limit";
    CALENDAR_FEE: "月額", "Monthly fee";
    CALENDAR_BY_MEAN: "同じような日の平均", "Mean of days like it";
    CALENDAR_BY_COUNT: "今の人数", "Counted now";
    CALENDAR_BAD_MONTH: "月が読み取れません。", "The month cannot be read.";

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
    PARKED_DROP: "送らない", "Do not send";
    PARKED_RESENT: "もう一度送りました。結果はこの一覧か会員のページに出ます。", "It was sent again; what became of it is here or on the customer's page.";
    PARKED_DROPPED: "送らないことにしました。", "It will not be sent.";
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
