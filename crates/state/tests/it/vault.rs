//! The vault: addresses come back to those who hold the key, and nowhere else.

use model::{Contact, ContactKind, CustomerId};
use state::{ContactChange, DeadLetter, Letters, Newest, State, StateError};

use crate::{MASTER_KEY, Shop, customer, minute};

const CANARY: &str = "canary-7fb1@example.jp";

pub fn contact(name: &str, kind: ContactKind, address: &str) -> Contact {
    Contact { customer_id: customer(name), kind, address: address.into() }
}

/// Every byte of the shop's folder.
fn bytes_of(shop: &Shop) -> Vec<u8> {
    let files = std::fs::read_dir(shop.folder.path()).unwrap();
    files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn addresses_come_back_and_only_changes_are_facts() {
    let mut shop = Shop::new().await;
    let contacts = [
        contact("b", ContactKind::Email, "b@example.jp"),
        contact("a", ContactKind::Email, CANARY),
        contact("a", ContactKind::Phone, "+819012345678"),
    ];
    assert_eq!(shop.state.vault().put(&contacts, "file", minute(1)).await.unwrap(), 3);
    assert_eq!(shop.state.vault().put(&contacts, "file", minute(2)).await.unwrap(), 0, "nothing changed");
    shop = shop.reopen().await;
    let vault = shop.state.vault();
    let addresses = async |names: &[&str], kind| {
        let customers: Vec<_> = names.iter().map(|name| customer(name)).collect();
        let found = vault.addresses(&customers, kind).await.unwrap();
        found.into_iter().map(|(id, address)| format!("{id} {}", address.expose())).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&["a", "b", "z"], ContactKind::Email).await, [&format!("a {CANARY}"), "b b@example.jp"]);
    assert_eq!(addresses(&["a", "b"], ContactKind::Phone).await, ["a +819012345678"]);

    let change = |address: &str, active, at| {
        let contact = contact("b", ContactKind::Email, address);
        ContactChange { contact, active, changed_at: minute(at), known_at: minute(at) }
    };
    let put = async |change| vault.put_changes(&[change], "crm", minute(9)).await.unwrap();
    assert_eq!(put(change("older@example.jp", true, 0)).await, 0, "an older address is passed over");
    assert_eq!(put(change("unknown@example.jp", false, 3)).await, 0);
    assert_eq!(put(change("new@example.jp", true, 3)).await, 1);
    assert_eq!(addresses(&["b"], ContactKind::Email).await, ["b new@example.jp"]);
    assert_eq!(put(change("new@example.jp", false, 4)).await, 1);
    assert_eq!(addresses(&["b"], ContactKind::Email).await, Vec::<String>::new());
    // Whoever asks what is held of them is told that one too.
    let held = vault.contacts_of(&[customer("b"), customer("z")]).await.unwrap();
    let held: Vec<_> = held.iter().map(|held| (held.address.expose().as_str(), held.active, held.changed_at)).collect();
    assert_eq!(held, [("new@example.jp", false, minute(4))]);
    assert_eq!(put(change("new@example.jp", true, 5)).await, 1, "good again");

    let flags: Vec<_> = vault.flags().await.unwrap();
    let kinds: Vec<_> = flags.iter().map(|flag| (flag.customer_id.as_str(), flag.kinds.keys().copied().collect())).collect();
    assert_eq!(kinds, [("a", vec![ContactKind::Email, ContactKind::Phone]), ("b", vec![ContactKind::Email])]);
    assert_eq!(flags[0].kinds[&ContactKind::Email], vault.id_key().pseudonym(CANARY));
    let facts = shop.journaled("contacts").await;
    let told: Vec<_> = facts.iter().map(|fact| format!("{} {} {}", fact["customer_id"], fact["kind"], fact["active"])).collect();
    let b = [true, true, false, true].map(|active| format!(r#""b" "email" {active}"#));
    let expect = [&b[0], r#""a" "email" true"#, r#""a" "phone" true"#, &b[1], &b[2], &b[3]];
    assert_eq!(told, expect);
}

#[tokio::test]
async fn who_shares_an_address() {
    let shop = Shop::new().await;
    let vault = shop.state.vault();
    let (one, phone) = ("one@example.jp", "+819012345678");
    let contacts = [
        contact("a", ContactKind::Email, one),
        contact("b", ContactKind::Email, one),
        contact("c", ContactKind::Email, "two@example.jp"),
        contact("c", ContactKind::Phone, phone),
        contact("d", ContactKind::Phone, phone),
        // Two who have a name in common share nothing.
        contact("a", ContactKind::Name, "花子"),
        contact("d", ContactKind::Name, "花子"),
    ];
    vault.put(&contacts, "file", minute(1)).await.unwrap();
    let told = |customers: &[CustomerId]| customers.iter().map(CustomerId::as_str).collect::<String>();
    let check = async |sharing: &[&str], everybody: &str| {
        let found = vault.sharing().await.unwrap();
        assert_eq!(found.iter().map(|customers| told(customers)).collect::<Vec<_>>(), sharing);
        assert_eq!(told(&vault.customers().await.unwrap()), everybody);
        let flags = vault.flags().await.unwrap();
        let of_one = vault.flags_of(&[customer("c"), customer("z")].into()).await.unwrap();
        assert_eq!(of_one.as_slice(), &flags[flags.len() - 2..flags.len() - 1]);
    };
    check(&["ab", "cd"], "abcd").await;
    let gone = ContactChange { contact: contacts[1].clone(), active: false, changed_at: minute(2), known_at: minute(2) };
    vault.put_changes(&[gone], "file", minute(2)).await.unwrap();
    check(&["cd"], "acd").await;
}

#[tokio::test]
async fn an_address_is_nowhere_in_the_clear() {
    let shop = Shop::new().await;
    let vault = shop.state.vault();
    vault.put(&[contact("a", ContactKind::Email, CANARY)], "file", minute(0)).await.unwrap();
    let letter = DeadLetter {
        file: "orders.csv".into(),
        line: 7,
        column: 2,
        reason: "not a date".into(),
        raw: format!("x,{CANARY}").into(),
        ..DeadLetter::default()
    };
    vault.dead_letter(&[letter], minute(0)).await.unwrap();
    assert!(contains(&bytes_of(&shop), "orders.csv"), "the search sees what is written");
    assert!(!contains(&bytes_of(&shop), "canary-7fb1"));
    let address = vault.addresses(&[customer("a")], ContactKind::Email).await.unwrap();
    let raw = vault.reveal(1, minute(1)).await.unwrap().unwrap();
    assert_eq!(raw.expose(), format!("x,{CANARY}").as_bytes());
    let shown = format!("{address:?} {raw:?} {:?}", contact("a", ContactKind::Email, CANARY));
    assert_eq!(shown, r#"{CustomerId("a"): Secret(…)} Secret(…) Contact(a, email, …)"#);
}

#[tokio::test]
async fn an_erased_person_is_gone() {
    let shop = Shop::new().await;
    let vault = shop.state.vault();
    let contacts = [contact("a", ContactKind::Email, CANARY), contact("b", ContactKind::Email, "b@example.jp")];
    vault.put(&contacts, "file", minute(0)).await.unwrap();
    let erasable = async || {
        let found = vault.erasable(&customer("a")).await.unwrap();
        (found.customers.len(), found.addresses, found.before)
    };
    // Whoever ordered by this address without an account is them.
    assert_eq!(erasable().await, (2, 1, None));
    vault.erase(&customer("a"), minute(1)).await.unwrap();
    assert_eq!(erasable().await, (1, 0, Some(minute(1))));
    let left = vault.addresses(&[customer("a"), customer("b")], ContactKind::Email).await.unwrap();
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [customer("b")]);
    let last = shop.journaled("contacts").await.pop().unwrap();
    assert_eq!((last["active"].as_bool(), last["address_hash"].as_str()), (Some(false), Some("")));
    vault.erase(&customer("nobody"), minute(1)).await.unwrap();
    // Somebody who comes back gets a new key.
    assert_eq!(vault.put(&contacts, "file", minute(2)).await.unwrap(), 1);
    assert_eq!(vault.addresses(&[customer("a")], ContactKind::Email).await.unwrap().len(), 1);
    assert_eq!(erasable().await, (2, 1, Some(minute(1))));
}

#[tokio::test]
async fn who_is_erased_stays_gone_until_they_come_back() {
    const OTHER: &str = "other@example.jp";
    const ERASED: &str = "";
    let check = async |steps: &[(&str, i64)], expect: Option<&str>| {
        let shop = Shop::new().await;
        let vault = shop.state.vault();
        for (address, at) in steps {
            if *address == ERASED {
                vault.erase_as_of(&customer("a"), minute(*at), minute(9)).await.unwrap();
                continue;
            }
            let contact = contact("a", ContactKind::Email, address);
            let change = ContactChange { contact, active: true, changed_at: minute(*at), known_at: minute(*at) };
            vault.put_changes(&[change], "shop", minute(9)).await.unwrap();
        }
        let left = vault.addresses(&[customer("a")], ContactKind::Email).await.unwrap();
        assert_eq!(left.values().next().map(|address| address.expose().as_str()), expect);
    };
    check(&[(CANARY, 1), (ERASED, 5)], None).await;
    check(&[(ERASED, 5), (CANARY, 1), (OTHER, 5)], None).await;
    check(&[(CANARY, 1), (ERASED, 5), (OTHER, 3), (ERASED, 5)], None).await;
    check(&[(ERASED, 5), (CANARY, 6)], Some(CANARY)).await;
    check(&[(CANARY, 1), (ERASED, 5), (CANARY, 6), (ERASED, 5), (ERASED, 4)], Some(CANARY)).await;
    check(&[(CANARY, 1), (OTHER, 6), (ERASED, 5)], Some(OTHER)).await;
    check(&[(CANARY, 1), (ERASED, 5), (OTHER, 6), (ERASED, 7)], None).await;
    // Nothing says that it was told again.
    check(&[(CANARY, 1), (CANARY, 6), (ERASED, 5)], None).await;

    // What came since is sealed anew; the guest of the same address is the same person.
    let shop = Shop::new().await;
    let vault = shop.state.vault();
    let guest = format!("h-{}", vault.id_key().pseudonym(CANARY));
    vault.put(&[contact("a", ContactKind::Email, CANARY)], "shop", minute(1)).await.unwrap();
    vault.put(&[contact("a", ContactKind::Phone, "+819012345678")], "shop", minute(6)).await.unwrap();
    assert!(vault.erase_as_of(&customer("a"), minute(5), minute(9)).await.unwrap());
    assert!(!vault.erase_as_of(&customer("a"), minute(5), minute(9)).await.unwrap());
    vault.put(&[contact(&guest, ContactKind::Email, CANARY)], "shop", minute(2)).await.unwrap();
    let asked = [customer("a"), customer(&guest)];
    assert!(vault.addresses(&asked, ContactKind::Email).await.unwrap().is_empty());
    assert_eq!(vault.addresses(&asked, ContactKind::Phone).await.unwrap().len(), 1);
}

#[tokio::test]
async fn dead_letters_are_kept_30_days() {
    let shop = Shop::new().await;
    let vault = shop.state.vault();
    let letter = |line| DeadLetter {
        file: "f".into(),
        line,
        column: 1,
        reason: "r".into(),
        raw: vec![0x83, 0x00, 0xff],
        ..DeadLetter::default()
    };
    vault.dead_letter(&[letter(1), letter(2)], minute(0)).await.unwrap();
    let day = 24 * 60;
    let lines = async |now| vault.dead_letters(now, 10).await.unwrap().iter().map(|letter| letter.line).collect::<Vec<_>>();
    assert_eq!(lines(minute(29 * day)).await, [2, 1]);
    assert_eq!(vault.reveal(2, minute(29 * day)).await.unwrap().unwrap().expose(), &[0x83, 0x00, 0xff]);
    assert_eq!(lines(minute(30 * day)).await, Vec::<i64>::new());
    assert_eq!(vault.reveal(2, minute(30 * day)).await.unwrap(), None);
    vault.dead_letter(&[letter(3)], minute(30 * day)).await.unwrap();
    assert_eq!(vault.reveal(2, minute(0)).await.unwrap(), None, "deleted, not only hidden");
}

#[tokio::test]
async fn letters_are_chosen_by_where_they_came_from_and_why() {
    let shop = Shop::new().await;
    let vault = shop.state.vault();
    let letter = |line, source: &str, code: &str| DeadLetter {
        source: source.into(),
        file: "live".into(),
        line,
        code: code.into(),
        reason: format!("{code} of {line}"),
        remedy: "mend it".into(),
        ..DeadLetter::default()
    };
    let letters = [letter(1, "web", "not_a_time"), letter(2, "api", "not_a_time"), letter(3, "web", "too_large")];
    vault.dead_letter(&letters, minute(0)).await.unwrap();
    let check = async |which: Letters<'_>, order, expect: &[i64]| {
        let found = vault.letters(which, order, minute(1), 10).await.unwrap();
        assert_eq!(found.iter().map(|letter| letter.line).collect::<Vec<_>>(), expect, "{which:?}");
    };
    let all = Letters::default();
    check(all, Newest::First, &[3, 2, 1]).await;
    check(all, Newest::Last, &[1, 2, 3]).await;
    check(Letters { source: Some("web"), ..all }, Newest::Last, &[1, 3]).await;
    check(Letters { code: Some("not_a_time"), ..all }, Newest::Last, &[1, 2]).await;
    check(Letters { source: Some("api"), code: Some("too_large"), ..all }, Newest::Last, &[]).await;
    check(Letters { id: Some(2), ..all }, Newest::Last, &[2]).await;
    check(Letters { after: 2, ..all }, Newest::Last, &[3]).await;
    vault.letter_replayed(1, minute(1)).await.unwrap();
    vault.letter_refused(2, "no_name", "it has no name", "name it").await.unwrap();
    check(all, Newest::Last, &[2, 3]).await;
    check(Letters { code: Some("no_name"), ..all }, Newest::Last, &[2]).await;
    let counts = vault.letter_counts(minute(1)).await.unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.source.as_str(), count.code.as_str(), count.letters)).collect();
    assert_eq!(counts, [("api", "no_name", 1), ("web", "too_large", 1)]);
    assert_eq!(vault.drop_letters(Letters { source: Some("web"), ..all }).await.unwrap(), 1, "the replayed one is history");
    check(all, Newest::Last, &[2]).await;
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let shop = Shop::new().await;
    let path = shop.folder.path().join("state.db");
    let refused = State::open(&path, [1; 32]).await.err().unwrap();
    assert!(matches!(refused, StateError::WrongMasterKey) && model::Remedy::remedy(&refused).is_some());
    State::open(&path, MASTER_KEY).await.unwrap();
}
