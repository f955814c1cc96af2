//! Connections, byte by byte: what well-behaved clients never send is sent here.

use arrow::{
    array::{ArrayRef, Int64Array},
    datatypes::{Field, Schema},
};
use futures::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Lets in whoever says `right`, and answers `SELECT rows FROM …` with so many numbers as the first parameter says, or three.
struct Numbers;

#[async_trait]
impl House for Numbers {
    type Exchange = String;
    type Guest = String;

    async fn greet(&self, user: &str, _: IpAddr, client_first: &str) -> Result<(String, String), Failure> {
        Ok((format!("to {client_first}"), user.into()))
    }

    async fn admit(&self, user: String, client_final: &str) -> Result<(String, String), Failure> {
        match client_final {
            "right" => Ok(("ours".into(), user)),
            _ => Err(Failure::new(code::INVALID_PASSWORD, "wrong")),
        }
    }

    async fn may_stay(&self, _: &String) -> Result<bool, Failure> {
        Ok(true)
    }

    fn edition(&self) -> u64 {
        0
    }

    fn relations(&self) -> Vec<Relation> {
        Vec::new()
    }

    async fn describe(&self, _: &String, sql: &str, _: &[Option<ParamKind>]) -> Result<Described, Failure> {
        let params = if sql.contains("$1") { vec![Some(DataType::Int64)] } else { Vec::new() };
        Ok(Described { columns: columns(), params })
    }

    async fn ask(&self, _: &String, sql: &str, params: Vec<Bound>) -> Result<Answering, Failure> {
        let count = match params.first().and_then(|bound| bound.value.as_ref()) {
            Some(crate::ParamValue::Int(count)) => *count,
            _ if sql.contains("nothing") => 0,
            _ => 3,
        };
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
        let batch = RecordBatch::try_new(columns(), vec![numbers]).unwrap();
        let batches = futures::stream::iter([Ok(batch)]);
        Ok(Answering {
            schema: columns(),
            batches: match sql {
                sql if sql.contains("slow") => batches.chain(futures::stream::pending()).boxed(),
                sql if sql.contains("broken") => {
                    batches.chain(futures::stream::iter([Err(Failure::new(code::DATA, "it broke"))])).boxed()
                }
                _ => batches.boxed(),
            },
        })
    }
}

fn columns() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]))
}

async fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let door = Door::new(Numbers);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let door = door.clone();
            tokio::spawn(async move { door.open(socket).await });
        }
    });
    port
}

struct Client(TcpStream);

/// A message: its letter, and what is in it.
type Message = (char, Vec<u8>);

impl Client {
    async fn begin(port: u16) -> Client {
        let mut client = Client(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        client.bytes(&framed(&[&196_608i32.to_be_bytes()[..], b"user\0taro\0\0"].concat())).await;
        assert_eq!(client.read().await.unwrap().0, 'R');
        client
    }

    /// Comes in; the number and key to cancel with.
    async fn come_in(port: u16) -> (Client, Vec<u8>) {
        let mut client = Client::begin(port).await;
        client.send('p', &[b"SCRAM-SHA-256\0".as_slice(), &5i32.to_be_bytes(), b"first"].concat()).await;
        assert_eq!(client.read().await, Some(('R', [&11i32.to_be_bytes()[..], b"to first"].concat())));
        client.send('p', b"right").await;
        let said = client.until('Z').await;
        let key = said.iter().find(|(letter, _)| *letter == 'K').expect("a key").1.clone();
        (client, key)
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        // Whoever hung up hears nothing.
        let _ = self.0.write_all(bytes).await;
    }

    async fn send(&mut self, letter: char, body: &[u8]) {
        self.bytes(&[&[letter as u8], &framed(body)[..]].concat()).await;
    }

    async fn query(&mut self, sql: &str) -> String {
        self.send('Q', &[sql.as_bytes(), b"\0"].concat()).await;
        self.told().await
    }

    async fn read(&mut self) -> Option<Message> {
        let letter = self.0.read_u8().await.ok()?;
        let length = self.0.read_i32().await.ok()?;
        let mut body = vec![0; length as usize - 4];
        self.0.read_exact(&mut body).await.ok()?;
        Some((letter as char, body))
    }

    /// All messages up to one of this kind, or to the end of the connection.
    async fn until(&mut self, last: char) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.read().await {
            let is_last = message.0 == last;
            messages.push(message);
            if is_last {
                break;
            }
        }
        messages
    }

    /// The same in short, up to when the server waits: letters, and of some what they say.
    async fn told(&mut self) -> String {
        let messages = self.until('Z').await;
        let short = messages.into_iter().map(|(letter, body)| match letter {
            'C' => format!("C({})", String::from_utf8_lossy(&body).trim_end_matches('\0')),
            'E' => {
                let fields: Vec<String> =
                    body.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect();
                let field = |letter| fields.iter().find_map(|field| field.strip_prefix(letter)).unwrap_or_default();
                format!("E({} {})", field('S'), field('C'))
            }
            'Z' => format!("Z({})", body[0] as char),
            letter => letter.to_string(),
        });
        short.collect::<Vec<_>>().join(" ")
    }

    async fn parse(&mut self, sql: &str) {
        self.send('P', &[b"\0".as_slice(), sql.as_bytes(), b"\0\0\0"].concat()).await;
    }

    /// Binds a portal with these parameters as texts; `formats` of the answer's columns.
    async fn bind(&mut self, portal: &str, params: &[&str], formats: &[i16]) {
        let mut body = [portal.as_bytes(), b"\0\0\0\0"].concat();
        body.extend((params.len() as i16).to_be_bytes());
        for param in params {
            body.extend((param.len() as i32).to_be_bytes());
            body.extend(param.as_bytes());
        }
        body.extend((formats.len() as i16).to_be_bytes());
        formats.iter().for_each(|format| body.extend(format.to_be_bytes()));
        self.send('B', &body).await;
    }

    async fn execute(&mut self, portal: &str, rows: i32) {
        self.send('E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat()).await;
    }

    async fn sync(&mut self) -> String {
        self.send('S', b"").await;
        self.told().await
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as i32 + 4).to_be_bytes()[..], body].concat()
}

#[tokio::test]
async fn nobody_comes_in_without_proof() {
    let port = port().await;
    let check = async |name: &str, letter: char, body: &[u8], expect: &str| {
        let mut client = Client::begin(port).await;
        client.send(letter, body).await;
        // Whatever follows is not looked at.
        client.send('Q', b"SELECT n FROM rows\0").await;
        assert_eq!(client.told().await, expect, "{name}");
    };
    check("a question", 'Q', b"SELECT 1\0", "E(FATAL 08P01)").await;
    check("a statement", 'P', b"\0SELECT 1\0\0\0", "E(FATAL 08P01)").await;
    check("a password in the clear", 'p', b"right\0", "E(FATAL 28000)").await;
    check("half a message", 'p', b"SCRAM-SHA-256\0\0\0\0\x04n,,", "E(FATAL 08P01)").await;
    check("a message without an end", 'p', b"SCRAM-SHA-256", "E(FATAL 08P01)").await;
    check("another mechanism", 'p', b"PLAIN\0\0\0\0\0", "E(FATAL 28000)").await;
    let mut client = Client::begin(port).await;
    client.bytes(&[b"Q\x20\0\0\0".as_slice(), &[b'x'; 100_000]].concat()).await;
    assert_eq!(client.told().await, "", "a message that says it has half a gigabyte");

    let mut client = Client::begin(port).await;
    client.send('p', &[b"SCRAM-SHA-256\0".as_slice(), &5i32.to_be_bytes(), b"first"].concat()).await;
    client.read().await.unwrap();
    client.send('p', b"wrong").await;
    client.send('p', b"right").await;
    assert_eq!(client.told().await, "E(FATAL 28P01)", "and there is no second chance");
}

#[tokio::test]
async fn questions_and_transactions() {
    let (mut client, _) = Client::come_in(port().await).await;
    let mut check = async |sql: &str, expect: &str| assert_eq!(client.query(sql).await, expect, "{sql}");
    check("SELECT n FROM rows", "T D D D C(SELECT 3) Z(I)").await;
    check("SELECT n FROM nothing", "T C(SELECT 0) Z(I)").await;
    check("", "I Z(I)").await;
    check(";;", "I Z(I)").await;
    check("SELECT n FROM rows; SHOW server_version", "T D D D C(SELECT 3) T D C(SHOW) Z(I)").await;
    check("SELECT n FROM rows; DROP TABLE rows", "E(ERROR 25006) Z(I)").await;
    check("SELECT n FROM broken", "T D D D E(ERROR 22000) Z(I)").await;
    check("SET application_name = 'x'", "S C(SET) Z(I)").await;
    check("SET TimeZone = 'Asia/Tokyo'", "N S C(SET) Z(I)").await;
    check("BEGIN", "C(BEGIN) Z(T)").await;
    check("SELECT n FROM broken", "T D D D E(ERROR 22000) Z(E)").await;
    check("SELECT n FROM rows", "E(ERROR 25P02) Z(E)").await;
    check("ROLLBACK TO SAVEPOINT a", "C(ROLLBACK) Z(T)").await;
    check("SELEC 1", "E(ERROR 42601) Z(E)").await;
    check("COMMIT", "C(ROLLBACK) Z(I)").await;
    check("COPY (SELECT n FROM rows) TO STDOUT", "H d d d c C(COPY 3) Z(I)").await;
    check("COPY (SELECT n FROM nothing) TO STDOUT (FORMAT binary)", "H d c C(COPY 0) Z(I)").await;
    check("COPY (SELECT n FROM rows) TO STDOUT (FORMAT binary)", "H d d d d c C(COPY 3) Z(I)").await;
}

#[tokio::test]
async fn a_binary_copy_begins_with_its_head() {
    let (mut client, _) = Client::come_in(port().await).await;
    client.send('Q', b"COPY (SELECT n FROM rows) TO STDOUT (FORMAT binary)\0").await;
    let data: Vec<Vec<u8>> =
        client.until('Z').await.into_iter().filter(|(letter, _)| *letter == 'd').map(|(_, body)| body).collect();
    assert!(data[0].starts_with(b"PGCOPY\n\xff\r\n\0") && data[0].len() == 19 + 2 + 4 + 8, "{:?}", data[0]);
    assert_eq!(data[1], [&1i16.to_be_bytes()[..], &8i32.to_be_bytes(), &1i64.to_be_bytes()].concat());
    assert_eq!(data[3], [255, 255]);
}

#[tokio::test]
async fn statements_in_parts() {
    let (mut client, _) = Client::come_in(port().await).await;
    client.parse("SELECT n FROM rows WHERE n < $1").await;
    client.bind("", &["5"], &[1]).await;
    client.send('D', b"P\0").await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await, "1 2 T D D D D D C(SELECT 5) Z(I)");
    // By portions, as JDBC fetches: the portal lasts as long as the transaction.
    client.query("BEGIN").await;
    client.parse("SELECT n FROM rows WHERE n < $1").await;
    client.bind("c", &["5"], &[]).await;
    client.execute("c", 2).await;
    assert_eq!(client.sync().await, "1 2 D D s Z(T)");
    client.execute("c", 2).await;
    assert_eq!(client.sync().await, "D D s Z(T)");
    client.execute("c", 2).await;
    assert_eq!(client.sync().await, "D C(SELECT 1) Z(T)");
    client.query("COMMIT").await;
    client.execute("c", 2).await;
    assert_eq!(client.sync().await, "E(ERROR 34000) Z(I)");
    // More rows than there can be, and fewer than none, mean all.
    for rows in [i32::MAX, i32::MIN, -1] {
        client.parse("SELECT n FROM rows").await;
        client.bind("", &[], &[]).await;
        client.execute("", rows).await;
        assert_eq!(client.sync().await, "1 2 D D D C(SELECT 3) Z(I)", "{rows}");
    }
    // What does not fit together is refused; the rest of the message's kind is skipped up to the next Sync.
    let mut check = async |params: &[&str], formats: &[i16], expect: &str| {
        client.parse("SELECT n FROM rows WHERE n < $1").await;
        client.bind("", params, formats).await;
        client.execute("", 0).await;
        assert_eq!(client.sync().await, expect, "{params:?} {formats:?}");
    };
    check(&["5"], &[1, 1, 1], "1 E(ERROR 08P01) Z(I)").await;
    check(&["5", "6"], &[], "1 E(ERROR 08P01) Z(I)").await;
    check(&[], &[], "1 E(ERROR 08P01) Z(I)").await;
    check(&["five"], &[], "1 E(ERROR 22P02) Z(I)").await;
    check(&["2"], &[], "1 2 D D C(SELECT 2) Z(I)").await;
    client.parse("SELECT n FROM rows; SELECT n FROM rows").await;
    assert_eq!(client.sync().await, "E(ERROR 42601) Z(I)");
    client.parse("DECLARE c CURSOR FOR SELECT n FROM rows").await;
    assert_eq!(client.sync().await, "E(ERROR 0A000) Z(I)");
    client.parse("").await;
    client.bind("", &[], &[]).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await, "1 2 I Z(I)");
}

#[tokio::test]
async fn a_statement_ends_when_it_is_cancelled_and_the_connection_goes_on() {
    let port = port().await;
    let (mut client, key) = Client::come_in(port).await;
    let cancel = async |key: &[u8]| {
        let mut other = Client(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        other.bytes(&framed(&[&80_877_102i32.to_be_bytes()[..], key].concat())).await;
        assert_eq!(other.read().await, None, "whoever cancels is told nothing");
    };
    client.send('Q', b"SELECT n FROM slow\0").await;
    assert_eq!(client.read().await.unwrap().0, 'T');
    // A wrong key, then the right one.
    cancel(&[&key[..4], &[0, 0, 0, 0]].concat()).await;
    cancel(&key).await;
    assert_eq!(client.told().await, "D D D E(ERROR 57014) Z(I)");
    // One that comes too late ends nothing.
    cancel(&key).await;
    assert_eq!(client.query("SELECT n FROM rows").await, "T D D D C(SELECT 3) Z(I)");
    assert_eq!(client.query("SET statement_timeout = 50").await, "C(SET) Z(I)");
    assert_eq!(client.query("SELECT n FROM slow").await, "T D D D E(ERROR 57014) Z(I)");
}

#[tokio::test]
async fn names_are_kept_within_a_bound() {
    let (mut client, _) = Client::come_in(port().await).await;
    for number in 0..1_001 {
        client.send('P', format!("s{number}\0SELECT 1\0\0\0").as_bytes()).await;
    }
    let told = client.sync().await;
    assert!(told.ends_with("1 E(ERROR 53400) Z(I)"), "{}", &told[told.len().saturating_sub(60)..]);
    assert_eq!(client.query("DEALLOCATE ALL").await, "C(DEALLOCATE ALL) Z(I)");
    client.send('P', b"again\0SELECT 1\0\0\0").await;
    assert_eq!(client.sync().await, "1 Z(I)");
    // What is sent with them counts too, until the transaction is over.
    assert_eq!(client.query("BEGIN").await, "C(BEGIN) Z(T)");
    client.parse("SELECT n FROM rows WHERE n < $1").await;
    let long = format!("{}5", "0".repeat(3 << 20));
    for portal in ["a", "b", "c", "d", "e", "f"] {
        client.bind(portal, &[&long], &[]).await;
    }
    assert_eq!(client.sync().await, "1 2 2 2 2 2 E(ERROR 53400) Z(E)");
    assert_eq!(client.query("ROLLBACK").await, "C(ROLLBACK) Z(I)");
}
